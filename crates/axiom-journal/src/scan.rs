//! Which bytes are frames, and what the rest is: bytes in, good length out.
//! Pure, so that recovery can be tested at every byte and every bit, and the simulator can run it.

use axiom_proto::frame::{Frame, FrameError, HEADER_BYTES, Header, Micros, Offset, Seq};
use memchr::memmem;

use crate::segment::SegmentHeader;

/// Where a journal stands: what the next frame must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The next frame's number.
    pub seq: Seq,
    /// The next frame's offset: how much the child has printed.
    pub offset: Offset,
    /// The last frame's time.
    pub time: Micros,
}

impl Head {
    /// The head at the beginning of a segment. Its time is not known from the header.
    #[must_use]
    pub fn at_start_of(header: &SegmentHeader) -> Self {
        Self { seq: header.first_seq, offset: header.first_offset, time: Micros(0) }
    }

    /// True if a frame with this header comes next.
    #[must_use]
    pub fn accepts(&self, header: &Header) -> bool {
        header.seq == self.seq && header.offset == self.offset
    }

    /// The head after a frame.
    #[must_use]
    pub fn after(&self, header: &Header) -> Self {
        Self {
            seq: header.seq.next(),
            offset: header.offset_after(),
            time: self.time.max(header.time),
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// Bytes of the longest prefix of valid, contiguous frames.
    pub good_end: usize,
    /// The head after that prefix.
    pub head: Head,
    /// What stands after it.
    pub verdict: Verdict,
}

/// What stands after the valid prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Whole,
    /// Less than one frame, as an interrupted write leaves it.
    Torn,
    /// More than an interrupted write can leave.
    Damaged {
        /// The frame that should be there.
        seq: Seq,
    },
}

/// Finds the longest prefix of `bytes` that is valid frames continuing `expect`, and judges the rest.
#[must_use]
pub fn scan(bytes: &[u8], expect: Head) -> Scan {
    let (good_end, head) = walk(bytes, expect, None);
    Scan { good_end, head, verdict: judge(&bytes[good_end..], head) }
}

/// The longest valid prefix, never past frame `until`.
pub(crate) fn walk(bytes: &[u8], expect: Head, until: Option<Seq>) -> (usize, Head) {
    let mut head = expect;
    let mut at = 0;
    while until.is_none_or(|until| head.seq < until) {
        match Frame::decode(&bytes[at..]) {
            Ok(frame) if head.accepts(&frame.header) => {
                at += frame.header.frame_bytes();
                head = head.after(&frame.header);
            }
            Ok(_) | Err(FrameError::Cut { .. } | FrameError::Corrupt { .. }) => break,
        }
    }
    (at, head)
}

/// Judges what follows a valid prefix: bytes that are not the frame `expect` asks for.
fn judge(rest: &[u8], expect: Head) -> Verdict {
    if rest.is_empty() {
        return Verdict::Whole;
    }
    let Ok(header) = Header::decode(rest) else {
        return Verdict::Torn;
    };
    let cut = expect.accepts(&header) && header.frame_bytes() > rest.len();
    if cut && !another_frame_follows(rest, expect) { Verdict::Torn } else { damaged(expect) }
}

fn damaged(expect: Head) -> Verdict {
    Verdict::Damaged { seq: expect.seq }
}

/// True if the bytes of a seemingly cut frame hold what looks like the frame after it: then its length is
/// wrong, rather than its end missing. A false alarm only keeps a copy of what is cut.
fn another_frame_follows(rest: &[u8], expect: Head) -> bool {
    const SEQ_AT: usize = 8;
    let next_seq = expect.seq.next().0.to_le_bytes();
    let payload = &rest[HEADER_BYTES..];
    memmem::find_iter(payload, &next_seq).any(|found| {
        let Some(start) = found.checked_sub(SEQ_AT) else { return false };
        let candidate = &payload[start..];
        Header::decode(candidate).is_ok_and(|header| {
            header.offset >= expect.offset
                && header.time >= expect.time
                && header.frame_bytes() <= candidate.len()
        })
    })
}

/// The frames of a batch that [`crate::Reader::read`] gave: whole and checked already.
#[must_use]
pub fn frames(bytes: &[u8]) -> Frames<'_> {
    Frames { rest: bytes }
}

/// Iterates over a batch of frames; see [`frames`].
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let header = Header::decode(self.rest).ok()?;
        let (frame, rest) = self.rest.split_at_checked(header.frame_bytes())?;
        self.rest = rest;
        Some(Frame { header, payload: &frame[HEADER_BYTES..] })
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::FrameKind;

    use super::*;

    fn frame(seq: u64, offset: u64, payload: &[u8]) -> Vec<u8> {
        let header =
            Header::of(FrameKind::Output, Seq(seq), Offset(offset), Micros(seq * 10), payload);
        Frame { header, payload }.to_vec()
    }

    fn scan_after_first(second: &[u8]) -> (usize, Verdict) {
        let first = frame(0, 0, b"first");
        let scan = scan(&[&first, second].concat(), Head::default());
        (scan.good_end - first.len(), scan.verdict)
    }

    #[test]
    fn contiguous_frames_are_whole_and_move_the_head() {
        let bytes = [frame(0, 0, b"first"), frame(1, 5, b""), frame(2, 5, b"third")].concat();
        let head = Head { seq: Seq(3), offset: Offset(10), time: Micros(20) };
        let whole = Scan { good_end: bytes.len(), head, verdict: Verdict::Whole };
        assert_eq!(scan(&bytes, Head::default()), whole);
        let payloads: Vec<_> = frames(&bytes).map(|frame| frame.payload).collect();
        assert_eq!(payloads, [&b"first"[..], b"", b"third"]);
    }

    #[test]
    fn a_frame_with_a_wrong_number_or_offset_ends_the_valid_prefix() {
        let damaged = (0, Verdict::Damaged { seq: Seq(1) });
        assert_eq!(scan_after_first(&frame(1, 5, b"fits")), (36, Verdict::Whole));
        for (seq, offset) in [(0, 0), (0, 5), (2, 5), (1, 4), (1, 6), (1, 0)] {
            assert_eq!(
                scan_after_first(&frame(seq, offset, b"does not")),
                damaged,
                "{seq} {offset}"
            );
            let torn = &frame(seq, offset, b"does not")[..36];
            assert_eq!(scan_after_first(torn), damaged, "torn, {seq} {offset}");
        }
    }

    #[test]
    fn a_tail_of_zeroes_is_damage_once_it_is_longer_than_a_header() {
        assert_eq!(scan_after_first(&[0; 31]), (0, Verdict::Torn));
        assert_eq!(scan_after_first(&[0; 32]), (0, Verdict::Damaged { seq: Seq(1) }));
        assert_eq!(scan_after_first(&[0; 4096]), (0, Verdict::Damaged { seq: Seq(1) }));
    }

    #[test]
    fn a_length_that_swallows_the_frames_after_it_is_damage_not_a_torn_write() {
        let mut broken = frame(1, 5, b"second");
        broken[7] = 1;
        assert_eq!(scan_after_first(&broken), (0, Verdict::Torn), "nothing follows it");
        broken.extend(frame(2, 11, b"third"));
        assert_eq!(scan_after_first(&broken), (0, Verdict::Damaged { seq: Seq(1) }));
    }

    #[test]
    fn a_torn_payload_that_holds_the_next_number_by_chance_is_torn() {
        let mut payload = [7; 200];
        payload[100..108].copy_from_slice(&2u64.to_le_bytes());
        assert_eq!(scan_after_first(&frame(1, 5, &payload)[..180]), (0, Verdict::Torn));
    }

    #[test]
    fn a_batch_that_ends_inside_a_frame_gives_the_whole_ones() {
        let bytes = [frame(0, 0, b"first"), frame(1, 5, b"second")].concat();
        for len in 0..bytes.len() {
            assert_eq!(frames(&bytes[..len]).count(), usize::from(len >= 37), "{len}");
        }
    }
}
