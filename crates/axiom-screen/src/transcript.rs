//! The transcript: the text that a person would have read of a terminal's output, in order, as numbered lines. A function of
//! the output, its times and the sizes alone: the same however the bytes are cut, whether read live or later, from the start or
//! from a keyframe. Lines are given out when they leave the page and when the page stands still; docs/transcript.md has the rules.

mod likeness;
mod memory;
mod standing;
mod state;
#[cfg(test)]
mod tests;
mod wording;

use crate::answers::Answers;
use crate::codeblocks::CodeBlocks;
use crate::roll::{PageLine, Rolled};
use crate::screen::Screen;
use crate::size::Size;

use likeness::{Change, Likeness};
use memory::Memory;
use standing::{Held, Origin, Redraw, Seen, Standing, Why, origins};
pub use state::StateError;

/// Microseconds without output after which what stands on the page is taken as drawn.
pub const SETTLE: u64 = 300_000;

/// After so many, a line that is still being written or grew is given too: a question waits for its answer with the cursor behind it.
pub const QUIET: u64 = 1_000_000;

/// After so many, also what changed by no more than a counter or a spinner.
pub const RESTING: u64 = 5_000_000;

/// While output never pauses for [`SETTLE`], the page is looked at every so often: what stood there the last time is given.
const GLANCE: u64 = 2_000_000;

/// Microseconds without output before which nobody glances: the page may be half drawn.
const GLANCE_PAUSE: u64 = 20_000;

/// The longest line that is given; a longer one is given in parts.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Empty lines that are given one after the other; more of them say no more.
const EMPTY_LINES_MAX: u32 = 2;

/// Bytes that are fed at once before it is looked what left the page.
const SLICE_BYTES: usize = 64 * 1024;

/// A line of the transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 0, without gaps.
    pub number: u64,
    /// How it came to be.
    pub kind: LineKind,
    /// How much output there was before the read that completed it.
    pub offset: u64,
    /// When it was given, in microseconds as the output's times.
    pub time: u64,
    /// Its text: no control character, nothing invisible, no blanks at its end, at most [`LINE_BYTES_MAX`] bytes.
    pub text: &'a str,
}

/// How a line came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// It was printed.
    Printed,
    /// A line that was given before, as it became.
    Redrawn,
    /// It stood on the alternate page, where full-screen programs draw.
    Screen,
}

/// How long the page has stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stillness {
    /// It does not: something on it moves all the time.
    Glanced,
    Settled,
    Quiet,
    Resting,
    /// Nothing more will come.
    Ended,
}

/// The levels of stillness, by when they are reached.
const STILL: [(u64, Stillness); 3] =
    [(SETTLE, Stillness::Settled), (QUIET, Stillness::Quiet), (RESTING, Stillness::Resting)];

/// Makes a transcript. Feed it everything that was printed, with the times at which it was read.
#[derive(Debug, Clone)]
pub struct Transcript {
    screen: Screen,
    /// The newest output's time, and how much there was before that time.
    last: u64,
    before_last: u64,
    offset: u64,
    /// When the page was looked at last.
    looked: u64,
    /// How many levels of stillness were reached since.
    reached: usize,
    /// The number of the next line.
    lines: u64,
    /// Empty lines that come before the next line.
    empty_lines: u32,
    /// The part of a line that left the page while its rest stands at the top.
    head: String,
    /// What stands on the primary page.
    standing: Vec<Standing>,
    /// What stands on the alternate page, and which showing of it that was.
    shown: Vec<Standing>,
    showing: u64,
    memory: Memory,
    blocks: CodeBlocks,
    redraw: Redraw,
    /// Rows that left since the page last stood still.
    left: usize,
}

impl Transcript {
    /// Of a terminal that nothing was printed on yet.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self {
            screen: Screen::rolling(size),
            last: 0,
            before_last: 0,
            looked: 0,
            offset: 0,
            reached: STILL.len(),
            lines: 0,
            empty_lines: 0,
            head: String::new(),
            standing: Vec::new(),
            shown: Vec::new(),
            showing: 0,
            memory: Memory::default(),
            blocks: CodeBlocks::default(),
            redraw: Redraw::InPlace,
            left: 0,
        }
    }

    /// The screen that the output made. It keeps nothing that scrolled off.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// How many lines were given: the number of the next one.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The code blocks of its lines, up to here. Lines that were redrawn are none of theirs.
    #[must_use]
    pub fn code_blocks(&self) -> &CodeBlocks {
        &self.blocks
    }

    /// How many bytes of output it took.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The moment at which [`Self::pass`] has something to do, if no output comes before.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        STILL.get(self.reached).map(|(after, _)| self.last.saturating_add(*after))
    }

    /// Takes output that was read at a time. Bytes of one time may come cut in any way. What the terminal answers is added
    /// to `answers`; lines go to `take`.
    pub fn feed(
        &mut self,
        time: u64,
        bytes: &[u8],
        answers: &mut Answers,
        take: &mut impl FnMut(Line<'_>),
    ) {
        if bytes.is_empty() {
            return;
        }
        self.pass(time, take);
        if time > self.last {
            if time >= self.looked.saturating_add(GLANCE) && time - self.last >= GLANCE_PAUSE {
                self.settle(self.last, Stillness::Glanced, take);
            }
            (self.last, self.before_last) = (time, self.offset);
        }
        self.reached = 0;
        for slice in bytes.chunks(SLICE_BYTES) {
            let mut rest = slice;
            while !rest.is_empty() {
                let used = self.screen.feed_some(rest, answers);
                rest = &rest[used..];
                self.read_roll(take);
            }
        }
        self.offset += bytes.len() as u64;
    }

    /// Says that it is this time now, and nothing came since. A live reader says so only when it is sure of it: what comes later
    /// with an earlier time is too late for what was given.
    pub fn pass(&mut self, time: u64, take: &mut impl FnMut(Line<'_>)) {
        while let Some((after, stillness)) = STILL.get(self.reached) {
            let due = self.last.saturating_add(*after);
            if time < due {
                return;
            }
            self.reached += 1;
            self.settle(due, *stillness, take);
        }
    }

    /// Changes the size.
    pub fn resize(&mut self, time: u64, size: Size, take: &mut impl FnMut(Line<'_>)) {
        self.pass(time, take);
        self.screen.resize(size);
        self.read_roll(take);
    }

    /// Says that nothing more will come: gives what was held back.
    pub fn end(&mut self, time: u64, take: &mut impl FnMut(Line<'_>)) {
        self.pass(time, take);
        self.reached = STILL.len();
        self.settle(time.max(self.last), Stillness::Ended, take);
    }

    /// Looks at what left the page.
    fn read_roll(&mut self, take: &mut impl FnMut(Line<'_>)) {
        let Some(roll) = self.screen.roll_mut() else {
            return;
        };
        if roll.events.is_empty() {
            return;
        }
        let (text, events) = (std::mem::take(&mut roll.text), std::mem::take(&mut roll.events));
        let mut out = Out { time: self.last, take };
        let mut from = 0;
        for event in &events {
            match event {
                Rolled::Row { end, wrapped } => {
                    self.row_left(&text[from..*end], *wrapped, &mut out);
                    from = *end;
                }
                Rolled::Severed => self.head_left(&mut out),
                Rolled::Cleared(picture) => {
                    if let Some(lines) = picture {
                        self.look(lines.clone(), Stillness::Quiet, &mut out);
                        self.head.clear();
                    }
                    self.redraw = Redraw::AfterClear;
                    self.memory.replay();
                }
            }
        }
        if let Some(roll) = self.screen.roll_mut() {
            roll.recycle(text, events);
        }
    }

    fn row_left(&mut self, text: &str, wrapped: bool, out: &mut Out<'_, impl FnMut(Line<'_>)>) {
        self.left += 1;
        if self.left > usize::from(self.screen.size().rows()) {
            // Whatever stood on the page has left it by now, in one form or another.
            let mut gone = std::mem::take(&mut self.standing);
            self.let_go(&mut gone, LineKind::Printed, out);
        }
        if self.head.is_empty() && !wrapped {
            self.line_left(text, out);
            return;
        }
        self.head.push_str(text);
        while self.head.len() > LINE_BYTES_MAX {
            let rest = self.head.split_off(self.head.floor_char_boundary(LINE_BYTES_MAX));
            let part = std::mem::replace(&mut self.head, rest);
            self.line_left(&part, out);
        }
        if !wrapped {
            self.head_left(out);
        }
    }

    fn head_left(&mut self, out: &mut Out<'_, impl FnMut(Line<'_>)>) {
        if !self.head.is_empty() {
            let head = std::mem::take(&mut self.head);
            self.line_left(head.trim_end_matches(' '), out);
        }
    }

    /// A whole line left the page: it is given, unless it was given in this form while it stood there.
    fn line_left(&mut self, text: &str, out: &mut Out<'_, impl FnMut(Line<'_>)>) {
        let whole = likeness::hash(text.as_bytes());
        if text.is_empty() {
            match self.standing.first() {
                Some(first) if first.likeness.whole == whole => drop(self.standing.remove(0)),
                Some(_) => {}
                None => self.empty_lines += 1,
            }
            return;
        }
        let replayed = self.memory.was_replayed(text, whole);
        let found = if replayed {
            self.standing.iter().position(|line| line.likeness.whole == whole)
        } else {
            self.find_standing(text, whole)
        };
        let Some(at) = found else {
            if !replayed {
                self.give((LineKind::Printed, text, whole), out);
            }
            return;
        };
        let left = self.standing.remove(at);
        let mut gone: Vec<Standing> = self.standing.drain(..at).collect();
        self.let_go(&mut gone, LineKind::Printed, out);
        if left.held.is_some() || left.likeness.whole != whole {
            self.give((kind_after(left.told), text, whole), out);
        }
    }

    /// The line that stood on the page, and left it in this form.
    fn find_standing(&self, text: &str, whole: u64) -> Option<usize> {
        if self.standing.is_empty() {
            return None;
        }
        let mut same = self.standing.iter().position(|line| line.likeness.whole == whole);
        // A lone bracket says nothing about where it stood.
        same = same.filter(|at| *at == 0 || likeness::is_telling(text));
        same.or_else(|| {
            let mut still = String::new();
            let now = Likeness::of(text, &mut still);
            self.standing.iter().position(|line| match line.likeness.change_to(&now, &still) {
                Change::Moved | Change::Grown => true,
                Change::Replaced => false,
            })
        })
    }

    /// The page stands still.
    fn settle(&mut self, time: u64, stillness: Stillness, take: &mut impl FnMut(Line<'_>)) {
        // In the middle of a synchronized update nobody sees the page.
        if stillness <= Stillness::Settled && self.screen.is_updating() {
            return;
        }
        self.looked = time;
        let mut out = Out { time, take };
        let lines = self.screen.primary_lines();
        self.look(lines, stillness, &mut out);
        if stillness == Stillness::Ended {
            self.head.clear();
        }
        self.look_at_alternate(stillness, &mut out);
        self.memory.forget_replay();
        self.redraw = Redraw::InPlace;
        self.left = 0;
        if let Some(roll) = self.screen.roll_mut() {
            roll.pictures = 0;
        }
    }

    fn look(
        &mut self,
        mut lines: Vec<PageLine>,
        stillness: Stillness,
        out: &mut Out<'_, impl FnMut(Line<'_>)>,
    ) {
        if !self.head.is_empty() {
            match lines.first_mut() {
                Some(first) => first.text.insert_str(0, &self.head),
                None => lines.push(PageLine { text: self.head.clone(), cursor: true }),
            }
        }
        let before = std::mem::take(&mut self.standing);
        self.standing = self.compare(before, lines, (LineKind::Printed, stillness), out);
    }

    fn look_at_alternate(&mut self, stillness: Stillness, out: &mut Out<'_, impl FnMut(Line<'_>)>) {
        let showing = self.screen.roll_mut().map_or(0, |roll| roll.switches);
        if showing != self.showing {
            self.shown.clear();
            self.showing = showing;
        }
        if let Some(lines) = self.screen.alternate_lines() {
            let before = std::mem::take(&mut self.shown);
            self.shown = self.compare(before, lines, (LineKind::Screen, stillness), out);
        }
    }

    /// Compares a page with what stood there, gives what is new, and says what stands there now.
    fn compare(
        &mut self,
        mut before: Vec<Standing>,
        lines: Vec<PageLine>,
        (kind, stillness): (LineKind, Stillness),
        out: &mut Out<'_, impl FnMut(Line<'_>)>,
    ) -> Vec<Standing> {
        let page: Vec<Seen> = lines.into_iter().map(Seen::of).collect();
        let count = before.len();
        let redraw = if kind == LineKind::Screen { Redraw::InPlace } else { self.redraw };
        let origins = origins(&before, &page, redraw);
        let mut standing = Vec::with_capacity(page.len());
        let mut gone = 0;
        for (index, (seen, origin)) in page.into_iter().zip(&origins).enumerate() {
            let kept = origins[index..].iter().find_map(|origin| origin.index());
            self.let_go(&mut before[gone..kept.unwrap_or(count)], kind, out);
            gone = kept.map_or(count, |kept| kept + usize::from(origin.index().is_some()));
            let cursor = seen.line.cursor;
            let (mut line, stood) = match origin {
                Origin::New => match self.new_line(seen, (kind, stillness)) {
                    Some(line) => (line, false),
                    None => continue,
                },
                Origin::Same(at) => {
                    let line = before[*at].clone();
                    if line.held.is_none() && !seen.line.text.is_empty() {
                        self.empty_lines = 0;
                    }
                    (line, true)
                }
                Origin::Changed(at, change) => (changed(&before[*at], seen, *change), false),
            };
            if let Some(held) =
                line.held.take_if(|held| is_due(held.why, stillness, (cursor, stood)))
            {
                self.give_what_stands_above(&mut standing, kind, out);
                let kind = if kind == LineKind::Screen { kind } else { kind_after(line.told) };
                line.told = true;
                self.give((kind, &held.text, line.likeness.whole), out);
            }
            standing.push(line);
        }
        self.let_go(&mut before[gone..], kind, out);
        standing
    }

    /// Lines that no longer stand on the page: what was held back of them is given, as it was when the page stood still.
    fn let_go(
        &mut self,
        lines: &mut [Standing],
        kind: LineKind,
        out: &mut Out<'_, impl FnMut(Line<'_>)>,
    ) {
        for line in lines {
            let Some(held) = line.held.take() else {
                continue;
            };
            match held.why {
                Why::New => continue,
                Why::Moving if kind == LineKind::Screen => continue,
                Why::Cursor | Why::Growing | Why::Moving => {}
            }
            let kind = if kind == LineKind::Screen { kind } else { kind_after(line.told) };
            self.give((kind, &held.text, line.likeness.whole), out);
        }
    }

    /// A line that was not on the page before.
    fn new_line(
        &mut self,
        seen: Seen,
        (kind, stillness): (LineKind, Stillness),
    ) -> Option<Standing> {
        let Seen { line: PageLine { text, cursor }, likeness, .. } = seen;
        if text.is_empty() {
            self.empty_lines += u32::from(kind == LineKind::Printed);
            return Some(Standing::told(likeness));
        }
        if kind == LineKind::Printed && self.memory.was_replayed(&text, likeness.whole) {
            return Some(Standing::told(likeness));
        }
        let why = if cursor && stillness > Stillness::Glanced { Why::Cursor } else { Why::New };
        Some(Standing { likeness, told: false, held: Some(Held { text, why }) })
    }

    /// Lines above one that is given, and were never given in any form, come before it: a transcript is read from top to bottom.
    fn give_what_stands_above(
        &mut self,
        standing: &mut [Standing],
        kind: LineKind,
        out: &mut Out<'_, impl FnMut(Line<'_>)>,
    ) {
        let empty_lines = std::mem::take(&mut self.empty_lines);
        for line in standing.iter_mut().filter(|line| !line.told) {
            if let Some(held) = line.held.take() {
                line.told = true;
                self.give((kind, &held.text, line.likeness.whole), out);
            }
        }
        self.empty_lines = empty_lines;
    }

    fn give(
        &mut self,
        (kind, text, whole): (LineKind, &str, u64),
        out: &mut Out<'_, impl FnMut(Line<'_>)>,
    ) {
        for _ in 0..std::mem::take(&mut self.empty_lines).min(EMPTY_LINES_MAX) {
            self.put(LineKind::Printed, "", out);
        }
        if kind != LineKind::Screen {
            self.memory.note(whole);
        }
        let mut rest = text;
        loop {
            let (part, more) = rest.split_at(rest.floor_char_boundary(LINE_BYTES_MAX));
            self.put(kind, &wording::shortened(part), out);
            rest = more;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn put(&mut self, kind: LineKind, text: &str, out: &mut Out<'_, impl FnMut(Line<'_>)>) {
        let line =
            Line { number: self.lines, kind, offset: self.before_last, time: out.time, text };
        self.lines += 1;
        if kind != LineKind::Redrawn {
            let _ended = self.blocks.line(line.number, line.offset, text);
        }
        (out.take)(line);
    }
}

/// Where lines go, and the moment at which they are given.
struct Out<'a, T> {
    time: u64,
    take: &'a mut T,
}

fn kind_after(told: bool) -> LineKind {
    if told { LineKind::Redrawn } else { LineKind::Printed }
}

/// A line that stood on the page in another form.
fn changed(before: &Standing, seen: Seen, change: Change) -> Standing {
    let why = match change {
        // That a border is longer says nothing.
        Change::Moved if before.held.is_none() && wording::is_frame(&seen.line.text) => {
            return Standing::told(seen.likeness);
        }
        Change::Moved => Why::Moving,
        Change::Grown | Change::Replaced => Why::Growing,
    };
    let held = Some(Held { text: seen.line.text, why });
    Standing { likeness: seen.likeness, told: before.told, held }
}

/// Whether what is held back is given now: `cursor` says that the cursor is in it, `stood` that it did not change since the last look.
fn is_due(why: Why, stillness: Stillness, (cursor, stood): (bool, bool)) -> bool {
    match why {
        Why::New | Why::Cursor if stillness == Stillness::Glanced => stood && !cursor,
        Why::New | Why::Cursor => !cursor || stillness >= Stillness::Quiet,
        Why::Growing => (stood && !cursor) || stillness >= Stillness::Quiet,
        Why::Moving => stillness >= Stillness::Resting,
    }
}
