//! A line as it is given: boxes and rules that programs draw take little room, and words take theirs.

use std::borrow::Cow;

/// How many of the same border or block are left of a long run of them.
const RUN_LEFT: usize = 3;

/// True for a text that is nothing but borders and blocks.
pub(super) fn is_frame(text: &str) -> bool {
    text.chars().all(|character| character == ' ' || is_drawn(character))
}

/// The text without its last blanks, without the right border of a box, and with short borders and blocks.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(' ');
    if !may_be_drawn(text) {
        return Cow::Borrowed(text);
    }
    let text = without_right_border(text);
    let mut short = String::with_capacity(text.len());
    let (mut last, mut run) = (' ', 0);
    for character in text.chars() {
        run = if character == last { run + 1 } else { 1 };
        last = character;
        if run <= RUN_LEFT || !is_drawn(character) {
            short.push(character);
        }
    }
    Cow::Owned(short)
}

/// A row of a box ends where its words end.
fn without_right_border(text: &str) -> &str {
    let is_side = |character: char| matches!(character, '│' | '┃' | '║');
    if text.trim_start_matches(' ').starts_with(is_side) && text.ends_with(is_side) {
        let words = text.trim_end_matches(|character| character == ' ' || is_side(character));
        // A row without words keeps its left border.
        if !words.is_empty() {
            return words;
        }
        let left = text.find(is_side).map_or(0, |at| at + '│'.len_utf8());
        return &text[..left];
    }
    text
}

/// False for most texts, quickly: what is drawn begins with one of these two bytes.
fn may_be_drawn(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(0xe2, bytes).any(|at| matches!(bytes.get(at + 1), Some(0x94..=0x96)))
}

/// Lines, corners and blocks.
fn is_drawn(character: char) -> bool {
    ('\u{2500}'..='\u{259f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_take_little_room() {
        for (drawn, given) in [
            ("╭────────────╮", "╭───╮"),
            ("│ words │ more          │", "│ words │ more"),
            ("│              │", "│"),
            ("  ┃ ┃", "  ┃"),
            ("a │ b │", "a │ b │"),
            ("----------", "----------"),
            ("██████░░░░ 50%  ", "███░░░ 50%"),
            ("wörter", "wörter"),
        ] {
            assert_eq!(shortened(drawn), given);
        }
    }
}
