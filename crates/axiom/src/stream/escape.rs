//! A child's bytes as the few things that matter to a line: characters, returns, erasures, a reported progress.
//! Every other escape and control is dropped here, whatever way the bytes are cut. Pure; what it holds is bounded.

use axiom_screen::is_unseen;

/// The longest control sequence: no terminal function takes more. What goes on after it is text.
const SEQUENCE_BYTES_MAX: usize = 256;

/// The longest control string: beyond it the rest is shown, so that one that never ends cannot hide the whole output.
const STRING_BYTES_MAX: usize = 64 * 1024;

/// What is kept of a sequence or string: all that is understood of them is far shorter.
const HELD_BYTES: usize = 48;

/// The farthest that one sequence moves along a line. Wider terminals do not exist; farther moves only cost time.
const MOVE_MAX: u16 = 512;

/// What part of a line is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erase {
    ToEnd,
    ToStart,
    All,
}

/// How far a child says that it is, by OSC 9;4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It reports none any more.
    Gone,
    /// So many percent.
    Percent(u8),
    /// Something goes on, and nobody knows how long.
    Unmeasured,
}

/// What the bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Printable ASCII.
    Text(&'a str),
    Character(char),
    Newline,
    Return,
    Backspace,
    Left(u16),
    Right(u16),
    /// To this column, from 0.
    Column(u16),
    /// So many lines up: what was printed there is printed again.
    Up(u16),
    /// So many lines down.
    Down(u16),
    Erase(Erase),
    Progress(Progress),
    /// A full-screen program begins (true) or ends.
    FullScreen(bool),
}

/// Turns bytes into tokens.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    state: State,
    held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte.
    Intermediate,
    /// After ESC `[`; so many bytes of it have come.
    Sequence(usize),
    /// After ESC `]` and the like.
    String(StringKind, usize),
    /// After an ESC inside a string, which may end it.
    StringEscape(StringKind, usize),
    /// Inside a character.
    Character([u8; 4], usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StringKind {
    /// Ends with BEL as well, and at the end of a line: none of its uses spans two.
    Command,
    /// Device control, privacy message and others.
    Other,
}

/// The first bytes of a sequence or string.
#[derive(Debug)]
struct Held {
    bytes: [u8; HELD_BYTES],
    len: usize,
    is_whole: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self { bytes: [0; HELD_BYTES], len: 0, is_whole: true }
    }
}

impl Held {
    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.is_whole = false,
        }
    }

    /// What was held, unless there was more.
    fn whole(&self) -> &[u8] {
        if self.is_whole { &self.bytes[..self.len] } else { &[] }
    }
}

const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const ESC: u8 = 0x1b;
const DEL: u8 = 0x7f;

impl Escapes {
    /// Takes bytes, gives what they say.
    pub(super) fn push(&mut self, bytes: &[u8], mut give: impl FnMut(Token<'_>)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if self.state == State::Ground {
                let plain = plain_prefix(rest);
                if !plain.is_empty() {
                    give(Token::Text(plain));
                    rest = &rest[plain.len()..];
                    continue;
                }
            }
            self.byte(*first, &mut give);
            rest = &rest[1..];
        }
    }

    /// Says that no more bytes will come: a cut character is shown as such.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Token<'_>)) {
        if let State::Character(..) = self.state {
            give(Token::Character(char::REPLACEMENT_CHARACTER));
        }
        self.state = State::Ground;
    }

    fn byte(&mut self, byte: u8, give: &mut impl FnMut(Token<'_>)) {
        match self.state {
            State::Ground => self.ground(byte, give),
            State::Escape => self.escape(byte, give),
            State::Intermediate => match byte {
                0x20..0x30 => {}
                0x30..DEL => self.state = State::Ground,
                _ => self.inside(byte, give),
            },
            State::Sequence(bytes) => self.sequence(byte, bytes, give),
            State::String(kind, bytes) => self.string(byte, kind, bytes, give),
            State::StringEscape(kind, bytes) => self.string_escape(byte, kind, bytes, give),
            State::Character(bytes, len) => self.character(byte, bytes, len, give),
        }
    }

    fn ground(&mut self, byte: u8, give: &mut impl FnMut(Token<'_>)) {
        match byte {
            ESC => self.state = State::Escape,
            0x20..DEL => give(Token::Character(char::from(byte))),
            0x00..0x20 | DEL => control(byte, give),
            0x80.. => self.character(byte, [0; 4], 0, give),
        }
    }

    /// A byte that no sequence holds: it ends one, or acts as it does everywhere.
    fn inside(&mut self, byte: u8, give: &mut impl FnMut(Token<'_>)) {
        match byte {
            ESC => self.state = State::Escape,
            CAN | SUB => self.state = State::Ground,
            0x00..0x20 | DEL => control(byte, give),
            0x20..DEL | 0x80.. => self.start_over(byte, give),
        }
    }

    fn escape(&mut self, byte: u8, give: &mut impl FnMut(Token<'_>)) {
        match byte {
            b'[' => self.begin(State::Sequence(0)),
            b']' => self.begin(State::String(StringKind::Command, 0)),
            b'P' | b'X' | b'^' | b'_' => self.begin(State::String(StringKind::Other, 0)),
            0x20..0x30 => self.state = State::Intermediate,
            0x30..DEL => self.state = State::Ground,
            _ => self.inside(byte, give),
        }
    }

    fn begin(&mut self, state: State) {
        self.held = Held::default();
        self.state = state;
    }

    fn sequence(&mut self, byte: u8, bytes: usize, give: &mut impl FnMut(Token<'_>)) {
        match byte {
            0x20..0x40 if bytes < SEQUENCE_BYTES_MAX => {
                self.held.push(byte);
                self.state = State::Sequence(bytes + 1);
            }
            0x40..DEL => {
                self.state = State::Ground;
                sequence(self.held.whole(), byte, give);
            }
            _ => self.inside(byte, give),
        }
    }

    fn string(
        &mut self,
        byte: u8,
        kind: StringKind,
        bytes: usize,
        give: &mut impl FnMut(Token<'_>),
    ) {
        match (byte, kind) {
            (ESC, _) => self.state = State::StringEscape(kind, bytes),
            (CAN | SUB, _) => self.state = State::Ground,
            (BEL, StringKind::Command) => self.end_string(kind, give),
            (b'\n', StringKind::Command) => self.start_over(byte, give),
            _inside if bytes < STRING_BYTES_MAX => {
                self.held.push(byte);
                self.state = State::String(kind, bytes + 1);
            }
            _too_long => self.start_over(byte, give),
        }
    }

    /// ESC `\` ends the string; any other ESC ends it too, and begins a sequence of its own.
    fn string_escape(
        &mut self,
        byte: u8,
        kind: StringKind,
        bytes: usize,
        give: &mut impl FnMut(Token<'_>),
    ) {
        match byte {
            b'\\' => self.end_string(kind, give),
            ESC if bytes < STRING_BYTES_MAX => self.state = State::StringEscape(kind, bytes + 1),
            _begins => {
                self.state = State::Escape;
                self.escape(byte, give);
            }
        }
    }

    fn end_string(&mut self, kind: StringKind, give: &mut impl FnMut(Token<'_>)) {
        self.state = State::Ground;
        if kind == StringKind::Command
            && let Some(progress) = progress(self.held.whole())
        {
            give(Token::Progress(progress));
        }
    }

    fn character(
        &mut self,
        byte: u8,
        mut bytes: [u8; 4],
        len: usize,
        give: &mut impl FnMut(Token<'_>),
    ) {
        bytes[len] = byte;
        let len = len + 1;
        match std::str::from_utf8(&bytes[..len]) {
            Ok(whole) => {
                self.state = State::Ground;
                whole.chars().for_each(|character| self.whole(character, give));
            }
            Err(error) if error.error_len().is_none() => self.state = State::Character(bytes, len),
            Err(_) => {
                self.state = State::Ground;
                give(Token::Character(char::REPLACEMENT_CHARACTER));
                // The byte that broke the character may begin another one, or be plain.
                if len > 1 {
                    self.ground(byte, give);
                }
            }
        }
    }

    /// A whole character: the controls of the second set begin the same sequences as their two-byte forms.
    fn whole(&mut self, character: char, give: &mut impl FnMut(Token<'_>)) {
        match character {
            '\u{9b}' => self.begin(State::Sequence(0)),
            '\u{9d}' => self.begin(State::String(StringKind::Command, 0)),
            '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
                self.begin(State::String(StringKind::Other, 0));
            }
            '\u{80}'..='\u{9f}' => {}
            '\u{2028}' | '\u{2029}' => give(Token::Character(' ')),
            // They order what stands beside them anew, our own marks too.
            hidden if is_direction(hidden) || is_unseen(hidden) => {}
            shown => give(Token::Character(shown)),
        }
    }

    fn start_over(&mut self, byte: u8, give: &mut impl FnMut(Token<'_>)) {
        self.state = State::Ground;
        self.ground(byte, give);
    }
}

/// True for the characters that say in which direction text runs.
pub(super) fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn plain_prefix(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| !(0x20..DEL).contains(byte));
    std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len())]).expect("these bytes are ASCII")
}

/// A control other than ESC, wherever it comes.
fn control(byte: u8, give: &mut impl FnMut(Token<'_>)) {
    match byte {
        b'\n' => give(Token::Newline),
        b'\r' => give(Token::Return),
        0x08 => give(Token::Backspace),
        b'\t' => give(Token::Text("\t")),
        _dropped => {}
    }
}

fn sequence(held: &[u8], last: u8, give: &mut impl FnMut(Token<'_>)) {
    if let Some(modes) = held.strip_prefix(b"?") {
        let full_screen = |mode: &[u8]| matches!(mode, b"1049" | b"1047" | b"47");
        if matches!(last, b'h' | b'l') && modes.split(|byte| *byte == b';').any(full_screen) {
            give(Token::FullScreen(last == b'h'));
        }
        return;
    }
    let number = number(held);
    let steps = number.unwrap_or(1).clamp(1, MOVE_MAX);
    match last {
        b'K' => match number.unwrap_or(0) {
            0 => give(Token::Erase(Erase::ToEnd)),
            1 => give(Token::Erase(Erase::ToStart)),
            2 => give(Token::Erase(Erase::All)),
            _unknown => {}
        },
        b'C' | b'a' => give(Token::Right(steps)),
        b'D' => give(Token::Left(steps)),
        b'A' => give(Token::Up(steps)),
        b'B' => give(Token::Down(steps)),
        b'E' => {
            give(Token::Down(steps));
            give(Token::Return);
        }
        b'F' => {
            give(Token::Up(steps));
            give(Token::Return);
        }
        b'J' if number.unwrap_or(0) == 0 => give(Token::Erase(Erase::ToEnd)),
        b'G' | b'`' => give(Token::Column(steps - 1)),
        _dropped => {}
    }
}

/// `9;4;STATE;PERCENT`, as terminals and shells agreed on it.
fn progress(held: &[u8]) -> Option<Progress> {
    let mut parts = held.strip_prefix(b"9;4;")?.split(|byte| *byte == b';');
    let state = parts.next()?;
    let percent = parts.next().and_then(number).unwrap_or(0);
    let percent = u8::try_from(percent.min(100)).expect("at most a hundred");
    match state {
        b"0" => Some(Progress::Gone),
        b"1" | b"2" | b"4" => Some(Progress::Percent(percent)),
        b"3" => Some(Progress::Unmeasured),
        _unknown => None,
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

#[cfg(test)]
mod tests;
