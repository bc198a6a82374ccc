//! Many tasks as one stream: frames, views and the time go in; text and the live region come out. Pure.
//! It asks nothing of the server and writes nothing: [`super::Stream`] does both.

use std::collections::BTreeMap;

use axiom_proto::cursor::Gone;
use axiom_proto::event::Happening;
use axiom_proto::frame::{Header, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::task::{Size, Status, TaskView};

use super::escape::Progress;
use super::json::Events;
use super::labels::{Called, Labels};
use super::name::Name;
use super::notice::Notice;
use super::page::{Author, Layout, Page};
use super::palette::Paint;
use super::region;
use super::row::{Row, Said};
use super::tally;
use super::{Extent, Member, Millis};
use crate::conclusion::Conclusion;
use crate::lines::one_line;

/// How the stream is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Lines for people.
    Text(Layout),
    /// An event a line.
    Json,
}

/// Where text goes.
#[derive(Debug)]
enum Sheet {
    Page(Page),
    Events(Events),
}

/// The stream.
#[derive(Debug)]
pub(super) struct Merged {
    sheet: Sheet,
    labels: Labels,
    rows: Vec<Row>,
    names: Vec<Name>,
    numbers: BTreeMap<TaskId, usize>,
    idle_after: Millis,
    /// Lines without end are given early where no live region shows them.
    partial: bool,
    paint: Paint,
    began: Millis,
}

impl Merged {
    /// A stream that begins now. After so long a silence is told of, unless it is 0.
    pub(super) fn new(now: Millis, face: Face, (idle_after, labels): (Millis, Labels)) -> Self {
        let (sheet, partial, color) = match face {
            Face::Text(layout) => (Sheet::Page(Page::new(layout)), !layout.terminal, layout.color),
            Face::Json => (Sheet::Events(Events::default()), true, false),
        };
        Self {
            sheet,
            labels,
            rows: Vec::new(),
            names: Vec::new(),
            numbers: BTreeMap::new(),
            idle_after,
            partial,
            paint: Paint { on: color },
            began: now,
        }
    }

    /// Takes a task in. One that runs already, and is followed from its head only, is said to.
    pub(super) fn add(&mut self, now: Millis, member: Member, extent: Extent) {
        let Member { view, start, place } = member;
        if self.knows(view.id) {
            return;
        }
        let name = view.name.as_deref();
        let called = match place {
            Some(place) => Called::Numbered { number: place + 1, name, command: &view.command },
            None => Called::Named { name, id: view.id },
        };
        let label = self.labels.claim(called, view.id);
        if let Sheet::Page(page) = &mut self.sheet {
            page.admit(&label);
        }
        let number = self.rows.len();
        self.numbers.insert(view.id, number);
        self.names.push(Name { label, command: one_line(&view.command) });
        let running = start == StartAt::Head && view.status == Status::Running;
        let notice = Notice::Running {
            pid: view.pid,
            mode: view.mode,
            size: view.size,
            since: view.started_at_ms.map(|at| now.saturating_sub(at)),
        };
        let mut row = Row::new(now, view);
        if let StartAt::Cursor(cursor) = start {
            row.begin_at(cursor.offset);
        }
        if extent == Extent::Now {
            row.end_at_bytes();
        }
        self.rows.push(row);
        if let Sheet::Events(events) = &mut self.sheet {
            events.queued(&self.rows[number], place);
        }
        if running {
            self.sheet.notice((number, &self.rows, &self.names), now, None, notice);
        }
    }

    pub(super) fn knows(&self, task: TaskId) -> bool {
        self.numbers.contains_key(&task)
    }

    /// Takes a task's next frame.
    pub(super) fn frame(&mut self, now: Millis, task: TaskId, header: &Header, payload: &[u8]) {
        let Some(number) = self.numbers.get(&task).copied() else { return };
        if self.rows[number].is_read() {
            return;
        }
        let at = self.rows[number].moment(now, header);
        let before = self.rows[number].progress;
        self.with(number, at, Some(header.seq), |row, give| row.frame(now, header, payload, give));
        if let Sheet::Events(events) = &mut self.sheet {
            let row = &self.rows[number];
            if header.kind.is_output() {
                events.output(row, at, header, row.wanted(header, payload));
            }
            if let Some(Progress::Percent(percent)) =
                row.progress.filter(|_| row.progress != before)
            {
                let happening = Happening::TaskProgress { percent };
                events.push(Some(row), at, Some(header.seq), happening);
            }
        }
    }

    /// Takes how the server shows a task now.
    pub(super) fn viewed(&mut self, now: Millis, view: TaskView) {
        let Some(number) = self.numbers.get(&view.id).copied() else { return };
        self.with(number, now, None, |row, give| row.viewed(view, give));
    }

    /// Every frame of the task was given.
    pub(super) fn ended(&mut self, now: Millis, task: TaskId) {
        let Some(number) = self.numbers.get(&task).copied() else { return };
        self.with(number, now, None, Row::end);
    }

    /// Output of the task that was to come is no longer kept.
    pub(super) fn not_kept(&mut self, now: Millis, task: TaskId, gone: Gone) {
        let Some(number) = self.numbers.get(&task).copied() else { return };
        if gone.bytes() > 0 && !self.rows[number].is_read() {
            self.with(number, now, None, |row, give| row.not_kept(gone, give));
        }
    }

    /// The task is not there any more: nothing can say how it ended.
    pub(super) fn gone(&mut self, now: Millis, task: TaskId) {
        let Some(number) = self.numbers.get(&task).copied() else { return };
        self.with(number, now, None, Row::gone);
    }

    /// The task was removed. What it printed is given all the same.
    pub(super) fn removed(&mut self, now: Millis, task: TaskId) {
        let Some(number) = self.numbers.get(&task).copied() else { return };
        if self.rows[number].waits_for_its_end() {
            self.gone(now, task);
        }
    }

    /// Gives what is due by now.
    pub(super) fn tick(&mut self, now: Millis) {
        let (partial, idle_after) = (self.partial, self.idle_after);
        for number in 0..self.rows.len() {
            if self.rows[number].wakes_at(partial, idle_after).is_some_and(|at| at <= now) {
                self.with(number, now, None, |row, give| {
                    row.tick(now, (partial, idle_after), give);
                });
            }
        }
    }

    /// When [`Merged::tick`] has something to give.
    pub(super) fn wakes_at(&self) -> Option<Millis> {
        self.rows.iter().filter_map(|row| row.wakes_at(self.partial, self.idle_after)).min()
    }

    /// Something that Axiom says of the whole; programs are told by other means.
    pub(super) fn say(&mut self, now: Millis, words: &str) {
        match &mut self.sheet {
            Sheet::Page(page) => page.say(now, words),
            Sheet::Events(_) => {}
        }
    }

    /// True where the stream is events.
    pub(super) fn is_for_programs(&self) -> bool {
        matches!(self.sheet, Sheet::Events(_))
    }

    /// The end of the stream: what came of every task.
    pub(super) fn conclude(&mut self, now: Millis) {
        let span = self.span(now);
        match &mut self.sheet {
            Sheet::Page(page) => {
                let columns = page.columns_of_words();
                for line in tally::lines((&self.rows, &self.names), span, columns) {
                    page.say(now, &line);
                }
            }
            Sheet::Events(events) => {
                let ended = self.rows.iter().filter(|row| row.is_over()).count() as u64;
                events.push(None, now, None, Happening::TasksAllEnded { ended });
            }
        }
    }

    /// True once every task is over.
    pub(super) fn is_over(&self) -> bool {
        self.rows.iter().all(Row::is_over)
    }

    /// Tasks that are not over.
    pub(super) fn live(&self) -> impl Iterator<Item = TaskId> {
        self.rows.iter().filter(|row| !row.is_over()).map(|row| row.task)
    }

    /// Tasks whose child runs.
    pub(super) fn running(&self) -> impl Iterator<Item = TaskId> {
        let running = |row: &&Row| !row.is_over() && row.status() == Status::Running;
        self.rows.iter().filter(running).map(|row| row.task)
    }

    /// Tasks that wait for their turn.
    pub(super) fn waiting(&self) -> impl Iterator<Item = TaskId> {
        let waiting = |row: &&Row| !row.is_over() && row.status() == Status::Queued;
        self.rows.iter().filter(waiting).map(|row| row.task)
    }

    /// How a task ended, if that is known.
    pub(super) fn conclusion(&self, task: TaskId) -> Option<Conclusion> {
        self.rows[*self.numbers.get(&task)?].conclusion()
    }

    /// Bytes of text that wait to be taken.
    pub(super) fn len(&self) -> usize {
        match &self.sheet {
            Sheet::Page(page) => page.len(),
            Sheet::Events(events) => events.len(),
        }
    }

    pub(super) fn take(&mut self) -> String {
        match &mut self.sheet {
            Sheet::Page(page) => page.take(),
            Sheet::Events(events) => events.take(),
        }
    }

    pub(super) fn resized(&mut self, size: Size) {
        if let Sheet::Page(page) = &mut self.sheet {
            page.set_columns(size.cols);
        }
    }

    /// The live region for a terminal of this size.
    pub(super) fn region(&self, now: Millis, size: Size) -> Vec<String> {
        region::draw((&self.rows, &self.names), (now, self.span(now)), size, self.paint)
    }

    /// From when the first task was asked for until the last one ended, or until now: no task took longer.
    fn span(&self, now: Millis) -> Millis {
        let began = self.rows.iter().map(|row| row.view.created_at_ms).min();
        let ended = self.rows.iter().map(|row| row.ended_at().unwrap_or(now)).max();
        ended.unwrap_or(now).saturating_sub(began.unwrap_or(self.began))
    }

    fn with(
        &mut self,
        number: usize,
        at: Millis,
        seq: Option<Seq>,
        act: impl FnOnce(&mut Row, &mut dyn FnMut(Said<'_>)),
    ) {
        let Self { sheet, rows, names, .. } = self;
        let name = &names[number];
        let author = Author { number, label: &name.label, command: &name.command };
        let mut notices = Vec::new();
        let mut give = |said: Said<'_>| match (said, &mut *sheet) {
            (Said::Text(piece, text), Sheet::Page(page)) => page.line(author, at, piece, text),
            (Said::Text(..), Sheet::Events(_)) => {}
            (Said::Notice(notice), Sheet::Page(page)) => page.notice(author, at, &notice),
            (Said::Notice(notice), Sheet::Events(_)) => notices.push(notice),
        };
        act(&mut rows[number], &mut give);
        for notice in notices {
            sheet.notice((number, rows, names), at, seq, notice);
        }
    }
}

impl Sheet {
    fn notice(
        &mut self,
        (number, rows, names): (usize, &[Row], &[Name]),
        at: Millis,
        seq: Option<Seq>,
        notice: Notice,
    ) {
        match self {
            Self::Page(page) => {
                let name = &names[number];
                let author = Author { number, label: &name.label, command: &name.command };
                page.notice(author, at, &notice);
            }
            Self::Events(events) => events.notice(&rows[number], at, seq, notice),
        }
    }
}
