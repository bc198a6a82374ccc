//! The newest frames of one session, bounded by bytes. Its one owner pushes; readers come with a number.
//! Refuses a frame that does not continue the newest one; passes over those it has seen already.

use std::collections::VecDeque;

use axiom_proto::frame::{Header, Offset, Seq};
use bytes::Bytes;
use thiserror::Error;

/// Bytes of frames kept for readers near the head. A reader further behind reads the journal, whose newest pages the
/// kernel keeps in memory anyway: more here would only hold the same bytes twice.
pub const RING_BYTES_MAX: usize = 1 << 20;

/// A place between two frames: the next one's number, and how much was printed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The next frame's number.
    pub seq: Seq,
    /// The next frame's offset.
    pub offset: Offset,
}

impl Place {
    /// The place after a frame.
    #[must_use]
    pub fn after(header: &Header) -> Self {
        Self { seq: header.seq.next(), offset: header.offset_after() }
    }
}

/// The newest frames of one session.
#[derive(Debug)]
pub struct Ring {
    frames: VecDeque<Bytes>,
    /// The number of the first frame in `frames`, or the head's.
    oldest: Seq,
    head: Place,
    bytes: usize,
    bytes_max: usize,
}

/// What became of a pushed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is the newest now.
    New,
    /// It had been pushed before: after a link was dialled again, frames may overlap.
    Duplicate,
}

/// Why a frame was not taken. The link it came from must be dialled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PushError {
    /// Frames are missing before it.
    #[error("frame {found} came where frame {expected} must come")]
    SeqGap {
        /// What must come.
        expected: Seq,
        /// What came.
        found: Seq,
    },
    /// Output is missing before it, or is there twice.
    #[error("frame {seq} is at offset {found}, but {expected} bytes were printed before it")]
    OffsetGap {
        /// The frame.
        seq: Seq,
        /// Where it must be.
        expected: Offset,
        /// Where it says it is.
        found: Offset,
    },
}

/// What a ring has for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// The next frames, each whole.
    Frames(Vec<Bytes>),
    /// What comes next is no longer here: read the journal, up to the head, then ask again.
    Behind {
        /// The frame that was asked for.
        from: Seq,
        /// The oldest frame that is here.
        oldest: Seq,
    },
    /// Nothing yet.
    AtHead,
}

impl Ring {
    /// An empty ring whose first frame must be the one at `head`. Whoever wants an earlier one is behind.
    #[must_use]
    pub fn starting_at(head: Place) -> Self {
        Self::bounded(head, RING_BYTES_MAX)
    }

    /// The same with another bound. The newest frame is kept even if it is larger.
    #[must_use]
    pub fn bounded(head: Place, bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), oldest: head.seq, head, bytes: 0, bytes_max }
    }

    /// Takes the next frame; `frame` is the whole of it, header included.
    ///
    /// # Errors
    /// [`PushError`] when it does not continue the newest one; nothing is changed then.
    pub fn push(&mut self, header: &Header, frame: Bytes) -> Result<Pushed, PushError> {
        if header.seq < self.head.seq {
            return Ok(Pushed::Duplicate);
        }
        if header.seq > self.head.seq {
            return Err(PushError::SeqGap { expected: self.head.seq, found: header.seq });
        }
        if header.offset != self.head.offset {
            let (expected, found) = (self.head.offset, header.offset);
            return Err(PushError::OffsetGap { seq: header.seq, expected, found });
        }
        self.head = Place::after(header);
        self.bytes += frame.len();
        self.frames.push_back(frame);
        self.drop_oldest();
        Ok(Pushed::New)
    }

    fn drop_oldest(&mut self) {
        while self.bytes > self.bytes_max && self.frames.len() > 1 {
            let Some(frame) = self.frames.pop_front() else { return };
            self.bytes -= frame.len();
            self.oldest = self.oldest.next();
        }
    }

    /// The frames from number `next` on: about `bytes_max` at most, but at least one.
    #[must_use]
    pub fn read(&self, next: Seq, bytes_max: usize) -> Take {
        if next >= self.head.seq {
            return Take::AtHead;
        }
        let Some(skip) = next.0.checked_sub(self.oldest.0) else {
            return Take::Behind { from: next, oldest: self.oldest };
        };
        let skip = usize::try_from(skip).expect("less than the frames in memory");
        let mut frames = Vec::new();
        let mut bytes = 0;
        for frame in self.frames.range(skip..) {
            bytes += frame.len();
            if bytes > bytes_max && !frames.is_empty() {
                break;
            }
            frames.push(frame.clone());
        }
        Take::Frames(frames)
    }

    /// Where the next frame goes.
    #[must_use]
    pub fn head(&self) -> Place {
        self.head
    }

    /// The oldest frame that is here; the head's number while there is none.
    #[must_use]
    pub fn oldest(&self) -> Seq {
        self.oldest
    }

    /// Bytes of all frames that are here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::{Frame, FrameKind, Micros};

    use super::*;

    fn frame(seq: u64, offset: u64, payload: &[u8]) -> (Header, Bytes) {
        let header = Header::of(FrameKind::Output, Seq(seq), Offset(offset), Micros(0), payload);
        (header, Frame { header, payload }.to_vec().into())
    }

    fn push(ring: &mut Ring, seq: u64, offset: u64, payload: &[u8]) -> Result<Pushed, PushError> {
        let (header, bytes) = frame(seq, offset, payload);
        ring.push(&header, bytes)
    }

    #[test]
    fn a_gap_in_numbers_or_bytes_is_refused_and_changes_nothing() {
        let mut ring = Ring::starting_at(Place { seq: Seq(4), offset: Offset(10) });
        let missing = PushError::SeqGap { expected: Seq(4), found: Seq(5) };
        assert_eq!(push(&mut ring, 5, 10, b"a"), Err(missing));
        let (expected, found) = (Offset(10), Offset(11));
        let torn = PushError::OffsetGap { seq: Seq(4), expected, found };
        assert_eq!(push(&mut ring, 4, 11, b"a"), Err(torn));
        assert_eq!(ring.head(), Place { seq: Seq(4), offset: Offset(10) });
        assert_eq!(push(&mut ring, 4, 10, b"ab"), Ok(Pushed::New));
        assert_eq!(ring.head(), Place { seq: Seq(5), offset: Offset(12) });
    }

    #[test]
    fn frames_that_come_again_are_passed_over() {
        let mut ring = Ring::starting_at(Place::default());
        assert_eq!(push(&mut ring, 0, 0, b"ab"), Ok(Pushed::New));
        assert_eq!(push(&mut ring, 0, 0, b"ab"), Ok(Pushed::Duplicate));
        assert_eq!(push(&mut ring, 1, 2, b"c"), Ok(Pushed::New));
        assert_eq!(ring.read(Seq(0), 1000), {
            let frames = vec![frame(0, 0, b"ab").1, frame(1, 2, b"c").1];
            Take::Frames(frames)
        });
    }

    #[test]
    fn the_oldest_frames_leave_when_the_bound_is_reached() {
        let size = frame(0, 0, b"x").1.len();
        let mut ring = Ring::bounded(Place::default(), 3 * size);
        for seq in 0..10 {
            push(&mut ring, seq, seq, b"x").unwrap();
        }
        assert_eq!((ring.oldest(), ring.bytes()), (Seq(7), 3 * size));
        let behind = Take::Behind { from: Seq(6), oldest: Seq(7) };
        assert_eq!(ring.read(Seq(6), 1000), behind);
        assert_eq!(ring.read(Seq(10), 1000), Take::AtHead);
    }

    #[test]
    fn the_newest_frame_is_kept_even_if_it_is_larger_than_the_bound() {
        let mut ring = Ring::bounded(Place::default(), 10);
        push(&mut ring, 0, 0, b"a").unwrap();
        push(&mut ring, 1, 1, b"bb").unwrap();
        assert_eq!(ring.read(Seq(1), 1), Take::Frames(vec![frame(1, 1, b"bb").1]));
    }

    #[test]
    fn a_read_gives_at_least_one_frame_and_not_much_more_than_asked() {
        let size = frame(0, 0, b"x").1.len();
        let mut ring = Ring::starting_at(Place::default());
        for seq in 0..5 {
            push(&mut ring, seq, seq, b"x").unwrap();
        }
        for (bytes_max, count) in [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (9999, 5)] {
            let Take::Frames(frames) = ring.read(Seq(0), bytes_max) else { panic!("frames") };
            assert_eq!(frames.len(), count, "{bytes_max}");
        }
    }
}
