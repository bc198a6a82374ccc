//! Output on its way to the terminal of whoever started the task: byte for byte as it is, but for what asks the terminal
//! something. Those questions the task's own side has answered already; a second answer would be typed into the program.
//! Left out are also sequences that are cut off in the middle, which mean nothing and could be completed by what follows.

mod asking;
#[cfg(test)]
mod tests;

use asking::{Asks, asks_by_csi, asks_by_string};

/// Most bytes of a `CSI` sequence that are waited for; those in use have less than a hundred. A longer one is taken out.
const CSI_BYTES_MAX: usize = 1024;

/// Most bytes of a string that are waited for: what a question could look like is known by then.
const STRING_BYTES_MAX: usize = 8 * 1024;

/// What ends a string without carrying it out.
const CANCEL: u8 = 0x18;

/// The byte that asks for the answerback message.
const ENQUIRY: u8 = 0x05;

/// A string's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Osc,
    Dcs,
    Apc,
    /// SOS and PM, in which nobody asks anything.
    Other,
}

/// What becomes of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is held back until that is known.
    Open,
    /// It is too long to be a question, and passes as it comes.
    Passed,
    /// It is taken out as it comes.
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// The first byte of what may be a C1 control in UTF-8.
    Lead,
    Escape,
    /// `ESC G`, which asks with a `Q` in one terminal.
    Graphics,
    Csi,
    /// A `CSI` that is too long; it is taken out as it comes.
    LongCsi,
    String(Kind, Fate),
    /// `ESC` inside a string.
    StringEscape(Kind, Fate),
}

/// A stream of output on its way to the starter's terminal. Give it all of the output in order; it may be cut anywhere.
/// Whatever may still become a question is held back until it is none.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    state: State,
    /// Bytes of a character beyond ASCII that are still to come.
    continuing: u8,
    /// The sequence that is not decided yet.
    held: Vec<u8>,
    /// Where in `held` the sequence's introducer has ended.
    body: usize,
}

impl Questions {
    /// At the beginning of output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes output and appends it to `shown` without its questions.
    pub fn feed(&mut self, output: &[u8], shown: &mut Vec<u8>) {
        let mut rest = output;
        while !rest.is_empty() {
            let used = match self.state {
                State::Ground => self.ground(rest, shown),
                State::Lead => self.after_lead(rest[0], shown),
                State::Escape => self.in_escape(rest[0], shown),
                State::Graphics => self.in_graphics(rest[0], shown),
                State::Csi | State::LongCsi => self.in_csi(rest[0], shown),
                State::String(kind, fate) => self.in_string(kind, fate, rest, shown),
                State::StringEscape(kind, fate) => {
                    self.in_string_escape(kind, fate, rest[0], shown)
                }
            };
            rest = &rest[used..];
        }
    }

    /// Text up to the next byte that may begin something; says how many bytes it took.
    fn ground(&mut self, bytes: &[u8], shown: &mut Vec<u8>) -> usize {
        let plain = |byte: &u8| matches!(byte, 0..=0x04 | 0x06..=0x1a | 0x1c..=0x7f);
        let run = bytes.iter().position(|byte| !plain(byte)).unwrap_or(bytes.len());
        if run > 0 {
            self.continuing = 0;
            shown.extend_from_slice(&bytes[..run]);
            return run;
        }
        match bytes[0] {
            ENQUIRY => self.continuing = 0,
            0x1b => self.begin(shown),
            0x80..=0xbf if self.continuing > 0 => {
                self.continuing -= 1;
                shown.push(bytes[0]);
            }
            0xc2 => {
                self.held.push(0xc2);
                self.state = State::Lead;
            }
            byte => {
                self.continuing = match byte {
                    0xc3..=0xdf => 1,
                    0xe0..=0xef => 2,
                    0xf0..=0xf4 => 3,
                    _ => 0,
                };
                shown.push(byte);
            }
        }
        1
    }

    fn after_lead(&mut self, byte: u8, shown: &mut Vec<u8>) -> usize {
        if (0x80..=0x9f).contains(&byte) {
            self.held.push(byte);
            self.control_one(byte, shown);
            return 1;
        }
        self.pass(shown);
        self.continuing = u8::from((0xa0..=0xbf).contains(&byte));
        0
    }

    /// A C1 control in UTF-8, which is held. Some terminals obey those; as single bytes none that reads UTF-8.
    fn control_one(&mut self, byte: u8, shown: &mut Vec<u8>) {
        self.body = self.held.len();
        self.state = match byte {
            0x9b => State::Csi,
            0x9d => State::String(Kind::Osc, Fate::Open),
            0x90 => State::String(Kind::Dcs, Fate::Open),
            0x9f => State::String(Kind::Apc, Fate::Open),
            0x98 | 0x9e => State::String(Kind::Other, Fate::Open),
            // DECID.
            0x9a => return self.take(shown),
            _ => return self.pass(shown),
        };
    }

    /// A sequence begins, maybe in the middle of another one, which is thereby cut off.
    fn begin(&mut self, shown: &mut Vec<u8>) {
        self.continuing = 0;
        self.take(shown);
        self.held.push(0x1b);
        self.state = State::Escape;
    }

    /// What every sequence but a string does with bytes that do not belong to it. Says how many it took, if this is one.
    fn stray(&mut self, byte: u8, shown: &mut Vec<u8>) -> Option<usize> {
        match byte {
            0x1b => self.begin(shown),
            CANCEL | 0x1a if self.state == State::LongCsi => self.take(shown),
            CANCEL | 0x1a => {
                self.held.push(byte);
                self.pass(shown);
            }
            ENQUIRY => {}
            // Carried out in the middle of the sequence, or by nobody.
            0x00..=0x1f | 0x7f => self.held.push(byte),
            // Cut off: terminals do not agree about what follows, so nothing before it may stay.
            0x80.. => {
                self.take(shown);
                return Some(0);
            }
            0x20..=0x7e => return None,
        }
        Some(1)
    }

    fn in_escape(&mut self, byte: u8, shown: &mut Vec<u8>) -> usize {
        if let Some(used) = self.stray(byte, shown) {
            return used;
        }
        let between = self.held.iter().any(|byte| (0x20..0x30).contains(byte));
        self.held.push(byte);
        self.body = self.held.len();
        match byte {
            0x20..=0x2f if self.held.len() < CSI_BYTES_MAX => {}
            b'[' if !between => self.state = State::Csi,
            b']' if !between => self.state = State::String(Kind::Osc, Fate::Open),
            b'P' if !between => self.state = State::String(Kind::Dcs, Fate::Open),
            b'_' if !between => self.state = State::String(Kind::Apc, Fate::Open),
            b'X' | b'^' if !between => self.state = State::String(Kind::Other, Fate::Open),
            b'G' if !between => self.state = State::Graphics,
            // DECID, and what never ends.
            0x20..=0x2f => self.take(shown),
            b'Z' if !between => self.take(shown),
            _ => self.pass(shown),
        }
        1
    }

    fn in_graphics(&mut self, byte: u8, shown: &mut Vec<u8>) -> usize {
        if byte == b'Q' {
            self.take(shown);
            return 1;
        }
        self.pass(shown);
        0
    }

    fn in_csi(&mut self, byte: u8, shown: &mut Vec<u8>) -> usize {
        if self.held.len() >= CSI_BYTES_MAX {
            self.take(shown);
            self.state = State::LongCsi;
        }
        if let Some(used) = self.stray(byte, shown) {
            return used;
        }
        self.held.push(byte);
        if byte >= 0x40 {
            let asks = self.state == State::LongCsi || asks_by_csi(&self.held[self.body..]);
            if asks { self.take(shown) } else { self.pass(shown) }
        }
        1
    }

    /// Takes a string's bytes up to what may end it; says how many.
    fn in_string(&mut self, kind: Kind, fate: Fate, bytes: &[u8], shown: &mut Vec<u8>) -> usize {
        let ends = |byte: &u8| matches!(*byte, ENQUIRY | 0x07 | CANCEL | 0x1a | 0x1b | 0x9c);
        let run = bytes.iter().position(ends).unwrap_or(bytes.len());
        if run > 0 {
            self.keep(kind, fate, &bytes[..run], shown);
            return run;
        }
        match bytes[0] {
            ENQUIRY => {}
            0x1b => {
                self.held.push(0x1b);
                self.state = State::StringEscape(kind, fate);
            }
            0x9c if self.held.last() == Some(&0xc2) => {
                self.held.pop();
                self.end_string(kind, fate, b"\xc2\x9c", shown);
            }
            0x9c => self.keep(kind, fate, &bytes[..1], shown),
            0x07 if kind != Kind::Osc => self.keep(kind, fate, &bytes[..1], shown),
            byte => self.end_string(kind, fate, &[byte], shown),
        }
        1
    }

    fn in_string_escape(&mut self, kind: Kind, fate: Fate, byte: u8, shown: &mut Vec<u8>) -> usize {
        if byte == b'\\' {
            self.held.pop();
            self.end_string(kind, fate, b"\x1b\\", shown);
            return 1;
        }
        // The string is cut off, which some terminals take for its end. The one that is open must not swallow what follows.
        if fate == Fate::Passed {
            shown.push(CANCEL);
        }
        self.drop_held();
        self.begin(shown);
        0
    }

    fn keep(&mut self, kind: Kind, fate: Fate, run: &[u8], shown: &mut Vec<u8>) {
        match fate {
            Fate::Passed => shown.extend_from_slice(run),
            Fate::Taken => {}
            Fate::Open => {
                self.held.extend_from_slice(run);
                if self.held.len() <= STRING_BYTES_MAX {
                    return;
                }
                let fate = match asks_by_string(kind, &self.held[self.body..]) {
                    Asks::No => {
                        self.pass(shown);
                        Fate::Passed
                    }
                    Asks::Yes | Asks::Unknown => {
                        self.drop_held();
                        Fate::Taken
                    }
                };
                self.state = State::String(kind, fate);
            }
        }
    }

    fn end_string(&mut self, kind: Kind, fate: Fate, end: &[u8], shown: &mut Vec<u8>) {
        match fate {
            Fate::Open => {
                let asks = asks_by_string(kind, &self.held[self.body..]) == Asks::Yes;
                self.held.extend_from_slice(end);
                if asks { self.drop_held() } else { self.pass(shown) }
            }
            Fate::Passed => {
                shown.extend_from_slice(end);
                self.drop_held();
            }
            Fate::Taken => self.drop_held(),
        }
    }

    /// What is held is no question.
    fn pass(&mut self, shown: &mut Vec<u8>) {
        shown.append(&mut self.held);
        self.drop_held();
    }

    /// It is one. Controls among it are carried out all the same.
    fn take(&mut self, shown: &mut Vec<u8>) {
        let controls = self.held.iter().filter(|byte| matches!(byte, 0x07..=0x0f));
        shown.extend(controls);
        self.drop_held();
    }

    fn drop_held(&mut self) {
        self.held.clear();
        self.body = 0;
        self.state = State::Ground;
    }
}
