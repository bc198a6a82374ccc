//! A task's frames as events: page after page from its server, up to what there was when it was asked first. Bounded by
//! one page, and by the server's largest frame.

use axiom_asciicast::{Event, Journaled, What};
use axiom_client::Connection;
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::{Frame, FrameError, Header, Micros, Seq};
use axiom_proto::task::TaskView;
use bytes::Bytes;

use crate::failure::Failure;
use crate::quantities::not_kept;

/// Bytes of one page: a second of a flood, and nothing to keep in memory.
pub(super) const PAGE_BYTES: u64 = 1024 * 1024;

/// One task's newest session.
#[derive(Debug)]
pub(crate) struct TaskEvents {
    /// The task as it was when reading began.
    pub view: TaskView,
    /// What the frames so far say besides their events.
    pub journaled: Journaled,
    /// What is no longer kept of it: where that is its beginning, the recording begins when the rest does.
    pub cut: Option<Cut>,
    pub(super) cursor: Cursor,
    /// The first frame that is not read: what comes after belongs to a later recording.
    pub(super) end: Option<Seq>,
    over: bool,
}

/// What a recording lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What is gone.
    pub gone: Gone,
    /// How much earlier all is told than it was: the moment of the first frame, if the recording begins with it.
    pub at: Micros,
}

impl TaskEvents {
    /// From the start of the newest session.
    ///
    /// # Errors
    /// [`Failure`] for a task that has no session, and so nothing to tell.
    pub(crate) fn of(view: TaskView) -> Result<Self, Failure> {
        if view.session == 0 {
            let message =
                format!("task {} has never started: there is no recording", view.id.short());
            let hint = if view.status.is_ended() { "" } else { "try again once it runs" };
            return Err(Fault::new(ErrorCode::InvalidArgument, message, hint).into());
        }
        let end = view.cursor.and_then(|cursor| cursor.seq);
        let cursor = Cursor::start(view.session);
        Ok(Self { view, journaled: Journaled::default(), cut: None, cursor, end, over: false })
    }

    /// The next events, maybe none of a page; `None` at the end.
    ///
    /// # Errors
    /// [`Failure`] when there is no server, or when its frames are broken.
    pub(crate) async fn next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Vec<Event>>, Failure> {
        if self.over || self.end.is_some_and(|end| self.cursor.seq >= Some(end)) {
            return Ok(None);
        }
        let id = self.view.id;
        let part = connection.frames(id.as_str(), self.cursor, PAGE_BYTES).await?;
        self.over = part.ended || part.cursor == self.cursor;
        let is_begin = self.cursor == Cursor::start(self.view.session);
        self.cursor = part.cursor;
        let gone = part.gone.filter(|gone| gone.bytes() > 0);
        let marker = gone.map(|gone| self.note_cut(gone, is_begin, &part.bytes));
        let mut events = self.events(part.bytes)?;
        if let Some(marker) = marker {
            events.insert(0, marker);
        }
        Ok(Some(events))
    }

    /// Notes what is gone before these frames, as an event too.
    pub(super) fn note_cut(&mut self, gone: Gone, is_begin: bool, frames: &[u8]) -> Event {
        let first = Header::decode(frames).map_or(Micros(0), |header| header.time);
        let at = if is_begin { first } else { Micros(0) };
        let cut = *self.cut.get_or_insert(Cut { gone, at });
        let at = Micros(first.0.saturating_sub(cut.at.0));
        Event { at, what: What::Marker(format!("gone: {}", not_kept(gone))) }
    }

    fn events(&mut self, mut rest: Bytes) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        while !rest.is_empty() {
            let frame = Frame::decode(&rest).map_err(|error| self.broken(&error))?;
            if self.end.is_some_and(|end| frame.header.seq >= end) {
                break;
            }
            let len = frame.header.frame_bytes();
            let before = self.cut.map_or(0, |cut| cut.at.0);
            let event = self.journaled.take(&frame);
            events.extend(
                event.map(|Event { at, what }| Event {
                    at: Micros(at.0.saturating_sub(before)),
                    what,
                }),
            );
            drop(rest.split_to(len));
        }
        Ok(events)
    }

    pub(super) fn broken(&self, error: &FrameError) -> Failure {
        Failure::own(
            format!("read the frames of task {}: {error}", self.view.id.short()),
            "the journal is looked at by `axiom doctor --journal ID`",
        )
    }
}
