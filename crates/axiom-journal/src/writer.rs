//! The one writer of a session's journal.
//! A frame is appended whole or not at all, and is process-safe when `append` returns; when it is power-safe
//! is the caller's matter (`files_to_sync`). It decides nothing about what is recorded.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use axiom_proto::frame::{FrameKind, HEADER_BYTES, Header, Micros, Offset, Seq};
use axiom_proto::id::SessionId;
use rustix::io::Errno;
use thiserror::Error;

use crate::folder::{self, JournalError};
use crate::lock::WriterLock;
use crate::recovery::{self, Recovered};
use crate::scan::Head;
use crate::segment::{SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES, SegmentHeader};

/// The largest frame for which a segment that is not full has room: the worker's largest read and a header.
pub const ORDINARY_FRAME_BYTES_MAX: u64 = (64 << 10) + HEADER_BYTES as u64;

/// Kinds from here on exist on links only.
const FIRST_LINK_KIND: u8 = 128;

/// Closed segments that may wait for their sync. When the disk is slower than that, rotating waits for it, so
/// that what a power cut can take stays bounded.
pub(crate) const UNSYNCED_SEGMENTS_MAX: usize = 64;

/// Why nothing was appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The disk or the quota is full: free some, and append again.
    #[error("no space left for the journal in {}", folder.display())]
    NoSpace {
        /// The session's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system refused for another reason.
    #[error("failed to append to the journal in {}", folder.display())]
    Io {
        /// The session's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Appends frames to a session's journal. Holds its lock.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    directory: File,
    /// Of the segment that is written now.
    header: SegmentHeader,
    file: File,
    /// The known good end of the file.
    end: u64,
    head: Head,
    /// A failed append may have left bytes after `end`.
    leftover: bool,
    /// Closed segments since the last sync.
    unsynced: Vec<File>,
    /// The folder has a new segment since the last sync.
    folder_changed: bool,
    _lock: WriterLock,
}

impl Writer {
    /// Begins a session's journal in `folder`, which must exist.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if there are segments, [`JournalError::Lock`] if another writer lives.
    pub fn create(
        folder: &Path,
        session: SessionId,
        started_unix_us: u64,
    ) -> Result<Self, JournalError> {
        let lock = WriterLock::take(folder)?;
        if folder::segments(folder)?.is_empty() {
            Self::begin(folder, lock, session, started_unix_us)
        } else {
            Err(JournalError::Exists { folder: folder.to_owned() })
        }
    }

    /// Continues a journal after its last valid frame; what follows that frame is cut.
    ///
    /// # Errors
    /// [`JournalError::Missing`] if nothing was begun, [`JournalError::Lock`] if another writer lives.
    pub fn recover(folder: &Path) -> Result<(Self, Recovered), JournalError> {
        let lock = WriterLock::take(folder)?;
        recovery::recover(folder, lock, None)
    }

    /// Continues the session's journal, or begins it if there is none.
    ///
    /// # Errors
    /// [`JournalError::OtherSession`] if the journal there is another session's; nothing is cut then.
    pub fn open(
        folder: &Path,
        session: SessionId,
        started_unix_us: u64,
    ) -> Result<(Self, Option<Recovered>), JournalError> {
        let lock = WriterLock::take(folder)?;
        if recovery::is_unstarted(folder)? {
            return Ok((Self::begin(folder, lock, session, started_unix_us)?, None));
        }
        let (writer, recovered) = recovery::recover(folder, lock, Some(session))?;
        Ok((writer, Some(recovered)))
    }

    fn begin(
        folder: &Path,
        lock: WriterLock,
        session: SessionId,
        started_unix_us: u64,
    ) -> Result<Self, JournalError> {
        let header = SegmentHeader {
            session,
            segment: 1,
            first_seq: Seq(0),
            first_offset: Offset(0),
            started_unix_us,
        };
        let file = start_segment(folder, &header)
            .map_err(JournalError::io("create", &folder::path_of(folder, 1)))?;
        let (end, head, unsynced) = (FIRST_FRAME_AT, Head::default(), Vec::new());
        Self::at(folder, lock, Place { header, file, end, head, unsynced })
    }

    /// A writer that goes on where `place` says.
    pub(crate) fn at(folder: &Path, lock: WriterLock, place: Place) -> Result<Self, JournalError> {
        Ok(Self {
            folder: folder.to_owned(),
            directory: File::open(folder).map_err(JournalError::io("open", folder))?,
            header: place.header,
            file: place.file,
            end: place.end,
            head: place.head,
            leftover: false,
            unsynced: place.unsynced,
            folder_changed: true,
            _lock: lock,
        })
    }

    /// Appends one frame, as the next in sequence. A time before the last frame's becomes the last frame's.
    /// A frame that does not fit the segment's rest starts the next one; see [`Self::has_room_for`].
    ///
    /// # Errors
    /// Nothing was appended, and the same may be tried again.
    ///
    /// # Panics
    /// If the payload is larger than a frame can hold, or the kind exists on links only.
    pub fn append(
        &mut self,
        kind: FrameKind,
        time: Micros,
        payload: &[u8],
    ) -> Result<Header, AppendError> {
        assert!(kind.number() < FIRST_LINK_KIND, "{kind:?} in a journal");
        let header =
            Header::of(kind, self.head.seq, self.head.offset, time.max(self.head.time), payload);
        if !self.has_room_for(payload.len()) {
            self.rotate()?;
        }
        self.write(&header, payload).map_err(|source| self.refusal(source))?;
        self.end += header.frame_bytes() as u64;
        self.head = self.head.after(&header);
        Ok(header)
    }

    fn write(&mut self, header: &Header, payload: &[u8]) -> io::Result<()> {
        self.drop_leftover()?;
        let written = write_whole(&self.file, self.end, &header.encode(), payload);
        if written.is_err() {
            self.leftover = true;
            // If this fails, the next append tries it again before it writes.
            let _kept_for_later: io::Result<()> = self.drop_leftover();
        }
        written
    }

    fn drop_leftover(&mut self) -> io::Result<()> {
        if self.leftover {
            self.file.set_len(self.end)?;
            self.leftover = false;
        }
        Ok(())
    }

    fn refusal(&self, source: io::Error) -> AppendError {
        let folder = self.folder.clone();
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                // `ulimit -f`: room for this file has run out.
                | io::ErrorKind::FileTooLarge
        );
        if full {
            AppendError::NoSpace { folder, source }
        } else {
            AppendError::Io { folder, source }
        }
    }

    /// True when an ordinary frame may not fit any more: rotate, and append a summary first, so that recovery
    /// needs this one segment only.
    #[must_use]
    pub fn segment_is_full(&self) -> bool {
        self.end + ORDINARY_FRAME_BYTES_MAX > SEGMENT_BYTES_MAX
    }

    /// True if `append` would put a payload of this size into the segment that is open now. Ask before a
    /// larger frame than [`ORDINARY_FRAME_BYTES_MAX`], and rotate first if not.
    #[must_use]
    pub fn has_room_for(&self, payload_bytes: usize) -> bool {
        let bytes = HEADER_BYTES as u64 + payload_bytes as u64;
        self.end + bytes <= SEGMENT_BYTES_MAX || self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.end == FIRST_FRAME_AT
    }

    /// Closes the segment and starts the next one. A segment without frames stays.
    ///
    /// # Errors
    /// The old segment is then still open, and the same may be tried again.
    pub fn rotate(&mut self) -> Result<(), AppendError> {
        if self.is_empty() {
            return Ok(());
        }
        self.start_next().map_err(|source| self.refusal(source))
    }

    fn start_next(&mut self) -> io::Result<()> {
        self.drop_leftover()?;
        if self.unsynced.len() >= UNSYNCED_SEGMENTS_MAX {
            self.unsynced[0].sync_data()?;
            let _closed: File = self.unsynced.remove(0);
        }
        let header = SegmentHeader {
            segment: self.header.segment + 1,
            first_seq: self.head.seq,
            first_offset: self.head.offset,
            ..self.header
        };
        let file = start_segment(&self.folder, &header)?;
        self.unsynced.push(std::mem::replace(&mut self.file, file));
        self.header = header;
        self.end = FIRST_FRAME_AT;
        self.folder_changed = true;
        Ok(())
    }

    /// Where the journal stands.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The header of the segment that is written now.
    #[must_use]
    pub fn segment(&self) -> &SegmentHeader {
        &self.header
    }

    /// What another thread must `sync_data`, all of it, to make every frame so far power-safe: segments closed
    /// since the last call, the folder if it changed, and a duplicate of the open segment. A failed sync
    /// must not be tried again and called success: the kernel forgets what it could not write.
    ///
    /// # Errors
    /// No descriptor left; everything is given again by the next call.
    pub fn files_to_sync(&mut self) -> io::Result<Vec<File>> {
        let file = self.file.try_clone()?;
        let directory = if self.folder_changed { Some(self.directory.try_clone()?) } else { None };
        self.folder_changed = false;
        let mut files = std::mem::take(&mut self.unsynced);
        files.extend(directory);
        files.push(file);
        Ok(files)
    }

    /// Makes every frame so far power-safe before it returns.
    ///
    /// # Errors
    /// What the first refused sync said.
    pub fn sync(&mut self) -> io::Result<()> {
        self.files_to_sync()?.iter().try_for_each(File::sync_data)
    }
}

/// Where a writer goes on.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) header: SegmentHeader,
    pub(crate) file: File,
    pub(crate) end: u64,
    pub(crate) head: Head,
    /// Closed segments that the last writer may have left unsynced.
    pub(crate) unsynced: Vec<File>,
}

/// Where a segment's first frame stands.
pub(crate) const FIRST_FRAME_AT: u64 = SEGMENT_HEADER_BYTES as u64;

/// Creates a segment that holds its header, or leaves none behind.
fn start_segment(folder: &Path, header: &SegmentHeader) -> io::Result<File> {
    let path = folder::path_of(folder, header.segment);
    let file = folder::create_file(&path)?;
    if let Err(error) = write_whole(&file, 0, &header.encode(), &[]) {
        fs::remove_file(&path)?;
        return Err(error);
    }
    Ok(file)
}

/// Writes two parts at `at`: one system call, unless the kernel takes only some of it.
fn write_whole(file: &File, at: u64, first: &[u8], second: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < first.len() + second.len() {
        let parts = [
            IoSlice::new(&first[done.min(first.len())..]),
            IoSlice::new(&second[done.saturating_sub(first.len())..]),
        ];
        match rustix::io::pwritev(file, &parts, at + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
