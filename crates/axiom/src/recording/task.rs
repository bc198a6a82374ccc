//! A task's frames as events: page after page from its server, up to what there was when it was asked first. Bounded by
//! one page, and by the server's largest frame.

use axiom_asciicast::{Event, Journaled};
use axiom_client::Connection;
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::{Frame, Seq};
use axiom_proto::task::TaskView;
use bytes::Bytes;

use crate::failure::Failure;

/// Bytes of one page: a second of a flood, and nothing to keep in memory.
const PAGE_BYTES: u64 = 1024 * 1024;

/// One task's newest session.
#[derive(Debug)]
pub(crate) struct TaskEvents {
    /// The task as it was when reading began.
    pub view: TaskView,
    /// What the frames so far say besides their events.
    pub journaled: Journaled,
    cursor: Cursor,
    /// The first frame that is not read: what comes after belongs to a later recording.
    end: Option<Seq>,
    over: bool,
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
        Ok(Self { view, journaled: Journaled::default(), cursor, end, over: false })
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
        self.cursor = part.cursor;
        self.events(part.bytes).map(Some)
    }

    fn events(&mut self, mut rest: Bytes) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        while !rest.is_empty() {
            let frame = Frame::decode(&rest).map_err(|error| {
                Failure::own(
                    format!("read the frames of task {}: {error}", self.view.id.short()),
                    "the journal is looked at by `axiom doctor --journal ID`",
                )
            })?;
            if self.end.is_some_and(|end| frame.header.seq >= end) {
                break;
            }
            let len = frame.header.frame_bytes();
            events.extend(self.journaled.take(&frame));
            drop(rest.split_to(len));
        }
        Ok(events)
    }
}
