//! The window's title, and the few that programs put aside. Keeps printable text only, and not much of it.

use crate::unseen::is_unseen;

/// Longest title in characters; no window shows more.
const TITLE_CHARACTERS_MAX: usize = 256;

/// Titles that can be put aside (CSI 22 t); xterm keeps ten.
const ASIDE_MAX: usize = 10;

/// A title and those put aside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Title {
    text: String,
    aside: Vec<String>,
}

/// What of a title may be shown: printable characters, up to a limit; broken UTF-8 as U+FFFD.
pub(crate) fn printable(string: &[u8]) -> String {
    String::from_utf8_lossy(string)
        .chars()
        .filter(|character| !character.is_control() && !is_unseen(*character))
        .take(TITLE_CHARACTERS_MAX)
        .collect()
}

impl Title {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn set(&mut self, string: &[u8]) {
        self.text = printable(string);
    }

    /// Puts a copy aside; the oldest falls off.
    pub(crate) fn put_aside(&mut self) {
        if self.aside.len() == ASIDE_MAX {
            self.aside.remove(0);
        }
        self.aside.push(self.text.clone());
    }

    /// Takes back the newest one that was put aside.
    pub(crate) fn take_back(&mut self) {
        if let Some(text) = self.aside.pop() {
            self.text = text;
        }
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        for text in &self.aside {
            write_one(text, bytes);
            bytes.extend_from_slice(b"\x1b[22;2t");
        }
        if !self.text.is_empty() || !self.aside.is_empty() {
            write_one(&self.text, bytes);
        }
    }
}

pub(crate) fn write_one(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"\x1b]2;");
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(b"\x1b\\");
}
