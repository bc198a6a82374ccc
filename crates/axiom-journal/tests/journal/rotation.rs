//! Segments: where they close, what a frame that does not fit does, and what must be synced.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use axiom_journal::{
    JournalError, Reader, SEGMENT_BYTES_MAX, SegmentHeader, Writer, frames, verify,
};
use axiom_proto::frame::{FrameKind, Micros, Offset, PAYLOAD_BYTES_MAX, Seq};

use crate::sample;

#[test]
fn a_frame_that_does_not_fit_the_rest_starts_the_next_segment() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    let payload = vec![9; 5 << 20];
    for _ in 0..4 {
        writer.append(FrameKind::Output, Micros(0), &payload).unwrap();
    }
    assert_eq!(writer.segment().segment, 2);
    writer.append(FrameKind::Keyframe, Micros(0), &vec![8; PAYLOAD_BYTES_MAX]).unwrap();
    writer.append(FrameKind::Output, Micros(0), b"after the largest frame").unwrap();

    let report = verify(folder.path()).unwrap();
    let counts: Vec<_> = report.segments.iter().map(|segment| segment.frames).collect();
    assert_eq!((counts, report.damage()), (vec![3, 1, 1, 1], None));
    for segment in [1, 2, 4] {
        let bytes = fs::metadata(sample::segment(folder.path(), segment)).unwrap().len();
        assert!(bytes <= SEGMENT_BYTES_MAX, "segment {segment}");
    }
    let mut reader = Reader::open(folder.path()).unwrap();
    let mut seen = 0;
    while let batch = reader.read(1 << 20, None).unwrap()
        && !batch.is_empty()
    {
        seen += frames(&batch).count();
    }
    assert_eq!(seen, 6);
    let head = writer.head();
    drop(writer);
    assert_eq!(Writer::recover(folder.path()).unwrap().1.head, head);
}

#[test]
fn a_writer_that_rotates_when_told_leaves_room_for_a_summary_first_in_each_segment() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    while writer.segment().segment < 3 {
        if writer.segment_is_full() {
            writer.rotate().unwrap();
            writer.append(FrameKind::Record, Micros(0), b"summary").unwrap();
        }
        assert!(writer.has_room_for(64 << 10), "the largest ordinary frame fits");
        writer.append(FrameKind::Output, Micros(0), &[1; 64 << 10]).unwrap();
    }
    let mut reader = Reader::open(folder.path()).unwrap();
    for segment in [2, 3] {
        let header = fs::read(sample::segment(folder.path(), segment)).unwrap();
        let header = SegmentHeader::decode(&header).unwrap();
        reader.seek(axiom_journal::SeekTo::Seq(header.first_seq)).unwrap();
        let batch = reader.read(0, None).unwrap();
        assert_eq!(frames(&batch).next().unwrap().payload, b"summary");
    }
}

#[test]
fn a_segment_without_frames_is_not_rotated() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    writer.rotate().unwrap();
    writer.rotate().unwrap();
    assert_eq!(sample::names(folder.path()), ["000001.journal", "writer.lock"]);
}

#[test]
fn recovery_reads_the_last_segment_only() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for frame in 1..=100 {
        sample::append(&mut writer, 100);
        if frame % 10 == 0 {
            writer.rotate().unwrap();
            sample::append(&mut writer, 100);
        }
    }
    let head = writer.head();
    drop(writer);
    for number in 1..=10 {
        let path = sample::segment(folder.path(), number);
        fs::File::options().write(true).open(path).unwrap().set_len(64).unwrap();
    }
    let (_, recovered) = Writer::recover(folder.path()).unwrap();
    assert_eq!((recovered.head, recovered.cuts.len()), (head, 0));
    assert_eq!(recovered.broken_chain_at, None, "their headers are enough");
}

#[test]
fn time_never_goes_backwards_even_over_a_recovery() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    assert_eq!(writer.append(FrameKind::Input, Micros(50), b"").unwrap().time, Micros(50));
    assert_eq!(writer.append(FrameKind::Input, Micros(20), b"").unwrap().time, Micros(50));
    writer.rotate().unwrap();
    drop(writer);
    let (mut writer, recovered) = Writer::recover(folder.path()).unwrap();
    assert_eq!(recovered.head.time, Micros(50), "from the segment before the empty one");
    assert_eq!(writer.append(FrameKind::Input, Micros(20), b"").unwrap().time, Micros(50));
    assert_eq!(writer.append(FrameKind::Input, Micros(60), b"").unwrap().time, Micros(60));
}

#[test]
fn only_output_moves_the_offset() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for (kind, offset) in [
        (FrameKind::Record, 0),
        (FrameKind::Output, 0),
        (FrameKind::Input, 4),
        (FrameKind::ErrorOutput, 4),
        (FrameKind::Keyframe, 8),
        (FrameKind::Other(99), 8),
    ] {
        assert_eq!(writer.append(kind, Micros(0), b"four").unwrap().offset, Offset(offset));
    }
    assert_eq!((writer.head().offset, writer.head().seq), (Offset(8), Seq(6)));
}

#[test]
fn what_must_be_synced_is_given_once_and_again_after_a_recovery() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    sample::append(&mut writer, 100);
    assert_eq!(writer.files_to_sync().unwrap().len(), 2, "the folder and the segment");
    assert_eq!(writer.files_to_sync().unwrap().len(), 1, "the segment");
    for _ in 0..3 {
        sample::append(&mut writer, 100);
        writer.rotate().unwrap();
    }
    let files = writer.files_to_sync().unwrap();
    assert_eq!(files.len(), 5, "three closed segments, the folder, the open segment");
    files.iter().for_each(|file| file.sync_data().unwrap());
    writer.sync().unwrap();
    drop(writer);
    let (mut writer, _) = Writer::recover(folder.path()).unwrap();
    assert_eq!(writer.files_to_sync().unwrap().len(), 5, "the last writer may not have");
}

#[test]
fn files_are_the_owners_alone_and_a_journal_is_begun_once() {
    let folder = sample::folder();
    drop(sample::create(folder.path()));
    for name in sample::names(folder.path()) {
        let mode = fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let again = Writer::create(folder.path(), sample::session(), 0);
    assert!(matches!(again, Err(JournalError::Exists { .. })));
    let (writer, recovered) = Writer::open(folder.path(), sample::session(), 7).unwrap();
    let started = recovered.unwrap().started_unix_us;
    assert_eq!((started, writer.segment().started_unix_us), (sample::STARTED_UNIX_US, started));
}

#[test]
#[should_panic(expected = "a payload of 16777216 bytes")]
fn a_payload_that_fits_no_frame_is_a_bug() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    writer.append(FrameKind::Output, Micros(0), &vec![0; PAYLOAD_BYTES_MAX + 1]).unwrap();
}

#[test]
#[should_panic(expected = "Control in a journal")]
fn a_links_message_in_a_journal_is_a_bug() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    writer.append(FrameKind::Control, Micros(0), b"{}").unwrap();
}
