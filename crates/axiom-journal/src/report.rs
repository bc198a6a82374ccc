//! Checks a whole journal and says what is in it, for `doctor`.
//! Changes nothing; recovery and readers do not need it.

use std::io;
use std::path::Path;

use axiom_proto::frame::Seq;
use axiom_proto::id::SessionId;

use crate::folder::{self, JournalError, OpenSegment};
use crate::recovery::leads_to;
use crate::scan::{Head, Verdict, frames, scan};
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::source::stored_bytes;
use crate::trimming;
use crate::writer::FIRST_FRAME_AT;

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose journal it is.
    pub session: SessionId,
    /// When the session started.
    pub started_unix_us: u64,
    /// The oldest frame's place: what was before it is no longer kept.
    pub start: Head,
    /// Each segment, in order.
    pub segments: Vec<SegmentReport>,
    /// Where the last segment's valid frames end.
    pub head: Head,
}

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentReport {
    /// The segment's number.
    pub segment: u32,
    /// Valid frames.
    pub frames: u64,
    /// The file's bytes.
    pub bytes: u64,
    /// Bytes after the last valid frame that are less than a frame: the last segment only, where a writer may
    /// be in the middle of it.
    pub unfinished_bytes: u64,
    /// The first damage.
    pub damage: Option<Damage>,
}

/// The first byte of a segment that is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The segment's number.
    pub segment: u32,
    /// The byte in the segment's file; 0 is its header.
    pub at: u64,
    /// The frame that should be there.
    pub seq: Seq,
}

impl Report {
    /// Valid frames in all segments.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.segments.iter().map(|segment| segment.frames).sum()
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The first damage.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        self.segments.iter().find_map(|segment| segment.damage)
    }
}

/// What a journal takes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Segments.
    pub segments: u32,
    /// How many of them are packed.
    pub packed: u32,
    /// Bytes of all their files.
    pub bytes: u64,
    /// The oldest frame: its number and offset say how much is no longer kept, its time since when all is.
    pub start: Head,
}

/// Counts what a journal takes on disk; reads its first frame only.
///
/// # Errors
/// [`JournalError::Missing`] if there is no journal.
pub fn stored(folder: &Path) -> Result<Stored, JournalError> {
    let mut stored = Stored { start: trimming::start(folder)?, ..Stored::default() };
    for number in folder::segments(folder)? {
        let path = folder::path_of(folder, number);
        let bytes = match stored_bytes(folder, number) {
            Ok(bytes) => bytes,
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(JournalError::io("look at", &path)(error)),
        };
        stored.bytes += bytes;
        stored.segments += 1;
        stored.packed += u32::from(!path.exists());
    }
    Ok(stored)
}

/// Reads and checks every frame of every segment.
///
/// # Errors
/// [`JournalError::Missing`] if there is no segment with a header; damage is no error, but in the report.
pub fn verify(folder: &Path) -> Result<Report, JournalError> {
    let numbers = folder::segments(folder)?;
    let (head, start) = (Head::default(), None);
    let mut verifier = Verifier { folder, head, start, before: None, segments: Vec::new() };
    for (index, &number) in numbers.iter().enumerate() {
        verifier.segment(number, index + 1 == numbers.len())?;
    }
    let Some(header) = verifier.before else {
        return Err(JournalError::Missing { folder: folder.to_owned() });
    };
    Ok(Report {
        session: header.session,
        started_unix_us: header.started_unix_us,
        start: verifier.start.unwrap_or_default(),
        segments: verifier.segments,
        head: verifier.head,
    })
}

struct Verifier<'a> {
    folder: &'a Path,
    head: Head,
    start: Option<Head>,
    /// The header of the last segment that had one.
    before: Option<SegmentHeader>,
    segments: Vec<SegmentReport>,
}

impl Verifier<'_> {
    fn segment(&mut self, number: u32, is_last: bool) -> Result<(), JournalError> {
        match folder::open_segment(self.folder, number) {
            Ok(Some(segment)) => self.frames(&segment, is_last),
            Ok(None) if is_last || self.is_gone(number)? => Ok(()),
            Ok(None) => self.bad_header(number),
            Err(JournalError::Header { problem, .. }) if problem.is_damage() => {
                self.bad_header(number)
            }
            Err(error) => Err(error),
        }
    }

    /// True for one that retention removed since it was listed.
    fn is_gone(&self, number: u32) -> Result<bool, JournalError> {
        Ok(folder::segments(self.folder)?.first().is_none_or(|oldest| number < *oldest))
    }

    fn bad_header(&mut self, segment: u32) -> Result<(), JournalError> {
        let path = folder::path_of(self.folder, segment);
        let bytes =
            stored_bytes(self.folder, segment).map_err(JournalError::io("look at", &path))?;
        let damage = Some(Damage { segment, at: 0, seq: self.head.seq });
        let report = SegmentReport { segment, frames: 0, bytes, unfinished_bytes: 0, damage };
        self.segments.push(report);
        Ok(())
    }

    fn frames(&mut self, opened: &OpenSegment, is_last: bool) -> Result<(), JournalError> {
        let header = opened.header;
        let segment = header.segment;
        let path = folder::path_of(self.folder, segment);
        let bytes = match opened.source.read_whole() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return self.bad_header(segment);
            }
            Err(error) => return Err(JournalError::io("read", &path)(error)),
        };
        let content = &bytes[SEGMENT_HEADER_BYTES..];
        self.check_chain(&header);
        let begin = Head::at_start_of(&header);
        self.start.get_or_insert(begin);
        let scan = scan(content, begin);
        let good_end = FIRST_FRAME_AT + scan.good_end as u64;
        let rest = bytes.len() as u64 - good_end;
        let damage = match scan.verdict {
            Verdict::Whole => None,
            Verdict::Torn if is_last => None,
            Verdict::Torn => Some(Damage { segment, at: good_end, seq: scan.head.seq }),
            Verdict::Damaged { seq } => Some(Damage { segment, at: good_end, seq }),
        };
        self.segments.push(SegmentReport {
            segment,
            frames: frames(&content[..scan.good_end]).count() as u64,
            bytes: bytes.len() as u64,
            unfinished_bytes: if damage.is_none() { rest } else { 0 },
            damage,
        });
        self.before = Some(header);
        self.head = scan.head;
        Ok(())
    }

    /// A segment that does not lead to this one has lost its end.
    fn check_chain(&mut self, header: &SegmentHeader) {
        let (Some(before), Some(report)) = (self.before, self.segments.last_mut()) else { return };
        let start = Head::at_start_of(header);
        let joined = start.seq == self.head.seq && start.offset == self.head.offset;
        if report.damage.is_none() && !(joined && leads_to(&before, header)) {
            report.damage =
                Some(Damage { segment: report.segment, at: report.bytes, seq: self.head.seq });
        }
    }
}
