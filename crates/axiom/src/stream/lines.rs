//! One output of a task as lines. A line that has no end yet is known as it stands, and is given early where it must be:
//! once it has settled, or when it grows too long. What was given is never given twice. Pure; time comes as an argument.

use std::collections::BTreeMap;

use super::Millis;
use super::escape::{Escapes, Progress, Token};
use super::line::Line;

/// The longest line that is kept whole. A longer one is given in pieces, so that none holds the memory.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// A line without end that has not changed for so long is given as it stands: a prompt, most often.
const SETTLED_AFTER: Millis = 400;

/// The highest block of lines that is redrawn in place. Above it lines are printed as they come.
const BLOCK_LINES_MAX: u16 = 64;

/// A line that never settles is given as it stands this often.
const RESTLESS_AFTER: Millis = 5_000;

/// States of one line are given no faster than this: a bar that is redrawn for hours must not fill a file.
const STATE_EVERY: Millis = 2_000;

/// How a piece of text stands to what was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A line of its own, or the newest state of one.
    Line,
    /// It goes on with the line that was given last.
    Continues,
}

/// What comes of output besides lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    Progress(Progress),
    FullScreen(bool),
}

/// Puts one output's lines together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    escapes: Escapes,
    rest: Unfinished,
}

/// The line that has no end yet.
#[derive(Debug, Default)]
struct Unfinished {
    line: Line,
    /// What of the line was given already; `None` where nothing was.
    given: Option<String>,
    /// When it changed last, and first since it was given.
    changed_at: Millis,
    changed_since: Option<Millis>,
    given_at: Millis,
    /// True while a full-screen program draws.
    hidden: bool,
    block: Block,
}

/// Lines that are printed again in place, by a cursor that goes up: several bars below each other.
#[derive(Debug, Default)]
struct Block {
    /// How far above its lowest line the cursor stands.
    above: u16,
    /// New states that were not given yet, by their height above the lowest line.
    pending: BTreeMap<u16, String>,
    /// The states that were given.
    given: BTreeMap<u16, String>,
}

impl Block {
    fn up(&mut self, lines: u16) {
        self.above = self.above.saturating_add(lines).min(BLOCK_LINES_MAX);
    }

    /// A line that stands in the block; it is not given at once. The cursor leaves it downwards, by so many lines.
    fn take(&mut self, text: String, lines: u16) {
        if text.trim().is_empty() {
            // Passed over, or erased: what stood there was given.
        } else if self.given.get(&self.above) == Some(&text) {
            self.pending.remove(&self.above);
        } else {
            self.pending.insert(self.above, text);
        }
        self.above = self.above.saturating_sub(lines);
    }

    /// Gives the new states, the highest line first.
    fn give(&mut self, give: &mut impl FnMut(Piece, &str)) {
        for (above, text) in std::mem::take(&mut self.pending).into_iter().rev() {
            give(Piece::Line, &text);
            self.given.insert(above, text);
        }
    }
}

impl Lines {
    /// Takes bytes; gives the lines that they complete, and what else they say.
    pub(super) fn push(
        &mut self,
        now: Millis,
        bytes: &[u8],
        mut give: impl FnMut(Piece, &str),
        mut aside: impl FnMut(Aside),
    ) {
        let Self { escapes, rest } = self;
        escapes.push(bytes, |token| {
            if let Some(said) = rest.take(token, &mut give) {
                aside(said);
            }
        });
        if !bytes.is_empty() {
            rest.changed(now);
        }
    }

    /// The output is over: gives the line that has no end, if there is one.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Piece, &str)) {
        let Self { escapes, rest } = self;
        escapes.finish(|token| {
            let _: Option<Aside> = rest.take(token, &mut give);
        });
        rest.block.give(&mut give);
        rest.block.above = 0;
        if !rest.line.is_empty() {
            rest.end(&mut give);
        }
    }

    /// The line that has no end yet, as it stands.
    pub(super) fn unfinished(&self) -> Option<String> {
        let Unfinished { line, block, .. } = &self.rest;
        let states = block.pending.values().rev().map(|state| state.trim().to_owned());
        let states = states.chain([line.text()]).filter(|text| !text.trim().is_empty());
        let text = states.collect::<Vec<_>>().join(" ┊ ");
        (!text.is_empty()).then_some(text)
    }

    /// When [`Lines::settle`] should be called; `None` where nothing waits for it.
    pub(super) fn settles_at(&self) -> Option<Millis> {
        let since = self.rest.changed_since?;
        if self.rest.line.is_empty() && self.rest.block.pending.is_empty() {
            return None;
        }
        let settled = self.rest.changed_at + SETTLED_AFTER;
        let again = self.rest.given.is_some() || !self.rest.block.given.is_empty();
        let earliest = if again { self.rest.given_at + STATE_EVERY } else { 0 };
        Some(settled.min(since + RESTLESS_AFTER).max(earliest))
    }

    /// Gives the line as it stands, if it is due.
    pub(super) fn settle(&mut self, now: Millis, mut give: impl FnMut(Piece, &str)) {
        if self.settles_at().is_some_and(|at| at <= now) {
            self.rest.give_state(now, &mut give);
        }
    }
}

impl Unfinished {
    fn take(&mut self, token: Token<'_>, give: &mut impl FnMut(Piece, &str)) -> Option<Aside> {
        if self.hidden {
            return self.take_hidden(&token);
        }
        match token {
            Token::Text(text) => self.write(text, give),
            Token::Character(character) => {
                self.line.write_character(character);
                self.bound(give);
            }
            Token::Newline => self.end(give),
            Token::Return => self.line.return_to_start(),
            Token::Backspace => self.line.left(1),
            Token::Left(steps) => self.line.left(steps),
            Token::Right(steps) => self.line.right(steps),
            Token::Column(column) => self.line.column(column),
            Token::Up(lines) => {
                // Where the cursor comes from, mostly nothing stands.
                if !self.line.is_empty() && self.block.above == 0 {
                    self.give_new(give);
                }
                self.line.clear();
                self.given = None;
                self.block.up(lines);
            }
            Token::Down(lines) if self.block.above > 0 => {
                self.block.take(self.line.text(), lines);
                self.line.clear();
            }
            Token::Down(_) => {}
            Token::Erase(what) => self.line.erase(what),
            Token::Progress(progress) => return Some(Aside::Progress(progress)),
            Token::FullScreen(on) => {
                if on && !self.line.is_empty() {
                    self.end(give);
                }
                self.hidden = on;
                return Some(Aside::FullScreen(on));
            }
        }
        None
    }

    /// While a full-screen program draws, its text has no lines.
    fn take_hidden(&mut self, token: &Token<'_>) -> Option<Aside> {
        match token {
            Token::FullScreen(on) => {
                self.hidden = *on;
                Some(Aside::FullScreen(*on))
            }
            Token::Progress(progress) => Some(Aside::Progress(*progress)),
            Token::Text(_)
            | Token::Character(_)
            | Token::Newline
            | Token::Return
            | Token::Backspace
            | Token::Left(_)
            | Token::Right(_)
            | Token::Column(_)
            | Token::Up(_)
            | Token::Down(_)
            | Token::Erase(_) => None,
        }
    }

    /// By pieces, so that a line never grows much beyond its bound.
    fn write(&mut self, text: &str, give: &mut impl FnMut(Piece, &str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len()).max(1);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.line.write(now);
            rest = later;
            self.bound(give);
        }
    }

    fn bound(&mut self, give: &mut impl FnMut(Piece, &str)) {
        if self.line.len() >= LINE_BYTES_MAX {
            self.give_new(give);
            self.line.clear();
            self.given = Some(String::new());
        }
    }

    fn end(&mut self, give: &mut impl FnMut(Piece, &str)) {
        if self.block.above > 0 {
            self.block.take(self.line.text(), 1);
            self.line.clear();
            return;
        }
        if !self.block.pending.is_empty() {
            self.block.give(give);
        }
        // A line below moves the block up: its heights are others now.
        self.block.given.clear();
        self.give_new(give);
        self.line.clear();
        self.given = None;
        self.changed_since = None;
    }

    /// Gives what of the line was not given yet.
    fn give_new(&mut self, give: &mut impl FnMut(Piece, &str)) {
        if self.given.is_none()
            && let Some(plain) = self.line.plain()
        {
            return give(Piece::Line, plain);
        }
        let text = self.line.text();
        match self.given.as_deref().map(|given| text.strip_prefix(given)) {
            None | Some(None) => give(Piece::Line, &text),
            Some(Some("")) => {}
            Some(Some(rest)) => give(Piece::Continues, rest),
        }
    }

    fn give_state(&mut self, now: Millis, give: &mut impl FnMut(Piece, &str)) {
        let text = self.line.text();
        self.changed_since = None;
        if !self.block.pending.is_empty() {
            self.block.give(give);
            self.given_at = now;
        }
        if text.trim().is_empty() {
            return;
        }
        self.give_new(give);
        self.given = Some(text);
        self.given_at = now;
    }

    fn changed(&mut self, now: Millis) {
        self.changed_at = now;
        self.changed_since.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        lines: Lines,
        given: Vec<String>,
    }

    impl Seen {
        fn push(&mut self, now: Millis, output: &str) -> &mut Self {
            self.bytes(now, output.as_bytes())
        }

        fn bytes(&mut self, now: Millis, output: &[u8]) -> &mut Self {
            let given = &mut self.given;
            self.lines.push(now, output, |piece, text| given.push(shown(piece, text)), |_| {});
            self
        }

        fn settle(&mut self, now: Millis) -> &mut Self {
            let given = &mut self.given;
            self.lines.settle(now, |piece, text| given.push(shown(piece, text)));
            self
        }

        fn finish(&mut self) -> Vec<String> {
            let given = &mut self.given;
            self.lines.finish(|piece, text| given.push(shown(piece, text)));
            std::mem::take(given)
        }
    }

    fn shown(piece: Piece, text: &str) -> String {
        match piece {
            Piece::Line => text.to_owned(),
            Piece::Continues => format!("+{text}"),
        }
    }

    #[test]
    fn any_cut_gives_the_same_lines() {
        let output =
            "plain\r\n\x1b[1;31mred\x1b[0m é\n10%\r20%\r\n\x1b]0;title\x07\n\nlast".as_bytes();
        let whole = Seen::default().bytes(0, output).finish();
        assert_eq!(whole, ["plain", "red é", "20%", "", "", "last"]);
        for cut in 0..=output.len() {
            let mut seen = Seen::default();
            seen.bytes(0, &output[..cut]).bytes(0, &output[cut..]);
            assert_eq!(seen.finish(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_prompt_is_given_once_it_has_settled_and_its_answer_is_marked() {
        let mut seen = Seen::default();
        seen.push(0, "name: ");
        assert_eq!(seen.lines.settles_at(), Some(SETTLED_AFTER));
        seen.settle(SETTLED_AFTER - 1);
        assert!(seen.given.is_empty());
        seen.settle(SETTLED_AFTER);
        assert_eq!(seen.given, ["name: "]);
        assert_eq!(seen.lines.settles_at(), None);
        assert_eq!(seen.push(900, "bob\nnext\n").finish(), ["name: ", "+bob", "next"]);
    }

    #[test]
    fn a_line_that_was_given_whole_is_not_given_again_at_its_end() {
        let mut seen = Seen::default();
        seen.push(0, "almost").settle(500);
        assert_eq!(seen.push(600, "\n").finish(), ["almost"]);
    }

    #[test]
    fn a_bar_redrawn_for_a_minute_gives_few_states_and_its_last_one() {
        let mut seen = Seen::default();
        for step in 0..600 {
            let now = step * 100;
            seen.push(now, &format!("\r{step} of 600")).settle(now);
        }
        seen.push(60_000, "\r600 of 600\n");
        let states = seen.finish();
        assert!((10..=14).contains(&states.len()), "{states:?}");
        assert_eq!(states.last().unwrap(), "600 of 600");
    }

    #[test]
    fn a_spinner_that_settles_between_its_turns_gives_no_more_than_its_share() {
        let mut seen = Seen::default();
        for step in 0..100 {
            let now = step * 600;
            seen.push(now, &format!("\r{}", ["|", "/", "-"][step as usize % 3]));
            seen.settle(now + SETTLED_AFTER);
        }
        assert!(seen.finish().len() <= 31);
    }

    #[test]
    fn bars_below_each_other_are_redrawn_in_place_and_not_printed_again_and_again() {
        let mut seen = Seen::default();
        seen.push(0, "one 0%\ntwo 0%\n");
        for step in 1..=100 {
            let now = step * 20;
            seen.push(now, &format!("\x1b[2Aone {step}%\x1b[K\n\x1b[Ktwo {step}%\n")).settle(now);
        }
        assert_eq!(seen.lines.unfinished().unwrap(), "one 100% ┊ two 100%");
        let given = seen.push(2_100, "done\n").finish();
        assert_eq!(given, ["one 0%", "two 0%", "one 100%", "two 100%", "done"]);
        let mut seen = Seen::default();
        seen.push(0, "one\ntwo\n\x1b[2A\x1b[2K\ronce\x1b[2B\x1b[1A\x1b[2K\rtwice\x1b[1B\r");
        assert_eq!(seen.push(1, "end\n").finish(), ["one", "two", "once", "twice", "end"]);
    }

    #[test]
    fn a_line_without_end_is_given_in_pieces_that_say_so() {
        let long = "é".repeat(LINE_BYTES_MAX);
        let pieces = Seen::default().push(0, &long).push(1, "\nnext\n").finish();
        assert!(pieces.iter().all(|piece| piece.len() <= LINE_BYTES_MAX + 4));
        assert!(pieces[1..pieces.len() - 1].iter().all(|piece| piece.starts_with('+')));
        assert_eq!(pieces.concat().replace('+', ""), format!("{long}next"));
        let odd = format!("a{long}\n");
        assert_eq!(Seen::default().push(0, &odd).finish().concat().replace('+', ""), odd.trim());
    }
}
