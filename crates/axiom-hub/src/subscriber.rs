//! One reader's cursor. It takes from the ring near the head and from the journal behind it, and checks that each frame
//! is the one that must come next, whichever of the two it came from.

use axiom_proto::frame::{HEADER_BYTES, Header, Offset, Seq};
use bytes::Bytes;
use thiserror::Error;

use crate::ring::{Ring, Take};

/// A reader, and all there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    next: Seq,
    /// The next frame's offset, once a frame was seen.
    offset: Option<Offset>,
}

/// A frame is not the one that must come next: a bug, or a damaged journal. Nothing of it was given to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "frame {found} at offset {found_offset} came out of order: frame {expected} must come next"
)]
pub struct OutOfOrder {
    /// What must come.
    pub expected: Seq,
    /// What came.
    pub found: Seq,
    /// Where it says it is.
    pub found_offset: Offset,
}

impl Subscriber {
    /// A reader that wants frames from number `next` on.
    #[must_use]
    pub fn at(next: Seq) -> Self {
        Self { next, offset: None }
    }

    /// The number of the frame it wants next.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The offset of the frame it wants next, once it has seen one.
    #[must_use]
    pub fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// Takes the next frames from the ring, and moves on. On `Behind` and `AtHead` it stays.
    ///
    /// # Errors
    /// [`OutOfOrder`]; it stays then.
    pub fn take(&mut self, ring: &Ring, bytes_max: usize) -> Result<Take, OutOfOrder> {
        let take = ring.read(self.next, bytes_max);
        if let Take::Frames(frames) = &take {
            let mut after = *self;
            frames.iter().try_for_each(|frame| after.accept(&header_of(frame)))?;
            *self = after;
        }
        Ok(take)
    }

    /// Moves on over a batch of whole frames, back to back, that was read from the journal; says how many there were.
    ///
    /// # Errors
    /// [`OutOfOrder`]; it stays then.
    pub fn refill(&mut self, batch: &Bytes) -> Result<usize, OutOfOrder> {
        let mut after = *self;
        let mut rest = &batch[..];
        let mut count = 0;
        while !rest.is_empty() {
            let header = header_of(rest);
            after.accept(&header)?;
            rest = rest.get(header.frame_bytes()..).unwrap_or_default();
            count += 1;
        }
        *self = after;
        Ok(count)
    }

    fn accept(&mut self, header: &Header) -> Result<(), OutOfOrder> {
        let offset_fits = self.offset.is_none_or(|offset| offset == header.offset);
        if header.seq != self.next || !offset_fits {
            let (expected, found) = (self.next, header.seq);
            return Err(OutOfOrder { expected, found, found_offset: header.offset });
        }
        self.next = header.seq.next();
        self.offset = Some(header.offset_after());
        Ok(())
    }
}

/// The header of a whole frame.
fn header_of(frame: &[u8]) -> Header {
    assert!(frame.len() >= HEADER_BYTES, "ring and journal hold whole frames only");
    Header::decode(frame).expect("a header's bytes are there")
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::{Frame, FrameKind, Micros};

    use super::*;
    use crate::ring::Place;

    fn frame(seq: u64, offset: u64) -> Bytes {
        let header = Header::of(FrameKind::Output, Seq(seq), Offset(offset), Micros(0), b"x");
        Frame { header, payload: b"x" }.to_vec().into()
    }

    #[test]
    fn a_batch_with_a_gap_or_a_double_is_refused_whole() {
        for second in [frame(0, 0), frame(2, 1), frame(1, 5)] {
            let batch = [frame(0, 0), second].concat().into();
            let mut subscriber = Subscriber::at(Seq(0));
            assert!(subscriber.refill(&batch).is_err());
            assert_eq!(subscriber, Subscriber::at(Seq(0)));
        }
    }

    #[test]
    fn a_reader_that_was_refilled_goes_on_from_the_ring() {
        let mut ring = Ring::starting_at(Place { seq: Seq(2), offset: Offset(2) });
        let next = frame(2, 2);
        ring.push(&header_of(&next), next.clone()).unwrap();
        let mut subscriber = Subscriber::at(Seq(0));
        let behind = Take::Behind { from: Seq(0), oldest: Seq(2) };
        assert_eq!(subscriber.take(&ring, 100), Ok(behind));
        let batch = [frame(0, 0), frame(1, 1)].concat().into();
        assert_eq!(subscriber.refill(&batch), Ok(2));
        assert_eq!(subscriber.take(&ring, 100), Ok(Take::Frames(vec![next])));
        assert_eq!(subscriber.take(&ring, 100), Ok(Take::AtHead));
        assert_eq!((subscriber.next(), subscriber.offset()), (Seq(3), Some(Offset(3))));
    }
}
