//! Journals whose every frame follows from its number.

use std::fs;
use std::path::{Path, PathBuf};

use axiom_journal::{Reader, Writer, frames};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Seq};
use axiom_proto::id::{SessionId, TaskId};
use tempfile::TempDir;

pub(crate) const STARTED_UNIX_US: u64 = 1_700_000_000_000_000;

pub(crate) fn session() -> SessionId {
    SessionId { task: TaskId::from_random(*b"axiom-test"), number: 1 }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn create(folder: &Path) -> Writer {
    Writer::create(folder, session(), STARTED_UNIX_US).expect("a new journal")
}

pub(crate) fn kind_of(seq: Seq) -> FrameKind {
    match seq.0 % 11 {
        2 => FrameKind::Record,
        3 => FrameKind::ErrorOutput,
        5 => FrameKind::Input,
        7 => FrameKind::Keyframe,
        8 => FrameKind::Other(77),
        _ => FrameKind::Output,
    }
}

/// The payload of a frame: 0 to `bytes_max` bytes that nothing else could have written.
pub(crate) fn payload_of(seq: Seq, bytes_max: u64) -> Vec<u8> {
    let mut state = seq.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let bytes = next() % (bytes_max + 1);
    (0..bytes).map(|_| next().to_le_bytes()[3]).collect()
}

/// Appends the frame that the writer's head asks for.
pub(crate) fn append(writer: &mut Writer, bytes_max: u64) -> Header {
    let seq = writer.head().seq;
    let payload = payload_of(seq, bytes_max);
    writer.append(kind_of(seq), Micros(seq.0 * 10), &payload).expect("append")
}

pub(crate) fn check(frame: &Frame<'_>, bytes_max: u64) {
    let Header { seq, kind, time, .. } = frame.header;
    assert_eq!((kind, time), (kind_of(seq), Micros(seq.0 * 10)), "frame {seq}");
    assert_eq!(frame.payload, payload_of(seq, bytes_max), "frame {seq}");
}

/// Checks every frame in the journal; says how many there are.
pub(crate) fn check_all(folder: &Path, bytes_max: u64) -> u64 {
    let mut reader = Reader::open(folder).expect("open");
    let mut count = 0;
    loop {
        let batch = reader.read(10_000, None).expect("read");
        if batch.is_empty() {
            return count;
        }
        for frame in frames(&batch) {
            assert_eq!(frame.header.seq, Seq(count), "neither gap nor double");
            check(&frame, bytes_max);
            count += 1;
        }
    }
}

pub(crate) fn segment(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.journal"))
}

/// A journal of one segment: its bytes, and where each frame ends, the header's end first.
pub(crate) fn one_segment(folder: &Path, bytes: usize, payload_max: u64) -> (Vec<u8>, Vec<usize>) {
    let mut writer = create(folder);
    let mut ends = vec![64];
    while ends[ends.len() - 1] < bytes {
        let header = append(&mut writer, payload_max);
        ends.push(ends[ends.len() - 1] + header.frame_bytes());
    }
    (fs::read(segment(folder, 1)).expect("read back"), ends)
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("list");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("our names"))
        .collect();
    names.sort();
    names
}
