//! `axiom logs`: output, as text in which nothing can act on the viewer's terminal, or as the bytes that they were.
//! Following goes on across servers' deaths.

use axiom_client::{Connection, Event, Feed, OutputQuery};
use axiom_proto::api::View;
use axiom_proto::cursor::{Cursor, CursorError};
use axiom_proto::frame::FrameKind;
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskView;
use axiom_server::text::TextFilter;
use bytes::Bytes;
use clap::{Args, ValueEnum};

use super::connect;
use crate::failure::{Failure, note, of_output};
use crate::here::{Here, Terminals};
use crate::line_view::{LineView, Member, OnSignal, Viewed};
use crate::lines::{Lines, one_line};
use crate::printing::print_bytes;
use crate::stdio::{Stream, Writer};

/// Bytes of one answer.
const PART_BYTES: u64 = 1024 * 1024;

/// `axiom logs`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Logs {
    /// Tasks: beginnings of ids, or names. The lines of several are marked.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Go on as output comes, until the task is over.
    #[arg(short, long)]
    follow: bool,
    /// Text without any escape, or the bytes as they were printed.
    #[arg(long, value_name = "VIEW", default_value = "text")]
    view: WhichView,
    /// From this place on: a cursor, or SESSION:OFFSET.
    #[arg(long, value_name = "CURSOR", value_parser = cursor, conflicts_with = "tail")]
    from: Option<Cursor>,
    /// Only the last N lines, and what follows.
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Let raw bytes through to a terminal, where they can do what they like.
    #[arg(long = "unsafe")]
    may_act: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhichView {
    /// Text without any escape.
    Text,
    /// The bytes as they were printed.
    Raw,
}

fn cursor(text: &str) -> Result<Cursor, CursorError> {
    text.parse()
}

/// What is missing is said beside the output, never in it.
fn note_gaps(task: &TaskView) {
    if task.gaps > 0 {
        let (gaps, id) = (task.gaps, task.id.short());
        note(&format!(
            "{id}: gaps in the output: {gaps}; a worker died there, and some bytes may be missing"
        ));
    }
}

impl Logs {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        if self.view == WhichView::Raw && Terminals::of_process().output && !self.may_act {
            return Err(Failure::invalid(
                "raw output could do anything to this terminal",
                "read it as text, send it to a file, or add --unsafe",
            ));
        }
        let mut connection = connect(here).await?;
        let mut tasks = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            tasks.push(connection.show(id).await?.task);
        }
        match (&tasks[..], self.view) {
            ([task], _) => self.one(here, connection, task).await?,
            (_, WhichView::Raw) => {
                let hint = "name one task, or read them as text";
                return Err(Failure::invalid(
                    "raw output of several tasks cannot be told apart",
                    hint,
                ));
            }
            (tasks, WhichView::Text) => self.several(here, connection, tasks).await?,
        }
        tasks.iter().for_each(note_gaps);
        Ok(0)
    }

    async fn one(
        &self,
        here: &Here,
        mut connection: Connection,
        task: &TaskView,
    ) -> Result<(), Failure> {
        if !self.follow {
            let view = match self.view {
                WhichView::Text => View::Text,
                WhichView::Raw => View::Raw,
            };
            return read(&mut connection, task, (view, self.start()), print_bytes).await;
        }
        let mut shown = Shown::new(self.view);
        let mut start = self.from.map_or(StartAt::Start, StartAt::Cursor);
        let writer = Writer::start();
        if self.tail.is_some() && task.session > 0 {
            let part = self.tail_of(&mut connection, task).await?;
            shown.send(&writer, &part.bytes).await?;
            start = StartAt::Cursor(part.cursor);
        }
        drop(connection);
        let followed = follow(here, task, start, (&mut shown, &writer)).await;
        let written = writer.finish().await.map_err(|error| of_output(&error));
        // That nobody reads us is the reason, whatever it looked like from inside.
        written.and(followed)
    }

    async fn several(
        &self,
        here: &Here,
        mut connection: Connection,
        tasks: &[TaskView],
    ) -> Result<(), Failure> {
        let mut members = Vec::with_capacity(tasks.len());
        for task in tasks {
            let label = task.name.as_deref().map_or_else(|| task.id.short().to_owned(), one_line);
            let mut start = self.from.map_or(StartAt::Start, StartAt::Cursor);
            if !self.follow {
                marked(&mut connection, task, (&label, self.start())).await?;
                continue;
            }
            if self.tail.is_some() && task.session > 0 {
                let part = self.tail_of(&mut connection, task).await?;
                print_marked(&label, &mut Lines::default(), &part.bytes)?;
                start = StartAt::Cursor(part.cursor);
            }
            members.push(Member { task: task.id, label, start });
        }
        if !self.follow {
            return Ok(());
        }
        drop(connection);
        match LineView::new(here.place()?, members, OnSignal::Leave).run().await? {
            Viewed::Ended(_) | Viewed::Left(_) => Ok(()),
        }
    }

    /// Where reading starts, for one answer after the other.
    fn start(&self) -> OutputQuery {
        OutputQuery { cursor: self.from, tail: self.tail, ..OutputQuery::default() }
    }

    async fn tail_of(
        &self,
        connection: &mut Connection,
        task: &TaskView,
    ) -> Result<axiom_client::OutputPart, Failure> {
        let query = OutputQuery { view: View::Raw, tail: self.tail, ..OutputQuery::default() };
        Ok(connection.output(task.id.as_str(), &query).await?)
    }
}

/// Reads what there is now, part after part, and no further: a task that prints for ever has no last byte.
async fn read(
    connection: &mut Connection,
    task: &TaskView,
    (view, start): (View, OutputQuery),
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // A task that waits for its session has printed nothing.
    if task.session == 0 {
        return Ok(());
    }
    let mut query = OutputQuery { view, bytes_max: Some(PART_BYTES), ..start };
    loop {
        let part = connection.output(task.id.as_str(), &query).await?;
        take(&part.bytes)?;
        let stood_still = query.cursor == Some(part.cursor);
        if part.ended || part.cursor.offset >= task.bytes || stood_still {
            return Ok(());
        }
        query = OutputQuery { cursor: Some(part.cursor), tail: None, ..query };
    }
}

async fn marked(
    connection: &mut Connection,
    task: &TaskView,
    (label, start): (&str, OutputQuery),
) -> Result<(), Failure> {
    let mut lines = Lines::default();
    read(connection, task, (View::Raw, start), |bytes| {
        let mut text = String::new();
        lines.push(bytes, |line| text.push_str(&format!("[{label}] {line}\n")));
        print_bytes(text.as_bytes())
    })
    .await?;
    print_marked(label, &mut lines, b"")
}

/// Prints what there is with its marks, an unfinished line too.
fn print_marked(label: &str, lines: &mut Lines, bytes: &[u8]) -> Result<(), Failure> {
    let mut text = String::new();
    let mut mark = |line: &str| text.push_str(&format!("[{label}] {line}\n"));
    lines.push(bytes, &mut mark);
    lines.finish(&mut mark);
    print_bytes(text.as_bytes())
}

/// What is shown of bytes that come.
enum Shown {
    Raw,
    Text(Box<TextFilter>),
}

impl Shown {
    fn new(view: WhichView) -> Self {
        match view {
            WhichView::Text => Self::Text(Box::default()),
            WhichView::Raw => Self::Raw,
        }
    }

    async fn send(&mut self, writer: &Writer, bytes: &Bytes) -> Result<(), Failure> {
        let shown = match self {
            Self::Raw => bytes.clone(),
            Self::Text(filter) => {
                let mut text = String::new();
                filter.push(bytes, &mut text);
                text.into()
            }
        };
        match writer.room().await {
            Some(room) => room.send((Stream::Output, shown)),
            None => return Err(Failure::ReaderGone),
        }
        Ok(())
    }
}

async fn follow(
    here: &Here,
    task: &TaskView,
    start: StartAt,
    (shown, writer): (&mut Shown, &Writer),
) -> Result<(), Failure> {
    let mut feed = Feed::new(here.place()?);
    feed.subscribe(task.id, start);
    feed.watch(vec![task.id]);
    loop {
        match feed.next().await? {
            Event::Frame { header, payload, .. } => match header.kind {
                FrameKind::Output | FrameKind::ErrorOutput => shown.send(writer, &payload).await?,
                FrameKind::Input
                | FrameKind::Record
                | FrameKind::Keyframe
                | FrameKind::Control
                | FrameKind::Other(_) => {}
            },
            Event::Ended(_) => return Ok(()),
            // A task that ended without ever having a session has no frames.
            Event::Task(view) if view.status.is_ended() && view.session == 0 => return Ok(()),
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                return Err(error.into());
            }
            Event::Task(_)
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Outcome(..)
            | Event::CommandRefused { .. } => {}
        }
    }
}
