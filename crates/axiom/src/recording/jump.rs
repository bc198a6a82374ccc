//! Reading a task from anywhere in it: the place is found by its time, with a few short questions, and what the terminal
//! showed there is asked of the server, which begins at a keyframe.

use axiom_client::Connection;
use axiom_proto::api::ScreenRequest;
use axiom_proto::cursor::Cursor;
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Seq};
use axiom_proto::task::Size;
use bytes::Bytes;

use super::search::Search;
use super::task::{PAGE_BYTES, TaskEvents};
use crate::failure::Failure;

/// Frames that are looked at together, backwards, for outputs: the output before is nearly always one of them.
const BACK_FRAMES: u64 = 64;

/// A place in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everything up to this time was passed.
    Moment(Micros),
    /// So many outputs before the last of those up to this time.
    Outputs {
        /// The time.
        until: Micros,
        /// How many.
        back: u64,
    },
}

/// Where reading goes on, and what stands on the terminal there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jump {
    /// Times of the place.
    pub landing: Landing,
    /// The terminal's size.
    pub size: Size,
    /// What draws its picture.
    pub dump: Bytes,
}

/// When a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landing {
    /// The time of the last event before it.
    pub last: Micros,
    /// Its own: later where it lies in a silence.
    pub at: Micros,
}

impl TaskEvents {
    /// Goes to a place: the events after it come next.
    ///
    /// # Errors
    /// [`Failure`] when there is no server, or when its frames are broken.
    pub(crate) async fn jump(
        &mut self,
        connection: &mut Connection,
        place: Place,
    ) -> Result<Jump, Failure> {
        let begin = Cursor::start(self.view.session);
        let part = connection.frames(self.view.id.as_str(), begin, 1).await?;
        let (Ok(first), Some(end)) = (Header::decode(&part.bytes), self.end) else {
            // Nothing is recorded yet.
            let (zero, size) = (Micros(0), self.view.size.unwrap_or_default());
            let landing = Landing { last: zero, at: zero };
            return Ok(Jump { landing, size, dump: Bytes::new() });
        };
        if let Some(gone) = part.gone.filter(|gone| gone.bytes() > 0) {
            // It is told with the first page, which is not read here.
            let _marker = self.note_cut(gone, true, &part.bytes);
        }
        let before = self.cut.map_or(0, |cut| cut.at.0);
        let (time, back) = match place {
            Place::Moment(at) => (at, 0),
            Place::Outputs { until, back } => (until, back),
        };
        let found = self.first_after(connection, time.plus(before), (first.seq, end)).await?;
        let next = self.outputs_before(connection, (first.seq, found), back).await?;
        let last = if next > first.seq {
            Micros(self.header(connection, Seq(next.0 - 1)).await?.time.0.saturating_sub(before))
        } else {
            Micros(0)
        };
        let at = match place {
            Place::Moment(at) if next < end => at.max(last),
            Place::Moment(_) | Place::Outputs { .. } => last,
        };
        let cursor = Some(self.cursor_of(next));
        let request = ScreenRequest { dump: true, at: cursor, ..ScreenRequest::default() };
        let picture = connection.screen(self.view.id.as_str(), request).await?;
        self.cursor = picture.at;
        let dump = picture.dump.map(|dump| dump.0.into()).unwrap_or_default();
        Ok(Jump { landing: Landing { last, at }, size: picture.size, dump })
    }

    async fn first_after(
        &self,
        connection: &mut Connection,
        time: Micros,
        (first, end): (Seq, Seq),
    ) -> Result<Seq, Failure> {
        let mut search = Search::new(time, first, end);
        loop {
            match search.next() {
                Ok(asked) => search.saw(asked, &self.header(connection, asked).await?),
                Err(found) => return Ok(found),
            }
        }
    }

    /// The frame of the output that is so many outputs before `until`.
    async fn outputs_before(
        &self,
        connection: &mut Connection,
        (first, until): (Seq, Seq),
        back: u64,
    ) -> Result<Seq, Failure> {
        let (mut until, mut missing) = (until, back);
        while missing > 0 && until > first {
            let from = Seq(until.0.saturating_sub(BACK_FRAMES)).max(first);
            let outputs = self.outputs(connection, from, until).await?;
            let wanted = usize::try_from(missing).unwrap_or(usize::MAX);
            if let Some(index) = outputs.len().checked_sub(wanted) {
                return Ok(outputs[index]);
            }
            missing -= outputs.len() as u64;
            until = from;
        }
        Ok(until)
    }

    /// The frames of output from one frame on and before another.
    async fn outputs(
        &self,
        connection: &mut Connection,
        from: Seq,
        until: Seq,
    ) -> Result<Vec<Seq>, Failure> {
        let (mut cursor, mut outputs) = (self.cursor_of(from), Vec::new());
        while cursor.seq < Some(until) {
            let part = connection.frames(self.view.id.as_str(), cursor, PAGE_BYTES).await?;
            if part.cursor == cursor {
                break;
            }
            cursor = part.cursor;
            let mut rest = part.bytes;
            while !rest.is_empty() {
                let header = Frame::decode(&rest).map_err(|error| self.broken(&error))?.header;
                let prints = matches!(header.kind, FrameKind::Output | FrameKind::ErrorOutput);
                outputs.extend((prints && header.seq < until).then_some(header.seq));
                drop(rest.split_to(header.frame_bytes()));
            }
        }
        Ok(outputs)
    }

    /// A frame's header, or that of the first one after it which is kept.
    async fn header(&self, connection: &mut Connection, seq: Seq) -> Result<Header, Failure> {
        let part = connection.frames(self.view.id.as_str(), self.cursor_of(seq), 1).await?;
        Header::decode(&part.bytes).map_err(|error| self.broken(&error))
    }

    fn cursor_of(&self, seq: Seq) -> Cursor {
        Cursor { seq: Some(seq), ..Cursor::start(self.view.session) }
    }
}
