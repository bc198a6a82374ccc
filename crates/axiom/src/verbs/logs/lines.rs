//! The text of one task on a terminal: the lines of its transcript, what there is of them or as they come. The server makes it;
//! the live feed only says when to ask again. What is printed of a part is the text, or its code blocks.

use std::time::Duration;

use axiom_client::{Connection, Event, Feed, OutputPart, OutputQuery};
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskView;
use bytes::Bytes;
use tokio::time::Instant;

use super::blocks::Blocks;
use super::{PART_BYTES, is_output, note_gone, tell_silence};
use crate::failure::{Failure, note};
use crate::here::Here;
use crate::stdio::{self, Writer};

/// When to ask again after output came and nothing more: the server takes a page as settled, as quiet and as resting a little
/// before each.
const SETTLES: [Duration; 3] =
    [Duration::from_millis(600), Duration::from_millis(1_300), Duration::from_millis(5_300)];

/// Reads what there is now, also what may still change.
pub(super) async fn read(
    connection: &mut Connection,
    task: &TaskView,
    start: OutputQuery,
    mut take: impl FnMut(OutputPart) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if task.session == 0 {
        return Ok(());
    }
    let unsettled = start.tail.is_some();
    let mut query = OutputQuery { bytes_max: Some(PART_BYTES), unsettled, ..start };
    loop {
        let part = connection.output(task.id.as_str(), &query).await?;
        note_gone(task, part.gone);
        let (cursor, ended) = (part.cursor, part.ended || part.unsettled.is_some());
        take(part)?;
        let stood_still = query.cursor == Some(cursor);
        let at_head = cursor.offset >= task.bytes || stood_still;
        if ended || (query.unsettled && stood_still) {
            return Ok(());
        }
        // The last lines are asked for when all before them are there.
        query = OutputQuery { cursor: Some(cursor), tail: None, unsettled: at_head, ..query };
    }
}

/// Reads lines as they come, until there are no more.
pub(super) async fn follow(
    here: &Here,
    (task, start): (&TaskView, OutputQuery),
    blocks: Option<Blocks>,
    writer: &Writer,
) -> Result<(), Failure> {
    let mut feed = Feed::new(here.place()?);
    feed.subscribe(task.id, StartAt::Head);
    feed.watch(vec![task.id]);
    let mut reading = Reading {
        here,
        task,
        feed,
        connection: Connection::open(here.place()?).await?,
        query: OutputQuery { bytes_max: Some(PART_BYTES), ..start },
        is_there: task.session > 0,
        newest: Instant::now(),
        settles: 0,
        is_over: false,
        blocks,
    };
    loop {
        if reading.read(writer).await? == Ended::Yes {
            return reading.finish(writer).await;
        }
        if reading.is_over {
            reading.query.unsettled = true;
            reading.read(writer).await?;
            return reading.finish(writer).await;
        }
        reading.wait().await?;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

/// What an event says to a reader of lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// There may be more to read.
    More,
    Nothing,
}

/// A reader, and when it asks again.
struct Reading<'a> {
    here: &'a Here,
    task: &'a TaskView,
    feed: Feed,
    connection: Connection,
    query: OutputQuery,
    /// False while the task waits for its session, and has printed nothing.
    is_there: bool,
    /// When output came last.
    newest: Instant,
    /// How many of [`SETTLES`] have passed since.
    settles: usize,
    /// True once the task is over.
    is_over: bool,
    /// What was told of code blocks, where they are printed and not the text.
    blocks: Option<Blocks>,
}

impl Reading<'_> {
    /// Reads all that is there.
    async fn read(&mut self, writer: &Writer) -> Result<Ended, Failure> {
        while self.is_there {
            let part = self.ask().await?;
            note_gone(self.task, part.gone);
            let told = self.blocks.as_mut().map(|blocks| blocks.take(part.blocks).into());
            send(writer, told.unwrap_or(part.bytes)).await?;
            if part.ended {
                return Ok(Ended::Yes);
            }
            let stood_still = self.query.cursor == Some(part.cursor);
            self.query.cursor = Some(part.cursor);
            self.query.tail = None;
            if stood_still || part.unsettled.is_some() {
                break;
            }
        }
        Ok(Ended::No)
    }

    /// Tells what has no end and will get none.
    async fn finish(&mut self, writer: &Writer) -> Result<(), Failure> {
        let told = self.blocks.as_mut().map(Blocks::finish).unwrap_or_default();
        send(writer, told.into()).await
    }

    /// Asks for the next part. The feed is listened to meanwhile: it is what tells of a server that stands still.
    async fn ask(&mut self) -> Result<OutputPart, Failure> {
        let mut heard = Vec::new();
        let part = {
            let asked = self.connection.output(self.task.id.as_str(), &self.query);
            tokio::pin!(asked);
            loop {
                let event = tokio::select! {
                    part = asked.as_mut() => break part?,
                    event = self.feed.next() => event?,
                };
                if matches!(event, Event::Silent) {
                    tell_silence(&self.here.home);
                } else if matches!(event, Event::Answers) {
                    note("the server answers again");
                } else {
                    keep(event, &mut heard);
                }
            }
        };
        for event in heard {
            self.hear(event)?;
        }
        Ok(part)
    }

    /// Waits until there may be more to read.
    async fn wait(&mut self) -> Result<(), Failure> {
        loop {
            let due = SETTLES.get(self.settles).map(|after| self.newest + *after);
            let event = tokio::select! {
                event = self.feed.next() => event?,
                () = at(due) => {
                    self.settles += 1;
                    return Ok(());
                }
            };
            if self.hear(event)? == News::More {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<News, Failure> {
        match event {
            Event::Frame { header, .. } if is_output(header.kind) => {
                let known = self.query.cursor.is_some_and(|at| at.offset >= header.offset_after());
                if !known {
                    (self.newest, self.settles, self.is_there) = (Instant::now(), 0, true);
                    return Ok(News::More);
                }
            }
            Event::Ended(_) => {
                (self.is_there, self.is_over) = (true, true);
                return Ok(News::More);
            }
            // A task that ended without ever having a session has no frames.
            Event::Task(view) if view.status.is_ended() && view.session == 0 => {
                self.is_over = true;
                return Ok(News::More);
            }
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                return Err(error.into());
            }
            Event::Silent => tell_silence(&self.here.home),
            Event::Answers => note("the server answers again"),
            Event::Gone(_, gone) => note_gone(self.task, Some(gone)),
            Event::Frame { .. }
            | Event::Task(_)
            | Event::Removed(_)
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Outcome(..)
            | Event::CommandRefused { .. } => {}
        }
        Ok(News::Nothing)
    }
}

/// Keeps an event for when the part has come; of output only the newest, since all of it is read anyway.
fn keep(event: Event, heard: &mut Vec<Event>) {
    let is_frame =
        |event: &Event| matches!(event, Event::Frame { header, .. } if is_output(header.kind));
    if is_frame(&event)
        && let Some(last) = heard.last_mut().filter(|last| is_frame(last))
    {
        *last = event;
        return;
    }
    heard.push(event);
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn send(writer: &Writer, bytes: Bytes) -> Result<(), Failure> {
    if bytes.is_empty() {
        return Ok(());
    }
    match writer.room().await {
        Some(room) => room.send((stdio::Stream::Output, bytes)),
        None => return Err(Failure::ReaderGone),
    }
    Ok(())
}
