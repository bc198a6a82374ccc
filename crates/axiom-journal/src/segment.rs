//! One segment's header and name, as values.
//! Every later format keeps these 64 bytes, so that an old reader can name what it cannot read.

use axiom_proto::frame::{Offset, Seq};
use axiom_proto::id::{ID_CHARS, SessionId, TaskId};
use thiserror::Error;

/// The format this code writes, and the newest it reads.
pub const FORMAT: u16 = 1;

/// Bytes before a segment's first frame.
pub const SEGMENT_HEADER_BYTES: usize = 64;

/// Where a segment closes: recovery reads one segment whole, so this bounds its time and memory.
/// Only a single frame that fits no segment may pass it, alone in its own.
pub const SEGMENT_BYTES_MAX: u64 = 16 << 20;

const MAGIC: &[u8; 8] = b"AXIOMJNL";

/// Where the checksum stands; it covers all before it.
const CRC_AT: usize = 60;

/// What stands at the beginning of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Whose frames these are.
    pub session: SessionId,
    /// The segment's number, from 1.
    pub segment: u32,
    /// The number of the first frame.
    pub first_seq: Seq,
    /// The offset of the first frame.
    pub first_offset: Offset,
    /// The session's start in microseconds since 1970: frames count from it.
    pub started_unix_us: u64,
}

/// Why bytes are not a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Fewer than 64 bytes.
    #[error("the segment header is cut: {have} bytes of 64")]
    Cut {
        /// What is there.
        have: usize,
    },
    /// No magic.
    #[error("the file does not begin like a journal segment")]
    NotASegment,
    /// The checksum does not match, or the task id is none.
    #[error("the segment header is damaged")]
    Corrupt,
    /// Written by a later Axiom.
    #[error(
        "the journal has format {found}, this axiom reads up to format {known}: use a newer axiom"
    )]
    NewerFormat {
        /// What the header says.
        found: u16,
        /// What this code reads.
        known: u16,
    },
}

impl SegmentHeader {
    /// The header's 64 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.segment.to_le_bytes());
        bytes[16..32].copy_from_slice(self.session.task.as_str().as_bytes());
        bytes[32..40].copy_from_slice(&self.first_seq.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first_offset.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.started_unix_us.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.session.number.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads and checks a header at the beginning of `bytes`.
    ///
    /// # Errors
    /// [`HeaderError`], the checksum before the format: a flipped bit is damage, not a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let Some(bytes) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else {
            return Err(HeaderError::Cut { have: bytes.len() });
        };
        if !bytes.starts_with(MAGIC) {
            return Err(HeaderError::NotASegment);
        }
        if crc32fast::hash(&bytes[..CRC_AT]) != u32_at(bytes, CRC_AT) {
            return Err(HeaderError::Corrupt);
        }
        let found = u16::from_le_bytes([bytes[8], bytes[9]]);
        if found > FORMAT {
            return Err(HeaderError::NewerFormat { found, known: FORMAT });
        }
        Ok(Self {
            session: SessionId { task: task_at(bytes)?, number: u32_at(bytes, 56) },
            segment: u32_at(bytes, 12),
            first_seq: Seq(u64_at(bytes, 32)),
            first_offset: Offset(u64_at(bytes, 40)),
            started_unix_us: u64_at(bytes, 48),
        })
    }
}

fn task_at(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<TaskId, HeaderError> {
    let text = std::str::from_utf8(&bytes[16..16 + ID_CHARS]).map_err(|_| HeaderError::Corrupt)?;
    text.parse().map_err(|_| HeaderError::Corrupt)
}

fn u32_at(bytes: &[u8; SEGMENT_HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

fn u64_at(bytes: &[u8; SEGMENT_HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

/// The file name of a segment.
pub(crate) fn file_name(segment: u32) -> String {
    format!("{segment:06}.journal")
}

/// The file name of a packed segment.
pub(crate) fn packed_name(segment: u32) -> String {
    format!("{segment:06}.journal.zst")
}

/// The segment of a file name, packed or not, if it is one exactly as we write it.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let number =
        name.strip_suffix(".zst").unwrap_or(name).strip_suffix(".journal")?.parse().ok()?;
    (number > 0 && [file_name(number), packed_name(number)].contains(&name.to_owned()))
        .then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let task = TaskId::from_random(*b"0123456789");
        SegmentHeader {
            session: SessionId { task, number: 3 },
            segment: 7,
            first_seq: Seq(1_000_001),
            first_offset: Offset(1 << 40),
            started_unix_us: 1_700_000_000_000_000,
        }
    }

    #[test]
    fn every_byte_has_its_place() {
        let bytes = header().encode();
        assert_eq!(&bytes[0..8], b"AXIOMJNL");
        assert_eq!(bytes[8..10], [1, 0], "format");
        assert_eq!(bytes[10..12], [0, 0], "reserved");
        assert_eq!(bytes[12..16], [7, 0, 0, 0], "segment");
        assert_eq!(&bytes[16..32], header().session.task.as_str().as_bytes(), "task");
        assert_eq!(bytes[32..40], 1_000_001u64.to_le_bytes(), "first seq");
        assert_eq!(bytes[40..48], (1u64 << 40).to_le_bytes(), "first offset");
        assert_eq!(bytes[48..56], 1_700_000_000_000_000u64.to_le_bytes(), "start");
        assert_eq!(bytes[56..60], [3, 0, 0, 0], "session number");
        assert_eq!(bytes[60..64], crc32fast::hash(&bytes[..60]).to_le_bytes(), "checksum");
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header()));
    }

    #[test]
    fn any_truncation_and_any_flipped_bit_is_seen() {
        let bytes = header().encode();
        for have in 0..bytes.len() {
            assert_eq!(SegmentHeader::decode(&bytes[..have]), Err(HeaderError::Cut { have }));
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = SegmentHeader::decode(&bytes).unwrap_err();
            let known = matches!(error, HeaderError::NotASegment | HeaderError::Corrupt);
            assert!(known, "bit {bit}: {error}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_with_both_numbers() {
        let mut bytes = header().encode();
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        let error = SegmentHeader::decode(&bytes).unwrap_err();
        assert_eq!(error, HeaderError::NewerFormat { found: 2, known: 1 });
        assert!(error.to_string().contains("format 2") && error.to_string().contains("format 1"));
    }

    #[test]
    fn only_names_that_we_write_are_segments() {
        assert_eq!(number_of("000001.journal"), Some(1));
        assert_eq!(number_of("1234567.journal"), Some(1_234_567));
        for name in ["1.journal", "000000.journal", "+00001.journal", "0000001.journal", "000001"] {
            assert_eq!(number_of(name), None, "{name}");
        }
        assert_eq!(number_of("000001.damaged-64"), None);
        assert_eq!(number_of("000017.journal.zst"), Some(17));
        for name in ["000001.journal.zst.new", "000001.zst", "1.journal.zst"] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
