//! What the terminal itself says when a program asks it. The whole list is here and in docs/terminal.md; nothing else is
//! ever answered. No answer repeats a byte that the program chose, so no output can become typed input.

use crate::parser::{Csi, StringEnd};
use crate::terminal::Terminal;

/// Most bytes of answers that wait to be taken. A program that asks more than it reads gets no more, as from a terminal
/// whose input queue is full (the kernel's holds 4 KiB).
pub const ANSWERS_BYTES_MAX: usize = 16 * 1024;

/// DA1: a VT220 with colour. Every viewer's terminal is at least that.
const PRIMARY_ATTRIBUTES: &[u8] = b"\x1b[?62;22c";

/// DA2: a VT220, and a version below any that makes programs expect one terminal's own extensions.
const SECONDARY_ATTRIBUTES: &[u8] = b"\x1b[>1;10;0c";

/// Pixels of a cell. No picture is ever shown by them, but programs divide by them.
const CELL_PIXELS: (u16, u16) = (8, 16);

/// XTGETTCAP's capabilities: a name, its value. Names are looked up in hexadecimal digits of either case.
const CAPABILITIES: &[(&str, &str)] =
    &[("TN", "xterm-256color"), ("Co", "256"), ("colors", "256"), ("RGB", "8")];

/// Most names in one XTGETTCAP that are looked at.
const CAPABILITIES_ASKED_MAX: usize = 16;

/// Most colours in one OSC that are looked at.
const COLORS_ASKED_MAX: usize = 16;

/// A colour in red, green and blue.
pub type Rgb = (u8, u8, u8);

/// Answers in the order of their questions, waiting to be written to the program.
#[derive(Debug, Clone)]
pub struct Answers {
    bytes: Vec<u8>,
    dropped: u64,
    foreground: Rgb,
    background: Rgb,
}

impl Default for Answers {
    /// Light grey on black.
    fn default() -> Self {
        Self::new((0xd0, 0xd0, 0xd0), (0, 0, 0))
    }
}

impl Answers {
    /// For a terminal with these colours: what whoever started the task sees, if that is known.
    #[must_use]
    pub fn new(foreground: Rgb, background: Rgb) -> Self {
        Self { bytes: Vec::new(), dropped: 0, foreground, background }
    }

    /// Takes what was answered so far.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// True if nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many answers were dropped because [`ANSWERS_BYTES_MAX`] waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn say(&mut self, answer: &[u8]) {
        if self.bytes.len() + answer.len() > ANSWERS_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.bytes.extend_from_slice(answer);
    }

    /// OSC 4, 10, 11 and 12 with `?`. True if it was one of them, asked or set: setting a colour does nothing.
    pub(crate) fn colors(&mut self, string: &[u8], end: StringEnd) -> bool {
        let mut parts = string.split(|byte| *byte == b';');
        match parts.next() {
            Some(b"4") => self.palette_colors(parts, end),
            Some(b"10") => self.own_colors(10, parts, end),
            Some(b"11") => self.own_colors(11, parts, end),
            Some(b"12") => self.own_colors(12, parts, end),
            _ => return false,
        }
        true
    }

    /// Pairs of an index and `?`.
    fn palette_colors<'a>(&mut self, mut parts: impl Iterator<Item = &'a [u8]>, end: StringEnd) {
        for _ in 0..COLORS_ASKED_MAX {
            let (Some(index), Some(wish)) = (parts.next(), parts.next()) else {
                return;
            };
            let index = std::str::from_utf8(index).ok().and_then(|index| index.parse::<u8>().ok());
            if let (Some(index), b"?") = (index, wish) {
                self.say_color(&format!("4;{index}"), palette(index), end);
            }
        }
    }

    /// Each further `?` asks for the next of 10 (text), 11 (background), 12 (cursor).
    fn own_colors<'a>(
        &mut self,
        first: u16,
        parts: impl Iterator<Item = &'a [u8]>,
        end: StringEnd,
    ) {
        for (number, wish) in (first..=12).zip(parts) {
            if wish == b"?" {
                let color = if number == 11 { self.background } else { self.foreground };
                self.say_color(&number.to_string(), color, end);
            }
        }
    }

    fn say_color(&mut self, what: &str, (red, green, blue): Rgb, end: StringEnd) {
        let text = format!(
            "\x1b]{what};rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}"
        );
        self.say(&[text.as_bytes(), end.bytes()].concat());
    }

    /// XTGETTCAP: `+q` and names in hexadecimal. What is not in our list is answered without its name.
    pub(crate) fn capabilities(&mut self, string: &[u8]) {
        let Some(names) = string.strip_prefix(b"+q") else {
            return;
        };
        for asked in names.split(|byte| *byte == b';').take(CAPABILITIES_ASKED_MAX) {
            let found = CAPABILITIES
                .iter()
                .find(|(name, _)| asked.eq_ignore_ascii_case(hexadecimal(name).as_bytes()));
            match found {
                Some((name, value)) => {
                    let text =
                        format!("\x1bP1+r{}={}\x1b\\", hexadecimal(name), hexadecimal(value));
                    self.say(text.as_bytes());
                }
                None => self.say(b"\x1bP0+r\x1b\\"),
            }
        }
    }
}

impl Terminal {
    /// Answers a `CSI` that asks something. True if it was one; it then does nothing else.
    pub(crate) fn answer_csi(&self, csi: &Csi, answers: &mut Answers) -> bool {
        // What most sequences are is told at once.
        if !matches!(csi.last, b'c' | b'n' | b'p' | b'q' | b't') {
            return false;
        }
        let params = &csi.params;
        let first = params.or(0, 0);
        match (csi.prefix, csi.intermediates(), csi.last) {
            (0, [], b'c') if first == 0 => answers.say(PRIMARY_ATTRIBUTES),
            (b'>', [], b'c') if first == 0 => answers.say(SECONDARY_ATTRIBUTES),
            (b'>', [], b'q') if first == 0 => {
                let text = concat!("\x1bP>|axiom(", env!("CARGO_PKG_VERSION"), ")\x1b\\");
                answers.say(text.as_bytes());
            }
            (0, [], b'n') if first == 5 => answers.say(b"\x1b[0n"),
            (0, [], b'n') if first == 6 => {
                let (row, column) = self.told_place();
                answers.say(format!("\x1b[{row};{column}R").as_bytes());
            }
            (b'?' | 0, [b'$'], b'p') => {
                let private = csi.prefix == b'?';
                let mark = if private { "?" } else { "" };
                let told = self.told_mode(first, private);
                answers.say(format!("\x1b[{mark}{first};{told}$y").as_bytes());
            }
            (0, [], b't') if first == 14 => {
                let (height, width) = (self.size.rows(), self.size.columns());
                let height = u32::from(height) * u32::from(CELL_PIXELS.1);
                let width = u32::from(width) * u32::from(CELL_PIXELS.0);
                answers.say(format!("\x1b[4;{height};{width}t").as_bytes());
            }
            (0, [], b't') if first == 18 => {
                let (rows, columns) = (self.size.rows(), self.size.columns());
                answers.say(format!("\x1b[8;{rows};{columns}t").as_bytes());
            }
            _ => return false,
        }
        true
    }
}

/// The palette that xterm starts with: 16 colours, a cube, greys.
fn palette(index: u8) -> Rgb {
    const FIRST: [Rgb; 16] = [
        (0x00, 0x00, 0x00),
        (0xcd, 0x00, 0x00),
        (0x00, 0xcd, 0x00),
        (0xcd, 0xcd, 0x00),
        (0x00, 0x00, 0xee),
        (0xcd, 0x00, 0xcd),
        (0x00, 0xcd, 0xcd),
        (0xe5, 0xe5, 0xe5),
        (0x7f, 0x7f, 0x7f),
        (0xff, 0x00, 0x00),
        (0x00, 0xff, 0x00),
        (0xff, 0xff, 0x00),
        (0x5c, 0x5c, 0xff),
        (0xff, 0x00, 0xff),
        (0x00, 0xff, 0xff),
        (0xff, 0xff, 0xff),
    ];
    match index {
        0..16 => FIRST[usize::from(index)],
        16..232 => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests;
