//! When output comes faster than anybody reads it: whether a frame is shown at once, or a moment later with the next ones.
//! It is in the journal either way. One write for many frames spares a wake-up of server and client for each of them.

use axiom_proto::frame::Micros;

use crate::opening::READ_BYTES_MAX;

/// A read of so much was nearly all that a terminal gives at once: more is waiting behind it.
const FULL_BYTES: usize = READ_BYTES_MAX / 2;

/// Full reads that come so soon after each other are a flood.
const GAP: u64 = 1_000;

/// The longest that a frame is held: nobody sees a millisecond in a flood.
pub const HOLD: u64 = 1_000;

/// Bytes that are held at most: with their headers, what a server takes in one read.
pub const HOLD_BYTES_MAX: usize = 15 * READ_BYTES_MAX;

/// One session's output, as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flood {
    last_full: Option<Micros>,
    /// Since when frames are held, and how many bytes of them.
    held: Option<(Micros, usize)>,
}

impl Flood {
    /// So much was read. True: hold it; false: show it, and everything that is held before it.
    pub fn holds(&mut self, now: Micros, bytes: usize) -> bool {
        let soon = |last: Micros| now.0.saturating_sub(last.0) <= GAP;
        let full = bytes >= FULL_BYTES;
        let floods = full && self.last_full.is_some_and(soon);
        self.last_full = full.then_some(now);
        let (since, before) = self.held.unwrap_or((now, 0));
        let held = before + bytes;
        let holds = floods && held + READ_BYTES_MAX <= HOLD_BYTES_MAX && now < since.plus(HOLD);
        self.held = holds.then_some((since, held));
        holds
    }

    /// Everything is shown.
    pub fn shown(&mut self) {
        self.held = None;
    }

    /// When what is held must be shown.
    #[must_use]
    pub fn due(&self) -> Option<Micros> {
        self.held.map(|(since, _)| since.plus(HOLD))
    }
}
