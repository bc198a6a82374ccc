//! What was given lately, as numbers: a program that clears the page and prints all it ever printed again is not given twice.

use std::collections::VecDeque;

use super::likeness::is_telling;

/// Lines that are remembered: what an agent prints again after a resize, at eight bytes each in every keyframe.
pub(super) const REMEMBERED_MAX: usize = 1024;

/// Lines that may be new in a page that is drawn again before it counts as another page.
const MISSES_MAX: u32 = 256;

/// The lines that were given last, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) lines: VecDeque<u64>,
    pub(super) replay: Option<Replay>,
}

/// A page is drawn again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Replay {
    /// Up to which line it came. Counts down as old lines are forgotten.
    pub(super) at: usize,
    pub(super) misses: u32,
}

impl Memory {
    /// A line was given.
    pub(super) fn note(&mut self, whole: u64) {
        if self.lines.len() >= REMEMBERED_MAX {
            self.lines.pop_front();
            if let Some(replay) = &mut self.replay {
                replay.at = replay.at.saturating_sub(1);
            }
        }
        self.lines.push_back(whole);
    }

    /// From here on the page is drawn again.
    pub(super) fn replay(&mut self) {
        self.replay = Some(Replay::default());
    }

    /// From here on what comes is new.
    pub(super) fn forget_replay(&mut self) {
        self.replay = None;
    }

    /// True if this line is one that was given before and is drawn again, in order.
    pub(super) fn was_replayed(&mut self, text: &str, whole: u64) -> bool {
        let Some(replay) = &mut self.replay else {
            return false;
        };
        let found = if is_telling(text) {
            self.lines.range(replay.at..).position(|line| *line == whole)
        } else {
            (self.lines.get(replay.at) == Some(&whole)).then_some(0)
        };
        match found {
            Some(further) => {
                *replay = Replay { at: replay.at + further + 1, misses: 0 };
                true
            }
            None => {
                replay.misses += 1;
                if replay.misses > MISSES_MAX {
                    self.replay = None;
                }
                false
            }
        }
    }
}
