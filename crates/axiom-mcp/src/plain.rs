//! A task's line as it may stand in an answer: no control, nothing invisible, never one that looks like a line of ours,
//! and not longer than a person would read.

/// Characters of a line that are shown; of a longer one its beginning and its end.
const LINE_CHARS_MAX: usize = 400;

/// Of a longer line: so many from its end.
const END_CHARS: usize = 100;

/// Bytes of an unfinished line that are held before its middle is let go.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// What lines of ours begin with.
const OURS: &str = "[axiom";

/// A line as it grows, clipped in the middle.
#[derive(Debug, Default)]
pub(crate) struct Clipped {
    text: String,
    /// Once it was too long: what its beginning was.
    beginning: Option<String>,
    /// Characters that were let go.
    gone: usize,
}

impl Clipped {
    pub(crate) fn push(&mut self, part: &str) {
        self.text.push_str(part);
        if self.text.len() <= HELD_BYTES_MAX {
            return;
        }
        let beginning = LINE_CHARS_MAX - END_CHARS;
        if self.beginning.is_none() {
            let cut = place(&self.text, beginning);
            self.beginning = Some(self.text[..cut].to_owned());
            self.text.drain(..cut);
        }
        let count = self.text.chars().count();
        let gone = count.saturating_sub(LINE_CHARS_MAX);
        let cut = place(&self.text, gone);
        self.text.drain(..cut);
        self.gone += gone;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.beginning.is_none()
    }

    /// The line, as long as it may be.
    pub(crate) fn into_line(self) -> String {
        let Self { text, beginning, gone } = self;
        let chars = text.chars().count();
        let (beginning, rest) = match beginning {
            Some(beginning) => (beginning, text),
            None if chars <= LINE_CHARS_MAX => return text,
            None => {
                let cut = place(&text, LINE_CHARS_MAX - END_CHARS);
                (text[..cut].to_owned(), text[cut..].to_owned())
            }
        };
        let more = rest.chars().count().saturating_sub(END_CHARS);
        let end = &rest[place(&rest, more)..];
        format!("{beginning}[… {} characters cut …]{end}", gone + more)
    }
}

/// The byte at which the character of this number begins.
fn place(text: &str, number: usize) -> usize {
    text.char_indices().nth(number).map_or(text.len(), |(at, _)| at)
}

/// The line as it may be shown.
pub(crate) fn plain(line: &str) -> String {
    let line = line.trim_end();
    let clean: String = line
        .chars()
        .map(|character| if is_hidden(character) { '\u{fffd}' } else { character })
        .collect();
    if clean.trim_start().starts_with(OURS) { format!("\\{clean}") } else { clean }
}

/// Characters that change how a line looks or reads without being seen. Tabs are not among them.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Marks of direction, joiners, and what else takes no room.
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // Letters that nobody sees: a text could speak to a model alone.
        | '\u{e0000}'..='\u{e0fff}')
}

/// One short line: for progress, names and lists. Longer ones end in `…`.
pub(crate) fn brief(text: &str, chars_max: usize) -> String {
    let line = plain(text.trim());
    if line.chars().count() <= chars_max {
        return line;
    }
    let cut = place(&line, chars_max.saturating_sub(1));
    format!("{}…", &line[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_what_nobody_sees_are_shown_as_such() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c\u{e0041}"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(plain("tab\tstays ä 漢 │ 🙂  "), "tab\tstays ä 漢 │ 🙂");
    }

    #[test]
    fn a_brief_line_has_its_bound() {
        assert_eq!(brief("  short  ", 10), "short");
        assert_eq!(brief("0123456789", 5), "0123…");
    }

    #[test]
    fn a_long_line_keeps_both_its_ends_however_it_comes() {
        let long = format!("begin{}end", "x".repeat(50_000));
        let mut at_once = Clipped::default();
        at_once.push(&long);
        let at_once = at_once.into_line();
        let mut parted = Clipped::default();
        for part in long.as_bytes().chunks(97) {
            parted.push(std::str::from_utf8(part).unwrap());
        }
        assert_eq!(parted.into_line(), at_once);
        assert!(at_once.starts_with("begin") && at_once.ends_with("end"));
        assert!(at_once.contains(&format!("[… {} characters cut …]", 50_008 - LINE_CHARS_MAX)));
    }
}
