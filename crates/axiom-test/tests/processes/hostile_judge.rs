//! The list of attacks, and what may be in bytes that reach somebody's terminal. Written apart from the filters, byte by byte.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use axiom_screen::{Answers, Screen, Size};

/// Output that attacks whoever looks at it.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) number: usize,
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// All that are known.
pub(crate) fn attacks() -> Vec<Attack> {
    let list = include_str!("../../../axiom-screen/tests/hostile.tsv");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let attack = |(number, line): (usize, &'static str)| {
        let parts: Vec<&str> = line.split('\t').collect();
        let [name, source, bytes] = parts[..] else { panic!("{line:?} has not three parts") };
        Attack { number, name, source, bytes: unescaped(bytes) }
    };
    lines.enumerate().map(attack).collect()
}

pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.extend(before.bytes());
        let (kind, after) = after.split_at(1);
        let taken = match kind {
            "n" => (b'\n', 0),
            "r" => (b'\r', 0),
            "x" => (u8::from_str_radix(&after[..2], 16).unwrap(), 2),
            other => (other.as_bytes()[0], 0),
        };
        plain.push(taken.0);
        rest = &after[taken.1..];
    }
    plain.extend(rest.bytes());
    plain
}

impl Attack {
    /// Its bytes between two marks, as an argument.
    pub(crate) fn marked(&self) -> OsString {
        let (begin, end) = self.marks();
        OsString::from_vec([begin.as_bytes(), &self.bytes, end.as_bytes()].concat())
    }

    fn marks(&self) -> (String, String) {
        (format!("<{}:", self.number), format!(":{}>", self.number))
    }

    /// What came out between the marks; to the end of the line where the second one was swallowed. Nothing if the first one
    /// is not there.
    pub(crate) fn remains<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (begin, end) = self.marks();
        let (_, after) = text.rsplit_once(&begin)?;
        let end = after.find(&end).or_else(|| after.find('\n'));
        Some(&after[..end.unwrap_or(after.len())])
    }
}

/// What an exit may send of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// Text.
    Text,
    /// Text in colours, rows drawn anew, and links to the web.
    Drawing,
    /// The same with a title, and with the modes of keyboard, mouse and page: the terminal is taken, and given back.
    Painting,
}

/// What may not be in it; nothing if all is well.
pub(crate) fn offence(bytes: &[u8], own: Own) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("no UTF-8".to_owned()) };
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match (character, own) {
            ('\u{1b}', Own::Drawing | Own::Painting) => match after_sequence(after, own) {
                Ok(after) => after,
                Err(sequence) => return Some(sequence),
            },
            ('\u{7}' | '\u{18}', Own::Painting) => after,
            ('\r' | '\n' | '\t', _) => after,
            ('\u{7}' | '\u{8}' | '\u{b}' | '\u{c}' | '\u{e}' | '\u{f}', Own::Drawing) => after,
            (acts, _) if acts.is_control() || is_hidden(acts) => return Some(format!("{acts:?}")),
            _ => after,
        };
    }
    answered(bytes, own)
}

/// What a terminal would say to it. Nothing should make it say anything.
fn answered(bytes: &[u8], own: Own) -> Option<String> {
    let mut viewer = Screen::new(Size::new(80, 24).unwrap());
    let mut answers = Answers::default();
    viewer.feed(bytes, &mut answers);
    let (said, title) = (answers.take(), viewer.view().title);
    if said.is_empty() && (title.is_empty() || own == Own::Painting) {
        return None;
    }
    Some(format!(
        "a terminal answers {:?}, with the title {title:?}",
        said.escape_ascii().to_string()
    ))
}

/// What follows a sequence of a drawing, whose ESC is gone; the sequence if it is none.
fn after_sequence(sequence: &str, own: Own) -> Result<&str, String> {
    if own == Own::Painting {
        return after_painting(sequence);
    }
    let refuse = || Err(format!("ESC {:?}", sequence.chars().take(20).collect::<String>()));
    let Some((kind, rest)) = sequence.split_at_checked(1) else { return refuse() };
    match kind {
        "[" => {
            let Some(end) = rest.find(|last: char| ('@'..='~').contains(&last)) else {
                return refuse();
            };
            let (body, last) = (&rest[..end], rest.as_bytes()[end]);
            let harmless = body.bytes().all(|byte| (b' '..=b'?').contains(&byte));
            // What asks, prints, moves windows, plays keys, or copies.
            if !harmless || b"cintxyQR{|}".contains(&last) || body.contains('$') {
                return refuse();
            }
            Ok(&rest[end + 1..])
        }
        "]" => match rest.split_once("\u{1b}\\") {
            Some((link, after))
                if link == "8;;" || link.starts_with("8;") && link.contains(";http") =>
            {
                Ok(after)
            }
            _ => refuse(),
        },
        "(" | ")" | "*" | "+" | "#" => Ok(&rest[1..]),
        "7" | "8" | "=" | ">" | "D" | "E" | "H" | "M" | "N" | "O" | "n" | "o" => Ok(rest),
        _ => refuse(),
    }
}

/// The same of what a painter may write. Written apart from it, as a second opinion.
fn after_painting(sequence: &str) -> Result<&str, String> {
    let refuse = || Err(format!("ESC {:?}", sequence.chars().take(20).collect::<String>()));
    let Some((kind, rest)) = sequence.split_at_checked(1) else { return refuse() };
    match kind {
        "[" => {
            let Some(end) = rest.find(|last: char| ('@'..='~').contains(&last)) else {
                return refuse();
            };
            let (body, whole, after) = (&rest[..end], &rest[..=end], &rest[end + 1..]);
            let taking = ["22;2t", "23;2t", "?1007s", "?1007r"].contains(&whole);
            let draws = whole.ends_with(['h', 'l', 'm', 'H', 'J', 'K', 'S', 'q', 'u']);
            let plain = body.bytes().all(|byte| (b' '..=b'?').contains(&byte))
                && !body.contains(['$', '*', '&', '!', '"']);
            if taking || draws && plain { Ok(after) } else { refuse() }
        }
        "]" => match rest.split_once("\u{1b}\\") {
            Some((string, after))
                if (string.starts_with("2;") || string.starts_with("8;;"))
                    && !string.contains(char::is_control)
                    && !string.contains("file:") =>
            {
                Ok(after)
            }
            _ => refuse(),
        },
        "=" | ">" => Ok(rest),
        _ => refuse(),
    }
}

/// Characters that turn text around, take no room, or name what is not there.
fn is_hidden(character: char) -> bool {
    matches!(
        u32::from(character),
        0x61c | 0x180e | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
            | 0xfff9..=0xfffb | 0xe0000..=0xe007f
    )
}

#[test]
fn every_attack_would_be_noticed() {
    for attack in attacks() {
        // These are text, and meant for programs that are no terminals, or for those that count badly.
        let is_text = ["script for a browser", "marks beyond number"].contains(&attack.name);
        let noticed = offence(&attack.bytes, Own::Text);
        assert!(noticed.is_some() || is_text, "{}", attack.name);
    }
}
