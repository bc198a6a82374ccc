//! The text of one task on a terminal: the lines of its transcript, what there is of them or as they come. The server makes it;
//! the live feed only says when to ask again.

use std::time::Duration;

use axiom_client::{Connection, Event, Feed, OutputQuery};
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskView;
use bytes::Bytes;
use tokio::time::Instant;

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
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if task.session == 0 {
        return Ok(());
    }
    let unsettled = start.tail.is_some();
    let mut query = OutputQuery { bytes_max: Some(PART_BYTES), unsettled, ..start };
    loop {
        let part = connection.output(task.id.as_str(), &query).await?;
        note_gone(task, part.gone);
        take(&part.bytes)?;
        let stood_still = query.cursor == Some(part.cursor);
        let at_head = part.cursor.offset >= task.bytes || stood_still;
        if part.ended || part.unsettled.is_some() || (query.unsettled && stood_still) {
            return Ok(());
        }
        // The last lines are asked for when all before them are there.
        query = OutputQuery { cursor: Some(part.cursor), tail: None, unsettled: at_head, ..query };
    }
}

/// Reads lines as they come, until there are no more.
pub(super) async fn follow(
    here: &Here,
    mut connection: Connection,
    (task, start): (&TaskView, OutputQuery),
    writer: &Writer,
) -> Result<(), Failure> {
    let mut reading = Reading {
        task,
        query: OutputQuery { bytes_max: Some(PART_BYTES), ..start },
        is_there: task.session > 0,
        newest: Instant::now(),
        settles: 0,
    };
    let mut feed = Feed::new(here.place()?);
    feed.subscribe(task.id, StartAt::Head);
    feed.watch(vec![task.id]);
    loop {
        if reading.read(&mut connection, writer).await? == Ended::Yes {
            return Ok(());
        }
        if reading.wait(here, &mut feed).await? == Ended::Yes {
            reading.read_last(&mut connection, writer).await?;
            return Ok(());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

/// A reader, and when it asks again.
struct Reading<'a> {
    task: &'a TaskView,
    query: OutputQuery,
    /// False while the task waits for its session, and has printed nothing.
    is_there: bool,
    /// When output came last.
    newest: Instant,
    /// How many of [`SETTLES`] have passed since.
    settles: usize,
}

impl Reading<'_> {
    /// Reads all that is there.
    async fn read(
        &mut self,
        connection: &mut Connection,
        writer: &Writer,
    ) -> Result<Ended, Failure> {
        while self.is_there {
            let part = connection.output(self.task.id.as_str(), &self.query).await?;
            note_gone(self.task, part.gone);
            send(writer, part.bytes).await?;
            if part.ended {
                return Ok(Ended::Yes);
            }
            let stood_still = self.query.cursor == Some(part.cursor);
            self.query.cursor = Some(part.cursor);
            self.query.tail = None;
            if stood_still {
                break;
            }
        }
        Ok(Ended::No)
    }

    /// Reads what is left of a task that is over.
    async fn read_last(
        &mut self,
        connection: &mut Connection,
        writer: &Writer,
    ) -> Result<(), Failure> {
        if self.read(connection, writer).await? == Ended::No {
            self.query.unsettled = true;
            self.read(connection, writer).await?;
        }
        Ok(())
    }

    /// Waits until there may be more to read, or the task is over.
    async fn wait(&mut self, here: &Here, feed: &mut Feed) -> Result<Ended, Failure> {
        loop {
            let due = SETTLES.get(self.settles).map(|after| self.newest + *after);
            let event = tokio::select! {
                event = feed.next() => event?,
                () = at(due) => {
                    self.settles += 1;
                    return Ok(Ended::No);
                }
            };
            match event {
                Event::Frame { header, .. } if is_output(header.kind) => {
                    let known =
                        self.query.cursor.is_some_and(|at| at.offset >= header.offset_after());
                    if !known {
                        (self.newest, self.settles, self.is_there) = (Instant::now(), 0, true);
                        return Ok(Ended::No);
                    }
                }
                Event::Ended(_) => {
                    self.is_there = true;
                    return Ok(Ended::Yes);
                }
                // A task that ended without ever having a session has no frames.
                Event::Task(view) if view.status.is_ended() && view.session == 0 => {
                    return Ok(Ended::Yes);
                }
                Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                    return Err(error.into());
                }
                Event::Silent => tell_silence(&here.home),
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
        }
    }
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
