//! The segments in a session's folder: which there are, and their headers.
//! Looks only; the writer and recovery change files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use axiom_proto::frame::Seq;
use axiom_proto::id::SessionId;
use thiserror::Error;

use crate::lock::LockError;
use crate::scan::Head;
use crate::seek::SeekTo;
use crate::segment::{self, HeaderError, SEGMENT_HEADER_BYTES, SegmentHeader};

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
    #[error("frames before {first_kept} are no longer kept: read from {first_kept}")]
    Gone {
        /// The oldest frame there is.
        first_kept: Seq,
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
    pub(crate) file: File,
    pub(crate) header: SegmentHeader,
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
    Ok(numbers)
}

/// The path of a segment.
pub(crate) fn path_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(segment::file_name(number))
}

/// Opens a segment; `None` if there is no such file, or its header is not written yet.
pub(crate) fn open_segment(
    folder: &Path,
    number: u32,
) -> Result<Option<OpenSegment>, JournalError> {
    let path = path_of(folder, number);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("open", &path)(error)),
    };
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let have = read_up_to(&file, &mut bytes, 0).map_err(JournalError::io("read", &path))?;
    match HeaderProblem::check(&bytes[..have], number) {
        Ok(header) => Ok(Some(OpenSegment { file, header })),
        Err(HeaderProblem::Bytes(HeaderError::Cut { .. })) => Ok(None),
        Err(problem) => Err(JournalError::Header { path, problem }),
    }
}

/// What to say of a segment that lacks its header, though it is not the newest.
pub(crate) fn cut_header(folder: &Path, number: u32) -> JournalError {
    let path = path_of(folder, number);
    match fs::metadata(&path) {
        Ok(metadata) => {
            let have = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
            JournalError::Header { path, problem: HeaderError::Cut { have }.into() }
        }
        Err(error) => JournalError::io("look at", &path)(error),
    }
}

/// Creates a file of ours; there must be none of that name.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Fills `bytes` from the file at `at`, as far as the file goes.
pub(crate) fn read_up_to(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut have = 0;
    while have < bytes.len() {
        match file.read_at(&mut bytes[have..], at + have as u64) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

/// The whole of a segment's file.
pub(crate) fn read_whole(file: &File) -> io::Result<Vec<u8>> {
    let bytes = file.metadata()?.len();
    let bytes = usize::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    read_part(file, 0, bytes)
}

/// At most `bytes` bytes of the file from `at` on.
pub(crate) fn read_part(file: &File, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = vec![0; bytes];
    let have = read_up_to(file, &mut read, at)?;
    read.truncate(have);
    Ok(read)
}
