//! Which sequences ask the terminal something. By xterm's list, and those of kitty, iTerm2, rxvt and mintty.

use super::Kind;
use crate::sequence::Sequence;

/// Whether a string asks. Of one that goes on: whether it does by what has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Yes,
    No,
    /// Not yet. At the string's end: no.
    Unknown,
}

/// `OSC` numbers after which stands text for people, in which a question mark means nothing: titles, folders, links,
/// notifications, a shell's marks.
const OSC_TEXTS: &[&[u8]] =
    &[b"0", b"1", b"2", b"6", b"7", b"8", b"9", b"133", b"633", b"697", b"777"];

/// What iTerm2's own strings begin with if they want something back.
const ITERM_QUESTIONS: &[&[u8]] = &[b"Report", b"Request", b"Capabilities"];

/// True for a `CSI` that asks, by what follows the introducer.
pub(super) fn asks_by_csi(body: &[u8]) -> bool {
    let sequence = Sequence::read(body);
    let first = sequence.number(0);
    match (sequence.prefix, sequence.intermediates.as_slice(), sequence.last) {
        // DA1, DA2, DA3. With `?` it is the Linux console's cursor.
        (0 | b'>' | b'=', [], b'c') => true,
        // DSR, CPR and their private kin. With `>` it sets something.
        (0 | b'?', [], b'n') => true,
        // DECRQM.
        (_, [b'$'], b'p') => true,
        // DECSR is answered.
        (_, [b'+'], b'p') => true,
        // XTVERSION, and kitty's several cursors.
        (b'>', [], b'q') => true,
        (b'>', [b' '], b'q') => sequence.len() == 0 || (100..=101).contains(&first),
        // Window, size and title reports.
        (0, [], b't') => (11..=21).contains(&first),
        // Kitty's keyboard; preferred sets, presentation, key types.
        (b'?', [], b'u') => true,
        (_, [b'&' | b'$' | b','], b'u') => true,
        (_, [b'"'], b'v') => true,
        (_, [b'$'], b'w') => true,
        // DECREQTPARM, and memory of keys.
        (0, [], b'x') | (_, [b'+'], b'x') => true,
        // Checksums.
        (_, [b'*'], b'y') => true,
        // Locator; graphics; looks and colours; keys' modifiers.
        (_, [b'\''], b'|') | (b'?', [], b'S') | (_, [b'#'], b'R' | b'|') => true,
        (b'?', [], b'm' | b'g') => true,
        _ => false,
    }
}

/// Whether a string asks, by its content so far.
pub(super) fn asks_by_string(kind: Kind, content: &[u8]) -> Asks {
    match kind {
        Kind::Osc => asks_by_osc(content),
        Kind::Dcs => asks_by_dcs(content),
        Kind::Apc => asks_by_apc(content),
        Kind::Other => Asks::No,
    }
}

fn asks_by_osc(content: &[u8]) -> Asks {
    let (number, rest) = split(content, b';');
    match (number, rest) {
        (b"60" | b"61", _) => Asks::Yes,
        (_, None) => Asks::Unknown,
        (number, _) if OSC_TEXTS.contains(&number) => Asks::No,
        (b"52", Some(rest)) => match split(rest, b';').1 {
            Some([b'?', ..]) => Asks::Yes,
            Some([_, ..]) => Asks::No,
            Some([]) | None => Asks::Unknown,
        },
        (b"1337", Some(rest)) => {
            yes_if(ITERM_QUESTIONS.iter().any(|question| rest.starts_with(question)))
        }
        (b"99", Some(rest)) => by_metadata(rest, b"p=?"),
        (b"5522", Some(rest)) => by_metadata(rest, b"type=read"),
        (_, Some(rest)) => {
            let is_question = |field: &[u8]| field.starts_with(b"?") || field.ends_with(b"=?");
            if rest.split(|byte| *byte == b';').any(is_question) {
                Asks::Yes
            } else {
                Asks::Unknown
            }
        }
    }
}

/// Settled by pairs that stand before the text.
fn by_metadata(rest: &[u8], question: &[u8]) -> Asks {
    let (metadata, text) = split(rest, b';');
    if metadata.split(|byte| *byte == b':').any(|pair| pair == question) {
        Asks::Yes
    } else if text.is_some() {
        Asks::No
    } else {
        Asks::Unknown
    }
}

fn asks_by_dcs(content: &[u8]) -> Asks {
    let begin = content.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';');
    match begin.map(|begin| &content[begin..]) {
        None | Some([b'$' | b'+']) => Asks::Unknown,
        // DECRQSS, XTGETTCAP, XTGETXRES, and kitty's remote control, which answers.
        Some([b'$', b'q', ..] | [b'+', b'q' | b'Q', ..] | [b'@', ..]) => Asks::Yes,
        Some(_) => Asks::No,
    }
}

/// Kitty's pictures: whether the terminal can show one.
fn asks_by_apc(content: &[u8]) -> Asks {
    match content.strip_prefix(b"G") {
        None if content.is_empty() => Asks::Unknown,
        None => Asks::No,
        Some(rest) => {
            let (control, data) = split(rest, b';');
            if control.split(|byte| *byte == b',').any(|pair| pair == b"a=q") {
                Asks::Yes
            } else if data.is_some() {
                Asks::No
            } else {
                Asks::Unknown
            }
        }
    }
}

fn yes_if(asks: bool) -> Asks {
    if asks { Asks::Yes } else { Asks::No }
}

/// What stands before the separator, and what after it.
fn split(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == separator) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}
