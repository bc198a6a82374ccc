//! The screen as others use it: fed, resized, looked at, dumped. Owns the parser and the terminal's state.

use crate::answers::Answers;
use crate::mark::Mark;
use crate::mode::Mode;
use crate::parser::Parser;
use crate::size::Size;
use crate::terminal::{Feeding, Terminal};

/// Rows that scrolled off and are kept by a screen with a history, so that it can show them again when it is made higher or
/// wider. Of 100 columns they are at most half a megabyte.
pub const HISTORY_ROWS_MAX: usize = 200;

/// A terminal's screen: what its output so far has produced.
#[derive(Debug, Clone)]
pub struct Screen {
    pub(crate) parser: Parser,
    pub(crate) terminal: Terminal,
}

impl Screen {
    /// An empty screen that keeps nothing of what scrolls off. It is the same whether it was fed from the start or restored
    /// from a dump, whatever size it is given then: so all that show a task's screen show the same.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { parser: Parser::default(), terminal: Terminal::new(size, 0) }
    }

    /// An empty screen that keeps the newest rows that scroll off, which a dump does not have.
    #[must_use]
    pub fn with_history(size: Size) -> Self {
        Self { parser: Parser::default(), terminal: Terminal::new(size, HISTORY_ROWS_MAX) }
    }

    /// Takes output. It may be cut anywhere, also inside a character or sequence. What a terminal would answer is added
    /// to `answers`, in order; whoever only looks at old output throws them away.
    pub fn feed(&mut self, bytes: &[u8], answers: &mut Answers) {
        let mut feeding = Feeding { terminal: &mut self.terminal, answers };
        let used = self.parser.advance(bytes, &mut feeding);
        debug_assert_eq!(used, bytes.len(), "only a screen with a roll stops on its way");
        self.terminal.changes.settle();
    }

    /// An empty screen that notes what leaves its primary page, and keeps none of it itself: so it is the same screen
    /// whether it was fed from the start or restored from a dump.
    pub(crate) fn rolling(size: Size) -> Self {
        let mut screen = Self::new(size);
        screen.terminal.roll = Some(Box::default());
        screen
    }

    /// Takes output until enough left the page that it should be looked at. Says how much it took: at least a byte.
    pub(crate) fn feed_some(&mut self, bytes: &[u8], answers: &mut Answers) -> usize {
        let mut feeding = Feeding { terminal: &mut self.terminal, answers };
        let used = self.parser.advance(bytes, &mut feeding);
        self.terminal.changes.settle();
        used
    }

    /// Changes the size. Text of the primary page that was wrapped is wrapped anew; the alternate page is cut.
    pub fn resize(&mut self, size: Size) {
        self.terminal.resize(size);
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.terminal.size
    }

    /// Rises with each chunk or resize that changed anything visible. Two equal revisions show the same picture.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.terminal.changes.revision()
    }

    /// The rows, from 0, that may look different from how they looked at a revision. Never too few.
    pub fn changed_rows(&self, since: u64) -> impl Iterator<Item = u16> {
        let changes = &self.terminal.changes;
        (0..self.terminal.size.rows()).filter(move |row| changes.is_newer(usize::from(*row), since))
    }

    /// True between sequences and characters: a keyframe that is cut here needs nothing of what follows.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.parser.is_at_rest()
    }

    /// True while a program is in the middle of a synchronized update (mode 2026): the picture is unfinished.
    #[must_use]
    pub fn is_updating(&self) -> bool {
        self.terminal.modes.has(Mode::Synchronized)
    }

    /// The newest thing that a shell said of itself (OSC 133).
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.terminal.mark
    }

    /// How often the bell rang.
    #[must_use]
    pub fn bells(&self) -> u64 {
        self.terminal.bells
    }

    /// How many rows of the primary page ever scrolled off at its top.
    #[must_use]
    pub fn scrolled(&self) -> u64 {
        self.terminal.primary.grid.scrolled()
    }
}

#[cfg(test)]
mod tests;
