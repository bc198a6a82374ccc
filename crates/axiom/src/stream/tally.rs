//! The stream's last words: how many tasks ended how, and each of them in a row. Pure.

use axiom_proto::task::Status;

use super::Millis;
use super::name::Name;
use super::notice::Ended;
use super::page::how;
use super::region::Counts;
use super::row::Row;
use crate::quantities::{counted, shown_bytes, shown_span};
use crate::table::cut;

/// Tasks that are listed; of more, those that did not succeed.
const LISTED_MAX: usize = 20;

/// Lines of the summary, without their marks.
pub(super) fn lines(
    (rows, names): (&[Row], &[Name]),
    (now, began): (Millis, Millis),
) -> Vec<String> {
    let counts = Counts::of(rows.iter());
    let mut lines = vec![format!(
        "{} in {}: {} · {}, {}, {}",
        counted(rows.len() as u64, "task"),
        shown_span(now.saturating_sub(began)),
        counts.outcomes(),
        counted(counts.lines, "line"),
        shown_bytes(counts.bytes),
        counted(counts.interventions, "intervention")
    )];
    let wanted = |row: &Row| rows.len() <= LISTED_MAX || row.status() != Status::Succeeded;
    let listed: Vec<(&Row, &Name)> =
        rows.iter().zip(names).filter(|(row, _)| wanted(row)).collect();
    let width = listed.iter().take(LISTED_MAX).map(|(_, name)| name.label.chars().count()).max();
    for (row, name) in listed.iter().take(LISTED_MAX) {
        lines.push(line(row, name, width.unwrap_or(0)));
    }
    if listed.len() > LISTED_MAX {
        lines.push(format!("  and {} more that did not complete", listed.len() - LISTED_MAX));
    }
    lines
}

fn line(row: &Row, name: &Name, width: usize) -> String {
    let (word, how) = match row.conclusion() {
        Some(conclusion) => {
            let ended = Ended { conclusion, took: row.took() };
            (ended.word(), how(&ended))
        }
        None => ("RUNNING", String::new()),
    };
    let label = &name.label;
    let acted = match row.interventions() {
        0 => String::new(),
        some => format!(", {}", counted(some, "intervention")),
    };
    let figures = format!("{}, {}{acted}", counted(row.lines(), "line"), shown_bytes(row.bytes()));
    format!("  {label:<width$}  {word:<9} {:<24} {figures}", cut(&how, 60))
}
