//! Finds a place in a journal: by segment headers, then by walking frame headers.
//! Payloads are not checked here; the read that follows does.

use std::fmt;
use std::io;
use std::path::Path;

use axiom_proto::frame::{FrameKind, HEADER_BYTES, Header, Offset, Seq};

use crate::folder::{self, JournalError, OpenSegment};
use crate::reader::Place;
use crate::scan::Head;
use crate::segment::SegmentHeader;

/// Bytes read at once while walking over small frames: few calls.
const WINDOW_BYTES: usize = 128 << 10;

/// Behind a frame that is as large only the next header is read: most of a window would be payload.
const LARGE_FRAME_BYTES: usize = 8 << 10;

/// Segments in which a keyframe is looked for, from the place on backwards: each has one soon after its beginning, so that
/// two are enough but where many frames without output follow each other.
const KEYFRAME_SEGMENTS_MAX: u32 = 4;

/// Where to read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeekTo {
    /// The oldest frame that is kept.
    Start,
    /// The frame of this number.
    Seq(Seq),
    /// The first frame whose output covers this byte, or the first at or after it: records that lie exactly
    /// there, after the output before it, are included.
    Offset(Offset),
}

impl fmt::Display for SeekTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => write!(f, "the start"),
            Self::Seq(seq) => write!(f, "frame {seq}"),
            Self::Offset(offset) => write!(f, "offset {offset}"),
        }
    }
}

impl SeekTo {
    /// True if this frame, or one before it, is asked for.
    fn is_reached_by(self, header: &Header) -> bool {
        match self {
            Self::Start => true,
            Self::Seq(seq) => header.seq >= seq,
            Self::Offset(offset) => header.offset >= offset || header.offset_after() > offset,
        }
    }

    /// True if a segment that begins so may hold what is asked for, or comes before it.
    fn is_not_before(self, header: &SegmentHeader) -> bool {
        match self {
            Self::Start => false,
            Self::Seq(seq) => header.first_seq <= seq,
            // Not `<=`: records at this very offset may end the segment before.
            Self::Offset(offset) => header.first_offset < offset,
        }
    }

    /// True if retention removed what is asked for, where this is the oldest place.
    pub(crate) fn is_gone(self, first_kept: Head) -> bool {
        match self {
            Self::Start => false,
            Self::Seq(seq) => seq < first_kept.seq,
            Self::Offset(offset) => offset < first_kept.offset,
        }
    }

    /// True if the next frame to be written is what is asked for.
    fn is_at_end(self, place: &Place) -> bool {
        match self {
            Self::Start => true,
            Self::Seq(seq) => seq == place.head.seq,
            Self::Offset(offset) => offset == place.head.offset,
        }
    }
}

/// The beginning of the oldest segment.
pub(crate) fn first(folder: &Path) -> Result<Place, JournalError> {
    let mut tried = None;
    loop {
        let numbers = folder::segments(folder)?;
        let Some(&oldest) = numbers.first() else {
            return Err(missing(folder));
        };
        match folder::open_segment(folder, oldest)? {
            Some(segment) => return Ok(Place::at_start_of(segment)),
            // Only the newest may be half begun.
            None if numbers.len() == 1 => return Err(missing(folder)),
            None if tried == Some(oldest) => return Err(folder::cut_header(folder, oldest)),
            // Removed since we listed it, perhaps.
            None => tried = Some(oldest),
        }
    }
}

fn missing(folder: &Path) -> JournalError {
    JournalError::Missing { folder: folder.to_owned() }
}

/// The place of what is asked for.
pub(crate) fn find(folder: &Path, to: SeekTo) -> Result<Place, JournalError> {
    let oldest = first(folder)?;
    if to.is_gone(oldest.head) {
        return Err(JournalError::Gone { first_kept: oldest.head });
    }
    let mut place = last_not_after(folder, oldest, to)?;
    loop {
        let stop = walk_to(folder, &mut place, to)?;
        if let Stop::Found = stop {
            return Ok(place);
        }
        let Some(next) = place.next_segment(folder)? else {
            place.check_is_last(folder)?;
            return end(place, stop, to);
        };
        // The writer has left this segment: only now is what it holds final.
        match walk_to(folder, &mut place, to)? {
            Stop::Found => return Ok(place),
            Stop::End if place.continues_in(&next.header) => place = Place::at_start_of(next),
            Stop::End | Stop::Unfinished | Stop::Bad => return Err(place.damaged()),
        }
    }
}

/// The place of the last keyframe before the frame `before`; none if there is none near.
pub(crate) fn keyframe_before(folder: &Path, before: Seq) -> Result<Option<Place>, JournalError> {
    let to = SeekTo::Seq(before);
    let mut place = last_not_after(folder, first(folder)?, to)?;
    for _ in 0..KEYFRAME_SEGMENTS_MAX {
        let number = place.segment.header.segment;
        let found = last_keyframe(&mut place, to)
            .map_err(|error| JournalError::io("read", &folder::path_of(folder, number))(error))?;
        if let Some((at, head)) = found {
            return Ok(Some(Place { at, head, ..place }));
        }
        let earlier = match number.checked_sub(1) {
            Some(earlier) => folder::open_segment(folder, earlier)?,
            None => None,
        };
        let Some(segment) = earlier else { return Ok(None) };
        place = Place::at_start_of(segment);
    }
    Ok(None)
}

/// Where the last keyframe of a segment stands that comes before what is asked for. Damage is where the walk ends: who
/// reads on from there is told of it.
fn last_keyframe(place: &mut Place, to: SeekTo) -> io::Result<Option<(u64, Head)>> {
    let mut last = None;
    walk_headers(place, &mut |header, place| {
        if to.is_reached_by(header) {
            return true;
        }
        if header.kind == FrameKind::Keyframe {
            last = Some((place.at, place.head));
        }
        false
    })?;
    Ok(last)
}

/// Walks on to the next keyframe, past so much output at most. False where there is none.
pub(crate) fn keyframe_after(
    folder: &Path,
    place: &mut Place,
    bytes_max: u64,
) -> Result<bool, JournalError> {
    let last = Offset(place.head.offset.0.saturating_add(bytes_max));
    let mut found = false;
    loop {
        let stop = walk(folder, place, &mut |header, _| {
            let beyond = header.offset > last;
            found = header.kind == FrameKind::Keyframe && !beyond;
            found || beyond
        })?;
        // Damage, too, is where it ends: who reads on from there is told of it.
        let Stop::End = stop else { return Ok(found) };
        let next = place.next_segment(folder)?.filter(|next| place.continues_in(&next.header));
        let Some(next) = next else { return Ok(false) };
        *place = Place::at_start_of(next);
    }
}

/// What to say where no more frames are.
fn end(place: Place, stop: Stop, to: SeekTo) -> Result<Place, JournalError> {
    if to.is_at_end(&place) {
        return Ok(place);
    }
    match stop {
        Stop::Bad => Err(place.damaged()),
        Stop::Found | Stop::End | Stop::Unfinished => {
            Err(JournalError::Beyond { asked: to, head: place.head })
        }
    }
}

/// The beginning of the last segment that may hold what is asked for, by halving.
fn last_not_after(folder: &Path, oldest: Place, to: SeekTo) -> Result<Place, JournalError> {
    let numbers = folder::segments(folder)?;
    let oldest_number = oldest.segment.header.segment;
    let mut low = numbers.partition_point(|&number| number <= oldest_number);
    let mut high = numbers.len();
    let mut best = oldest;
    while low < high {
        let middle = low.midpoint(high);
        match folder::open_segment(folder, numbers[middle])? {
            Some(segment) if to.is_not_before(&segment.header) => {
                best = Place::at_start_of(segment);
                low = middle + 1;
            }
            // After what is asked for, or half begun, which only the newest can be.
            Some(_) | None => high = middle,
        }
    }
    Ok(best)
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// At what is asked for.
    Found,
    /// At the end of the file.
    End,
    /// At a frame that is not whole.
    Unfinished,
    /// At a header that does not continue the one before.
    Bad,
}

/// Walks over frame headers until what is asked for.
fn walk_to(folder: &Path, place: &mut Place, to: SeekTo) -> Result<Stop, JournalError> {
    walk(folder, place, &mut |header, _| to.is_reached_by(header))
}

fn walk(
    folder: &Path,
    place: &mut Place,
    is_reached: &mut dyn FnMut(&Header, &Place) -> bool,
) -> Result<Stop, JournalError> {
    let number = place.segment.header.segment;
    walk_headers(place, is_reached)
        .map_err(|error| JournalError::io("read", &folder::path_of(folder, number))(error))
}

/// Walks until a frame of which `is_reached` says so; it is told of each, with the place before it.
fn walk_headers(
    place: &mut Place,
    is_reached: &mut dyn FnMut(&Header, &Place) -> bool,
) -> io::Result<Stop> {
    let len = place.segment.source.len()?;
    let mut window = Window { bytes: Vec::new(), at: place.at, header: place.at };
    loop {
        if place.at >= len {
            return Ok(Stop::End);
        }
        let Some(header) = window.header_at(&place.segment, place.at)? else {
            return Ok(Stop::Unfinished);
        };
        if !place.head.accepts(&header) {
            return Ok(Stop::Bad);
        }
        let after = place.at + header.frame_bytes() as u64;
        if after > len {
            return Ok(Stop::Unfinished);
        }
        if is_reached(&header, place) {
            return Ok(Stop::Found);
        }
        place.at = after;
        place.head = place.head.after(&header);
    }
}

/// A part of a segment in memory.
struct Window {
    bytes: Vec<u8>,
    at: u64,
    /// Where the newest header stands.
    header: u64,
}

impl Window {
    fn header_at(&mut self, segment: &OpenSegment, at: u64) -> io::Result<Option<Header>> {
        let large = at - std::mem::replace(&mut self.header, at) >= LARGE_FRAME_BYTES as u64;
        let inside = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        if let Some(header) = self.header_inside(inside) {
            return Ok(Some(header));
        }
        self.bytes.resize(if large { HEADER_BYTES } else { WINDOW_BYTES }, 0);
        let have = segment.source.read_up_to(&mut self.bytes, at)?;
        self.bytes.truncate(have);
        self.at = at;
        Ok(self.header_inside(0))
    }

    fn header_inside(&self, at: usize) -> Option<Header> {
        let bytes = self.bytes.get(at..at.checked_add(HEADER_BYTES)?)?;
        Header::decode(bytes).ok()
    }
}
