//! A subscriber's side of a session: whole frames, each once, in order. Near the head they come from the ring, behind it
//! from the journal; past the announced head nothing is read. A feed is a cursor: nothing is queued for it.

use std::sync::Arc;

use axiom_hub::{Place, Subscriber, Take};
use axiom_journal::{Head, JournalError, Reader, SeekTo};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::{Offset, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use bytes::Bytes;
use tokio::sync::watch;

use crate::background::beside;
use crate::fault;
use crate::fleet::Fleet;
use crate::kept;
use crate::metrics::ReaderPlace;
use crate::task::{Announced, FIRST_SESSION, State, Task};

/// Bytes taken from the ring at once: one message of a live connection, one write into a socket's buffer.
const RING_BATCH_BYTES: usize = 64 * 1024;

/// Bytes read from the journal at once: as many as from the ring. A reader that is stuck holds them, and there may be a
/// thousand of those.
const JOURNAL_BATCH_BYTES: usize = RING_BATCH_BYTES;

/// A stream of one session's frames.
#[derive(Debug)]
pub struct Feed {
    task: Arc<Task>,
    fleet: Arc<Fleet>,
    subscriber: Subscriber,
    /// The offset of the first frame, until one was seen.
    offset: Offset,
    announced: watch::Receiver<Announced>,
    /// What operators see of it.
    place: Arc<ReaderPlace>,
    /// Kept while the feed catches up; found again by number otherwise.
    reader: Option<Reader>,
    /// What is no longer kept, until it was told.
    gone: Option<Gone>,
}

/// What comes next of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Whole frames; each `Bytes` holds one or more, back to back.
    Frames(Vec<Bytes>),
    /// Output that is no longer kept: the feed goes on after it, at its cursor.
    Gone(Gone),
}

/// What to do for the next frames.
enum Turn {
    Frames(Vec<Bytes>),
    ReadJournal { until: Seq },
    Wait,
    End,
}

impl Feed {
    /// A feed that begins at `start`.
    ///
    /// # Errors
    /// The cursor is of another session, or past the head.
    pub(crate) async fn open(
        fleet: Arc<Fleet>,
        task: Arc<Task>,
        start: StartAt,
    ) -> Result<Self, Fault> {
        let (place, gone) = find_start(&task, start).await?;
        Ok(Self {
            announced: task.subscribe(),
            subscriber: Subscriber::at(place.seq),
            offset: place.offset,
            place: fleet.metrics.subscribed(task.id(), place.offset),
            reader: None,
            gone,
            fleet,
            task,
        })
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.task.id()
    }

    /// The place of the next frame.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let offset = self.subscriber.offset().unwrap_or(self.offset);
        Cursor { session: FIRST_SESSION, offset, seq: Some(self.subscriber.next()), line: None }
    }

    /// The next whole frames, or what is gone before them. Waits while there is none; `None` once the session is closed and all
    /// was given. Dropping the wait loses nothing.
    ///
    /// # Errors
    /// The journal cannot be read, or the task was removed.
    pub async fn next(&mut self) -> Result<Option<Given>, Fault> {
        loop {
            if let Some(gone) = self.gone.take() {
                return Ok(Some(Given::Gone(gone)));
            }
            match self.turn()? {
                Turn::Frames(frames) => {
                    self.place.moved(self.cursor().offset);
                    self.reader = None;
                    return Ok(Some(Given::Frames(frames)));
                }
                Turn::ReadJournal { until } => {
                    if let Some(batch) = self.read_journal(until).await? {
                        self.place.moved(self.cursor().offset);
                        return Ok(Some(Given::Frames(vec![batch])));
                    }
                }
                Turn::Wait => {
                    self.reader = None;
                    if self.announced.changed().await.is_err() {
                        return Ok(None);
                    }
                }
                Turn::End => return Ok(None),
            }
        }
    }

    /// Looks at the head and into the ring, in this order and after marking what is announced as seen: a frame that comes
    /// later wakes us.
    fn turn(&mut self) -> Result<Turn, Fault> {
        let Announced { head, over, status: _ } = *self.announced.borrow_and_update();
        let Some(head) = head else { return Ok(if over { Turn::End } else { Turn::Wait }) };
        let subscriber = &mut self.subscriber;
        let taken = self.task.look(|state| match state {
            State::Live(session) => {
                session.ring.as_ref().map(|ring| subscriber.take(ring, RING_BATCH_BYTES))
            }
            State::Queued | State::Cancelled(_) | State::Ended(_) => None,
        });
        match taken.transpose().map_err(fault::of_order)? {
            Some(Take::Frames(frames)) => Ok(Turn::Frames(frames)),
            Some(Take::Behind { oldest, .. }) => {
                Ok(Turn::ReadJournal { until: oldest.max(head.seq) })
            }
            Some(Take::AtHead) => Ok(Turn::Wait),
            None if self.subscriber.next() < head.seq => Ok(Turn::ReadJournal { until: head.seq }),
            None => Ok(if over { Turn::End } else { Turn::Wait }),
        }
    }

    /// The next batch from the journal; `None` where it must be looked at anew.
    async fn read_journal(&mut self, until: Seq) -> Result<Option<Bytes>, Fault> {
        let (from, folder) = (self.subscriber.next(), self.task.folder.clone());
        // Taken out for the reading: if the wait is dropped, the next one opens another.
        let reader = self.reader.take();
        let read = beside(move || {
            let mut reader = match reader {
                Some(reader) if reader.position() == from => reader,
                Some(_) | None => {
                    let mut reader = Reader::open(&folder)?;
                    reader.seek(SeekTo::Seq(from))?;
                    reader
                }
            };
            let batch = reader.read(JOURNAL_BATCH_BYTES, Some(until))?;
            Ok((reader, batch))
        })
        .await;
        let (reader, batch) = match read {
            Ok(read) => read,
            Err(JournalError::Gone { first_kept }) => {
                self.skip_to(first_kept);
                return Ok(None);
            }
            Err(error) => return Err(self.refusal(&error)),
        };
        if batch.is_empty() {
            let text = format!("the journal ends before frame {until}, which it has announced");
            return Err(Fault::new(ErrorCode::Internal, text, "axiom doctor --journal checks it"));
        }
        self.subscriber.refill(&batch).map_err(fault::of_order)?;
        self.reader = Some(reader);
        Ok(Some(batch))
    }

    /// Goes on at the oldest frame that is kept, and has the rest told.
    fn skip_to(&mut self, first_kept: Head) {
        self.gone = Some(Gone { from: self.cursor().offset, to: first_kept.offset });
        self.subscriber = Subscriber::at(first_kept.seq);
        self.offset = first_kept.offset;
    }

    fn refusal(&self, error: &JournalError) -> Fault {
        if self.fleet.task(self.task.id()).is_some() {
            return fault::of_journal(error);
        }
        let text = format!("task {} was removed", self.task.id());
        Fault::new(ErrorCode::TaskNotFound, text, "")
    }
}

/// The first frame of a feed, and what is gone before it, where that is known already.
async fn find_start(task: &Task, start: StartAt) -> Result<(Place, Option<Gone>), Fault> {
    let head = task.announced().head;
    match start {
        StartAt::Start => Ok((Place::default(), None)),
        StartAt::Head => Ok((head.unwrap_or_default(), None)),
        StartAt::Cursor(cursor) => {
            check_session(cursor)?;
            match (cursor.seq, head) {
                (Some(seq), Some(head)) if seq > head.seq => Err(past_the_head(cursor, head)),
                // Not known yet how far it goes; the journal will tell.
                (Some(seq), _) => Ok((Place { seq, offset: cursor.offset }, None)),
                (None, _) if cursor.offset == Offset(0) => Ok((Place::default(), None)),
                (None, _) => seek(task, cursor.offset).await,
            }
        }
    }
}

/// Refuses a cursor of another session.
///
/// # Errors
/// It names a session that the task does not have.
pub(crate) fn check_session(cursor: Cursor) -> Result<(), Fault> {
    if cursor.session == FIRST_SESSION {
        return Ok(());
    }
    let text = format!("cursor {cursor} is of session {}, which does not exist", cursor.session);
    Err(Fault::new(ErrorCode::InvalidArgument, text, "take a cursor from an earlier answer"))
}

fn past_the_head(cursor: Cursor, head: Place) -> Fault {
    let text = format!("cursor {cursor} is past the newest frame, {} at {}", head.seq, head.offset);
    Fault::new(ErrorCode::InvalidArgument, text, "take a cursor from an earlier answer")
}

/// The frame that covers an offset; the oldest one that is kept where that is gone.
async fn seek(task: &Task, offset: Offset) -> Result<(Place, Option<Gone>), Fault> {
    let folder = task.folder.clone();
    let found = beside(move || {
        let mut reader = Reader::open(&folder)?;
        let first_kept = kept::seek(&mut reader, SeekTo::Offset(offset))?;
        let gone = first_kept.map(|kept| Gone { from: offset, to: kept.offset });
        Ok((reader.head(), gone))
    })
    .await;
    match found {
        Ok((head, gone)) => Ok((Place { seq: head.seq, offset: head.offset }, gone)),
        Err(JournalError::Missing { .. }) => {
            let text = format!("offset {offset} is past the end: nothing was printed yet");
            Err(Fault::new(ErrorCode::InvalidArgument, text, "start from 1:0"))
        }
        Err(error) => Err(fault::of_journal(&error)),
    }
}

#[cfg(test)]
mod tests;
