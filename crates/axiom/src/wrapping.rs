//! Our own words on a narrow terminal: rows end between words, whatever the width. Pure; the caller knows the columns.
//! A word that is wider than a row stands in a row of its own, and the terminal breaks it.

use unicode_width::UnicodeWidthStr;

/// Narrower terminals are written to as if they had so many columns.
pub(crate) const COLUMNS_MIN: usize = 20;

/// What stands between figures. It never ends a row.
const DOT: &str = "·";

/// The rows of a text: of so many columns, the first one of as many less as are used already.
#[must_use]
pub(crate) fn rows(text: &str, columns: usize, used: usize) -> Vec<String> {
    let columns = columns.max(1);
    if used + text.width() <= columns {
        return vec![text.to_owned()];
    }
    let indent = &text[..text.len() - text.trim_start().len()];
    let (mut rows, mut row, mut empty) = (Vec::new(), indent.to_owned(), true);
    let mut room = columns.saturating_sub(used);
    for word in words(text) {
        let needed = row.width() + usize::from(!empty) + word.width();
        // A row of its own is the most that a word can have.
        let may_leave = !empty || (rows.is_empty() && used > 0);
        if needed > room && may_leave {
            rows.push(row.trim_end().to_owned());
            (row, room, empty) = (indent.to_owned(), columns, true);
        }
        if !empty {
            row.push(' ');
        }
        row.push_str(&word);
        empty = false;
    }
    rows.push(row);
    rows
}

/// The words, each dot with the one after it, and each number of seconds with its unit.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_unit = word.trim_end_matches([',', ':', ';', '.']) == "s";
        let belongs = |last: &&mut String| {
            last.as_str() == DOT || (is_unit && last.ends_with(|c: char| c.is_ascii_digit()))
        };
        match words.last_mut().filter(belongs) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
    }
    words
}

/// A page of help in so many columns. A line that is too wide and has two columns of its own gets the second one below.
#[must_use]
pub(crate) fn page(text: &str, columns: usize) -> String {
    let columns = columns.max(COLUMNS_MIN);
    let mut page = String::with_capacity(text.len());
    for line in text.lines() {
        for row in narrowed(line, columns) {
            page.push_str(&row);
            page.push('\n');
        }
    }
    page
}

fn narrowed(line: &str, columns: usize) -> Vec<String> {
    if line.width() <= columns {
        return vec![line.to_owned()];
    }
    let indent = line.len() - line.trim_start().len();
    let Some(gap) = line[indent..].find("  ").filter(|_| indent < 10) else {
        return rows(line, columns, 0);
    };
    let (left, right) = line.split_at(indent + gap);
    let mut both = rows(left, columns, 0);
    let below = " ".repeat(indent + 4);
    for part in right.split("  ").map(str::trim).filter(|part| !part.is_empty()) {
        both.extend(rows(&format!("{below}{part}"), columns, 0));
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_between_words_at_any_width_and_hold_every_word() {
        let text = "6 tasks in 7.0 s: 4 completed, 1 failed · 214 lines, 4.1k · 1 intervention";
        for columns in 14..100 {
            for used in [0, 5, 12] {
                let rows = rows(text, columns, used);
                assert_eq!(rows.join(" ").trim(), text, "{columns} {used}");
                for (number, row) in rows.iter().enumerate() {
                    let used = if number == 0 { used } else { 0 };
                    assert!(used + row.width() <= columns, "{columns} {used}: {rows:?}");
                    assert!(!row.ends_with(DOT) && !row.ends_with("7.0"), "{columns}: {rows:?}");
                }
            }
        }
    }

    #[test]
    fn a_word_that_is_too_wide_has_a_row_of_its_own_and_an_indent_stays() {
        assert_eq!(rows("see /a/very/long/path now", 10, 0), ["see", "/a/very/long/path", "now"]);
        assert_eq!(rows("  one two three", 9, 0), ["  one two", "  three"]);
        assert_eq!(rows("word", 4, 2), ["", "word"]);
        assert_eq!(rows("", 4, 4), [""]);
    }

    #[test]
    fn a_page_that_fits_is_as_it_was_and_a_narrow_one_has_its_second_column_below() {
        let text = "Start\n  run [-n NAME] -- CMD…      in the foreground\n";
        assert_eq!(page(text, 80), text);
        assert_eq!(
            page(text, 22),
            "Start\n  run [-n NAME] --\n  CMD…\n      in the\n      foreground\n"
        );
        for columns in 20..110 {
            let page = page(crate::arguments::OVERVIEW, columns);
            let wide =
                page.lines().filter(|line| line.width() > columns && line.trim().contains(' '));
            assert_eq!(wide.collect::<Vec<_>>(), Vec::<&str>::new(), "{columns}");
        }
    }
}
