//! Where the stream's text goes: to a terminal with a live region, or as it is to anything else.
//! It decides when to write: text at once where nothing is drawn, and in drawn updates of a bounded rate where something is.

use std::env;

use axiom_proto::task::Size;
use rustix::process::{Signal, getpid, kill_process};

use super::Millis;
use super::drawing::{Drawing, LEAVE};
use super::merged::{Face, Merged};
use crate::here::{Terminals, terminal_size};
use crate::signals::Sign;
use crate::terminal::{HeldTerminal, in_foreground};

/// The region is drawn no faster than this.
const DRAW_EVERY: Millis = 100;

/// Where nothing happens, its times go on in steps of this.
const SECONDS_EVERY: Millis = 1_000;

/// A terminal that does not say its size.
const USUAL_SIZE: Size = Size { cols: 80, rows: 24 };

/// Where the text goes.
#[derive(Debug)]
pub(super) enum Screen {
    /// Lines, as they come.
    Plain,
    /// Lines above a live region.
    Live(Box<Live>),
}

/// A terminal with a live region.
#[derive(Debug)]
pub(super) struct Live {
    drawing: Drawing,
    drawn_at: Millis,
    /// True if something happened since it was drawn.
    stirred: bool,
    size: Size,
    keys: SilentKeys,
    /// False while the terminal belongs to others.
    ours: bool,
}

impl Screen {
    /// A live region where a person looks at a terminal that can draw, and nobody else has it.
    pub(super) fn new(face: Face) -> Self {
        let terminals = Terminals::of_process();
        let text = matches!(face, Face::Text(layout) if layout.terminal);
        let can_draw = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let ours = !terminals.input || in_foreground();
        if !(text && terminals.output && can_draw && ours) {
            return Self::Plain;
        }
        let keys = SilentKeys::begin();
        let size = terminal_size().unwrap_or(USUAL_SIZE);
        let drawing = Drawing::default();
        Self::Live(Box::new(Live { drawing, drawn_at: 0, stirred: true, size, keys, ours }))
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// The terminal's size, where there is one.
    pub(super) fn size(&self) -> Option<Size> {
        match self {
            Self::Plain => Terminals::of_process().output.then(terminal_size).flatten(),
            Self::Live(live) => Some(live.size),
        }
    }

    /// Something happened that the region may show.
    pub(super) fn stir(&mut self) {
        match self {
            Self::Plain => {}
            Self::Live(live) => live.stirred = true,
        }
    }

    /// When to write next; `None` where there is nothing.
    pub(super) fn write_at(&self, now: Millis, merged: &Merged) -> Option<Millis> {
        match self {
            Self::Plain => (merged.len() > 0).then_some(now),
            Self::Live(live) if merged.len() > 0 || live.stirred => {
                Some(live.drawn_at + DRAW_EVERY)
            }
            Self::Live(live) => Some(live.drawn_at + SECONDS_EVERY).filter(|_| !merged.is_over()),
        }
    }

    /// What to write now.
    pub(super) fn write(&mut self, now: Millis, merged: &mut Merged) -> String {
        let text = merged.take();
        match self {
            Self::Plain => text,
            Self::Live(live) if !live.ours => text,
            Self::Live(live) => {
                live.drawn_at = now;
                live.stirred = false;
                let rows = merged.region(now, live.size);
                if text.is_empty() && live.drawing.shows(&rows) {
                    return text;
                }
                live.drawing.draw(&text, rows)
            }
        }
    }

    /// The last text, and the terminal as it was.
    pub(super) fn leave(&mut self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Live(live) => live.drawing.leave(text),
        }
    }

    /// The terminal has another size, or we were continued, maybe in the background.
    pub(super) fn changed(&mut self, sign: Sign) {
        let Self::Live(live) = self else { return };
        live.size = terminal_size().unwrap_or(live.size);
        live.stirred = true;
        if sign == Sign::Continued {
            live.ours = !Terminals::of_process().input || in_foreground();
            if live.ours {
                live.keys.again();
            }
        }
    }

    /// Stands still until somebody continues us, with the terminal's own modes.
    pub(super) fn stand_still(&mut self) {
        if let Self::Live(live) = self {
            live.keys.stand_still();
        }
    }
}

/// Keeps what is typed from standing among the rows that are drawn.
#[derive(Debug)]
pub(crate) struct SilentKeys(Option<HeldTerminal>);

impl SilentKeys {
    /// Where standard input is a terminal that is ours.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let ours = Terminals::of_process().input && in_foreground();
        // Where it cannot be had, what is typed stands there until the rows are drawn again.
        Self(ours.then(|| HeldTerminal::silent(LEAVE).ok()).flatten())
    }

    /// Where nothing is drawn.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Stands still until somebody continues us, with the terminal's own modes.
    pub(crate) fn stand_still(&self) {
        self.0.iter().for_each(HeldTerminal::let_go);
        // It cannot be refused: every process may stop itself.
        let _: Result<(), _> = kill_process(getpid(), Signal::STOP);
        if in_foreground() {
            self.0.iter().for_each(HeldTerminal::hold_again);
        }
    }

    fn again(&self) {
        self.0.iter().for_each(HeldTerminal::hold_again);
    }
}
