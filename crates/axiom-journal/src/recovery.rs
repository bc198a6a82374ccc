//! Brings a journal back to its last valid frame, so that one writer can go on.
//! Only the last segment is read and cut; damage in an earlier one is told, never touched. What is cut and is
//! more than an interrupted write is copied aside first: recovery loses nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use axiom_proto::frame::{Micros, Seq};
use axiom_proto::id::SessionId;

use crate::folder::{self, HeaderProblem, JournalError};
use crate::lock::WriterLock;
use crate::packing::unpack;
use crate::scan::{Head, Verdict, scan};
use crate::segment::{HeaderError, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::source::Source;
use crate::writer::{FIRST_FRAME_AT, Place, UNSYNCED_SEGMENTS_MAX, Writer};

/// Copies kept of damage at one and the same place, before recovery refuses to go on.
const ASIDE_COPIES_MAX: u32 = 100;

/// What a recovery found and did.
#[derive(Debug)]
pub struct Recovered {
    /// Whose journal it is.
    pub session: SessionId,
    /// When the session started.
    pub started_unix_us: u64,
    /// Where the journal goes on.
    pub head: Head,
    /// What was cut, newest first; at most one, except where a segment's header was damaged too.
    pub cuts: Vec<Cut>,
    /// The first frame of the last segment: read from here to rebuild a session's state.
    pub last_segment_first_seq: Seq,
    /// The newest earlier segment whose header is not what the one after it needs: damage that readers will meet.
    pub broken_chain_at: Option<u32>,
}

/// Bytes that recovery cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub segment: u32,
    /// The byte of the segment's file from which on it was cut.
    pub at: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Why.
    pub reason: CutReason,
    /// Where they are kept, unless they were only an interrupted write.
    pub kept_aside: Option<PathBuf>,
}

/// Why bytes were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutReason {
    /// An interrupted write.
    Torn,
    /// Damage: more than an interrupted write can leave.
    Corrupt {
        /// The frame that should have been there.
        seq: Seq,
    },
    /// Damage in the segment's header; the whole segment was set aside.
    Header,
}

/// True if nothing was ever recorded: no segment, or a first one whose header was not written whole.
pub(crate) fn is_unstarted(folder: &Path) -> Result<bool, JournalError> {
    let numbers = folder::segments(folder)?;
    if numbers != [1] {
        return Ok(numbers.is_empty());
    }
    let path = folder::path_of(folder, 1);
    let bytes = fs::metadata(&path).map_err(JournalError::io("look at", &path))?.len();
    if bytes >= FIRST_FRAME_AT {
        return Ok(false);
    }
    fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
    Ok(true)
}

/// See [`Writer::recover`] and [`Writer::open`].
pub(crate) fn recover(
    folder: &Path,
    lock: WriterLock,
    expected: Option<SessionId>,
) -> Result<(Writer, Recovered), JournalError> {
    let mut cuts = Vec::new();
    let (tail, earlier) = find_tail(folder, expected, &mut cuts)?;
    let scan = scan(&tail.bytes[SEGMENT_HEADER_BYTES..], Head::at_start_of(&tail.header));
    let end = FIRST_FRAME_AT + scan.good_end as u64;
    let mut head = scan.head;
    if scan.good_end == 0 {
        head.time = last_time(folder, &earlier)?;
    }
    cuts.extend(cut_tail(folder, &tail, end, scan.verdict)?);
    let recovered = Recovered {
        session: tail.header.session,
        started_unix_us: tail.header.started_unix_us,
        head,
        cuts,
        last_segment_first_seq: tail.header.first_seq,
        broken_chain_at: broken_chain(folder, &earlier, tail.header)?,
    };
    let unsynced = newest(folder, &earlier)?;
    let place = Place { header: tail.header, file: tail.file, end, head, unsynced };
    Ok((Writer::at(folder, lock, place)?, recovered))
}

/// The last segment, in memory.
struct Tail {
    file: File,
    header: SegmentHeader,
    bytes: Vec<u8>,
}

/// Finds the last segment that has a header, and the numbers before it. Segments after it are half begun, and
/// removed, or have a damaged header, and are set aside.
fn find_tail(
    folder: &Path,
    expected: Option<SessionId>,
    cuts: &mut Vec<Cut>,
) -> Result<(Tail, Vec<u32>), JournalError> {
    let mut numbers = folder::segments(folder)?;
    while let Some(segment) = numbers.pop() {
        let path = folder::path_of(folder, segment);
        // Packed, if what came after it is gone.
        unpack(folder, segment)?;
        let (file, bytes) = read_segment(&path)?;
        match HeaderProblem::check(&bytes, segment) {
            Ok(header) => {
                refuse_other_session(folder, expected, header.session)?;
                return Ok((Tail { file, header, bytes }, numbers));
            }
            Err(HeaderProblem::Bytes(HeaderError::Cut { have })) => {
                fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
                let (bytes, reason) = (have as u64, CutReason::Torn);
                cuts.push(Cut { segment, at: 0, bytes, reason, kept_aside: None });
            }
            Err(problem) if numbers.is_empty() || !problem.is_damage() => {
                return Err(JournalError::Header { path, problem });
            }
            Err(HeaderProblem::OtherSegment { .. } | HeaderProblem::Bytes(_)) => {
                let kept_aside = Some(set_aside(folder, segment)?);
                let (bytes, reason) = (bytes.len() as u64, CutReason::Header);
                cuts.push(Cut { segment, at: 0, bytes, reason, kept_aside });
            }
        }
    }
    Err(JournalError::Missing { folder: folder.to_owned() })
}

fn refuse_other_session(
    folder: &Path,
    expected: Option<SessionId>,
    found: SessionId,
) -> Result<(), JournalError> {
    match expected {
        Some(expected) if expected != found => {
            Err(JournalError::OtherSession { folder: folder.to_owned(), expected, found })
        }
        Some(_) | None => Ok(()),
    }
}

fn read_segment(path: &Path) -> Result<(File, Vec<u8>), JournalError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(JournalError::io("open", path))?;
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes).map_err(JournalError::io("read", path))?;
    Ok((file, bytes))
}

/// Cuts what follows the valid prefix; damage is copied aside first.
fn cut_tail(
    folder: &Path,
    tail: &Tail,
    end: u64,
    verdict: Verdict,
) -> Result<Option<Cut>, JournalError> {
    let segment = tail.header.segment;
    let rest = &tail.bytes[usize::try_from(end).expect("inside the bytes in memory")..];
    let (reason, kept_aside) = match verdict {
        Verdict::Whole => return Ok(None),
        Verdict::Torn => (CutReason::Torn, None),
        Verdict::Damaged { seq } => {
            (CutReason::Corrupt { seq }, Some(copy_aside(folder, segment, end, rest)?))
        }
    };
    let path = folder::path_of(folder, segment);
    tail.file.set_len(end).map_err(JournalError::io("cut", &path))?;
    Ok(Some(Cut { segment, at: end, bytes: rest.len() as u64, reason, kept_aside }))
}

/// Names for damage found at `at`: the first, and more for when it is found there again.
fn aside_names(segment: u32, at: u64) -> impl Iterator<Item = String> {
    (1..=ASIDE_COPIES_MAX).map(move |copy| match copy {
        1 => format!("{segment:06}.damaged-{at}"),
        _ => format!("{segment:06}.damaged-{at}.{copy}"),
    })
}

fn too_many_copies(folder: &Path) -> JournalError {
    JournalError::io("keep another copy of damaged bytes in", folder)(
        io::ErrorKind::AlreadyExists.into(),
    )
}

/// Copies damaged bytes to a file of their own, power-safe, before they are cut.
fn copy_aside(folder: &Path, segment: u32, at: u64, bytes: &[u8]) -> Result<PathBuf, JournalError> {
    for name in aside_names(segment, at) {
        let path = folder.join(name);
        let file = match folder::create_file(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(JournalError::io("create", &path)(error)),
        };
        let written = file.write_all_at(bytes, 0).and_then(|()| file.sync_all());
        let Err(error) = written else { return Ok(path) };
        fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        return Err(JournalError::io("write", &path)(error));
    }
    Err(too_many_copies(folder))
}

/// Renames a whole segment, so that it is one no more.
fn set_aside(folder: &Path, segment: u32) -> Result<PathBuf, JournalError> {
    let from = folder::path_of(folder, segment);
    for name in aside_names(segment, 0) {
        let path = folder.join(name);
        // A link refuses a name that is taken; a rename would replace it.
        match fs::hard_link(&from, &path) {
            Ok(()) => {
                fs::remove_file(&from).map_err(JournalError::io("remove", &from))?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(JournalError::io("set aside", &from)(error)),
        }
    }
    Err(too_many_copies(folder))
}

/// The time of the newest frame before the last segment.
fn last_time(folder: &Path, earlier: &[u32]) -> Result<Micros, JournalError> {
    let Some(&number) = earlier.last() else { return Ok(Micros(0)) };
    let path = folder::path_of(folder, number);
    match folder::open_segment(folder, number) {
        Ok(Some(segment)) => {
            let bytes = segment.source.read_whole().map_err(JournalError::io("read", &path))?;
            let frames = &bytes[SEGMENT_HEADER_BYTES..];
            Ok(scan(frames, Head::at_start_of(&segment.header)).head.time)
        }
        // Damage in an earlier segment is the readers' to tell.
        Ok(None) | Err(JournalError::Header { .. }) => Ok(Micros(0)),
        Err(error) => Err(error),
    }
}

/// Walks back over the headers; says where one does not lead to the next.
fn broken_chain(
    folder: &Path,
    earlier: &[u32],
    last: SegmentHeader,
) -> Result<Option<u32>, JournalError> {
    let mut next = last;
    for &number in earlier.iter().rev() {
        let header = match folder::open_segment(folder, number) {
            Ok(Some(segment)) => segment.header,
            // Retention went on while we looked.
            Ok(None)
                if folder::segments(folder)?.first().is_some_and(|oldest| number < *oldest) =>
            {
                return Ok(None);
            }
            Ok(None) | Err(JournalError::Header { .. }) => return Ok(Some(number)),
            Err(error) => return Err(error),
        };
        if !leads_to(&header, &next) {
            return Ok(Some(number));
        }
        next = header;
    }
    Ok(None)
}

/// True if a segment that begins like `header` can be followed by one that begins like `next`.
pub(crate) fn leads_to(header: &SegmentHeader, next: &SegmentHeader) -> bool {
    header.session == next.session
        && header.started_unix_us == next.started_unix_us
        && header.segment + 1 == next.segment
        && header.first_seq <= next.first_seq
        && header.first_offset <= next.first_offset
}

/// The newest closed segments: the last writer may have died before it synced them.
fn newest(folder: &Path, earlier: &[u32]) -> Result<Vec<File>, JournalError> {
    let first = earlier.len().saturating_sub(UNSYNCED_SEGMENTS_MAX);
    let mut files = Vec::new();
    for &number in &earlier[first..] {
        let path = folder::path_of(folder, number);
        match Source::open(folder, number) {
            Ok(Source::Plain(file)) => files.push(file),
            // Synced before the plain one was removed.
            Ok(Source::Packed(_)) => {}
            // No longer kept.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(JournalError::io("open", &path)(error)),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_found_again_at_one_place_gets_another_name() {
        let names: Vec<_> = aside_names(1, 4096).take(3).collect();
        assert_eq!(names[0], "000001.damaged-4096");
        assert_eq!(names[1..], ["000001.damaged-4096.2", "000001.damaged-4096.3"]);
    }
}
