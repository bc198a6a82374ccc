//! What a journal on disk says, folded: the newest segment that begins with a summary, and the frames after it.
//! Reads only. Used where no worker can be asked: ended sessions, and sessions whose worker is away.

use std::path::Path;

use axiom_journal::{JournalError, Reader, SeekTo, frames};
use axiom_proto::frame::{Frame, FrameKind, Seq};
use axiom_proto::record::Record;
use axiom_proto::summary::Summary;

/// Bytes read at once while folding.
const BATCH_BYTES: usize = 256 * 1024;

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) summary: Summary,
    pub(crate) started_unix_us: u64,
}

/// Folds the journal in a session's folder, as far as it goes now.
///
/// # Errors
/// [`JournalError::Missing`] if none was begun; damage in what must be read.
pub(crate) fn fold(folder: &Path) -> Result<Folded, JournalError> {
    for first in starts(folder)? {
        let Some(mut reader) = open_at(folder, first)? else { break };
        if let Some(folded) = fold_from(&mut reader)? {
            return Ok(folded);
        }
    }
    let mut reader = Reader::open(folder)?;
    let started_unix_us = reader.segment().started_unix_us;
    let mut summary = Summary::default();
    fold_rest(&mut reader, &mut summary)?;
    Ok(Folded { summary, started_unix_us })
}

/// A reader and an empty summary at a place from which everything before frame `from` is folded right: the newest segment
/// before it that begins with a summary, else the beginning of what is kept, which may be after it.
///
/// # Errors
/// [`JournalError::Missing`] if none was begun; damage in what must be read.
pub(crate) fn open_before(folder: &Path, from: Seq) -> Result<(Reader, Summary), JournalError> {
    for first in starts(folder)?.into_iter().filter(|first| *first <= from) {
        let Some(mut reader) = open_at(folder, first)? else { break };
        if frames(&reader.read(1, None)?).next().is_some_and(|frame| is_summary(&frame))
            && let Some(reader) = open_at(folder, first)?
        {
            return Ok((reader, Summary::default()));
        }
    }
    Ok((Reader::open(folder)?, Summary::default()))
}

/// The first frames of all segments that may begin with a summary, newest first: the session's very first does not.
fn starts(folder: &Path) -> Result<Vec<Seq>, JournalError> {
    let headers = axiom_journal::headers(folder)?;
    let starts = headers.iter().rev().map(|header| header.first_seq);
    Ok(starts.filter(|first| *first > Seq(0)).collect())
}

/// A reader at a frame; none if retention took it since its segment was listed: then the oldest that is kept has a summary.
fn open_at(folder: &Path, first: Seq) -> Result<Option<Reader>, JournalError> {
    let mut reader = Reader::open(folder)?;
    match reader.seek(SeekTo::Seq(first)) {
        Ok(()) => Ok(Some(reader)),
        Err(JournalError::Gone { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Folds from where the reader stands; `None` if no summary stands there.
fn fold_from(reader: &mut Reader) -> Result<Option<Folded>, JournalError> {
    let batch = reader.read(1, None)?;
    let Some(first) = frames(&batch).next() else { return Ok(None) };
    if !is_summary(&first) {
        return Ok(None);
    }
    let mut summary = Summary::default();
    frames(&batch).for_each(|frame| summary.fold(&frame));
    fold_rest(reader, &mut summary)?;
    Ok(Some(Folded { summary, started_unix_us: reader.segment().started_unix_us }))
}

fn fold_rest(reader: &mut Reader, summary: &mut Summary) -> Result<(), JournalError> {
    loop {
        let batch = reader.read(BATCH_BYTES, None)?;
        if batch.is_empty() {
            return Ok(());
        }
        frames(&batch).for_each(|frame| summary.fold(&frame));
    }
}

fn is_summary(frame: &Frame<'_>) -> bool {
    frame.header.kind == FrameKind::Record
        && matches!(Record::decode(frame.payload), Record::Summary(_))
}

#[cfg(test)]
mod tests {
    use axiom_journal::{TrimBounds, Writer};
    use axiom_proto::frame::Micros;
    use axiom_proto::id::{SessionId, TaskId};
    use axiom_proto::record::{Closing, Exit};
    use axiom_proto::task::{Mode, Status};

    use super::*;

    fn session() -> SessionId {
        SessionId { task: TaskId::from_random([1; 10]), number: 1 }
    }

    struct Written {
        writer: Writer,
        summary: Summary,
    }

    impl Written {
        fn append(&mut self, kind: FrameKind, payload: &[u8]) {
            let header = self.writer.append(kind, Micros(1), payload).unwrap();
            self.summary.fold(&Frame { header, payload });
        }

        fn record(&mut self, record: &Record) {
            self.append(FrameKind::Record, &record.encode());
        }

        fn rotate(&mut self, with_summary: bool) {
            self.writer.rotate().unwrap();
            if with_summary {
                self.record(&Record::Summary(Box::new(self.summary.clone())));
            }
        }
    }

    #[test]
    fn a_journal_is_folded_the_same_with_and_without_summaries() {
        for with_summary in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let writer = Writer::create(folder.path(), session(), 77).unwrap();
            let mut written = Written { writer, summary: Summary::default() };
            written.record(&Record::Started { pid: 1, mode: Mode::Terminal, size: None });
            written.append(FrameKind::Output, b"one\ntwo\n");
            for _ in 0..3 {
                written.rotate(with_summary);
                written.append(FrameKind::Output, b"three\n");
            }
            written.record(&Record::Exited { exit: Exit::Code(0) });
            written.record(&Record::Closed { reason: Closing::Ended });
            let folded = fold(folder.path()).unwrap();
            assert_eq!(folded, Folded { summary: written.summary, started_unix_us: 77 });
            assert_eq!((folded.summary.status, folded.summary.lines), (Status::Succeeded, 5));
            assert!(folded.summary.closed);
            let places = |folder| {
                let starts = [Seq(2), Seq(5), Seq(8)].map(|seq| open_before(folder, seq).unwrap());
                (starts.map(|(reader, _)| reader.position()), fold(folder).unwrap())
            };
            let plain = places(folder.path());
            assert_eq!(axiom_journal::pack(folder.path(), || true).unwrap().segments, 3);
            assert_eq!(places(folder.path()), plain, "packed segments say the same");
        }
    }

    #[test]
    fn a_journal_without_its_beginning_is_folded_from_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(folder.path(), session(), 77).unwrap();
        let mut written = Written { writer, summary: Summary::default() };
        written.record(&Record::Started { pid: 1, mode: Mode::Terminal, size: None });
        for _ in 0..3 {
            written.append(FrameKind::Output, b"one\ntwo\n");
            written.rotate(true);
        }
        // The last segment was begun, and its worker killed before it wrote the summary.
        written.rotate(false);
        written.append(FrameKind::Output, b"three\n");
        let bounds = TrimBounds { bytes_max: Some(0), since_unix_us: None, unread: Seq(u64::MAX) };
        assert_eq!(axiom_journal::trim(folder.path(), &bounds).unwrap().segments, 3);
        let folded = fold(folder.path()).unwrap();
        assert_eq!(folded, Folded { summary: written.summary, started_unix_us: 77 });
        assert_eq!((folded.summary.pid, folded.summary.lines), (Some(1), 7));
        for (from, begins) in [(0, 6), (6, 6), (7, 6), (99, 6)] {
            let (reader, _) = open_before(folder.path(), Seq(from)).unwrap();
            assert_eq!(reader.position(), Seq(begins), "before frame {from}");
        }
    }

    #[test]
    fn a_folder_without_a_journal_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(fold(folder.path()), Err(JournalError::Missing { .. })));
        let absent = folder.path().join("absent");
        assert!(fold(&absent).is_err());
    }
}
