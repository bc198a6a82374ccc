//! Catching up: the notes of frames that lie in a journal and were not taken while they came. Reads from the newest summary
//! before the first of them, so that figures are right, a piece at a time.

use std::path::Path;

use axiom_journal::{JournalError, Reader, frames};
use axiom_proto::frame::Seq;
use axiom_proto::summary::Summary;

use super::note::Note;
use crate::history;

/// Journal bytes read at once.
const BATCH_BYTES: usize = 256 * 1024;

/// The frames `from` to `until` of a journal, as notes.
pub(crate) struct CatchUp {
    reader: Reader,
    summary: Summary,
    from: Seq,
    until: Seq,
    /// The session's start, Unix microseconds.
    pub(crate) started_unix_us: u64,
}

impl CatchUp {
    /// Opens the journal in a session's folder.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub(crate) fn open(folder: &Path, from: Seq, until: Seq) -> Result<Self, JournalError> {
        let (reader, summary) = history::open_before(folder, from)?;
        let started_unix_us = reader.segment().started_unix_us;
        Ok(Self { reader, summary, from, until, started_unix_us })
    }

    /// True if the frame `next` is no longer kept, so that something of what was to be noted is missing.
    pub(crate) fn begins_after(&self, next: Seq) -> bool {
        self.reader.position() > next
    }

    /// The notes of the next piece; `None` at the end.
    ///
    /// # Errors
    /// The journal is damaged.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Note>>, JournalError> {
        let batch = self.reader.read(BATCH_BYTES, Some(self.until))?;
        if batch.is_empty() {
            return Ok(None);
        }
        let mut notes = Vec::new();
        for frame in frames(&batch) {
            let before = self.summary.status;
            self.summary.fold(&frame);
            if frame.header.seq >= self.from {
                notes.extend(Note::of(&frame, before, &self.summary));
            }
        }
        Ok(Some(notes))
    }
}
