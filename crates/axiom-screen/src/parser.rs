//! Bytes to sequences: text, controls, ESC, CSI, OSC and DCS, by the state machine of the DEC terminals with UTF-8 added.
//! Holds what is unfinished at the end of a chunk, so any chunk border gives the same calls. Keeps at most
//! [`STRING_BYTES_MAX`] of a string; refuses C1 controls in either form, because viewers do not agree about them.

mod params;
mod utf8;

pub(crate) use params::Params;
use utf8::{Step, Utf8};

/// Most bytes of an OSC or DCS that are kept: a link's address of 2 KiB with room to spare. A longer string is
/// swallowed to its end and means nothing.
pub(crate) const STRING_BYTES_MAX: usize = 4096;

/// Bytes that are looked through at once for characters beyond ASCII: a flood of broken ones costs no more for each.
const CHARACTERS_BYTES_MAX: usize = 128;

/// Bytes of text that are looked at together.
const TEXT_BLOCK: usize = 16;

/// Most intermediate bytes of a sequence; no sequence in use has more than two.
const INTERMEDIATES_MAX: usize = 2;

/// What comes out of the parser.
pub(crate) trait Actions {
    /// A run of printable ASCII, never empty.
    fn text(&mut self, run: &[u8]);
    /// One character beyond ASCII; U+FFFD stands for bytes that are no UTF-8.
    fn character(&mut self, character: char);
    /// A C0 control other than those that the parser itself obeys.
    fn control(&mut self, byte: u8);
    /// `ESC`, intermediates, a final byte.
    fn escape(&mut self, intermediates: &[u8], last: u8);
    /// A whole `CSI` sequence.
    fn csi(&mut self, csi: &Csi);
    /// The string of an `OSC`, and whether `BEL` ended it: an answer ends the same way.
    fn osc(&mut self, string: &[u8], end: StringEnd);
    /// The string of a `DCS`.
    fn dcs(&mut self, string: &[u8]);
    /// True if no more should come before what came was looked at.
    fn is_full(&self) -> bool {
        false
    }
}

/// How a string ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StringEnd {
    Bell,
    Terminator,
}

impl StringEnd {
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Bell => b"\x07",
            Self::Terminator => b"\x1b\\",
        }
    }
}

/// A `CSI` sequence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Csi {
    /// One of `<`, `=`, `>`, `?`, or 0.
    pub(crate) prefix: u8,
    pub(crate) params: Params,
    intermediates: [u8; INTERMEDIATES_MAX],
    intermediates_len: usize,
    pub(crate) last: u8,
}

impl Csi {
    pub(crate) fn intermediates(&self) -> &[u8] {
        &self.intermediates[..self.intermediates_len]
    }

    fn clear(&mut self) {
        self.prefix = 0;
        self.params.clear();
        self.intermediates_len = 0;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    /// A `CSI` that has more of something than any sequence in use: its end is awaited, and it means nothing.
    CsiIgnored,
    String(Kind),
    /// `ESC` inside a string: with `\` it ends the string, with anything else it ends it without a meaning.
    StringEscape(Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Osc,
    Dcs,
    /// SOS, PM and APC, by the byte that began it.
    Other(u8),
}

/// The state machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parser {
    state: State,
    utf8: Utf8,
    csi: Csi,
    string: Vec<u8>,
    overlong: bool,
}

impl Parser {
    /// Takes bytes; may stop anywhere and go on with the next ones. Says how many it took: all, unless `actions` is full.
    pub(crate) fn advance(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if actions.is_full() {
                break;
            }
            let used = match self.state {
                State::Ground => self.ground(rest, actions),
                State::String(kind) => self.in_string(kind, rest, actions),
                State::Escape => self.one(Self::in_escape, byte, actions),
                State::Csi => self.csi_run(rest, actions),
                State::CsiIgnored => self.one(Self::in_ignored, byte, actions),
                State::StringEscape(kind) => self.in_string_escape(kind, byte, actions),
            };
            rest = &rest[used..];
        }
        bytes.len() - rest.len()
    }

    /// True if nothing is unfinished: the next byte begins something new.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state == State::Ground && self.utf8.is_at_rest()
    }

    /// The bytes that bring a fresh parser to where this one is.
    pub(crate) fn unfinished(&self) -> Vec<u8> {
        let mut bytes = match self.state {
            State::Ground => self.utf8.bytes().to_vec(),
            State::Escape => {
                let mut bytes = b"\x1b".to_vec();
                bytes.extend_from_slice(self.csi.intermediates());
                bytes
            }
            State::Csi => self.unfinished_csi(),
            State::CsiIgnored => b"\x1b[   ".to_vec(),
            State::String(kind) | State::StringEscape(kind) => self.unfinished_string(kind),
        };
        if matches!(self.state, State::StringEscape(_)) {
            bytes.push(0x1b);
        }
        bytes
    }

    fn unfinished_csi(&self) -> Vec<u8> {
        let mut bytes = b"\x1b[".to_vec();
        if self.csi.prefix != 0 {
            bytes.push(self.csi.prefix);
        }
        self.csi.params.write(&mut bytes);
        bytes.extend_from_slice(self.csi.intermediates());
        bytes
    }

    fn unfinished_string(&self, kind: Kind) -> Vec<u8> {
        let (introducer, nothing): (u8, &[u8]) = match kind {
            Kind::Osc => (b']', b"-"),
            Kind::Dcs => (b'P', b"-"),
            Kind::Other(byte) => (byte, b""),
        };
        let mut bytes = vec![0x1b, introducer];
        bytes.extend_from_slice(if self.overlong { nothing } else { &self.string });
        bytes
    }

    fn one<A: Actions>(
        &mut self,
        step: fn(&mut Self, u8, &mut A),
        byte: u8,
        actions: &mut A,
    ) -> usize {
        step(self, byte, actions);
        1
    }

    /// Text and controls; says how many bytes it took.
    fn ground(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        if !self.utf8.is_at_rest() {
            return self.one_of_character(bytes[0], actions);
        }
        match bytes {
            [0x20..=0x7e, ..] => {
                let run = text_run(bytes);
                actions.text(&bytes[..run]);
                run
            }
            // Nearly all sequences are of this form, and whole.
            [0x1b, b'[', rest @ ..] => 2 + self.begin_csi(rest, actions),
            [0x1b, ..] => {
                self.begin_escape();
                1
            }
            [byte @ 0x80..=0xff, ..] => {
                let whole = whole_characters(bytes);
                if whole.is_empty() {
                    return self.one_of_character(*byte, actions);
                }
                whole.chars().for_each(|character| show(character, actions));
                whole.len()
            }
            [byte, ..] => {
                if *byte != 0x7f {
                    actions.control(*byte);
                }
                1
            }
            [] => 0,
        }
    }

    /// A byte of a character that is cut or broken; says if it was taken.
    fn one_of_character(&mut self, byte: u8, actions: &mut impl Actions) -> usize {
        match self.utf8.push(byte) {
            Step::More => 1,
            Step::Character(character) => {
                show(character, actions);
                1
            }
            Step::Invalid { used } => {
                actions.character(char::REPLACEMENT_CHARACTER);
                used
            }
        }
    }

    fn begin_escape(&mut self) {
        self.csi.clear();
        self.state = State::Escape;
    }

    /// What every state but a string does with C0 controls: carries them out in the middle of the sequence.
    /// False if the byte is none.
    fn control_within(&mut self, byte: u8, actions: &mut impl Actions) -> bool {
        match byte {
            0x18 | 0x1a => self.state = State::Ground,
            0x1b => self.begin_escape(),
            0x00..=0x1f => actions.control(byte),
            0x7f.. => {}
            _ => return false,
        }
        true
    }

    fn in_escape<A: Actions>(&mut self, byte: u8, actions: &mut A) {
        if self.control_within(byte, actions) {
            return;
        }
        if (0x20..0x30).contains(&byte) {
            self.collect(byte);
            return;
        }
        let plain = self.csi.intermediates_len == 0;
        self.state = match byte {
            b'[' if plain => State::Csi,
            b']' if plain => self.begin_string(Kind::Osc),
            b'P' if plain => self.begin_string(Kind::Dcs),
            b'X' | b'^' | b'_' if plain => self.begin_string(Kind::Other(byte)),
            _ => {
                if self.csi.intermediates_len <= INTERMEDIATES_MAX {
                    actions.escape(self.csi.intermediates(), byte);
                }
                State::Ground
            }
        };
    }

    fn begin_string(&mut self, kind: Kind) -> State {
        self.string.clear();
        self.overlong = false;
        State::String(kind)
    }

    /// Keeps an intermediate byte; a sequence with too many of them means nothing.
    fn collect(&mut self, byte: u8) {
        match self.csi.intermediates.get_mut(self.csi.intermediates_len) {
            Some(place) => {
                *place = byte;
                self.csi.intermediates_len += 1;
            }
            None => self.state = State::CsiIgnored,
        }
    }

    /// Takes a sequence up to its end, or to what is cut or rare; says how many bytes.
    #[inline]
    fn begin_csi(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        self.csi.clear();
        let mut used = 0;
        if let [prefix @ b'<'..=b'?', ..] = bytes {
            self.csi.prefix = *prefix;
            used = 1;
        }
        used += self.in_params(&bytes[used..]);
        if let (State::Ground, Some(last @ 0x40..=0x7e)) = (self.state, bytes.get(used)) {
            self.csi.last = *last;
            actions.csi(&self.csi);
            return used + 1;
        }
        if self.state == State::Ground {
            self.state = State::Csi;
        }
        used
    }

    /// Takes bytes as long as the sequence goes on; says how many.
    fn csi_run(&mut self, bytes: &[u8], actions: &mut impl Actions) -> usize {
        let mut used = 0;
        while let (State::Csi, [byte, ..]) = (self.state, &bytes[used..]) {
            if matches!(byte, b'0'..=b';') && self.csi.intermediates_len == 0 {
                used += self.in_params(&bytes[used..]);
            } else {
                used += 1;
                self.in_csi(*byte, actions);
            }
        }
        used
    }

    /// Takes numbers and what separates them; says how many bytes. With too many of them the sequence means nothing.
    fn in_params(&mut self, bytes: &[u8]) -> usize {
        self.csi.params.take(bytes).unwrap_or_else(|| {
            self.state = State::CsiIgnored;
            1
        })
    }

    #[inline]
    fn in_csi<A: Actions>(&mut self, byte: u8, actions: &mut A) {
        let in_params = self.csi.intermediates_len == 0;
        match byte {
            0x40..=0x7e => {
                self.csi.last = byte;
                self.state = State::Ground;
                actions.csi(&self.csi);
            }
            0x00..=0x1f | 0x7f.. => {
                self.control_within(byte, actions);
            }
            0x20..=0x2f => self.collect(byte),
            b'<'..=b'?' if in_params && self.csi.prefix == 0 && self.csi.params.is_empty() => {
                self.csi.prefix = byte;
            }
            _ => self.state = State::CsiIgnored,
        }
    }

    fn in_ignored<A: Actions>(&mut self, byte: u8, actions: &mut A) {
        if !self.control_within(byte, actions) && byte >= 0x40 {
            self.state = State::Ground;
        }
    }

    /// Takes a string's bytes up to what may end it; says how many.
    fn in_string(&mut self, kind: Kind, bytes: &[u8], actions: &mut impl Actions) -> usize {
        let is_end = |byte: &u8| *byte < 0x20;
        let run = bytes.iter().position(is_end).unwrap_or(bytes.len());
        if run > 0 {
            self.keep(kind, &bytes[..run]);
            return run;
        }
        match bytes[0] {
            0x1b => self.state = State::StringEscape(kind),
            0x18 | 0x1a => self.state = State::Ground,
            0x07 if kind == Kind::Osc => self.end_string(kind, StringEnd::Bell, actions),
            _ => {}
        }
        1
    }

    fn keep(&mut self, kind: Kind, run: &[u8]) {
        if self.overlong || matches!(kind, Kind::Other(_)) {
            return;
        }
        if self.string.len() + run.len() > STRING_BYTES_MAX {
            self.overlong = true;
            self.string = Vec::new();
            return;
        }
        self.string.extend_from_slice(run);
    }

    fn in_string_escape(&mut self, kind: Kind, byte: u8, actions: &mut impl Actions) -> usize {
        if byte == b'\\' {
            self.end_string(kind, StringEnd::Terminator, actions);
            return 1;
        }
        self.begin_escape();
        0
    }

    fn end_string(&mut self, kind: Kind, end: StringEnd, actions: &mut impl Actions) {
        self.state = State::Ground;
        if self.overlong {
            return;
        }
        match kind {
            Kind::Osc => actions.osc(&self.string, end),
            Kind::Dcs => actions.dcs(&self.string),
            Kind::Other(_) => {}
        }
    }
}

/// How many bytes of printable ASCII these begin with. Looks at many at once.
fn text_run(bytes: &[u8]) -> usize {
    let is_other = |byte: &u8| byte.wrapping_sub(0x20) >= 0x5f;
    let (blocks, _) = bytes.as_chunks::<TEXT_BLOCK>();
    let is_text =
        |block: &&[u8; TEXT_BLOCK]| !block.iter().fold(false, |other, byte| other | is_other(byte));
    let run = TEXT_BLOCK * blocks.iter().take_while(is_text).count();
    run + bytes[run..].iter().take_while(|byte| !is_other(byte)).count()
}

/// The whole characters beyond ASCII that the bytes begin with: what is broken or cut goes byte by byte.
fn whole_characters(bytes: &[u8]) -> &str {
    let bytes = &bytes[..bytes.len().min(CHARACTERS_BYTES_MAX)];
    let run = bytes.iter().position(u8::is_ascii).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..run]) {
        Ok(whole) => whole,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Hands on a character, but not a C1 control: some terminals obey those, some show them. We do neither.
fn show(character: char, actions: &mut impl Actions) {
    if !('\u{80}'..='\u{9f}').contains(&character) {
        actions.character(character);
    }
}

#[cfg(test)]
mod tests;
