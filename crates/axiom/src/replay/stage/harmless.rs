//! Recorded output on its way to a viewer's terminal: made harmless, and without what would change the viewer's keyboard,
//! mouse and title, which are not the recording's. It remembers what must be taken back.

use axiom_screen::Sanitizer;

/// Private modes that change what the viewer's terminal sends: keys and keypad, mouse, focus, pastes.
const OF_THE_KEYBOARD: &[&[u8]] = &[
    b"1", b"9", b"66", b"1000", b"1001", b"1002", b"1003", b"1004", b"1005", b"1006", b"1007",
    b"1015", b"1016", b"2004",
];

/// The alternate page, by any of its numbers.
const PAGES: &[&[u8]] = &[b"47", b"1047", b"1049"];

/// Takes back what may have been switched on, and leaves the cursor where it is.
const UNDO: &str = "\x1b[?2026l\x1b[?7h\x1b[4l\x1b[20l\x1b[?5l\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b]8;;\x1b\\\x1b[m\
                    \x1b7\x1b[r\x1b8\x1b[?25h\x1b[0 q";

/// The one stream of it.
#[derive(Debug, Default)]
pub(super) struct Harmless {
    sanitizer: Sanitizer,
    alternate: bool,
    /// True once the cursor's places were counted from the margins.
    origin: bool,
    /// True once tab stops were changed.
    tabs: bool,
}

impl Harmless {
    /// What of this output the terminal gets.
    pub(super) fn pass(&mut self, output: &[u8]) -> Vec<u8> {
        let mut harmless = Vec::with_capacity(output.len());
        self.sanitizer.feed(output, &mut harmless);
        let mut passed = Vec::with_capacity(harmless.len());
        let mut rest = &harmless[..];
        while let Some(place) = rest.iter().position(|byte| *byte == 0x1b) {
            passed.extend_from_slice(&rest[..place]);
            // What the sanitizer gives holds whole sequences only, each in its plainest form.
            let (sequence, after) = rest[place..].split_at(len_of(&rest[place..]));
            if self.may_pass(sequence) {
                passed.extend_from_slice(sequence);
            }
            rest = after;
        }
        passed.extend_from_slice(rest);
        passed
    }

    /// What takes back all that has passed.
    pub(super) fn undo(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.alternate {
            bytes.extend_from_slice(b"\x1b[?1049l");
        }
        if self.tabs {
            bytes.extend_from_slice(b"\x1b[?5W");
        }
        if self.origin {
            // It sends the cursor to the first row; below everything is better.
            bytes.extend_from_slice(b"\x1b[r\x1b[?6l\x1b[9999;1H");
        }
        bytes.extend_from_slice(UNDO.as_bytes());
        bytes
    }

    fn may_pass(&mut self, sequence: &[u8]) -> bool {
        match sequence {
            [0x1b, b'[', b'?', mode @ .., last @ (b'h' | b'l')] => {
                if PAGES.contains(&mode) {
                    self.alternate = *last == b'h';
                }
                // It may be saved with the cursor, and come back with it when it is long off.
                self.origin |= mode == b"6" && *last == b'h';
                !OF_THE_KEYBOARD.contains(&mode)
            }
            [0x1b, b'[', .., b'g'] | [0x1b, b'H'] => {
                self.tabs = true;
                true
            }
            [0x1b, b'[', b'>' | b'<' | b'=', ..] | [0x1b, b'=' | b'>'] => false,
            [0x1b, b']', kind, ..] => *kind == b'8',
            _other => true,
        }
    }
}

/// Bytes of the sequence that these begin with.
fn len_of(bytes: &[u8]) -> usize {
    let find = |from: usize, ends: fn(&u8) -> bool| {
        bytes.iter().skip(from).position(ends).map_or(bytes.len(), |place| from + place + 1)
    };
    match bytes.get(1) {
        Some(b'[') => find(2, |byte| (0x40..0x7f).contains(byte)),
        // It ends with ESC and a backslash.
        Some(b']') => (find(2, |byte| *byte == 0x1b) + 1).min(bytes.len()),
        Some(0x20..0x30) => find(2, |byte| (0x30..0x7f).contains(byte)),
        Some(_) => 2,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(output: &[u8]) -> String {
        let whole = Harmless::default().pass(output);
        for cut in 0..=output.len() {
            let mut harmless = Harmless::default();
            let mut pieces = harmless.pass(&output[..cut]);
            pieces.extend(harmless.pass(&output[cut..]));
            assert_eq!(pieces, whole, "cut at {cut}");
        }
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn keyboard_mouse_and_title_stay_the_viewers() {
        let output = b"a\x1b[?1;2004;1000;1006;25h\x1b[>1u\x1b[<u\x1b[=5;1u\x1b[>4;2m\x1b=\x1b]0;t\x07\x1b]2;t\x1b\\b";
        assert_eq!(passed(output), "a\x1b[?25hb");
    }

    #[test]
    fn what_draws_passes() {
        let output = "\x1b[1;31mé\x1b[0m\x1b[2J\x1b[3;4H\x1b(0q\x1b(B\x1b[?1049h\x1b]8;;http://x/\x1b\\l\x1b]8;;\x1b\\\x07\x1bM";
        assert_eq!(passed(output.as_bytes()), output);
    }

    #[test]
    fn what_acts_does_not_pass() {
        let output = b"\x1b]52;c;aGk=\x07\x1bP$q\"p\x1b\\\x1b[c\x1b[6n\x1b[21t\x1b]50;?\x07\x1b[5i\x1b_x\x1b\\\x9b6n\x05";
        assert!(!passed(output).contains('\x1b'), "{:?}", passed(output));
    }
}
