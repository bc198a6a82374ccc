//! Columns of text for people, as wide as they need to be. Pure: the caller brings the terminal's width.

use crate::wrapping::{COLUMNS_MIN, rows as wrapped};

/// As much of the last column is recognised; with less room, rows are not aligned.
const LAST_MIN: usize = 8;

/// Between columns.
const GAP: &str = "  ";

/// Lays out rows under headings. The last column is cut to the width, where there is one.
#[must_use]
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: &[[String; N]],
    width: Option<u16>,
) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    if let Some(narrow) = width.map(usize::from).filter(|width| !has_room(&widths, *width)) {
        return paragraphs(rows, narrow.max(COLUMNS_MIN));
    }
    let before_last: usize = widths[..N - 1].iter().map(|width| width + GAP.len()).sum();
    let last_max = width.map_or(usize::MAX, |width| usize::from(width).saturating_sub(before_last));
    let mut text = String::new();
    let headings = headings.map(str::to_owned);
    for row in std::iter::once(&headings).chain(rows) {
        for (cell, width) in row[..N - 1].iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}{GAP}"));
        }
        text.push_str(&cut(&row[N - 1], last_max));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// True if columns of these widths can stand beside each other, and enough is left of the last to be recognised.
fn has_room(widths: &[usize], columns: usize) -> bool {
    let (last, before) = widths.split_last().expect("a table has columns");
    let before: usize = before.iter().map(|width| width + GAP.len()).sum();
    before + (*last).min(LAST_MIN) <= columns
}

/// Rows that have no room to be aligned: each in rows of whole words, all but the first one indented.
fn paragraphs<const N: usize>(rows: &[[String; N]], columns: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let line = cells.collect::<Vec<_>>().join(GAP);
        let mut parts = wrapped(&line, columns - GAP.len(), 0).into_iter();
        text.push_str(&parts.next().unwrap_or_default());
        text.push('\n');
        parts.for_each(|part| text.push_str(&format!("{GAP}{part}\n")));
    }
    text
}

/// A text in so many characters at most.
#[must_use]
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned_and_the_last_is_cut_to_the_width() {
        let rows = [row(["1a2b", "é", "make all the things"]), row(["5", "longer", ""])];
        assert_eq!(
            table(["ID", "NAME", "COMMAND"], &rows, Some(24)),
            "ID    NAME    COMMAND\n1a2b  é       make all …\n5     longer\n"
        );
        let narrow = table(["ID", "NAME", "COMMAND"], &rows, Some(20));
        assert_eq!(narrow, "1a2b é make all\n  the things\n5  longer\n");
        let whole = table(["ID", "NAME", "COMMAND"], &rows, None);
        assert!(whole.contains("make all the things\n"));
    }
}
