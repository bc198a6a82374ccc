//! What was printed before, to scroll through while the task goes on: lines of text from the journal, wrapped for the viewer's
//! terminal, and which of them are seen. Pure: lines and keys in, rows out.

use unicode_width::UnicodeWidthChar;

/// What a key does here. Every other key ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    Start,
    End,
}

/// Keys in all forms in which terminals send them, and those of pagers. The wheel comes as cursor keys.
const KEYS: &[(&[u8], Step)] = &[
    (b"\x1b[A", Step::Up),
    (b"\x1bOA", Step::Up),
    (b"k", Step::Up),
    (b"\x1b[B", Step::Down),
    (b"\x1bOB", Step::Down),
    (b"j", Step::Down),
    (b"\r", Step::Down),
    (b"\x1b[5~", Step::PageUp),
    (b"b", Step::PageUp),
    (b"\x02", Step::PageUp),
    (b"\x1b[6~", Step::PageDown),
    (b" ", Step::PageDown),
    (b"f", Step::PageDown),
    (b"\x06", Step::PageDown),
    (b"\x1b[H", Step::Start),
    (b"\x1bOH", Step::Start),
    (b"\x1b[1~", Step::Start),
    (b"g", Step::Start),
    (b"\x1b[F", Step::End),
    (b"\x1bOF", Step::End),
    (b"\x1b[4~", Step::End),
    (b"G", Step::End),
];

/// Which lines are at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The first ones; more follow.
    First,
    /// The last ones; true if they are all that there are.
    Last { whole: bool },
}

/// What is to be asked of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// The very first lines.
    First,
    /// The lines behind those at hand.
    Next,
    /// The newest lines again.
    Last,
    /// More of the newest lines than are at hand.
    Older,
    /// Nothing: back to the live screen.
    Leave,
}

/// Lines, and the place in them.
#[derive(Debug)]
pub(super) struct Backlog {
    lines: Vec<String>,
    part: Part,
    rows: Vec<String>,
    /// The first row that is seen.
    top: usize,
    /// True if the newest lines were asked for to see the last of them.
    to_end: bool,
    columns: usize,
    height: usize,
}

impl Backlog {
    /// Nothing at hand yet; for a terminal of so many columns and rows, of which the last is for a note.
    pub(super) fn new((columns, rows): (u16, u16)) -> Self {
        let (columns, height) = (usize::from(columns), usize::from(rows).saturating_sub(1).max(1));
        let part = Part::Last { whole: false };
        Self { lines: Vec::new(), part, rows: Vec::new(), top: 0, to_end: false, columns, height }
    }

    /// These are at hand. Of the first ones the beginning is seen. Of the last ones what was seen of fewer of them, and a page
    /// further up; else the end, but for a beginner, who wants to go up, the page before it.
    pub(super) fn hold(&mut self, text: &str, part: Part) {
        let (before, below) = (self.part, self.rows.len().saturating_sub(self.top));
        self.lines = text.lines().map(str::to_owned).collect();
        self.part = part;
        self.wrap();
        let from_end = match (before, part) {
            (_, Part::First) => self.rows.len(),
            (_, Part::Last { .. }) if std::mem::take(&mut self.to_end) => self.height,
            (Part::First, Part::Last { .. }) => self.height,
            (Part::Last { .. }, Part::Last { .. }) => below.max(self.height) + self.height - 1,
        };
        self.top = self.rows.len().saturating_sub(from_end);
    }

    /// Those that follow are at hand too.
    pub(super) fn append(&mut self, text: &str, is_end: bool) {
        self.lines.extend(text.lines().map(str::to_owned));
        self.wrap();
        if is_end {
            self.part = Part::Last { whole: true };
        }
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.columns = usize::from(columns);
        self.height = usize::from(rows).saturating_sub(1).max(1);
        self.wrap();
        self.top = self.top.min(self.last_top());
    }

    /// Takes keys; gives what is to be asked, if something is.
    pub(super) fn press(&mut self, mut keys: &[u8]) -> Option<Wish> {
        while !keys.is_empty() {
            let found = KEYS.iter().find(|(form, _)| keys.starts_with(form));
            let Some((form, step)) = found else { return Some(Wish::Leave) };
            keys = &keys[form.len()..];
            if let Some(wish) = self.step(*step) {
                return Some(wish);
            }
        }
        None
    }

    fn step(&mut self, step: Step) -> Option<Wish> {
        let page = self.height.saturating_sub(1).max(1);
        match step {
            Step::Up => self.up(1),
            Step::PageUp => self.up(page),
            Step::Down => self.down(1),
            Step::PageDown => self.down(page),
            Step::Start if self.part == (Part::Last { whole: false }) => Some(Wish::First),
            Step::Start => {
                self.top = 0;
                None
            }
            // There may be newer ones.
            Step::End if self.part == Part::First || self.top == self.last_top() => {
                self.to_end = true;
                Some(Wish::Last)
            }
            Step::End => {
                self.top = self.last_top();
                None
            }
        }
    }

    fn up(&mut self, rows: usize) -> Option<Wish> {
        let at_start = self.top == 0;
        self.top = self.top.saturating_sub(rows);
        (at_start && self.part == Part::Last { whole: false }).then_some(Wish::Older)
    }

    fn down(&mut self, rows: usize) -> Option<Wish> {
        let at_end = self.top >= self.last_top();
        self.top = (self.top + rows).min(self.last_top());
        match self.part {
            Part::First if at_end => Some(Wish::Next),
            // Who scrolls beyond the end wants to see what happens.
            Part::Last { .. } if at_end => Some(Wish::Leave),
            Part::First | Part::Last { .. } => None,
        }
    }

    fn last_top(&self) -> usize {
        self.rows.len().saturating_sub(self.height)
    }

    /// The rows that are seen.
    pub(super) fn page(&self) -> &[String] {
        let end = (self.top + self.height).min(self.rows.len());
        &self.rows[self.top..end]
    }

    /// Where that is, for a person.
    pub(super) fn place(&self) -> String {
        let below = self.rows.len().saturating_sub(self.top + self.height);
        let place = match self.part {
            Part::First => format!("row {} from the start", self.top + 1),
            Part::Last { .. } if below == 0 => "at the end".to_owned(),
            Part::Last { .. } => format!("{below} rows below"),
        };
        format!("scrolled back, {place} · Home End PageUp PageDown · q goes on")
    }

    fn wrap(&mut self) {
        self.rows.clear();
        for line in &self.lines {
            wrap_line(line, self.columns, &mut self.rows);
        }
    }
}

fn wrap_line(line: &str, columns: usize, rows: &mut Vec<String>) {
    let mut row = String::new();
    let mut width = 0;
    for character in line.chars() {
        let taken = if character == '\t' { 8 - width % 8 } else { character.width().unwrap_or(0) };
        if width + taken > columns && width > 0 {
            rows.push(std::mem::take(&mut row));
            width = 0;
        }
        match character {
            '\t' => row.extend(std::iter::repeat_n(' ', taken)),
            _ => row.push(character),
        }
        width += taken;
    }
    rows.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: std::ops::Range<usize>) -> String {
        numbers.map(|number| format!("{number}\n")).collect()
    }

    fn held(text: &str, part: Part) -> Backlog {
        let mut backlog = Backlog::new((10, 5));
        backlog.hold(text, part);
        backlog
    }

    fn seen(backlog: &Backlog) -> (&str, &str) {
        let page = backlog.page();
        (page.first().map_or("", String::as_str), page.last().map_or("", String::as_str))
    }

    #[test]
    fn it_begins_a_page_above_the_end_and_goes_both_ways() {
        let mut backlog = held(&lines(0..100), Part::Last { whole: true });
        assert_eq!(seen(&backlog), ("93", "96"));
        assert_eq!(backlog.press(b"\x1b[A\x1bOA"), None);
        assert_eq!(seen(&backlog), ("91", "94"));
        assert_eq!(backlog.press(b"\x1b[5~"), None);
        assert_eq!(seen(&backlog), ("88", "91"));
        assert_eq!(backlog.press(b"\x1b[6~\x1b[B"), None);
        assert_eq!(seen(&backlog), ("92", "95"));
        assert_eq!(backlog.press(b"G"), None);
        assert_eq!(seen(&backlog), ("96", "99"));
        assert_eq!(backlog.press(b"g"), None);
        assert_eq!(seen(&backlog), ("0", "3"));
        assert_eq!(backlog.press(b"\x1b[A"), None, "all is at hand");
    }

    #[test]
    fn beyond_either_end_more_is_asked_for() {
        let mut last = held(&lines(90..100), Part::Last { whole: false });
        assert_eq!(last.press(b"b"), None);
        assert_eq!(seen(&last), ("90", "93"));
        assert_eq!(last.press(b"b"), Some(Wish::Older));
        last.hold(&lines(60..100), Part::Last { whole: false });
        assert_eq!(seen(&last), ("87", "90"), "a page further up");
        assert_eq!(last.press(b"\x1b[1~"), Some(Wish::First));
        last.hold(&lines(0..20), Part::First);
        assert_eq!(seen(&last), ("0", "3"));
        assert_eq!(last.press(b"       "), Some(Wish::Next));
        last.append(&lines(20..30), false);
        assert_eq!(last.press(b" "), None);
        assert_eq!(seen(&last), ("19", "22"));
        assert_eq!(last.press(b"\x1b[F"), Some(Wish::Last));
        last.hold(&lines(60..100), Part::Last { whole: false });
        assert_eq!(seen(&last), ("96", "99"));
    }

    #[test]
    fn every_other_key_and_the_end_lead_back() {
        for key in [&b"q"[..], b"\x1b", b"x", b"\x03", b"\x1b[<0;1;1M"] {
            let mut backlog = held(&lines(0..9), Part::Last { whole: true });
            assert_eq!(backlog.press(key), Some(Wish::Leave));
        }
        let mut backlog = held(&lines(0..9), Part::Last { whole: true });
        assert_eq!(backlog.press(b"G\x1b[B"), Some(Wish::Leave));
    }

    #[test]
    fn at_the_end_newer_lines_are_asked_for() {
        let mut backlog = held(&lines(0..20), Part::Last { whole: true });
        assert_eq!(backlog.press(b"G"), None);
        assert_eq!(backlog.press(b"G"), Some(Wish::Last));
        backlog.hold(&lines(0..30), Part::Last { whole: true });
        assert_eq!(seen(&backlog), ("26", "29"));
    }

    #[test]
    fn long_lines_are_wrapped_at_the_width_and_tabs_are_blanks() {
        let backlog = held("0123456789abc\na\tb\n漢漢漢漢漢漢\n\n", Part::First);
        assert_eq!(backlog.rows, ["0123456789", "abc", "a       b", "漢漢漢漢漢", "漢", ""]);
        let mut empty = held("", Part::Last { whole: true });
        assert!(empty.page().is_empty());
        assert_eq!(empty.press(b"\x1b[A"), None);
    }
}
