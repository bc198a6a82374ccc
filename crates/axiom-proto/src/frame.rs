//! The frame: one immutable, numbered record of something that happened in a session.
//! The same bytes lie in the journal, cross the link and reach the browser; docs/journal.md has each byte.
//! This file encodes and checks; it neither reads nor writes.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 32;

/// The largest payload: the length has 24 bits.
pub const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;

/// A frame's number in its session, from 0, without gaps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

/// A byte's place in the child's output.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Offset(pub u64);

/// Microseconds since the session's start.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Micros(pub u64);

impl Micros {
    /// This moment and so many microseconds.
    #[must_use]
    pub fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Seq {
    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a frame holds. Numbers below 128 are kept in journals; the rest exist on links only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameKind {
    /// Bytes from the terminal, or from the child's standard output.
    Output,
    /// Bytes from the child's standard error (pipes only).
    ErrorOutput,
    /// What someone typed: see [`crate::record::InputNote`].
    Input,
    /// A JSON [`crate::record::Record`].
    Record,
    /// A whole screen and the offset it is of.
    Keyframe,
    /// A link's control message; never in a journal.
    Control,
    /// Kept and passed on, not understood.
    Other(u8),
}

impl FrameKind {
    /// The kind's number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Output => 1,
            Self::ErrorOutput => 2,
            Self::Input => 3,
            Self::Record => 4,
            Self::Keyframe => 5,
            Self::Control => 128,
            Self::Other(number) => number,
        }
    }

    /// The kind of a number.
    #[must_use]
    pub fn of(number: u8) -> Self {
        match number {
            1 => Self::Output,
            2 => Self::ErrorOutput,
            3 => Self::Input,
            4 => Self::Record,
            5 => Self::Keyframe,
            128 => Self::Control,
            other => Self::Other(other),
        }
    }

    /// True for the bytes that the child printed: these alone move the offset.
    #[must_use]
    pub fn is_output(self) -> bool {
        match self {
            Self::Output | Self::ErrorOutput => true,
            Self::Input | Self::Record | Self::Keyframe | Self::Control | Self::Other(_) => false,
        }
    }
}

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub kind: FrameKind,
    /// Bytes of payload.
    pub len: u32,
    /// The frame's number.
    pub seq: Seq,
    /// How much the child had printed before this frame.
    pub offset: Offset,
    /// When it happened.
    pub time: Micros,
    /// CRC-32 (IEEE) of header bytes 4..32 and the payload.
    pub crc: u32,
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The bytes end inside the frame.
    #[error("frame is cut: {have} bytes of {need}")]
    Cut {
        /// What is there.
        have: usize,
        /// What the frame needs (at least).
        need: usize,
    },
    /// The checksum does not match.
    #[error("frame {seq} has a wrong checksum")]
    Corrupt {
        /// The number the damaged header claims.
        seq: Seq,
    },
}

impl Header {
    /// A header for this payload, checksum included.
    ///
    /// # Panics
    /// If the payload is larger than [`PAYLOAD_BYTES_MAX`]: callers split before they frame.
    #[must_use]
    pub fn of(kind: FrameKind, seq: Seq, offset: Offset, time: Micros, payload: &[u8]) -> Self {
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload of {} bytes", payload.len());
        let len = u32::try_from(payload.len()).expect("24 bits fit in 32");
        let mut header = Self { kind, len, seq, offset, time, crc: 0 };
        let bytes = header.encode();
        header.crc = checksum(&bytes, payload);
        header
    }

    /// The header's 32 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.crc.to_le_bytes());
        bytes[4..8].copy_from_slice(&(self.len << 8).to_le_bytes());
        bytes[4] = self.kind.number();
        bytes[8..16].copy_from_slice(&self.seq.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.offset.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time.0.to_le_bytes());
        bytes
    }

    /// Reads a header; nothing is checked but the length.
    ///
    /// # Errors
    /// [`FrameError::Cut`] when there are fewer than 32 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Cut { have: bytes.len(), need: HEADER_BYTES });
        };
        Ok(Self {
            kind: FrameKind::of(bytes[4]),
            len: u32_at(bytes, 4) >> 8,
            seq: Seq(u64_at(bytes, 8)),
            offset: Offset(u64_at(bytes, 16)),
            time: Micros(u64_at(bytes, 24)),
            crc: u32_at(bytes, 0),
        })
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.len as usize
    }

    /// The offset after this frame.
    #[must_use]
    pub fn offset_after(&self) -> Offset {
        if self.kind.is_output() {
            Offset(self.offset.0 + u64::from(self.len))
        } else {
            self.offset
        }
    }

    /// True if the payload is the one this header was made for.
    #[must_use]
    pub fn matches(&self, payload: &[u8]) -> bool {
        payload.len() == self.len as usize && checksum(&self.encode(), payload) == self.crc
    }
}

/// A frame, borrowed from wherever it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the payload.
    pub header: Header,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads and checks the first frame of `bytes`.
    ///
    /// # Errors
    /// [`FrameError::Cut`] when the frame is not whole yet, [`FrameError::Corrupt`] when its checksum is wrong.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let header = Header::decode(bytes)?;
        let Some(payload) = bytes.get(HEADER_BYTES..header.frame_bytes()) else {
            return Err(FrameError::Cut { have: bytes.len(), need: header.frame_bytes() });
        };
        if !header.matches(payload) {
            return Err(FrameError::Corrupt { seq: header.seq });
        }
        Ok(Self { header, payload })
    }

    /// Header and payload in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.header.frame_bytes());
        bytes.extend_from_slice(&self.header.encode());
        bytes.extend_from_slice(self.payload);
        bytes
    }
}

fn checksum(header: &[u8; HEADER_BYTES], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[4..]);
    hasher.update(payload);
    hasher.finalize()
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let header = Header::of(FrameKind::Output, Seq(7), Offset(300), Micros(12), payload);
        Frame { header, payload }.to_vec()
    }

    #[test]
    fn every_byte_has_its_place() {
        let bytes = frame(b"hi");
        assert_eq!(bytes[4], 1, "kind");
        assert_eq!(bytes[5..8], [2, 0, 0], "length");
        assert_eq!(bytes[8..16], 7u64.to_le_bytes(), "seq");
        assert_eq!(bytes[16..24], 300u64.to_le_bytes(), "offset");
        assert_eq!(bytes[24..32], 12u64.to_le_bytes(), "time");
        assert_eq!(&bytes[32..], b"hi", "payload");
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[4..]);
        assert_eq!(bytes[0..4], hasher.finalize().to_le_bytes(), "crc");
    }

    #[test]
    fn a_frame_is_read_back_as_written() {
        let bytes = frame(b"hello");
        let read = Frame::decode(&bytes).unwrap();
        assert_eq!((read.payload, read.header.seq), (&b"hello"[..], Seq(7)));
        assert_eq!(read.header.offset_after(), Offset(305));
        assert_eq!(read.to_vec(), bytes);
    }

    #[test]
    fn any_truncation_is_cut_and_any_flipped_bit_is_seen() {
        let bytes = frame(b"hello");
        for len in 0..bytes.len() {
            assert!(matches!(Frame::decode(&bytes[..len]), Err(FrameError::Cut { .. })), "{len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn kinds_and_numbers_agree() {
        for number in 0..=255 {
            assert_eq!(FrameKind::of(number).number(), number);
        }
    }
}
