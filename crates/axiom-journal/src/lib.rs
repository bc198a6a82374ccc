//! A session's frames on disk: segments, one writer, many readers, exact recovery.
//! docs/journal.md has every byte. [`scan`] decides, in values, what a torn or damaged tail leaves;
//! the writer, the readers and the simulator all stand on it. Closed segments can be packed, and the oldest let go
//! as far as the caller says.

mod folder;
mod lock;
mod packed;
mod packing;
mod reader;
mod recovery;
mod report;
mod scan;
mod seek;
mod segment;
mod source;
mod trimming;
mod writer;

pub use folder::{HeaderProblem, JournalError, headers};
pub use lock::{LockError, WriterLock};
pub use packing::{PackReport, pack};
pub use reader::Reader;
pub use recovery::{Cut, CutReason, Recovered};
pub use report::{Damage, Report, SegmentReport, Stored, stored, verify};
pub use scan::{Frames, Head, Scan, Verdict, frames, scan};
pub use seek::SeekTo;
pub use segment::{FORMAT, HeaderError, SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES, SegmentHeader};
pub use trimming::{TrimBounds, TrimReport, trim};
pub use writer::{AppendError, ORDINARY_FRAME_BYTES_MAX, Writer};
