//! Output made short: repeated lines are folded with their count, lines that say what went wrong and the last lines stay, the
//! middle is cut and its place is named. Takes any amount of text, holds little. Pure, and the same for any splitting.

mod errors;
mod kept;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use crate::plain::{Clipped, plain};
use crate::tokens::estimate;
use errors::says_error;
use kept::{Entry, Kept};

/// Lines behind one that says what went wrong which belong to it: compilers say where.
const ERROR_LINES_BEHIND: u32 = 2;

/// Which lines are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folding {
    /// Those that are the same: nothing is lost.
    Same,
    /// Those too that differ in numbers and rows of marks only, as progress does; the first and the last are shown.
    Alike,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Digested {
    /// The text, without a newline at its end.
    pub(crate) text: String,
    /// Lines that there were.
    pub(crate) lines: u64,
    /// Those of them that say that something went wrong.
    pub(crate) errors: u64,
    /// Those that are not in the text.
    pub(crate) cut: u64,
}

/// A line that the next one may repeat.
#[derive(Debug)]
struct Held {
    first: String,
    last: String,
    shape: u64,
    count: u64,
    all_same: bool,
    is_error: bool,
    matters: bool,
    at: Range<u64>,
}

/// Text as it comes.
#[derive(Debug)]
pub(crate) struct Digest {
    folding: Folding,
    open: Clipped,
    open_from: Option<u64>,
    held: Option<Held>,
    kept: Kept,
    lines: u64,
    errors: u64,
    /// Lines to come that belong to one that says what went wrong.
    error_lines_left: u32,
}

impl Digest {
    /// One that gives about so many tokens at most.
    pub(crate) fn new(tokens_max: usize, folding: Folding) -> Self {
        Self {
            folding,
            open: Clipped::default(),
            open_from: None,
            held: None,
            kept: Kept::new(tokens_max),
            lines: 0,
            errors: 0,
            error_lines_left: 0,
        }
    }

    /// Takes the next text, which lies at these offsets.
    pub(crate) fn push(&mut self, text: &str, at: Range<u64>) {
        let mut parts = text.split('\n');
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            self.open.push(part);
            self.end_line(&at);
            part = next;
        }
        if !part.is_empty() {
            self.open.push(part);
            self.open_from.get_or_insert(at.start);
        }
    }

    /// Says that what lies at these offsets was not looked at.
    pub(crate) fn skip(&mut self, at: Range<u64>) {
        if !self.open.is_empty() {
            self.end_line(&at);
        }
        self.let_go();
        self.kept.skip(at);
    }

    /// Says that no more will come.
    pub(crate) fn finish(mut self, end: u64) -> Digested {
        if !self.open.is_empty() {
            self.end_line(&(end..end));
        }
        self.let_go();
        let (text, cut) = self.kept.into_text();
        Digested { text, lines: self.lines, errors: self.errors, cut }
    }

    fn end_line(&mut self, at: &Range<u64>) {
        let from = self.open_from.take().unwrap_or(at.start);
        let line = plain(&std::mem::take(&mut self.open).into_line());
        self.lines += 1;
        let is_error = says_error(&line);
        self.errors += u64::from(is_error);
        let matters = is_error || self.error_lines_left > 0;
        self.error_lines_left =
            if is_error { ERROR_LINES_BEHIND } else { self.error_lines_left.saturating_sub(1) };
        let shape = shape_of(&line);
        if let Some(held) = &mut self.held {
            let same = held.last == line;
            let alike = self.folding == Folding::Alike && held.shape == shape && !held.is_error;
            if same || (alike && !is_error) {
                held.all_same &= same;
                held.count += 1;
                held.last = line;
                held.at.end = at.end;
                return;
            }
        }
        self.let_go();
        self.held = Some(Held {
            last: line.clone(),
            first: line,
            shape,
            count: 1,
            all_same: true,
            is_error,
            matters,
            at: from..at.end,
        });
    }

    /// The held line will not be repeated any more.
    fn let_go(&mut self) {
        let Some(held) = self.held.take() else { return };
        let Held { first, last, count, all_same, matters, at, .. } = held;
        let text = match count {
            1 => first,
            // Empty lines say nothing, however many they are.
            _ if first.is_empty() && all_same => first,
            2 => format!("{first}\n{last}"),
            _ if all_same => format!("{first}\n[axiom: the same {} times more]", count - 1),
            _ => format!("{first}\n[axiom: {} more like it, the last:]\n{last}", count - 1),
        };
        let tokens = estimate(&text) + 1;
        self.kept.push(Entry { text, tokens, lines: count, matters, at });
    }
}

/// The same for lines that differ in numbers and in rows of one mark only.
fn shape_of(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut last = None;
    for character in line.chars() {
        let sign = if character.is_ascii_digit() { '0' } else { character };
        let repeats = last == Some(sign) && !sign.is_alphabetic();
        if !repeats {
            sign.hash(&mut hasher);
        }
        last = Some(sign);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
