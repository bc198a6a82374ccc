//! How many tokens a text takes, by an estimate: words, numbers, marks and blanks each have a price, fitted to the vocabulary
//! `o200k` on build logs, listings, code, tables and prose. A quarter is added, because others' vocabularies cut finer.

/// Hundredths of a token.
type Price = usize;

/// A word: those of up to seven letters are one token mostly, longer ones cost by the letter.
const WORD: Price = 100;
const WORD_LETTERS: usize = 7;
const LETTER_BEYOND: Price = 22;

/// Up to three digits.
const DIGITS: Price = 100;
const DIGITS_AT_ONCE: usize = 3;

/// An end of a line often goes with what stands before it.
const LINE_END: Price = 60;

/// One blank belongs to the word behind it; several are a token of their own.
const BLANKS: Price = 80;

/// A mark of punctuation, one right behind it, and a row of the same one.
const MARK: Price = 70;
const MARK_BEHIND: Price = 40;
const MARKS: Price = 100;
const MARKS_AT_ONCE: usize = 8;

/// Letters of other alphabets, and all else.
const FOREIGN_LETTER: Price = 55;
const FOREIGN_WORD: Price = 20;
const SYMBOL: Price = 150;
const SYMBOLS_AT_ONCE: usize = 4;

/// Four quarters are the fit, one is the margin.
const QUARTERS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    LineEnd,
    Blank,
    Mark,
    ForeignLetter,
    Symbol,
}

fn kind_of(character: char) -> Kind {
    match character {
        'a'..='z' | 'A'..='Z' => Kind::Letter,
        '0'..='9' => Kind::Digit,
        '\n' => Kind::LineEnd,
        ' ' | '\t' | '\r' => Kind::Blank,
        _ if character.is_ascii() => Kind::Mark,
        _ if character.is_alphabetic() => Kind::ForeignLetter,
        _ => Kind::Symbol,
    }
}

/// About how many tokens `text` takes; rather too many than too few.
pub(crate) fn estimate(text: &str) -> usize {
    let mut price = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = kind_of(first);
        let len = rest.find(|next| kind_of(next) != kind).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(len);
        price += price_of(kind, run);
        rest = behind;
    }
    (price * QUARTERS).div_ceil(4 * 100)
}

fn price_of(kind: Kind, run: &str) -> Price {
    match kind {
        Kind::Letter => words(run),
        Kind::Digit => DIGITS * run.len().div_ceil(DIGITS_AT_ONCE),
        Kind::LineEnd => LINE_END * run.len(),
        Kind::Blank if run.len() == 1 => 0,
        Kind::Blank => BLANKS,
        Kind::Mark => rows(run, [MARK, MARK_BEHIND, MARKS], MARKS_AT_ONCE),
        Kind::ForeignLetter => FOREIGN_WORD + FOREIGN_LETTER * run.chars().count(),
        Kind::Symbol => rows(run, [SYMBOL; 3], SYMBOLS_AT_ONCE),
    }
}

/// Letters, cut where a capital begins a word: `readOnlyHint` is three.
fn words(run: &str) -> Price {
    let bytes = run.as_bytes();
    let mut price = 0;
    let mut start = 0;
    for at in 1..=bytes.len() {
        let ends = bytes
            .get(at)
            .is_none_or(|byte| byte.is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase());
        if ends {
            price += WORD + (at - start).saturating_sub(WORD_LETTERS) * LETTER_BEYOND;
            start = at;
        }
    }
    price
}

/// Characters one by one, but rows of the same one together.
fn rows(run: &str, [one, behind, row]: [Price; 3], at_once: usize) -> Price {
    let mut price = 0;
    let mut rest = run;
    while let Some(first) = rest.chars().next() {
        let len = rest.find(|next| next != first).unwrap_or(rest.len());
        let count = rest[..len].chars().count();
        let single = if rest.len() == run.len() { one } else { behind };
        price += if count == 1 { single } else { row * count.div_ceil(at_once) };
        rest = &rest[len..];
    }
    price
}

#[cfg(test)]
mod counted;

#[cfg(test)]
mod tests {
    use super::counted::COUNTED;
    use super::*;

    #[test]
    fn the_estimate_lies_between_nine_tenths_and_twice_of_what_is_counted() {
        for (text, counted) in COUNTED {
            let estimated = estimate(text);
            let (least, most) = (counted * 9 / 10, counted * 2);
            assert!(
                (least..=most).contains(&estimated),
                "{estimated} for {counted} tokens of {text:?}"
            );
        }
    }

    #[test]
    fn more_text_is_never_fewer_tokens() {
        for (text, _) in COUNTED {
            let mut last = 0;
            for (at, _) in text.char_indices() {
                let now = estimate(&text[..at]);
                assert!(now + 1 >= last, "{:?}", &text[..at]);
                last = now;
            }
        }
    }

    #[test]
    fn nothing_takes_nothing() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate(" "), 0);
    }
}
