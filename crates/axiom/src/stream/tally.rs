//! The stream's last words: how many tasks ended how, and each of them in a row. Pure.

use axiom_proto::task::Status;
use unicode_width::UnicodeWidthStr;

use super::Millis;
use super::name::Name;
use super::page::how;
use super::region::Counts;
use super::row::Row;
use crate::quantities::{counted, shown_bytes, shown_span};
use crate::table::cut;

/// Tasks that are listed; of more, those that did not succeed.
const LISTED_MAX: usize = 20;

/// Lines of the summary, without their marks; in columns where these have room.
pub(super) fn lines(
    (rows, names): (&[Row], &[Name]),
    span: Millis,
    columns: Option<usize>,
) -> Vec<String> {
    let counts = Counts::of(rows.iter());
    let mut lines = vec![format!(
        "{} in {}: {} · {}, {}, {}",
        counted(rows.len() as u64, "task"),
        shown_span(span),
        counts.outcomes(),
        counted(counts.lines, "line"),
        shown_bytes(counts.bytes),
        counted(counts.interventions, "intervention")
    )];
    let wanted = |row: &Row| rows.len() <= LISTED_MAX || row.status() != Status::Succeeded;
    let listed: Vec<(&Row, &Name)> =
        rows.iter().zip(names).filter(|(row, _)| wanted(row)).collect();
    lines.extend(aligned(
        listed.iter().take(LISTED_MAX).map(|(row, name)| cells(row, name)),
        columns,
    ));
    if listed.len() > LISTED_MAX {
        lines.push(format!("  and {} more that did not complete", listed.len() - LISTED_MAX));
    }
    lines
}

/// Label, word, how, figures.
type Cells = [String; 4];

fn cells(row: &Row, name: &Name) -> Cells {
    let (word, how) = match row.conclusion() {
        Some(conclusion) => {
            let ended = row.ended(conclusion);
            (ended.word(), how(&ended))
        }
        None => ("RUNNING", String::new()),
    };
    let acted = match row.interventions() {
        0 => String::new(),
        some => format!(", {}", counted(some, "intervention")),
    };
    let figures = format!("{}, {}{acted}", counted(row.lines(), "line"), shown_bytes(row.bytes()));
    [name.label.clone(), word.to_owned(), cut(&how, 60), figures]
}

/// Below each other where there is room for all of them, and as plain words where there is not.
fn aligned(cells: impl Iterator<Item = Cells>, columns: Option<usize>) -> Vec<String> {
    let cells: Vec<Cells> = cells.collect();
    let mut widths = [0; 4];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let has_room = columns.is_none_or(|columns| widths.iter().sum::<usize>() + 8 <= columns);
    let line = |[label, word, how, figures]: Cells| {
        if !has_room {
            let how = if how.is_empty() { how } else { format!(" {how},") };
            return format!("  {label} {word}{how} {figures}");
        }
        let padded = |cell: String, width: usize| {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            format!("  {cell}{blanks}")
        };
        let before = padded(label, widths[0]) + &padded(word, widths[1]) + &padded(how, widths[2]);
        format!("{before}  {figures}")
    };
    cells.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_where_all_have_room_and_plain_where_one_has_not() {
        let rows = || {
            let cell = |label: &str, how: &str| {
                [label.to_owned(), "FAILED".to_owned(), how.to_owned(), "1 line, 2B".to_owned()]
            };
            [cell("a", "exit 3"), cell("long", "")].into_iter()
        };
        let wide = ["  a     FAILED  exit 3  1 line, 2B", "  long  FAILED          1 line, 2B"];
        assert_eq!(aligned(rows(), Some(34)), wide);
        assert_eq!(aligned(rows(), None), wide);
        let narrow = ["  a FAILED exit 3, 1 line, 2B", "  long FAILED 1 line, 2B"];
        assert_eq!(aligned(rows(), Some(33)), narrow);
    }
}
