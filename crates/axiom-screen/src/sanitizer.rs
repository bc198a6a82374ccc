//! A task's output made harmless for a viewer's own terminal. What may pass is a list; everything else is dropped, and what
//! passes is written anew from its meaning, never copied. So nothing makes the viewer's terminal say, store, print, load or
//! run anything, and the picture is the one that the model has.

mod sequences;
#[cfg(test)]
pub(crate) mod tests;

use unicode_width::UnicodeWidthChar;

use crate::link::{LINK_END, Link};
use crate::parser::{Actions, Csi, Parser, StringEnd};
use crate::terminal::CLUSTER_CHARACTERS_MAX;
use crate::title;
use crate::unseen::is_unseen;

/// Schemes of links that a viewer may be led to. Others may start programs on the viewer's machine.
const SCHEMES: &[&str] = &["http://", "https://", "mailto:"];

/// A stream of output on its way to a viewer. Give it all of the output in order; it may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    parser: Parser,
    marks: usize,
}

impl Sanitizer {
    /// At the beginning of output, or of a dump.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes output and appends what may be shown to `harmless`. That is never much longer, and always whole: no chunk
    /// of it ends inside a sequence or character.
    pub fn feed(&mut self, output: &[u8], harmless: &mut Vec<u8>) {
        let mut outlet = Outlet { harmless, marks: &mut self.marks };
        self.parser.advance(output, &mut outlet);
    }
}

/// Where what may pass is written.
struct Outlet<'a> {
    harmless: &'a mut Vec<u8>,
    /// Marks on the last letter: more of them than the model keeps have overrun terminals (CVE-2021-27135).
    marks: &'a mut usize,
}

impl Outlet<'_> {
    fn pass(&mut self, bytes: &[u8]) {
        self.harmless.extend_from_slice(bytes);
    }
}

impl Actions for Outlet<'_> {
    fn text(&mut self, run: &[u8]) {
        *self.marks = 0;
        self.pass(run);
    }

    fn character(&mut self, character: char) {
        if is_unseen(character) {
            return;
        }
        match character.width() {
            None => return,
            Some(0) if *self.marks + 1 >= CLUSTER_CHARACTERS_MAX => return,
            Some(0) => *self.marks += 1,
            Some(_) => *self.marks = 0,
        }
        self.pass(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn control(&mut self, byte: u8) {
        // Bell, backspace, tab, line feeds, return, shifts. Not ENQ, which asks, nor flow control.
        if matches!(byte, 0x07..=0x0f) {
            self.pass(&[byte]);
        }
    }

    fn escape(&mut self, intermediates: &[u8], last: u8) {
        self.pass_escape(intermediates, last);
    }

    fn csi(&mut self, csi: &Csi) {
        self.pass_csi(csi);
    }

    /// Titles and links. Clipboard, fonts, colours, notifications, files, folders and what is not known are dropped.
    fn osc(&mut self, string: &[u8], _end: StringEnd) {
        if let Some(text) = string.strip_prefix(b"0;").or_else(|| string.strip_prefix(b"2;")) {
            title::write_one(&title::printable(text), self.harmless);
        } else if let Some(rest) = string.strip_prefix(b"8;") {
            match Link::read(rest).filter(leads_somewhere_harmless) {
                Some(link) => link.write(self.harmless),
                None => self.pass(LINK_END),
            }
        }
    }

    /// Every DCS is dropped: requests, keys, pictures, and what multiplexers would pass on.
    fn dcs(&mut self, _string: &[u8]) {}
}

/// True if a viewer may be led there.
pub(crate) fn leads_somewhere_harmless(link: &Link) -> bool {
    let address = link.address.to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| address.starts_with(scheme))
}
