//! The text view: what a child printed, with nothing in it that could act on the reader's terminal.
//! Escape sequences and controls go, newline and tab stay, bytes that are no UTF-8 become U+FFFD. A carriage return
//! before a newline goes with it; one inside a line begins a new line, so that redraws stand below each other.
//! Characters that turn text around or show nothing go too, as from a screen.
//! Pure, and the same for any splitting of the bytes. It knows no screen: cursor movement is dropped, not followed.

use axiom_screen::is_unseen;

/// The longest control sequence: no terminal function takes more. What goes on after it is text.
const SEQUENCE_BYTES_MAX: usize = 256;

/// The longest control string (title, link, image): beyond it the rest is shown, so that one that never ends cannot hide
/// the whole output.
const STRING_BYTES_MAX: usize = 64 * 1024;

const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const ESC: u8 = 0x1b;
const DEL: u8 = 0x7f;

/// Turns output into text, byte after byte.
#[derive(Debug, Clone)]
pub struct TextFilter {
    state: State,
    /// A carriage return whose meaning the next byte decides.
    returned: bool,
    line_is_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte.
    Intermediate,
    /// After ESC `[`.
    Sequence {
        bytes: usize,
    },
    /// After ESC `]` and the like.
    String {
        kind: StringKind,
        bytes: usize,
    },
    /// After an ESC inside a string, which may end it.
    StringEscape {
        kind: StringKind,
        bytes: usize,
    },
    /// Inside a character.
    Character {
        bytes: [u8; 4],
        len: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StringKind {
    /// Ends with BEL as well, and at the end of a line: none of its uses spans two.
    Command,
    /// Device control, privacy message and others.
    Other,
}

impl Default for TextFilter {
    fn default() -> Self {
        Self::at_line_start(true)
    }
}

impl TextFilter {
    /// A filter for output that begins at the start of a line, or within one.
    #[must_use]
    pub fn at_line_start(line_is_empty: bool) -> Self {
        Self { state: State::Ground, returned: false, line_is_empty }
    }

    /// Takes bytes, appends text.
    pub fn push(&mut self, bytes: &[u8], text: &mut String) {
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            match self.push_plain(rest, text) {
                0 => {
                    self.push_byte(*first, text);
                    rest = behind;
                }
                taken => rest = &rest[taken..],
            }
        }
    }

    /// Takes what is plain text at the beginning of these bytes, all at once: most output is. Gives how many bytes that were; after
    /// each of them all is settled.
    pub(crate) fn push_plain(&mut self, bytes: &[u8], text: &mut String) -> usize {
        if !self.is_settled() {
            return 0;
        }
        let is_plain = |byte: &u8| matches!(*byte, b'\n' | b'\t' | 0x20..DEL);
        let plain = bytes.iter().position(|byte| !is_plain(byte)).unwrap_or(bytes.len());
        let plain = &bytes[..plain];
        if let (Some(last), Ok(shown)) = (plain.last(), str::from_utf8(plain)) {
            text.push_str(shown);
            self.line_is_empty = *last == b'\n';
        }
        plain.len()
    }

    /// True where the text so far is the whole of what the bytes so far say: a reader may be cut off here and go on later
    /// with another filter.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.state == State::Ground && !self.returned
    }

    /// Says that no more bytes will come: a cut character is shown as such.
    pub fn finish(&mut self, text: &mut String) {
        match self.state {
            State::Character { .. } => self.show(char::REPLACEMENT_CHARACTER, text),
            State::Ground
            | State::Escape
            | State::Intermediate
            | State::Sequence { .. }
            | State::String { .. }
            | State::StringEscape { .. } => {}
        }
        self.state = State::Ground;
        self.returned = false;
    }

    /// Takes one byte.
    pub fn push_byte(&mut self, byte: u8, text: &mut String) {
        match self.state {
            State::Ground => self.ground(byte, text),
            State::Escape => self.escape(byte, text),
            State::Intermediate => self.intermediate(byte, text),
            State::Sequence { bytes } => self.sequence(byte, bytes, text),
            State::String { kind, bytes } => self.string(byte, kind, bytes, text),
            State::StringEscape { kind, bytes } => self.string_escape(byte, kind, bytes, text),
            State::Character { bytes, len } => self.character(byte, bytes, len, text),
        }
    }

    fn ground(&mut self, byte: u8, text: &mut String) {
        match byte {
            0x20..DEL => self.show(char::from(byte), text),
            ESC => self.state = State::Escape,
            0x00..0x20 | DEL => self.control(byte, text),
            0x80.. => self.character(byte, [0; 4], 0, text),
        }
    }

    /// A control other than ESC, wherever it comes.
    fn control(&mut self, byte: u8, text: &mut String) {
        match byte {
            b'\n' => {
                self.returned = false;
                self.line_is_empty = true;
                text.push('\n');
            }
            b'\r' => self.returned = true,
            b'\t' => self.show('\t', text),
            _dropped => {}
        }
    }

    /// Appends a character, in a new line if a carriage return came before it.
    fn show(&mut self, character: char, text: &mut String) {
        if self.returned && !self.line_is_empty {
            text.push('\n');
        }
        self.returned = false;
        self.line_is_empty = false;
        text.push(character);
    }

    fn escape(&mut self, byte: u8, text: &mut String) {
        match byte {
            b'[' => self.state = State::Sequence { bytes: 0 },
            b']' => self.state = State::String { kind: StringKind::Command, bytes: 0 },
            b'P' | b'X' | b'^' | b'_' => {
                self.state = State::String { kind: StringKind::Other, bytes: 0 };
            }
            0x20..0x30 => self.state = State::Intermediate,
            ESC => {}
            CAN | SUB => self.state = State::Ground,
            0x00..0x20 | DEL => self.control(byte, text),
            0x30..DEL => self.state = State::Ground,
            0x80.. => self.start_over(byte, text),
        }
    }

    fn intermediate(&mut self, byte: u8, text: &mut String) {
        match byte {
            0x20..0x30 => {}
            ESC => self.state = State::Escape,
            CAN | SUB => self.state = State::Ground,
            0x00..0x20 | DEL => self.control(byte, text),
            0x30..DEL => self.state = State::Ground,
            0x80.. => self.start_over(byte, text),
        }
    }

    fn sequence(&mut self, byte: u8, bytes: usize, text: &mut String) {
        match byte {
            0x20..0x40 if bytes < SEQUENCE_BYTES_MAX => {
                self.state = State::Sequence { bytes: bytes + 1 };
            }
            0x20..0x40 | 0x80.. => self.start_over(byte, text),
            0x40..DEL => self.state = State::Ground,
            ESC => self.state = State::Escape,
            CAN | SUB => self.state = State::Ground,
            0x00..0x20 | DEL => self.control(byte, text),
        }
    }

    fn string(&mut self, byte: u8, kind: StringKind, bytes: usize, text: &mut String) {
        match (byte, kind) {
            (ESC, _) => self.state = State::StringEscape { kind, bytes },
            (CAN | SUB, _) | (BEL, StringKind::Command) => self.state = State::Ground,
            (b'\n', StringKind::Command) => self.start_over(byte, text),
            _inside if bytes < STRING_BYTES_MAX => {
                self.state = State::String { kind, bytes: bytes + 1 };
            }
            _too_long => self.start_over(byte, text),
        }
    }

    /// ESC `\` ends the string; any other ESC ends it too, and begins a sequence of its own.
    fn string_escape(&mut self, byte: u8, kind: StringKind, bytes: usize, text: &mut String) {
        match byte {
            b'\\' => self.state = State::Ground,
            ESC if bytes < STRING_BYTES_MAX => {
                self.state = State::StringEscape { kind, bytes: bytes + 1 };
            }
            _begins => {
                self.state = State::Escape;
                self.escape(byte, text);
            }
        }
    }

    fn character(&mut self, byte: u8, mut bytes: [u8; 4], len: usize, text: &mut String) {
        bytes[len] = byte;
        let len = len + 1;
        match std::str::from_utf8(&bytes[..len]) {
            Ok(whole) => {
                self.state = State::Ground;
                whole.chars().for_each(|character| self.whole(character, text));
            }
            Err(error) if error.error_len().is_none() => {
                self.state = State::Character { bytes, len };
            }
            Err(_) => {
                self.state = State::Ground;
                self.show(char::REPLACEMENT_CHARACTER, text);
                // The byte that broke the character may begin another one, or be plain.
                if len > 1 {
                    self.ground(byte, text);
                }
            }
        }
    }

    /// A whole character: the controls of the second set begin the same sequences as their two-byte forms.
    fn whole(&mut self, character: char, text: &mut String) {
        match character {
            '\u{9b}' => self.state = State::Sequence { bytes: 0 },
            '\u{9d}' => self.state = State::String { kind: StringKind::Command, bytes: 0 },
            '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
                self.state = State::String { kind: StringKind::Other, bytes: 0 };
            }
            '\u{80}'..='\u{9f}' => {}
            hidden if is_unseen(hidden) => {}
            shown => self.show(shown, text),
        }
    }

    fn start_over(&mut self, byte: u8, text: &mut String) {
        self.state = State::Ground;
        self.ground(byte, text);
    }
}

#[cfg(test)]
mod tests;
