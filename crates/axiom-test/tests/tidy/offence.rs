//! What a rule found: a place and a sentence.

use std::fmt;

/// One broken rule at one place. Line 0 means the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) sentence: String,
}

impl Offence {
    /// An offence on a line, counted from 1.
    pub(crate) fn at(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, sentence: sentence.into() }
    }

    /// An offence of the whole file.
    pub(crate) fn of(path: &str, sentence: impl Into<String>) -> Self {
        Self::at(path, 0, sentence)
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.sentence),
            line => write!(f, "{}:{line}: {}", self.path, self.sentence),
        }
    }
}
