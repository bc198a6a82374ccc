//! Which sequences a terminal sends by itself, and which are keys. By xterm's list, and those of kitty and iTerm2.

use crate::sequence::Sequence;

/// Most of what xterm adds up for the modifiers of a key: shift, alt, control, meta, and one for none.
const MODIFIERS_MAX: u32 = 16;

/// A string's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Osc,
    Dcs,
    Apc,
}

impl Kind {
    /// True if a report may begin with this content. What may not is typed at once: Alt with the key of the introducer.
    pub(super) fn may_begin(self, content: &[u8]) -> bool {
        match self {
            Self::Osc => match content {
                // Titles.
                [b'l' | b'L', ..] => true,
                _ => {
                    let number = content.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    number <= 4
                        && (number == content.len() || number > 0 && content[number] == b';')
                }
            },
            Self::Dcs => {
                let rest = after_numbers(content);
                rest.first().is_none_or(|byte| b"!$+>@".contains(byte))
            }
            Self::Apc => content.first().is_none_or(|byte| *byte == b'G'),
        }
    }
}

/// True for a `CSI` that the terminal says by itself, by what follows the introducer.
pub(super) fn is_report_csi(body: &[u8]) -> bool {
    let sequence = Sequence::read(body);
    match (sequence.prefix, sequence.intermediates.as_slice(), sequence.last) {
        // DA1, DA2, DA3.
        (b'?' | b'>' | b'=', [], b'c') => true,
        // DSR, and the private ones.
        (0, [], b'n') => sequence.len() > 0,
        (b'?', [], b'n' | b'R' | b'S' | b'u') => true,
        // CPR, where it cannot be F3 with shift, alt or control.
        (0, [], b'R') => is_place(&sequence),
        // DECRPM.
        (0 | b'?', [b'$'], b'y') => true,
        // Window, sizes; DECREPTPARM.
        (0, [], b't' | b'x') => sequence.len() > 0,
        // Keys' modifiers and formats, as they are set; several cursors.
        (b'>', [], b'm' | b'q') | (b'?', [], b'g' | b'm') | (b'>', [b' '], b'q') => true,
        (_, [b'*'], b'q') => true,
        _ => false,
    }
}

fn is_place(sequence: &Sequence) -> bool {
    let f3 = sequence.number(0) == 1 && (2..=MODIFIERS_MAX).contains(&sequence.number(1));
    sequence.len() == 2 && !sequence.params.contains(&b':') && !f3
}

/// True if this whole content of a string is a report.
pub(super) fn is_report_string(kind: Kind, content: &[u8]) -> bool {
    let begun = match kind {
        Kind::Osc => content.contains(&b';') || matches!(content, [b'l' | b'L', ..]),
        Kind::Dcs => after_numbers(content).len() > 1,
        Kind::Apc => content.len() > 1,
    };
    begun && kind.may_begin(content)
}

/// True if what is held is the beginning of a report, and of no key that anybody has.
pub(super) fn begins_report(held: &[u8]) -> bool {
    match held {
        [0x1b, b'[', prefix, ..] => b"?>=".contains(prefix),
        [0x1b, b']', content @ ..] => {
            content.first().is_some_and(u8::is_ascii_digit) && content.contains(&b';')
        }
        [0x1b, b'P', content @ ..] => after_numbers(content).len() > 1,
        [0x1b, b'_', content @ ..] => content.len() > 2,
        _ => false,
    }
}

fn after_numbers(content: &[u8]) -> &[u8] {
    let numbers = content.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    &content[numbers..]
}
