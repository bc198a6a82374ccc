//! The report: a table for people (and docs/performance.md), JSON for programs.
//! Every row carries what it must be, what it was, beside which reference, and how busy the machine was.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use super::figure::{Figure, Verdict};
use super::machine::Machine;
use super::statistics::Rounds;

/// Between these two lines of docs/performance.md lies the table of the latest full run.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// Less idle than this between rounds of a scenario that waits much: somebody else was there.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    load_before: String,
    rounds: usize,
    scenarios: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    scenario: &'static str,
    /// The part of all processors that nobody used, ourselves included.
    idle_share: f64,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "figure")]
    figure: Figure,
    ours: Option<Rounds>,
    reference: Option<Rounds>,
    verdict: Verdict,
}

impl Report {
    pub(super) fn begin(rounds: usize) -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load_before = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
        Self { machine: Machine::this(), load_before, rounds, scenarios: Vec::new() }
    }

    #[expect(clippy::print_stderr, reason = "who waits wants to see that something happens")]
    pub(super) fn say_start(&self, scenario: &str) {
        eprintln!("axiom-bench: {scenario}");
    }

    #[expect(clippy::print_stderr, reason = "the other scenarios go on")]
    pub(super) fn say_failed(&self, scenario: &str, error: &anyhow::Error) {
        eprintln!("axiom-bench: {scenario}: {error:#}");
    }

    pub(super) fn add(&mut self, scenario: &'static str, figures: Vec<Figure>, idle_share: f64) {
        let rows = figures
            .into_iter()
            .map(|figure| Row {
                ours: Rounds::of(&figure.rounds),
                reference: Rounds::of(&figure.reference),
                verdict: figure.verdict(),
                figure,
            })
            .collect();
        self.scenarios.push(Measured { scenario, idle_share, rows });
    }

    #[expect(clippy::print_stdout, reason = "the table is what was asked for")]
    pub(super) fn print(&self) {
        print!("{}", self.table());
    }

    /// Writes what was measured so far, where that was asked for.
    pub(super) fn keep(&self, json: Option<&Path>, markdown: Option<&Path>) -> anyhow::Result<()> {
        if let Some(path) = json {
            let text = serde_json::to_string_pretty(self)?;
            fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
        }
        let Some(path) = markdown else { return Ok(()) };
        let page = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let page = with_table(&page, &self.table())?;
        fs::write(path, page).with_context(|| format!("write {}", path.display()))
    }

    fn table(&self) -> String {
        let Machine { processor, processors, memory_mb, kernel, day } = &self.machine;
        let mut text = format!(
            "{day}, {processors} × {processor}, {memory_mb} MB, Linux {kernel}; load before: {}; {} round(s).\n\n\
             | Scenario | Figure | Ours: median (least – most) | Reference | Must | Reach | Verdict | Idle | Note |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            self.load_before, self.rounds,
        );
        for measured in &self.scenarios {
            for row in &measured.rows {
                text.push_str(&line(measured, row));
            }
        }
        text
    }
}

fn line(measured: &Measured, row: &Row) -> String {
    let bound = |bound: Option<String>| bound.unwrap_or_default();
    let goal = row.figure.goal;
    let ours = row.ours.map_or_else(|| "not had".to_owned(), |rounds| said(&rounds));
    format!(
        "| `{}` | {} | {ours} {} | {} | {} | {} | {} | {:.0} % | {} |\n",
        measured.scenario,
        row.figure.name,
        row.figure.unit,
        row.reference.as_ref().map_or_else(String::new, said),
        bound(goal.map(|goal| goal.must.to_string())),
        bound(goal.and_then(|goal| goal.reach).map(|reach| reach.to_string())),
        row.verdict,
        measured.idle_share * 100.0,
        row.figure.note,
    )
}

fn said(rounds: &Rounds) -> String {
    let Rounds { median, least, most } = *rounds;
    if least == most {
        return number(median);
    }
    format!("{} ({} – {})", number(median), number(least), number(most))
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The page with this table in its place.
fn with_table(page: &str, table: &str) -> anyhow::Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else { bail!("the page has no `{BEGIN}` and `{END}`") };
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::goals::promised;

    #[test]
    fn a_row_says_goal_value_reference_and_verdict() {
        let mut report = Report::begin(3);
        let figure = promised("throughput ÷ reference, plain");
        let figure = figure.with(vec![0.9, 0.91, 0.89], vec![80.0, 81.25, 82.5]);
        report.add("thr", vec![figure.note("2 hops")], 0.5);
        let row = "| `thr` | throughput ÷ reference, plain | 0.900 (0.890 – 0.910)  | 81.2 (80.0 – 82.5) | ≥ 0.75 | ≥ 0.95 | met | 50 % | 2 hops |";
        let table = report.table();
        assert!(table.lines().any(|line| line == row), "{table}");
    }

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = with_table(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(with_table(&new, "new\n").unwrap(), new);
        assert!(with_table("no place", "new").is_err());
    }
}
