//! Journals of every released format are read forever. tests/journals/v1 was written by the first release.

use std::fs;
use std::path::{Path, PathBuf};

use axiom_journal::{HeaderError, HeaderProblem, JournalError, Reader, Writer, frames, verify};
use axiom_proto::frame::{FrameKind, Micros, Offset};

use crate::sample;

/// What the journal of format 1 holds: time, kind, payload; the second segment begins with the summary.
const V1: [(u64, FrameKind, &[u8]); 9] = [
    (0, FrameKind::Record, br#"{"type":"started"}"#),
    (1_500, FrameKind::Output, b"$ "),
    (2_000_000, FrameKind::Input, br#"{"bytes":"bHMK"}"#),
    (2_000_900, FrameKind::Output, b"ls\r\n\x1b[01;34mbin\x1b[0m  caf\xc3\xa9  \xff\xfe\r\n$ "),
    (2_100_000, FrameKind::Keyframe, b""),
    (2_100_000, FrameKind::Record, br#"{"type":"summary"}"#),
    (2_200_000, FrameKind::ErrorOutput, b"warning\n"),
    (2_300_000, FrameKind::Other(77), b"of a later release"),
    (2_400_000, FrameKind::Record, br#"{"type":"ended"}"#),
];

const SUMMARY: usize = 5;

fn v1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1")
}

#[test]
fn the_journal_of_format_1_is_read() {
    let mut reader = Reader::open(&v1()).unwrap();
    assert_eq!(reader.segment().session, sample::session());
    assert_eq!(reader.segment().started_unix_us, sample::STARTED_UNIX_US);
    let mut seen = Vec::new();
    while let batch = reader.read(1 << 20, None).unwrap()
        && !batch.is_empty()
    {
        let frames = frames(&batch)
            .map(|frame| (frame.header.time.0, frame.header.kind, frame.payload.to_vec()));
        seen.extend(frames);
    }
    let expected = V1.map(|(time, kind, payload)| (time, kind, payload.to_vec()));
    assert_eq!(seen, expected);
    let report = verify(&v1()).unwrap();
    assert_eq!((report.frames(), report.segments.len(), report.damage()), (9, 2, None));
    assert_eq!(report.head.offset, Offset(44));
}

#[test]
fn todays_writer_writes_format_1_byte_for_byte() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for (index, (time, kind, payload)) in V1.into_iter().enumerate() {
        if index == SUMMARY {
            writer.rotate().unwrap();
        }
        writer.append(kind, Micros(time), payload).unwrap();
    }
    for number in [1, 2] {
        let written = fs::read(sample::segment(folder.path(), number)).unwrap();
        assert_eq!(written, fs::read(sample::segment(&v1(), number)).unwrap(), "segment {number}");
    }
}

#[test]
fn a_newer_format_is_refused_by_all_and_left_alone() {
    let folder = sample::folder();
    drop(sample::create(folder.path()));
    let path = sample::segment(folder.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9;
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    for error in [
        Reader::open(folder.path()).map(drop),
        Writer::recover(folder.path()).map(drop),
        Writer::open(folder.path(), sample::session(), 0).map(drop),
        verify(folder.path()).map(drop),
    ] {
        let newer = HeaderProblem::Bytes(HeaderError::NewerFormat { found: 9, known: 1 });
        let Err(JournalError::Header { problem, .. }) = error else { panic!("{error:?}") };
        assert_eq!(problem, newer);
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
