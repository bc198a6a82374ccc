//! The live region: a bar for each of the most interesting tasks, and one line that counts them all. Pure.
//! Each row is one line of the terminal at any width; nothing of a child in it can act on the terminal.

use axiom_proto::task::{Size, Status};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Millis;
use super::escape::Progress;
use super::name::{Name, fitted};
use super::palette::{BOLD, DIM, Paint, RED, YELLOW, label_color};
use super::row::Row;
use crate::quantities::{counted, shown_bytes, shown_span};

/// The most bars: more are not read.
const BARS_MAX: usize = 16;

/// A task that is silent for so long has its silence shown.
const SILENCE_SHOWN_AFTER: Millis = 3_000;

/// Cells of a drawn percentage.
const GAUGE_CELLS: usize = 10;

/// Below this width a bar is its label, its time and its text.
const NARROW: usize = 50;

/// What is counted of all tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) queued: usize,
    pub(super) running: usize,
    pub(super) suspended: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    pub(super) interrupted: usize,
    pub(super) stopped: usize,
    pub(super) lost: usize,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) interventions: u64,
}

impl Counts {
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            match row.status() {
                Status::Queued => counts.queued += 1,
                Status::Starting | Status::Running | Status::Stopping => counts.running += 1,
                Status::Suspended => counts.suspended += 1,
                Status::Succeeded => counts.completed += 1,
                Status::Failed if row.was_interrupted() => counts.interrupted += 1,
                Status::Failed => counts.failed += 1,
                Status::Stopped => counts.stopped += 1,
                Status::Lost => counts.lost += 1,
            }
            counts.bytes += row.bytes();
            counts.lines += row.lines();
            counts.interventions += row.interventions();
        }
        counts
    }

    /// `▶3 ✗1`: the same for a narrow terminal.
    fn signs(&self) -> String {
        let parts = [
            (self.running, '▶'),
            (self.queued, '·'),
            (self.suspended, '‖'),
            (self.completed, '✓'),
            (self.failed + self.lost, '✗'),
            (self.stopped + self.interrupted, '■'),
        ];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        said.map(|(count, sign)| format!("{sign}{count}")).collect::<Vec<_>>().join(" ")
    }

    /// `3 running, 1 failed`: what is not there is not said.
    pub(super) fn outcomes(&self) -> String {
        let parts = [
            (self.running, "running"),
            (self.queued, "queued"),
            (self.suspended, "suspended"),
            (self.completed, "completed"),
            (self.failed, "failed"),
            (self.interrupted, "interrupted"),
            (self.stopped, "stopped"),
            (self.lost, "lost"),
        ];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        said.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// Draws the region for a terminal of this size. `span` is how long all of it has taken.
pub(super) fn draw(
    (rows, names): (&[Row], &[Name]),
    (now, span): (Millis, Millis),
    size: Size,
    paint: Paint,
) -> Vec<String> {
    let columns = usize::from(size.cols).saturating_sub(1).max(1);
    let bars = BARS_MAX.min(usize::from(size.rows / 2).saturating_sub(1));
    let shown = most_interesting(rows, bars, now);
    let label_width = shown.iter().map(|number| names[*number].label.width()).max().unwrap_or(0);
    let label_width = label_width.min((columns / 4).clamp(5, 24));
    let bar = |number: &usize| {
        Bar { paint, columns, label_width }.draw(
            &rows[*number],
            (*number, &names[*number].label),
            now,
        )
    };
    let mut drawn: Vec<String> = shown.iter().map(bar).collect();
    drawn.push(total(rows, span, (shown.len(), columns), paint));
    drawn
}

/// The tasks that have bars, in the order in which they came.
fn most_interesting(rows: &[Row], count: usize, now: Millis) -> Vec<usize> {
    let live = rows.iter().enumerate().filter(|(_, row)| !row.is_over());
    let mut ranked: Vec<(u8, usize)> =
        live.map(|(number, row)| (interest(row, now), number)).collect();
    if ranked.len() > count {
        ranked.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        ranked.truncate(count);
    }
    let mut shown: Vec<usize> = ranked.into_iter().map(|(_, number)| number).collect();
    shown.sort_unstable();
    shown
}

/// Who needs a look: a prompt that nobody answers, then what reports its progress, then what runs.
fn interest(row: &Row, now: Millis) -> u8 {
    let waits = row.silent(now) > SILENCE_SHOWN_AFTER;
    match row.status() {
        Status::Stopping | Status::Suspended => 5,
        Status::Running if waits && row.unfinished().is_some() => 6,
        Status::Running if row.progress.is_some() => 4,
        Status::Running if row.unfinished().is_some() => 3,
        Status::Running if waits => 2,
        Status::Running | Status::Starting => 1,
        Status::Queued | Status::Succeeded | Status::Failed | Status::Stopped | Status::Lost => 0,
    }
}

/// How bars are drawn.
#[derive(Debug, Clone, Copy)]
struct Bar {
    paint: Paint,
    columns: usize,
    label_width: usize,
}

impl Bar {
    fn draw(self, row: &Row, (number, label): (usize, &str), now: Millis) -> String {
        let label = fit(&fitted(label, self.label_width), self.label_width);
        let padding = " ".repeat(self.label_width.saturating_sub(label.width()));
        let mut cells = Cells { text: String::new(), left: self.columns };
        cells.push(&label, self.paint, label_color(number));
        cells.push(&padding, self.paint, "");
        cells.push(&format!(" {}", sign(row)), self.paint, sign_color(row));
        for (figure, color) in self.figures(row, now) {
            cells.push(&format!(" {figure}"), self.paint, color);
        }
        if let Some(text) = row.unfinished() {
            cells.push(" │ ", self.paint, DIM);
            let text = text.replace('\t', " ");
            let text = tail(text.trim(), cells.left);
            cells.push(&text, self.paint, "");
        }
        cells.text
    }

    fn figures(self, row: &Row, now: Millis) -> Vec<(String, &'static str)> {
        let elapsed = row.elapsed(now).map(shown_span).unwrap_or_default();
        let narrow = self.columns < NARROW;
        let mut figures = vec![(if narrow { elapsed } else { format!("{elapsed:>7}") }, "")];
        match row.progress {
            Some(Progress::Percent(percent)) if narrow => {
                figures.push((format!("{percent}%"), BOLD))
            }
            Some(Progress::Percent(percent)) => {
                figures.push((format!("{} {percent:>3}%", gauge(percent)), BOLD));
            }
            Some(Progress::Unmeasured | Progress::Gone) | None => {}
        }
        if !narrow {
            figures.push((format!("{:>7}", format!("{}l", row.lines())), ""));
            figures.push((format!("{:>5}", shown_bytes(row.bytes())), ""));
        }
        if row.interventions() > 0 {
            figures.push((format!("!{}", row.interventions()), YELLOW));
        }
        if row.status() == Status::Running && row.silent(now) >= SILENCE_SHOWN_AFTER && !narrow {
            figures.push((format!("idle {}", shown_span(row.silent(now))), YELLOW));
        }
        figures
    }
}

fn sign(row: &Row) -> &'static str {
    match row.status() {
        Status::Queued => "·",
        Status::Starting => "…",
        Status::Running => "▶",
        Status::Suspended => "‖",
        Status::Stopping => "■",
        Status::Succeeded => "✓",
        Status::Failed | Status::Lost => "✗",
        Status::Stopped => "■",
    }
}

fn sign_color(row: &Row) -> &'static str {
    match row.status() {
        Status::Suspended | Status::Stopping | Status::Stopped => YELLOW,
        Status::Failed | Status::Lost => RED,
        Status::Queued | Status::Starting | Status::Running | Status::Succeeded => DIM,
    }
}

fn gauge(percent: u8) -> String {
    let full = usize::from(percent) * GAUGE_CELLS / 100;
    format!("{}{}", "━".repeat(full), "─".repeat(GAUGE_CELLS - full))
}

fn total(rows: &[Row], span: Millis, (shown, columns): (usize, usize), paint: Paint) -> String {
    let counts = Counts::of(rows.iter());
    let live = rows.iter().filter(|row| !row.is_over()).count();
    let mut cells = Cells { text: String::new(), left: columns };
    if live > shown {
        let more = if columns < NARROW { "" } else { " more" };
        cells.push_whole(&format!("+{}{more} · ", live - shown), paint, BOLD);
    }
    let outcomes = if columns < NARROW { counts.signs() } else { counts.outcomes() };
    cells.push(if rows.is_empty() { "no task yet" } else { &outcomes }, paint, BOLD);
    for more in [shown_span(span), counted(counts.lines, "line"), shown_bytes(counts.bytes)] {
        cells.push_whole(&format!(" · {more}"), paint, DIM);
    }
    cells.text
}

/// One row, as far as its width goes.
struct Cells {
    text: String,
    left: usize,
}

impl Cells {
    /// All of it, or nothing where it has no room.
    fn push_whole(&mut self, text: &str, paint: Paint, color: &str) {
        if text.width() <= self.left {
            self.push(text, paint, color);
        }
    }

    fn push(&mut self, text: &str, paint: Paint, color: &str) {
        let fitted = fit(text, self.left);
        self.left -= fitted.width().min(self.left);
        if color.is_empty() {
            self.text.push_str(&fitted);
        } else {
            self.text.push_str(&paint.paint(color, &fitted));
        }
    }
}

/// The beginning of a text, as much as has room.
fn fit(text: &str, width: usize) -> String {
    let mut left = width;
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left = if fits { left - width } else { 0 };
        fits
    };
    text.chars().take_while(fits).collect()
}

/// The end of a text, as much as has room: what was printed last is what matters.
fn tail(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept: Vec<char> = Vec::new();
    for character in text.chars().rev() {
        let width = character.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        kept.push(character);
    }
    std::iter::once('…').chain(kept.into_iter().rev()).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_by_columns_and_not_by_characters() {
        assert_eq!(fit("你好吗", 5), "你好");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(tail("你好吗abc", 6), "…吗abc");
        assert_eq!(tail("short", 5), "short");
        assert_eq!(tail("long", 1), "…");
        assert_eq!(tail("long", 0), "");
    }

    #[test]
    fn only_what_is_there_is_counted_out_loud() {
        let counts = Counts { running: 2, failed: 1, ..Counts::default() };
        assert_eq!(counts.outcomes(), "2 running, 1 failed");
        assert_eq!(counts.signs(), "▶2 ✗1");
        assert_eq!(gauge(0), "──────────");
        assert_eq!(gauge(55), "━━━━━─────");
        assert_eq!(gauge(100), "━━━━━━━━━━");
    }
}
