//! Somebody who is attached: a terminal that others wrote shows what the program under test writes, and nothing else does.

use std::process::Command;
use std::time::Instant;

use crate::lab::{EVENT_WAIT, Lab};
use crate::tty::Seat;

/// What the model is shown for U+FFFD, which it leaves out.
pub(crate) const INSTEAD: &str = "?";

/// A person in front of a second terminal model.
pub(crate) struct Viewer {
    pub(crate) seat: Seat,
    judge: vt100::Parser,
    fed: usize,
}

impl Viewer {
    /// `axiom attach` in a terminal of this size.
    pub(crate) fn attach(lab: &Lab, args: &[&str], (cols, rows): (u16, u16)) -> Self {
        Self::open(lab.command(&[&["attach"], args].concat()), (cols, rows))
    }

    pub(crate) fn open(command: Command, (cols, rows): (u16, u16)) -> Self {
        let side = |side: u16| side.try_into().unwrap();
        let judge = vt100::Parser::new(side(rows), side(cols), 0);
        Self { seat: Seat::open_sized(command, cols, rows), judge, fed: 0 }
    }

    /// The terminal as it is now.
    pub(crate) fn screen(&mut self) -> &vt100::Screen {
        let fresh = &self.seat.bytes()[self.fed..];
        let whole = match std::str::from_utf8(fresh) {
            Ok(text) => text.len(),
            Err(cut) if cut.error_len().is_none() => cut.valid_up_to(),
            Err(_) => fresh.len(),
        };
        let text = String::from_utf8_lossy(&fresh[..whole]);
        self.judge.process(text.replace(char::REPLACEMENT_CHARACTER, INSTEAD).as_bytes());
        self.fed += whole;
        self.judge.screen()
    }

    /// Its rows, without the blanks at their ends.
    pub(crate) fn rows(&mut self) -> Vec<String> {
        let screen = self.screen();
        let cols = screen.size().1.get();
        screen.rows(0, cols).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the terminal is as somebody wants it.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + EVENT_WAIT;
        while !is(self) {
            let came = Instant::now() < deadline && self.seat.read_until(deadline);
            assert!(came, "waited in vain for {what}; the terminal shows {:#?}", self.rows());
        }
    }

    /// Waits until a row holds this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |viewer| viewer.rows().iter().any(|row| row.contains(text)));
    }

    /// Waits until nothing that we say ourselves stands over the last row.
    pub(crate) fn wait_for_no_note(&mut self) {
        self.wait_until("the note to go", |viewer| {
            let screen = viewer.screen();
            let last = screen.size().0.get() - 1;
            !screen.cell(last, 0).unwrap().inverse()
                || !viewer.rows()[usize::from(last)].contains("Ctrl-]")
        });
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.seat.type_text(text);
    }

    /// Leaves by the key, and asserts that the terminal is as it was.
    #[track_caller]
    pub(crate) fn detach(mut self) -> Self {
        self.type_text("\x1dd");
        assert_eq!(self.seat.wait_for_exit(), 0);
        self.assert_given_back();
        assert!(self.seat.text().contains("detached from task"), "{}", self.seat.text());
        self
    }

    /// Asserts that nothing is left of what was switched on.
    #[track_caller]
    pub(crate) fn assert_given_back(&mut self) {
        assert_eq!(self.seat.modes().local_modes, self.seat.before.local_modes);
        assert_eq!(self.seat.modes().input_modes, self.seat.before.input_modes);
        let screen = self.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(!screen.application_cursor() && !screen.application_keypad());
        assert!(!screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
    }
}
