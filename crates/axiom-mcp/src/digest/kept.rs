//! Which lines stay within so many tokens: the first ones, those that matter, the last ones. What goes between them is named
//! by its lines and its place. Holds what it shows and no more.

use std::collections::VecDeque;
use std::ops::Range;

/// The share of the first lines, and the most that lines which matter may take: a quarter each. The rest is for the last.
const QUARTER: usize = 4;

/// What the note of one cut takes.
const CUT_TOKENS: usize = 24;

/// Some lines that stay or go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) tokens: usize,
    pub(super) lines: u64,
    /// True if it says what went wrong.
    pub(super) matters: bool,
    /// Where it lies.
    pub(super) at: Range<u64>,
}

#[derive(Debug)]
enum Middle {
    Cut { lines: u64, at: Range<u64> },
    Skipped { at: Range<u64> },
    Stays(Entry),
}

/// What stays so far.
#[derive(Debug)]
pub(super) struct Kept {
    tokens_max: usize,
    first: Vec<Entry>,
    first_tokens: usize,
    /// True once one did not fit.
    first_is_full: bool,
    middle: Vec<Middle>,
    middle_tokens: usize,
    last: VecDeque<Entry>,
    last_tokens: usize,
    cut: u64,
}

impl Kept {
    pub(super) fn new(tokens_max: usize) -> Self {
        Self {
            tokens_max,
            first: Vec::new(),
            first_tokens: 0,
            first_is_full: false,
            middle: Vec::new(),
            middle_tokens: 0,
            last: VecDeque::new(),
            last_tokens: 0,
            cut: 0,
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let quarter = self.tokens_max / QUARTER;
        if !self.first_is_full && self.first_tokens + entry.tokens <= quarter {
            self.first_tokens += entry.tokens;
            self.first.push(entry);
            return;
        }
        self.first_is_full = true;
        self.last_tokens += entry.tokens;
        self.last.push_back(entry);
        self.fit();
    }

    /// Everything so far comes before what was not looked at.
    pub(super) fn skip(&mut self, at: Range<u64>) {
        self.first_is_full = true;
        while let Some(entry) = self.last.pop_front() {
            self.last_tokens -= entry.tokens;
            self.drop_or_keep(entry);
        }
        self.middle_tokens += CUT_TOKENS;
        self.middle.push(Middle::Skipped { at });
        self.fit();
    }

    /// Lets the oldest of the last lines go until there is room. One line stays, whatever it takes.
    fn fit(&mut self) {
        while self.first_tokens + self.middle_tokens + self.last_tokens > self.tokens_max
            && self.last.len() > 1
            && let Some(entry) = self.last.pop_front()
        {
            self.last_tokens -= entry.tokens;
            self.drop_or_keep(entry);
        }
    }

    fn drop_or_keep(&mut self, entry: Entry) {
        let taken = self.middle_tokens + entry.tokens + CUT_TOKENS;
        if entry.matters && taken <= self.tokens_max / QUARTER {
            self.middle_tokens += entry.tokens;
            self.middle.push(Middle::Stays(entry));
            return;
        }
        self.cut += entry.lines;
        match self.middle.last_mut() {
            Some(Middle::Cut { lines, at }) => {
                *lines += entry.lines;
                at.end = entry.at.end;
            }
            Some(Middle::Stays(_) | Middle::Skipped { .. }) | None => {
                self.middle_tokens += CUT_TOKENS;
                self.middle.push(Middle::Cut { lines: entry.lines, at: entry.at });
            }
        }
    }

    /// The text, and how many lines were cut.
    pub(super) fn into_text(self) -> (String, u64) {
        let first = self.first.into_iter().map(|entry| entry.text);
        let middle = self.middle.into_iter().map(|part| match part {
            Middle::Stays(entry) => entry.text,
            Middle::Cut { lines, at } => {
                format!(
                    "[axiom: {lines} lines cut here, from cursor 1:{} to 1:{}]",
                    at.start, at.end
                )
            }
            Middle::Skipped { at } => {
                format!("[axiom: too much to look at, from cursor 1:{} to 1:{}]", at.start, at.end)
            }
        });
        let last = self.last.into_iter().map(|entry| entry.text);
        let texts: Vec<String> = first.chain(middle).chain(last).collect();
        (texts.join("\n"), self.cut)
    }
}
