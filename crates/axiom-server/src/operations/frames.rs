//! Frames: whole frames of a session, back to back as they lie in the journal, from a cursor on. Never past the announced
//! head; a piece at a time, with the place where the next one begins.

use std::sync::Arc;

use axiom_journal::{Head, JournalError, Reader, SeekTo};
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::Fault;
use axiom_proto::frame::{Offset, Seq};
use bytes::Bytes;

use crate::background::beside;
use crate::fault;
use crate::feed::check_session;
use crate::task::{FIRST_SESSION, Task};

/// The size of an answer where nobody says, and the largest; one frame comes whole even where it is larger.
const BYTES_DEFAULT: usize = 1 << 20;
const BYTES_MAX: usize = 8 << 20;

/// `GET /tasks/{id}/frames`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FramesRequest {
    /// From where; the beginning where absent. Without a seq, from the frame that covers the offset.
    pub cursor: Option<Cursor>,
    /// About so many bytes at most, but at least one frame.
    pub bytes_max: Option<u64>,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramesAnswer {
    /// Whole frames, header included.
    pub bytes: Bytes,
    /// Where the next piece begins.
    pub cursor: Cursor,
    /// True when nothing will ever come after it.
    pub ended: bool,
}

pub(super) async fn frames(
    task: &Arc<Task>,
    request: FramesRequest,
) -> Result<FramesAnswer, Fault> {
    if let Some(cursor) = request.cursor {
        check_session(cursor)?;
    }
    let task = task.clone();
    beside(move || read(&task, request)).await.map_err(|error| fault::of_journal(&error))
}

fn read(task: &Task, request: FramesRequest) -> Result<FramesAnswer, JournalError> {
    let announced = task.announced();
    let cursor = request.cursor.unwrap_or(Cursor::start(FIRST_SESSION));
    let (Some(head), Some(mut reader)) = (announced.head, open(task)?) else {
        return Ok(FramesAnswer { bytes: Bytes::new(), cursor, ended: announced.over });
    };
    let to = cursor.seq.map_or(SeekTo::Offset(cursor.offset), SeekTo::Seq);
    if cursor.offset > head.offset || cursor.seq.is_some_and(|seq| seq > head.seq) {
        let head = Head { seq: head.seq, offset: head.offset, ..Head::default() };
        return Err(JournalError::Beyond { asked: to, head });
    }
    if to != SeekTo::Seq(Seq(0)) && to != SeekTo::Offset(Offset(0)) {
        reader.seek(to)?;
    }
    let bytes_max = request.bytes_max.and_then(|bytes| usize::try_from(bytes).ok());
    let bytes_max = bytes_max.unwrap_or(BYTES_DEFAULT).clamp(1, BYTES_MAX);
    let bytes = reader.read(bytes_max, Some(head.seq))?;
    let Head { seq, offset, .. } = reader.head();
    let cursor = Cursor { session: FIRST_SESSION, offset, seq: Some(seq) };
    Ok(FramesAnswer { bytes, cursor, ended: announced.over && seq >= head.seq })
}

/// The journal, if it was begun.
fn open(task: &Task) -> Result<Option<Reader>, JournalError> {
    match Reader::open(&task.folder) {
        Ok(reader) => Ok(Some(reader)),
        Err(JournalError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use axiom_journal::{Writer, frames as split};
    use axiom_proto::frame::{FrameKind, Micros};
    use axiom_proto::summary::Summary;

    use super::*;
    use crate::changes::Changes;
    use crate::history::Folded;
    use crate::home::{self, Home};
    use crate::task::State;
    use crate::view;

    /// A closed session of ten frames of output.
    fn task(folder: &std::path::Path) -> Arc<Task> {
        let home = Home::at(folder).unwrap();
        home.prepare().unwrap();
        let record = crate::record::tests::record();
        home::make(&home.task(record.id)).unwrap();
        let state = State::Queued;
        let task = Task::new(&home, record.clone(), state, Arc::new(Changes::default()));
        home::make(&task.folder).unwrap();
        let mut writer = Writer::create(&task.folder, task.session(), 1).unwrap();
        let mut summary = Summary::default();
        for _ in 0..10 {
            let payload = b"output\n";
            let header = writer.append(FrameKind::Output, Micros(1), payload).unwrap();
            summary.fold(&axiom_proto::frame::Frame { header, payload });
        }
        let view = view::of_ended(&record, &Folded { summary, started_unix_us: 1 });
        let ended = State::Ended(Box::new(view));
        Task::new(&home, record, ended, Arc::new(Changes::default()))
    }

    #[test]
    fn pieces_of_any_size_give_every_frame_once() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path());
        for bytes_max in [1, 50, 100, 1000] {
            let (mut cursor, mut seen) = (None, Vec::new());
            loop {
                let request = FramesRequest { cursor, bytes_max: Some(bytes_max) };
                let answer = read(&task, request).unwrap();
                seen.extend(split(&answer.bytes).map(|frame| frame.header.seq.0));
                cursor = Some(answer.cursor);
                if answer.ended {
                    break;
                }
            }
            assert_eq!(seen, (0..10).collect::<Vec<_>>(), "{bytes_max} bytes at a time");
        }
    }

    #[test]
    fn a_cursor_past_the_head_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path());
        for text in ["1:71", "1:0:11"] {
            let request = FramesRequest { cursor: Some(text.parse().unwrap()), bytes_max: None };
            assert!(matches!(read(&task, request), Err(JournalError::Beyond { .. })), "{text}");
        }
        let cursor = Some("1:14".parse().unwrap());
        let answer = read(&task, FramesRequest { cursor, bytes_max: Some(1) }).unwrap();
        assert_eq!(split(&answer.bytes).next().unwrap().header.seq, Seq(2));
    }
}
