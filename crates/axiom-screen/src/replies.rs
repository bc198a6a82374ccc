//! What comes from a person's terminal on its way to the task: keys, mouse, focus and pastes as they are, but for what the
//! terminal says by itself. The task's own side answers its questions; a viewer's terminal must not, or the answer would be
//! typed. A report is taken out only when it is whole: what only begins like one is typed a moment later, so that no key is
//! ever lost.

mod report;
#[cfg(test)]
mod tests;

use report::{Kind, begins_report, is_report_csi, is_report_string};

/// Most bytes of a `CSI` that are waited for: a report of every number that there is has fewer.
const CSI_BYTES_MAX: usize = 128;

/// Most bytes of a string that are waited for. What is longer and begins like a report is taken out as it comes.
const STRING_BYTES_MAX: usize = 4096;

/// What ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// For how long to wait for what goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may be a key, as a lone Escape is: a few hundredths of a second.
    Key,
    /// It is no key that anybody has: a second.
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    String(Kind),
    /// `ESC` inside a string.
    StringEscape(Kind),
    /// A report that is too long to be held.
    Swallowing(Kind),
    SwallowingEscape(Kind),
    /// Inside brackets; so many bytes of their end have come.
    Paste(usize),
}

/// A stream of what a terminal sends. Give it all in order; it may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct Replies {
    state: State,
    held: Vec<u8>,
}

impl Replies {
    /// At the beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what the terminal sent and appends it to `keys` without its reports.
    pub fn feed(&mut self, sent: &[u8], keys: &mut Vec<u8>) {
        for byte in sent {
            self.take(*byte, keys);
        }
    }

    /// For how long to wait for more before [`Replies::flush`]; nothing if nothing is held back.
    #[must_use]
    pub fn pending(&self) -> Option<Patience> {
        match self.state {
            State::Ground | State::Paste(_) => None,
            State::Escape => Some(Patience::Key),
            State::Csi | State::String(_) | State::StringEscape(_) => {
                let sure = begins_report(&self.held);
                Some(if sure { Patience::Report } else { Patience::Key })
            }
            State::Swallowing(_) | State::SwallowingEscape(_) => Some(Patience::Report),
        }
    }

    /// Nothing more came: what is held back was typed.
    pub fn flush(&mut self, keys: &mut Vec<u8>) {
        if let State::Paste(_) = self.state {
            return;
        }
        keys.append(&mut self.held);
        self.state = State::Ground;
    }

    fn take(&mut self, byte: u8, keys: &mut Vec<u8>) {
        match self.state {
            State::Ground if byte == 0x1b => self.begin(),
            State::Ground => keys.push(byte),
            State::Escape => self.in_escape(byte, keys),
            State::Csi => self.in_csi(byte, keys),
            State::String(kind) => self.in_string(kind, byte, keys),
            State::StringEscape(kind) => self.in_string_escape(kind, byte, keys),
            State::Swallowing(kind) => self.in_swallowed(kind, byte, keys),
            State::SwallowingEscape(_) if byte == b'\\' => self.state = State::Ground,
            State::SwallowingEscape(_) => {
                self.begin();
                self.in_escape(byte, keys);
            }
            State::Paste(matched) => {
                keys.push(byte);
                self.state = after_pasted(matched, byte);
            }
        }
    }

    fn begin(&mut self) {
        self.held.clear();
        self.held.push(0x1b);
        self.state = State::Escape;
    }

    /// What is held, and this byte, was typed.
    fn typed(&mut self, byte: u8, keys: &mut Vec<u8>) {
        keys.append(&mut self.held);
        if byte == 0x1b {
            self.begin();
        } else {
            keys.push(byte);
            self.state = State::Ground;
        }
    }

    fn in_escape(&mut self, byte: u8, keys: &mut Vec<u8>) {
        self.state = match byte {
            b'[' => State::Csi,
            b']' => State::String(Kind::Osc),
            b'P' => State::String(Kind::Dcs),
            b'_' => State::String(Kind::Apc),
            _ => return self.typed(byte, keys),
        };
        self.held.push(byte);
    }

    fn in_csi(&mut self, byte: u8, keys: &mut Vec<u8>) {
        match byte {
            0x20..=0x3f if self.held.len() < CSI_BYTES_MAX => self.held.push(byte),
            0x40..=0x7e => {
                self.held.push(byte);
                let body = &self.held[2..];
                if is_report_csi(body) {
                    self.held.clear();
                }
                let pastes = body_is(&self.held, b"200~");
                keys.append(&mut self.held);
                self.state = if pastes { State::Paste(0) } else { State::Ground };
            }
            _ => self.typed(byte, keys),
        }
    }

    fn in_string(&mut self, kind: Kind, byte: u8, keys: &mut Vec<u8>) {
        match byte {
            0x1b => {
                self.held.push(0x1b);
                self.state = State::StringEscape(kind);
            }
            0x07 if kind == Kind::Osc && is_report_string(kind, &self.held[2..]) => self.taken(),
            0x20..=0x7e | 0x80.. => {
                self.held.push(byte);
                if !kind.may_begin(&self.held[2..]) {
                    self.held.pop();
                    self.typed(byte, keys);
                } else if self.held.len() >= STRING_BYTES_MAX {
                    if begins_report(&self.held) {
                        self.held.clear();
                        self.state = State::Swallowing(kind);
                    } else {
                        self.held.pop();
                        self.typed(byte, keys);
                    }
                }
            }
            _ => self.typed(byte, keys),
        }
    }

    fn in_string_escape(&mut self, kind: Kind, byte: u8, keys: &mut Vec<u8>) {
        let content = &self.held[2..self.held.len() - 1];
        if byte == b'\\' && is_report_string(kind, content) {
            return self.taken();
        }
        self.held.pop();
        self.typed(0x1b, keys);
        self.in_escape(byte, keys);
    }

    /// Ends at what ends a string, and at any control: then it was none, or was cut off, and keys must not be lost to it.
    fn in_swallowed(&mut self, kind: Kind, byte: u8, keys: &mut Vec<u8>) {
        match byte {
            0x1b => self.state = State::SwallowingEscape(kind),
            0x07 if kind == Kind::Osc => self.state = State::Ground,
            0x00..=0x1f | 0x7f => self.typed(byte, keys),
            _ => {}
        }
    }

    fn taken(&mut self) {
        self.held.clear();
        self.state = State::Ground;
    }
}

fn body_is(held: &[u8], body: &[u8]) -> bool {
    held.get(2..) == Some(body)
}

/// How much of the paste's end has come, after this byte.
fn after_pasted(matched: usize, byte: u8) -> State {
    let matched =
        if PASTE_END[matched] == byte { matched + 1 } else { usize::from(byte == PASTE_END[0]) };
    if matched == PASTE_END.len() { State::Ground } else { State::Paste(matched) }
}
