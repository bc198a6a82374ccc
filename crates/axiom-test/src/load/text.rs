//! Deterministic output: laps of a pool of lines, every line numbered, so that no two places of a stream are alike
//! and a lost, doubled or moved read changes the sum. A value: it computes and writes nothing.

use std::str::FromStr;

/// Bytes of one pool: large enough that the pattern does not favour one size of read.
const POOL_BYTES: usize = 64 * 1024;

/// Hex digits of a line's number.
const NUMBER_DIGITS: usize = 8;

/// What the output looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lines of 80 columns.
    Plain,
    /// A long coloured listing: an escape or two in each line.
    Colour,
    /// Cursor moves and colours, with little text between.
    Escape,
}

impl FromStr for Style {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "plain" => Ok(Self::Plain),
            "colour" => Ok(Self::Colour),
            "escape" => Ok(Self::Escape),
            _ => Err(()),
        }
    }
}

/// Numbers from a seed: xorshift64*, enough for text.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        // Zero would stay zero for ever.
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The endless text of a style and a seed.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pool: Vec<u8>,
    /// Where in the pool the lines' numbers stand.
    numbers: Vec<usize>,
    line: u64,
    /// The next byte of the pool.
    at: usize,
}

impl Text {
    pub(super) fn of(style: Style, seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let (mut pool, mut numbers) = (Vec::with_capacity(POOL_BYTES + 256), Vec::new());
        while pool.len() < POOL_BYTES {
            let number_at = match style {
                Style::Plain => plain(&mut pool, &mut dice),
                Style::Colour => colour(&mut pool, &mut dice),
                Style::Escape => escape(&mut pool, &mut dice),
            };
            numbers.push(number_at);
        }
        let mut text = Self { pool, numbers, line: 0, at: 0 };
        text.number_lines();
        text
    }

    /// The next bytes: at least one, at most so many.
    pub(super) fn next(&mut self, bytes_max: usize) -> &[u8] {
        if self.at == self.pool.len() {
            self.number_lines();
            self.at = 0;
        }
        let start = self.at;
        self.at = self.pool.len().min(start + bytes_max);
        &self.pool[start..self.at]
    }

    fn number_lines(&mut self) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for at in &self.numbers {
            let mut rest = self.line;
            for place in self.pool[*at..*at + NUMBER_DIGITS].iter_mut().rev() {
                *place = DIGITS[(rest % 16) as usize];
                rest /= 16;
            }
            self.line += 1;
        }
    }
}

/// So many bytes of a style in which no pool comes back: nothing repeats but what repeats in such output.
pub(crate) fn unrepeated(style: Style, bytes: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes + POOL_BYTES);
    for seed in 1.. {
        if all.len() >= bytes {
            break;
        }
        all.extend_from_slice(Text::of(style, seed).next(POOL_BYTES));
    }
    all.truncate(bytes);
    all
}

const WORDS: &[&str] = &[
    "compile", "warning", "linked", "target", "debug", "release", "module", "test", "passed",
    "checking", "fetch", "index", "cache", "worker", "output", "result", "finished", "naïve", "…",
];

fn word(dice: &mut Dice) -> &'static str {
    let at = usize::try_from(dice.below(WORDS.len() as u64)).unwrap_or(0);
    WORDS[at]
}

/// Reserves the place of a line's number.
fn number(pool: &mut Vec<u8>) -> usize {
    let at = pool.len();
    pool.extend_from_slice(&[b'0'; NUMBER_DIGITS]);
    at
}

fn plain(pool: &mut Vec<u8>, dice: &mut Dice) -> usize {
    let start = pool.len();
    let number_at = number(pool);
    loop {
        let word = word(dice);
        if pool.len() - start + word.len() + 1 > 79 {
            break;
        }
        pool.push(b' ');
        pool.extend_from_slice(word.as_bytes());
    }
    pool.resize(start + 79, b'.');
    pool.push(b'\n');
    number_at
}

fn colour(pool: &mut Vec<u8>, dice: &mut Dice) -> usize {
    let size = dice.below(10_000_000);
    let (shade, name) = (30 + dice.below(8), word(dice));
    let head = format!("-rw-r--r-- 1 user group {size:>9} Nov 21 12:{:02} ", dice.below(60));
    pool.extend_from_slice(head.as_bytes());
    pool.extend_from_slice(format!("\x1b[0m\x1b[01;{shade}m{name}-").as_bytes());
    let number_at = number(pool);
    pool.extend_from_slice(b"\x1b[0m\n");
    number_at
}

fn escape(pool: &mut Vec<u8>, dice: &mut Dice) -> usize {
    let (row, column, shade) = (1 + dice.below(24), 1 + dice.below(60), dice.below(256));
    let start = format!("\x1b[{row};{column}H\x1b[38;5;{shade}m\x1b[1m");
    pool.extend_from_slice(start.as_bytes());
    let number_at = number(pool);
    let end: &[u8] = match dice.below(4) {
        0 => b"\x1b[0m\x1b[K\r\n",
        1 => b"\x1b[7m \x1b[27m",
        2 => b"\x1b[0m\x1b[2A\x1b[4C",
        _ => b"\x1b[22m\x1b[48;2;10;20;30m.\x1b[49m",
    };
    pool.extend_from_slice(end);
    number_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(style: Style, seed: u64, read: usize, len: usize) -> Vec<u8> {
        let mut text = Text::of(style, seed);
        let mut all = Vec::new();
        while all.len() < len {
            let next = text.next(read.min(len - all.len()));
            all.extend_from_slice(next);
        }
        all
    }

    #[test]
    fn a_seed_gives_the_same_bytes_whatever_the_size_of_the_reads() {
        for style in [Style::Plain, Style::Colour, Style::Escape] {
            let whole = bytes(style, 3, usize::MAX, 200_000);
            assert_eq!(bytes(style, 3, 4096, 200_000), whole, "{style:?}");
            assert_eq!(bytes(style, 3, 1, 200_000), whole, "{style:?}");
            assert_ne!(bytes(style, 4, 4096, 200_000), whole, "{style:?}");
        }
    }

    #[test]
    fn no_line_comes_twice() {
        let text = bytes(Style::Plain, 1, 4096, 300_000);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let distinct: std::collections::BTreeSet<&[u8]> = lines.iter().copied().collect();
        assert_eq!(distinct.len(), lines.len());
        assert!(lines[0].starts_with(b"00000000 "));
    }
}
