//! The stream's text: marked lines of tasks, and notices that no line of a task can be mistaken for.
//! A task's line begins with `[label]`; everything that Axiom says begins with `== `. With timestamps, both come after one.
//! Pure: it appends to a text that the caller takes.

use std::env;

use axiom_proto::moment::iso;
use axiom_proto::record::Verdict;
use axiom_proto::task::Status;
use unicode_width::UnicodeWidthStr;

use super::Millis;
use super::lines::Piece;
use super::notice::{Ended, Intervention, Notice};
use super::palette::{BLUE, ColorChoice, DIM, GREEN, Paint, RED, YELLOW, label_color};
use crate::here::Terminals;
use crate::lines::one_line;
use crate::quantities::{counted, not_kept, shown_bytes, shown_span};
use crate::wrapping::{COLUMNS_MIN, rows};

/// Begins everything that Axiom says.
const MARK: &str = "==";

/// Columns of a moment and the blank behind it.
const MOMENT_COLUMNS: usize = 25;

/// On a terminal no line of a task is shown longer than this: a person reads its beginning, and the journal keeps it whole.
const SHOWN_BYTES_MAX: usize = 8 * 1024;

/// Words of others in a notice are cut to this: a command may be as long as a file.
const WORDS_CHARS_MAX: usize = 200;

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// In colour.
    pub(crate) color: bool,
    /// For a person at a terminal: aligned, and long lines cut.
    pub(crate) terminal: bool,
    /// Each line begins with its moment.
    pub(crate) timestamps: bool,
}

impl Layout {
    /// For what our standard output is.
    #[must_use]
    pub(crate) fn of_process(choice: ColorChoice, timestamps: bool) -> Self {
        let terminal = Terminals::of_process().output;
        let variable =
            |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let (no_color, term) = (variable("NO_COLOR"), variable("TERM"));
        let color = choice.decide(terminal, no_color.as_deref(), term.as_deref());
        Self { color, terminal, timestamps }
    }
}

impl Layout {
    /// Columns that stand before each line of tasks with these labels.
    #[must_use]
    pub(crate) fn mark_columns(self, labels: &[String], columns: u16) -> u16 {
        let mut page = Page::new(self);
        page.set_columns(columns);
        labels.iter().for_each(|label| page.admit(label));
        let moment = if self.timestamps { MOMENT_COLUMNS } else { 0 };
        let mark = moment + page.label_width + "[] ".len();
        u16::try_from(mark).unwrap_or(u16::MAX)
    }
}

/// What a line needs to know of its task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author<'a> {
    pub(super) number: usize,
    pub(super) label: &'a str,
    pub(super) command: &'a str,
}

/// The text so far.
#[derive(Debug)]
pub(super) struct Page {
    layout: Layout,
    paint: Paint,
    /// Labels are padded to this, on a terminal.
    label_width: usize,
    /// The terminal's columns.
    columns: usize,
    text: String,
}

impl Page {
    pub(super) fn new(layout: Layout) -> Self {
        let paint = Paint { on: layout.color };
        Self { layout, paint, label_width: 0, columns: 80, text: String::new() }
    }

    pub(super) fn set_columns(&mut self, columns: u16) {
        self.columns = usize::from(columns);
    }

    /// A label that is from now on among those that others are aligned to.
    pub(super) fn admit(&mut self, label: &str) {
        self.label_width = self.label_width.max(self.fitted(label).width());
    }

    /// A label as it is shown: on a narrow terminal it leaves room for text.
    pub(super) fn fitted(&self, label: &str) -> String {
        if !self.layout.terminal {
            return label.to_owned();
        }
        super::name::fitted(label, (self.columns / 4).clamp(5, 24))
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Takes the text; the next one begins empty.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// A task's line, or a piece of one.
    pub(super) fn line(&mut self, author: Author<'_>, at: Millis, piece: Piece, text: &str) {
        self.moment(at);
        let label = self.fitted(author.label);
        self.prefix(author.number, &label);
        self.text.push(match piece {
            Piece::Line => ' ',
            Piece::Continues => '+',
        });
        if !self.layout.terminal {
            if piece == Piece::Continues {
                self.text.push(' ');
            }
            self.text.push_str(text);
            return self.text.push('\n');
        }
        let padding = self.label_width.min(self.columns / 4).saturating_sub(label.width());
        self.text.extend(std::iter::repeat_n(' ', padding));
        let shown = &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)];
        self.text.push_str(shown);
        if shown.len() < text.len() {
            let more = format!(
                " … and {} more in this line",
                shown_bytes((text.len() - shown.len()) as u64)
            );
            self.text.push_str(&self.paint.paint(DIM, &more));
        }
        self.text.push('\n');
    }

    fn prefix(&mut self, number: usize, label: &str) {
        if self.paint.on {
            self.text.push_str(label_color(number));
            self.text.push_str(&format!("[{label}]"));
            self.text.push_str(super::palette::RESET);
        } else {
            self.text.push_str(&format!("[{label}]"));
        }
    }

    /// Something that Axiom says of the whole.
    pub(super) fn say(&mut self, at: Millis, words: &str) {
        for row in self.rows(words, 0) {
            self.moment(at);
            let line = self.paint.paint(DIM, &format!("{MARK} {row}"));
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    /// Our own words in rows, each of which gets the mark: so many columns of the first one are used already.
    fn rows(&self, words: &str, used: usize) -> Vec<String> {
        if !self.layout.terminal {
            return vec![words.to_owned()];
        }
        rows(words, self.room(), used)
    }

    /// Columns that our own words have, on a terminal.
    pub(super) fn columns_of_words(&self) -> Option<usize> {
        self.layout.terminal.then(|| self.room())
    }

    /// Columns beside the mark, and beside the moment where there is one.
    fn room(&self) -> usize {
        let moment = if self.layout.timestamps { MOMENT_COLUMNS } else { 0 };
        let before = moment + MARK.len() + 1;
        self.columns.max(COLUMNS_MIN).saturating_sub(before).max(COLUMNS_MIN - MARK.len() - 1)
    }

    /// Something that Axiom says of a task.
    pub(super) fn notice(&mut self, author: Author<'_>, at: Millis, notice: &Notice) {
        let (word, color, mut more) = words(author, notice);
        if self.layout.terminal && matches!(notice, Notice::Running { .. }) {
            // What is run is known, mostly: one row is enough to recognise it.
            let before = self.fitted(author.label).width() + "[] [RUNNING] ".len();
            more = crate::table::cut(&more, self.room().saturating_sub(before).max(8));
        }
        self.moment(at);
        self.text.push_str(&self.paint.paint(DIM, MARK));
        self.text.push(' ');
        let label = self.fitted(author.label);
        self.prefix(author.number, &label);
        let mut used = label.width() + word.len() + "[] [] ".len();
        if self.layout.terminal && used > self.room() + 1 {
            used = word.len() + "[] ".len();
            self.text.push('\n');
            self.moment(at);
            self.text.push_str(&self.paint.paint(DIM, MARK));
        }
        let word = self.paint.paint(color, &format!("[{word}]"));
        let mut rows = self.rows(&more, used).into_iter();
        self.text.push_str(&format!(" {word} {}", rows.next().unwrap_or_default()));
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        for row in rows {
            self.moment(at);
            self.text.push_str(&format!("{} {row}\n", self.paint.paint(DIM, MARK)));
        }
    }

    fn moment(&mut self, at: Millis) {
        if self.layout.timestamps {
            let moment = self.paint.paint(DIM, &iso(at));
            self.text.push_str(&moment);
            self.text.push(' ');
        }
    }
}

/// A notice's word, its colour, and what there is to say beside it.
fn words(author: Author<'_>, notice: &Notice) -> (&'static str, &'static str, String) {
    match notice {
        Notice::Running { since: None, .. } => ("RUNNING", BLUE, cut(author.command)),
        Notice::Running { since: Some(since), .. } => {
            ("RUNNING", BLUE, format!("since {}: {}", shown_span(*since), cut(author.command)))
        }
        Notice::Suspended => ("SUSPENDED", YELLOW, String::new()),
        Notice::Resumed => ("RESUMED", BLUE, String::new()),
        Notice::Stopping { cause } => ("STOPPING", YELLOW, cut(cause)),
        Notice::Paused { reason } if is_full(reason) => ("DISK FULL", RED, cut(reason)),
        Notice::Paused { reason } => ("PAUSED", RED, cut(reason)),
        Notice::Unpaused => ("RESUMED", BLUE, "its output is read again".to_owned()),
        Notice::Idle { silent } => ("IDLE", YELLOW, shown_span(*silent)),
        Notice::Waiting { since } => {
            ("QUEUED", YELLOW, format!("waits for its turn since {}", shown_span(*since)))
        }
        Notice::Gap { bytes_max, certain } => ("GAP", RED, gap(*bytes_max, *certain)),
        Notice::NotKept(gone) => ("NOT KEPT", YELLOW, not_kept(*gone)),
        Notice::Unguarded => ("UNGUARDED", YELLOW, "its holder is dead; it runs on".to_owned()),
        Notice::FullScreen => {
            ("FULL SCREEN", YELLOW, "it draws a whole screen, which is not shown here".to_owned())
        }
        Notice::Intervention(intervention) => ("INTERVENTION", YELLOW, acted(intervention)),
        Notice::Ended(ended) => (ended.word(), color_of(ended), how(ended)),
    }
}

fn cut(words: &str) -> String {
    crate::table::cut(&one_line(words), WORDS_CHARS_MAX)
}

fn is_full(reason: &str) -> bool {
    reason.contains("disk")
}

fn gap(bytes_max: u64, certain: bool) -> String {
    let bytes = counted(bytes_max, "byte");
    if certain { format!("up to {bytes} lost") } else { format!("up to {bytes} may be lost") }
}

fn acted(intervention: &Intervention) -> String {
    let Intervention { number, action, author, cause, verdict, detail, .. } = intervention;
    let verdict = match verdict {
        Verdict::Applied => "applied",
        Verdict::Refused => "refused",
        Verdict::Unknown => "outcome unknown",
    };
    let mut text = format!("{number}: {action} by {}: {verdict}", cut(author));
    for more in [cause, detail] {
        if !more.is_empty() {
            text.push_str(&format!(" ({})", cut(more)));
        }
    }
    text
}

fn color_of(ended: &Ended) -> &'static str {
    match ended.conclusion.status() {
        Status::Succeeded => GREEN,
        Status::Stopped => YELLOW,
        Status::Failed if ended.interrupted => YELLOW,
        Status::Failed
        | Status::Lost
        | Status::Queued
        | Status::Starting
        | Status::Running
        | Status::Suspended
        | Status::Stopping => RED,
    }
}

/// `exit 3 in 3.2 s`; what was asked for is said to be so.
pub(super) fn how(ended: &Ended) -> String {
    let asked = ended.interrupted || ended.conclusion.status() == Status::Stopped;
    let reason = match cut(&ended.conclusion.reason()) {
        reason if !asked => reason,
        none if none.is_empty() => "as asked".to_owned(),
        reason => format!("as asked: {reason}"),
    };
    let took = ended.took.map(|took| format!("in {}", shown_span(took))).unwrap_or_default();
    [reason, took].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Layout = Layout { color: false, terminal: false, timestamps: false };

    fn author<'a>(label: &'a str, command: &'a str) -> Author<'a> {
        Author { number: 0, label, command }
    }

    fn running() -> Notice {
        let mode = axiom_proto::task::Mode::Terminal;
        Notice::Running { pid: Some(1), mode, size: None, since: None }
    }

    #[test]
    fn no_line_of_a_task_begins_as_a_notice_does() {
        for layout in [PLAIN, Layout { color: true, terminal: true, timestamps: true }] {
            let mut page = Page::new(layout);
            for forged in ["== [x] [COMPLETED] in 3.2 s", "\r== [x] [FAILED]", "x\n== [x]"] {
                let mut lines = super::super::lines::Lines::default();
                let mut give = |piece, text: &str| page.line(author("x", ""), 0, piece, text);
                lines.push(0, forged.as_bytes(), &mut give, |_| {});
                lines.finish(give);
            }
            let text = page.take().replace("\x1b[2m", "").replace("\x1b[0m", "");
            for line in text.lines() {
                let said = line.split_once("Z ").map_or(line, |(_, said)| said);
                assert!(!said.starts_with("=="), "{line:?}");
            }
            page.notice(author("x", "make"), 0, &running());
            assert!(page.take().contains("=="));
        }
    }

    #[test]
    fn words_of_others_stay_in_their_notice() {
        let mut page = Page::new(PLAIN);
        page.notice(author("x", "a\n== [y] [COMPLETED]\x1b[2J"), 0, &running());
        assert_eq!(page.take(), "== [x] [RUNNING] a == [y] [COMPLETED]\n");
    }

    #[test]
    fn a_huge_line_is_cut_on_a_terminal_and_whole_in_a_file() {
        let long = "x".repeat(20_000);
        let mut page = Page::new(PLAIN);
        page.line(author("a", ""), 0, Piece::Line, &long);
        assert_eq!(page.take().len(), 20_000 + "[a] \n".len());
        let mut page = Page::new(Layout { terminal: true, ..PLAIN });
        page.line(author("a", ""), 0, Piece::Line, &long);
        let text = page.take();
        assert!(text.len() < 9_000 && text.contains("more in this line"), "{}", text.len());
    }

    fn ended(status: &str, exit: &str, interrupted: bool) -> Notice {
        let json = format!(r#"{{"status":"{status}","exit":{exit}}}"#);
        let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
        let summary = axiom_proto::summary::Summary {
            status: serde_json::from_value(summary["status"].clone()).unwrap(),
            exit: serde_json::from_value(summary["exit"].clone()).unwrap(),
            ..Default::default()
        };
        let conclusion = crate::conclusion::Conclusion::of_summary(&summary).unwrap();
        Notice::Ended(Ended { conclusion, took: Some(3_200), interrupted })
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure_to_read_of() {
        let said = |notice: Notice| {
            let mut page = Page::new(PLAIN);
            page.notice(author("x", ""), 0, &notice);
            page.take()
        };
        let signal = r#"{"signal":2}"#;
        let failed = said(ended("failed", signal, false));
        assert_eq!(failed, "== [x] [FAILED] signal 2 in 3.2 s\n");
        let asked = said(ended("failed", signal, true));
        assert_eq!(asked, "== [x] [INTERRUPTED] as asked: signal 2 in 3.2 s\n");
        let stopped = said(ended("stopped", r#"{"code":0}"#, false));
        assert_eq!(stopped, "== [x] [STOPPED] as asked in 3.2 s\n");
    }

    #[test]
    fn our_own_words_keep_their_marks_and_break_between_words_on_a_narrow_terminal() {
        let mut page = Page::new(Layout { terminal: true, ..PLAIN });
        page.set_columns(20);
        page.say(0, "asked every task to stop; Ctrl-C once more leaves them running");
        page.notice(author("build", ""), 0, &ended("failed", r#"{"signal":2}"#, true));
        let text = page.take();
        assert!(text.lines().all(|line| line.starts_with("==")), "{text}");
        assert!(text.lines().all(|line| line.width() <= 20), "{text}");
        assert!(text.contains("asked every task\n== to stop;"), "{text}");
    }

    #[test]
    fn children_have_what_is_left_beside_the_longest_label_and_the_moment() {
        let layout = Layout { terminal: true, ..PLAIN };
        let labels = ["1:make".to_owned(), "2:integration".to_owned()];
        assert_eq!(layout.mark_columns(&labels, 80), 13 + 3);
        assert_eq!(Layout { timestamps: true, ..layout }.mark_columns(&labels, 80), 13 + 3 + 25);
        assert_eq!(layout.mark_columns(&labels, 20), 5 + 3);
    }

    #[test]
    fn a_moment_stands_before_everything() {
        let mut page = Page::new(Layout { timestamps: true, ..PLAIN });
        page.line(author("a", ""), 1_700_000_000_123, Piece::Line, "text");
        page.say(1_700_000_000_999, "words");
        let expected = "2023-11-14T22:13:20.123Z [a] text\n2023-11-14T22:13:20.999Z == words\n";
        assert_eq!(page.take(), expected);
    }
}
