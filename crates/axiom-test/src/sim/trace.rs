//! What happened, as a hash over all of it and the newest lines of it. Lines are made of words only when asked for.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// Lines kept to be printed with a failure.
const LINES_MAX: usize = 40;

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
struct Line {
    at: u64,
    what: &'static str,
    site: usize,
    numbers: [u64; 2],
}

/// Everything that happened.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    steps: u64,
    counts: BTreeMap<&'static str, u64>,
    lines: VecDeque<Line>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        // The offset basis of FNV-1a.
        let hash = 0xcbf2_9ce4_8422_2325;
        Self { hash, steps: 0, counts: BTreeMap::new(), lines: VecDeque::new() }
    }

    pub(crate) fn note(&mut self, at: u64, what: &'static str, site: usize, numbers: [u64; 2]) {
        self.mix(at);
        what.bytes().for_each(|byte| self.mix(u64::from(byte)));
        self.mix(site as u64);
        numbers.into_iter().for_each(|number| self.mix(number));
        self.steps += 1;
        *self.counts.entry(what).or_default() += 1;
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { at, what, site, numbers });
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn into_counts(self) -> BTreeMap<&'static str, u64> {
        self.counts
    }

    pub(crate) fn newest(&self) -> String {
        let mut text = String::new();
        for Line { at, what, site, numbers: [first, second] } in &self.lines {
            writeln!(text, "  {at:>11} us  session {site}  {what} {first} {second}")
                .expect("a string takes every line");
        }
        text
    }
}
