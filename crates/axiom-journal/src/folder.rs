//! The segments in a session's folder: which there are, and their headers.
//! Looks only; the writer and recovery change files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use axiom_proto::frame::{Frame, HEADER_BYTES, Header, Seq};
use axiom_proto::id::SessionId;
use thiserror::Error;

use crate::lock::LockError;
use crate::scan::Head;
use crate::seek::SeekTo;
use crate::segment::{self, HeaderError, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::source::{Source, stored_bytes};

/// Why a journal cannot be opened, recovered or read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// No segment has been started.
    #[error("no journal in {}", folder.display())]
    Missing {
        /// The session's folder.
        folder: PathBuf,
    },
    /// There are segments where a new journal was to begin.
    #[error("{} holds a journal already: recover it instead", folder.display())]
    Exists {
        /// The session's folder.
        folder: PathBuf,
    },
    /// The journal is of another session.
    #[error("{} holds the journal of session {found}, not of {expected}", folder.display())]
    OtherSession {
        /// The session's folder.
        folder: PathBuf,
        /// Whose journal was asked for.
        expected: SessionId,
        /// Whose it is.
        found: SessionId,
    },
    /// There is, or may be, another writer.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A segment's header cannot be used.
    #[error("failed to read {}: {problem}", path.display())]
    Header {
        /// The segment's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: HeaderProblem,
    },
    /// A frame that must be there is not valid.
    #[error("segment {segment} is damaged at byte {at}, where frame {seq} should be")]
    Damaged {
        /// The segment's number.
        segment: u32,
        /// The byte in the segment's file.
        at: u64,
        /// The frame that should be there.
        seq: Seq,
    },
    /// Retention has removed what was asked for.
    #[error("frames before {} are no longer kept: read from {}", first_kept.seq, first_kept.seq)]
    Gone {
        /// The place of the oldest frame there is.
        first_kept: Head,
    },
    /// What was asked for has not happened yet.
    #[error("{asked} is past the journal's head, frame {} at offset {}", head.seq, head.offset)]
    Beyond {
        /// What was asked for.
        asked: SeekTo,
        /// Where the journal ends.
        head: Head,
    },
    /// The file system refused.
    #[error("failed to {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl JournalError {
    /// For `map_err`: says what was tried on which file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// What is wrong with a segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderProblem {
    /// Its bytes are.
    #[error(transparent)]
    Bytes(#[from] HeaderError),
    /// The file was renamed or copied.
    #[error("its header is of segment {found}")]
    OtherSegment {
        /// The segment that the header names.
        found: u32,
    },
}

impl HeaderProblem {
    /// Checks the first bytes of the segment numbered `number`.
    pub(crate) fn check(bytes: &[u8], number: u32) -> Result<SegmentHeader, Self> {
        let header = SegmentHeader::decode(bytes)?;
        if header.segment == number {
            Ok(header)
        } else {
            Err(Self::OtherSegment { found: header.segment })
        }
    }

    /// True if a header that was once good can have become this.
    pub(crate) fn is_damage(self) -> bool {
        match self {
            Self::OtherSegment { .. } => true,
            Self::Bytes(error) => match error {
                HeaderError::Cut { .. } | HeaderError::NotASegment | HeaderError::Corrupt => true,
                HeaderError::NewerFormat { .. } => false,
            },
        }
    }
}

/// A segment opened for reading, its header checked.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) source: Source,
    pub(crate) header: SegmentHeader,
}

impl OpenSegment {
    /// The first frame, header included; none while there is none, or it is not valid.
    pub(crate) fn first_frame(&self) -> io::Result<Option<Vec<u8>>> {
        let read = |bytes| match self.source.read_part(SEGMENT_HEADER_BYTES as u64, bytes) {
            // Packed, and no longer what was packed.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Vec::new()),
            read => read,
        };
        let Ok(header) = Header::decode(&read(HEADER_BYTES)?) else { return Ok(None) };
        let bytes = read(header.frame_bytes())?;
        let is_valid = Head::at_start_of(&self.header).accepts(&header);
        Ok(Some(bytes).filter(|bytes| is_valid && Frame::decode(bytes).is_ok()))
    }
}

/// The segments' numbers, rising.
pub(crate) fn segments(folder: &Path) -> Result<Vec<u32>, JournalError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(JournalError::Missing { folder: folder.to_owned() });
        }
        Err(error) => return Err(JournalError::io("list", folder)(error)),
    };
    let mut numbers = Vec::new();
    for entry in listing {
        let entry = entry.map_err(JournalError::io("list", folder))?;
        numbers.extend(entry.file_name().to_str().and_then(segment::number_of));
    }
    numbers.sort_unstable();
    // One that is being packed is there in both forms.
    numbers.dedup();
    Ok(numbers)
}

/// The headers of a journal's segments, oldest first, packed or not. Those without a whole header are passed over.
///
/// # Errors
/// [`JournalError::Missing`] if there is no such folder; what a failing disk says.
pub fn headers(folder: &Path) -> Result<Vec<SegmentHeader>, JournalError> {
    let mut headers = Vec::new();
    for number in segments(folder)? {
        match open_segment(folder, number) {
            Ok(segment) => headers.extend(segment.map(|segment| segment.header)),
            Err(JournalError::Header { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(headers)
}

/// The path of a segment as it is written.
pub(crate) fn path_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(segment::file_name(number))
}

/// Opens a segment; `None` if there is no such file, or its header is not written yet.
pub(crate) fn open_segment(
    folder: &Path,
    number: u32,
) -> Result<Option<OpenSegment>, JournalError> {
    let path = path_of(folder, number);
    let source = match Source::open(folder, number) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let have = match source.read_up_to(&mut bytes, 0) {
        Ok(have) => have,
        Err(error) => return Err(unreadable(path, error)),
    };
    match HeaderProblem::check(&bytes[..have], number) {
        Ok(header) => Ok(Some(OpenSegment { source, header })),
        Err(HeaderProblem::Bytes(HeaderError::Cut { .. })) => Ok(None),
        Err(problem) => Err(JournalError::Header { path, problem }),
    }
}

/// What to say of a segment that cannot be opened; a packed one may have become something else.
fn unreadable(path: PathBuf, error: io::Error) -> JournalError {
    if error.kind() == io::ErrorKind::InvalidData {
        return JournalError::Header { path, problem: HeaderError::Corrupt.into() };
    }
    JournalError::io("open", &path)(error)
}

/// What to say of a segment that lacks its header, though it is not the newest.
pub(crate) fn cut_header(folder: &Path, number: u32) -> JournalError {
    let path = path_of(folder, number);
    match stored_bytes(folder, number) {
        Ok(bytes) => {
            let have = usize::try_from(bytes).unwrap_or(usize::MAX);
            JournalError::Header { path, problem: HeaderError::Cut { have }.into() }
        }
        Err(error) => JournalError::io("look at", &path)(error),
    }
}

/// Creates a file of ours; there must be none of that name.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}
