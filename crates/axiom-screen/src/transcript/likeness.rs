//! What two texts have in common: whether they are the same, or the same but for a counter, a spinner or a bar, or whether one is
//! the other grown longer. Numbers stand for texts, so that a long memory of them is small.

/// A text, as far as comparing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likeness {
    /// The hash of the whole text.
    pub(super) whole: u64,
    /// The hash of what is left without what only moves.
    pub(super) still: u64,
    /// Bytes of that.
    pub(super) still_len: u32,
}

/// How a text came out of another one at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Only a counter, a spinner, a bar moved.
    Moved,
    /// It was gone on with.
    Grown,
    /// It is another one.
    Replaced,
}

impl Likeness {
    pub(super) fn of(text: &str, still: &mut String) -> Self {
        write_still(text, still);
        Self { whole: hash(text.as_bytes()), still: hash(still.as_bytes()), still_len: len(still) }
    }

    /// How a text, of which `still` is what is left, came out of this one.
    pub(super) fn change_to(&self, new: &Self, still: &str) -> Change {
        if self.still == new.still {
            return Change::Moved;
        }
        let before = still.as_bytes().get(..self.still_len as usize);
        match before {
            Some(before) if self.still_len > 0 && hash(before) == self.still => Change::Grown,
            Some(_) | None => Change::Replaced,
        }
    }
}

fn len(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// True for a text by which a place can be told: not a lone bracket or border.
pub(super) fn is_telling(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphanumeric()).take(4).count() == 4
}

/// Units that may stand behind a number and a blank.
const UNITS: &[&str] =
    &["B", "kB", "KB", "MB", "GB", "KiB", "MiB", "GiB", "k", "s", "ms", "m", "h", "min", "sec"];

/// Longest unit right behind a number.
const UNIT_BYTES_MAX: usize = 3;

/// Writes what is left of a text without blanks, bars and spinners, with one `0` for numbers with their units.
fn write_still(text: &str, still: &mut String) {
    still.clear();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character.is_ascii_digit() {
            rest = after_number(rest);
            if !still.ends_with('0') {
                still.push('0');
            }
            continue;
        }
        rest = &rest[character.len_utf8()..];
        if !moves(character) {
            still.push(character);
        }
    }
}

/// What follows a number and its unit.
fn after_number(text: &str) -> &str {
    let is_number = |byte: &u8| byte.is_ascii_digit() || b".,:".contains(byte);
    let number = text.bytes().take_while(|byte| is_number(byte)).count();
    let text = &text[number..];
    if let Some(rest) = text.strip_prefix('%') {
        return rest;
    }
    let spaced = text.strip_prefix(' ');
    let word = spaced.unwrap_or(text);
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let unit = &word[..letters];
    let is_unit = if spaced.is_some() {
        UNITS.contains(&unit)
    } else {
        (1..=UNIT_BYTES_MAX).contains(&letters)
    };
    if is_unit { &word[letters..] } else { text }
}

/// True for what spinners and bars are made of.
fn moves(character: char) -> bool {
    matches!(
        character,
        ' ' | '.' | '-' | '=' | '#' | '>' | '*' | '~' | '_' | '|' | '/' | '\\' | '…' | '·' | '•'
        | '\u{2500}'..='\u{259f}' // box drawing and blocks
        | '\u{2800}'..='\u{28ff}' // braille
        | '✢' | '✳' | '✶' | '✻' | '✽' | '∗' | '●' | '○' | '◌' | '◉' | '◎' | '◍'
        | '◐'..='◓' | '◜'..='◟' | '◢'..='◥' | '◴'..='◷' | '◰'..='◳'
    )
}

/// A hash that is the same on every machine: it is kept in journals.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = FACTOR ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    for byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(FACTOR);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: &str, new: &str) -> Change {
        let mut still = String::new();
        let old = Likeness::of(old, &mut still);
        let new = Likeness::of(new, &mut still);
        old.change_to(&new, &still)
    }

    #[test]
    fn counters_spinners_and_bars_only_move() {
        for (old, new) in [
            ("⠋ Working (59s)", "⠙ Working (1m 2s)"),
            ("[=>      ]  5% 1.2 MB/s", "[=======>] 97% 980 kB/s"),
            ("████░░░░ 1,024 of 4,096", "██████░░ 3,000 of 4,096"),
            ("| building", "/ building"),
            ("✻ Thinking… (3s · ↑ 10 tokens)", "✽ Thinking… (12s · ↑ 1.2k tokens)"),
        ] {
            assert_eq!(change(old, new), Change::Moved, "{old} {new}");
        }
    }

    #[test]
    fn what_goes_on_has_grown_and_what_differs_is_another() {
        assert_eq!(change("$ git st", "$ git status"), Change::Grown);
        assert_eq!(change("Name: ", "Name: Ada"), Change::Grown);
        assert_eq!(change("compiling a", "compiling b"), Change::Replaced);
        assert_eq!(change("⠋ Installing", "✔ Installing"), Change::Replaced);
        assert_eq!(change("", "text"), Change::Replaced, "nothing is the beginning of nothing");
    }

    #[test]
    fn a_hash_is_the_same_for_ever() {
        assert_eq!(hash(b""), 0xab16_9ebd_5d0c_32dc, "{:#x}", hash(b""));
        assert_eq!(
            hash(b"a line of text"),
            0xa76e_6b44_b0c5_53db,
            "{:#x}",
            hash(b"a line of text")
        );
    }
}
