//! Lets a journal's oldest segments go, as far as bounds ask for it: oldest first, so that what is kept is whole wherever this is
//! interrupted. Whatever the bounds say, there stay the segment that is written, the one before it, and a summary to begin with.

use std::fs;
use std::io;
use std::path::Path;

use axiom_proto::frame::{Frame, FrameKind, Seq};
use axiom_proto::record::Record;

use crate::folder::{self, JournalError, OpenSegment};
use crate::lock::SegmentsLock;
use crate::scan::Head;
use crate::segment;
use crate::source::stored_bytes;

/// Segments that stay: the one that is written, and the one before it, which a recovery may need.
const SEGMENTS_MIN: usize = 2;

/// How much of a journal's beginning is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrimBounds {
    /// So many bytes of files; all where absent.
    pub bytes_max: Option<u64>,
    /// A segment goes when all of it was recorded before this moment, Unix microseconds.
    pub since_unix_us: Option<u64>,
    /// This frame stays, and all after it: somebody has not read them yet.
    pub unread: Seq,
}

/// What trimming a journal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrimReport {
    /// Segments that went.
    pub segments: u32,
    /// The bytes of their files.
    pub bytes: u64,
    /// When the last frame of the oldest segment was recorded, Unix microseconds; absent if it stays anyway, or no moment was asked for.
    pub oldest_unix_us: Option<u64>,
}

/// Removes the oldest segments of the journal in `folder`, as far as `bounds` ask for it. Needs no writer's lock: what goes has no
/// writer. Readers that are in the middle of a segment read it to its end, and are then told what is kept.
///
/// # Errors
/// [`JournalError::Missing`] if there is no journal; what a failing disk says. What stays is whole.
pub fn trim(folder: &Path, bounds: &TrimBounds) -> Result<TrimReport, JournalError> {
    let _nobody_packs = SegmentsLock::take(folder)?;
    let segments = Segment::list(folder)?;
    let last = segments.len().saturating_sub(SEGMENTS_MIN);
    let mut stored: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let (mut goes, mut oldest_unix_us) = (0, None);
    while goes < last {
        let next = &segments[goes + 1];
        let ended = if bounds.since_unix_us.is_some() { next.began(folder)? } else { None };
        let is_too_old = ended.zip(bounds.since_unix_us).is_some_and(|(at, since)| at < since);
        let is_too_much = bounds.bytes_max.is_some_and(|most| stored > most);
        if !is_too_old && !is_too_much {
            oldest_unix_us = ended;
            break;
        }
        stored -= segments[goes].bytes;
        goes += 1;
    }
    // Back to where a reader can begin.
    while goes > 0 && !segments[goes].can_be_first(folder, bounds.unread)? {
        goes -= 1;
    }
    let mut report = TrimReport { oldest_unix_us, ..TrimReport::default() };
    for segment in &segments[..goes] {
        remove(folder, segment.number)?;
        report.segments += 1;
        report.bytes += segment.bytes;
    }
    Ok(report)
}

/// A segment that may go.
#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u32,
    bytes: u64,
}

impl Segment {
    /// The segments up to the newest one that has a header, oldest first: one that is only just begun does not count.
    fn list(folder: &Path) -> Result<Vec<Self>, JournalError> {
        let mut segments = Vec::new();
        for number in folder::segments(folder)? {
            let path = folder::path_of(folder, number);
            let bytes = stored_bytes(folder, number);
            let bytes = bytes.map_err(JournalError::io("look at", &path))?;
            segments.push(Self { number, bytes });
        }
        while let Some(newest) = segments.last()
            && opened(folder, newest.number)?.is_none()
        {
            segments.pop();
        }
        Ok(segments)
    }

    /// When its first frame was recorded, Unix microseconds.
    fn began(&self, folder: &Path) -> Result<Option<u64>, JournalError> {
        let Some(segment) = opened(folder, self.number)? else { return Ok(None) };
        Ok(first_frame(folder, &segment)?.and_then(|bytes| {
            let time = Frame::decode(&bytes).ok()?.header.time;
            Some(segment.header.started_unix_us.saturating_add(time.0))
        }))
    }

    /// True if all before it was read, and it begins with a summary of that.
    fn can_be_first(&self, folder: &Path, unread: Seq) -> Result<bool, JournalError> {
        let Some(segment) = opened(folder, self.number)? else { return Ok(false) };
        if segment.header.first_seq > unread {
            return Ok(false);
        }
        Ok(first_frame(folder, &segment)?.is_some_and(|bytes| {
            Frame::decode(&bytes).is_ok_and(|frame| {
                frame.header.kind == FrameKind::Record
                    && matches!(Record::decode(frame.payload), Record::Summary(_))
            })
        }))
    }
}

/// A segment with its header; none where that is damaged.
fn opened(folder: &Path, number: u32) -> Result<Option<OpenSegment>, JournalError> {
    match folder::open_segment(folder, number) {
        Err(JournalError::Header { problem, .. }) if problem.is_damage() => Ok(None),
        opened => opened,
    }
}

fn first_frame(folder: &Path, segment: &OpenSegment) -> Result<Option<Vec<u8>>, JournalError> {
    let path = folder::path_of(folder, segment.header.segment);
    segment.first_frame().map_err(JournalError::io("read", &path))
}

/// The oldest frame of a journal, as far as it is known without reading on: its time too, if it is whole.
pub(crate) fn start(folder: &Path) -> Result<Head, JournalError> {
    let place = crate::seek::first(folder)?;
    let first = first_frame(folder, &place.segment)?;
    let time = first.and_then(|bytes| Some(Frame::decode(&bytes).ok()?.header.time));
    Ok(Head { time: time.unwrap_or_default(), ..place.head })
}

/// Removes all files of a segment: what was set aside of it, what a packer left half done, and the frames themselves at last.
fn remove(folder: &Path, number: u32) -> Result<(), JournalError> {
    let prefix = format!("{number:06}.");
    let listing = fs::read_dir(folder).map_err(JournalError::io("list", folder))?;
    for entry in listing {
        let name = entry.map_err(JournalError::io("list", folder))?.file_name();
        let is_of_it = name
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix) && segment::number_of(name).is_none());
        if is_of_it {
            remove_file(&folder.join(name))?;
        }
    }
    // Where both are there, the plain one counts, up to the end.
    remove_file(&folder.join(segment::packed_name(number)))?;
    remove_file(&folder.join(segment::file_name(number)))
}

pub(crate) fn remove_file(path: &Path) -> Result<(), JournalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::io("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
