//! Which lasting modes a task's output has switched on in the viewer's terminal, so that a detach can switch them off.
//! Only watches: the bytes go to the terminal as they are. Pure.

/// The private modes that must not outlive the task's view, and what switches each off.
const MODES: &[(u16, &str)] = &[
    (1, "\x1b[?1l"),       // cursor keys in application form
    (1000, "\x1b[?1000l"), // mouse: clicks
    (1002, "\x1b[?1002l"), // mouse: drags
    (1003, "\x1b[?1003l"), // mouse: motion
    (1004, "\x1b[?1004l"), // focus
    (1006, "\x1b[?1006l"), // mouse: longer reports
    (2004, "\x1b[?2004l"), // bracketed paste
    (47, "\x1b[?47l"),     // other screen, three generations
    (1047, "\x1b[?1047l"),
    (1049, "\x1b[?1049l"),
];

/// The longest sequence that is looked at; modes come in far shorter ones.
const SEQUENCE_BYTES_MAX: usize = 64;

/// Follows a terminal's modes.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    state: State,
    on: u16,
    cursor_hidden: bool,
    keyboard_levels: u8,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    /// What stands between `ESC [` and the last byte.
    Sequence(Vec<u8>),
}

impl Modes {
    pub(crate) fn watch(&mut self, output: &[u8]) {
        for byte in output {
            self.byte(*byte);
        }
    }

    /// What brings the terminal back; nothing where nothing was switched on.
    pub(crate) fn undo(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (place, (_, off)) in MODES.iter().enumerate() {
            if self.on & (1 << place) != 0 {
                bytes.extend_from_slice(off.as_bytes());
            }
        }
        if self.keyboard_levels > 0 {
            bytes.extend_from_slice(format!("\x1b[<{}u", self.keyboard_levels).as_bytes());
        }
        if self.cursor_hidden {
            bytes.extend_from_slice(b"\x1b[?25h");
        }
        bytes
    }

    fn byte(&mut self, byte: u8) {
        self.state = match (std::mem::take(&mut self.state), byte) {
            (_, 0x1b) => State::Escape,
            (State::Escape, b'[') => State::Sequence(Vec::new()),
            (State::Escape, b'c') => {
                // A full reset.
                *self = Self::default();
                State::Ground
            }
            (State::Sequence(mut held), 0x20..=0x3f) if held.len() < SEQUENCE_BYTES_MAX => {
                held.push(byte);
                State::Sequence(held)
            }
            (State::Sequence(held), 0x40..=0x7e) => {
                self.sequence(&held, byte);
                State::Ground
            }
            (State::Ground | State::Escape | State::Sequence(_), _) => State::Ground,
        };
    }

    fn sequence(&mut self, held: &[u8], last: u8) {
        match (held.split_first(), last) {
            (Some((b'?', numbers)), b'h' | b'l') => {
                for number in numbers.split(|byte| *byte == b';') {
                    self.set(number, last == b'h');
                }
            }
            (Some((b'>', _)), b'u') => {
                self.keyboard_levels = self.keyboard_levels.saturating_add(1);
            }
            (Some((b'<', number)), b'u') => {
                let levels = number_of(number).and_then(|levels| u8::try_from(levels).ok());
                let levels = levels.unwrap_or(1);
                self.keyboard_levels = self.keyboard_levels.saturating_sub(levels);
            }
            _ => {}
        }
    }

    fn set(&mut self, number: &[u8], on: bool) {
        let Some(number) = number_of(number) else { return };
        if number == 25 {
            self.cursor_hidden = !on;
        }
        if let Some(place) = MODES.iter().position(|(mode, _)| *mode == number) {
            let bit = 1 << place;
            self.on = if on { self.on | bit } else { self.on & !bit };
        }
    }
}

fn number_of(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(output: &[u8]) -> String {
        let mut modes = Modes::default();
        modes.watch(output);
        let whole = modes.undo();
        for cut in 0..output.len() {
            let mut modes = Modes::default();
            modes.watch(&output[..cut]);
            modes.watch(&output[cut..]);
            assert_eq!(modes.undo(), whole, "cut at {cut}");
        }
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn what_was_switched_on_and_not_off_is_undone() {
        assert_eq!(undo(b"\x1b[?1049h\x1b[?25l\x1b[?2004h"), "\x1b[?2004l\x1b[?1049l\x1b[?25h");
        assert_eq!(undo(b"\x1b[?1000;1006h\x1b[?1006l"), "\x1b[?1000l");
        assert_eq!(undo(b"\x1b[>1u\x1b[>5u"), "\x1b[<2u");
    }

    #[test]
    fn a_terminal_that_is_as_it_was_gets_nothing() {
        for output in [
            b"".as_slice(),
            b"plain \x1b[1mbold\x1b[0m\r\n",
            b"\x1b[?1049hvim\x1b[?1049l",
            b"\x1b[?1h\x1bc",
            b"\x1b[>1u\x1b[<u",
            b"\x1b[?9999999999h\x1b[?;h\x1b[h\x1b[?h",
            b"[?1049h",
        ] {
            assert_eq!(undo(output), "", "{output:?}");
        }
    }

    #[test]
    fn a_sequence_without_end_is_dropped() {
        let mut output = b"\x1b[?".to_vec();
        output.extend([b'1'; 1000]);
        output.extend(b"\x1b[?25l");
        let mut modes = Modes::default();
        modes.watch(&output);
        assert_eq!(modes.undo(), b"\x1b[?25h");
    }
}
