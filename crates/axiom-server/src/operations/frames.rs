//! Frames: whole frames of a session, back to back as they lie in the journal, from a cursor on. Never past the announced
//! head; a piece at a time, with the place where the next one begins.

use std::sync::Arc;

use axiom_journal::{Head, JournalError, Reader, SeekTo};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::Fault;
use axiom_proto::frame::{Offset, Seq};
use bytes::Bytes;

use crate::background::beside;
use crate::fault;
use crate::feed::check_session;
use crate::kept;
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
    /// What was asked for and is no longer kept: the frames begin after it.
    pub gone: Option<Gone>,
}

pub(super) async fn frames(
    task: &Arc<Task>,
    request: FramesRequest,
) -> Result<FramesAnswer, Fault> {
    if let Some(cursor) = request.cursor {
        check_session(cursor)?;
    }
    let task = task.clone();
    beside(move || kept::read(|| read(&task, request)))
        .await
        .map_err(|error| fault::of_journal(&error))
}

fn read(task: &Task, request: FramesRequest) -> Result<FramesAnswer, JournalError> {
    let announced = task.announced();
    let cursor = request.cursor.unwrap_or(Cursor::start(FIRST_SESSION));
    let (Some(head), Some(mut reader)) = (announced.head, open(task)?) else {
        let (bytes, ended) = (Bytes::new(), announced.over);
        return Ok(FramesAnswer { bytes, cursor, ended, gone: None });
    };
    let to = cursor.seq.map_or(SeekTo::Offset(cursor.offset), SeekTo::Seq);
    if cursor.offset > head.offset || cursor.seq.is_some_and(|seq| seq > head.seq) {
        let head = Head { seq: head.seq, offset: head.offset, ..Head::default() };
        return Err(JournalError::Beyond { asked: to, head });
    }
    let is_start = to == SeekTo::Seq(Seq(0)) || to == SeekTo::Offset(Offset(0));
    let first_kept = if is_start { Some(reader.head()) } else { kept::seek(&mut reader, to)? };
    let gone = first_kept.filter(|kept| kept.seq > Seq(0));
    let gone = gone.map(|kept| Gone { from: cursor.offset, to: kept.offset });
    let bytes_max = request.bytes_max.and_then(|bytes| usize::try_from(bytes).ok());
    let bytes_max = bytes_max.unwrap_or(BYTES_DEFAULT).clamp(1, BYTES_MAX);
    let bytes = reader.read(bytes_max, Some(head.seq))?;
    let Head { seq, offset, .. } = reader.head();
    let cursor = Cursor { session: FIRST_SESSION, offset, seq: Some(seq), line: None };
    Ok(FramesAnswer { bytes, cursor, ended: announced.over && seq >= head.seq, gone })
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
    use axiom_journal::{TrimBounds, Writer, frames as split};
    use axiom_proto::frame::{FrameKind, Micros};
    use axiom_proto::record::Record;
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
    fn what_is_no_longer_kept_is_said_and_reading_goes_on_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path());
        let (mut writer, _) = Writer::recover(&task.folder).unwrap();
        writer.rotate().unwrap();
        let summary = Record::Summary(Box::<Summary>::default()).encode();
        writer.append(FrameKind::Record, Micros(2), &summary).unwrap();
        writer.rotate().unwrap();
        let bounds = TrimBounds { bytes_max: Some(0), since_unix_us: None, unread: Seq(10) };
        assert_eq!(axiom_journal::trim(&task.folder, &bounds).unwrap().segments, 1);
        let gone = |from| Some(Gone { from: Offset(from), to: Offset(70) });
        for (cursor, from) in [(None, 0), (Some("1:0"), 0), (Some("1:7:1"), 7), (Some("1:69"), 69)]
        {
            let cursor = cursor.map(|text| text.parse().unwrap());
            let answer = read(&task, FramesRequest { cursor, bytes_max: None }).unwrap();
            assert_eq!((answer.gone, answer.ended), (gone(from), true), "{cursor:?}");
        }
        let cursor = Some("1:70".parse().unwrap());
        let answer = read(&task, FramesRequest { cursor, bytes_max: None }).unwrap();
        assert_eq!(answer.gone, None);
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
