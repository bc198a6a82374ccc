//! Readers beside a writer: each frame once, in order, over rotations and retention.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use axiom_journal::{Head, JournalError, Reader, SeekTo, frames, pack};
use axiom_proto::frame::{FrameKind, Micros, Offset, Seq};

use crate::sample;

const FRAMES: u64 = 20_000;
const FRAMES_IN_A_SEGMENT: u64 = 3000;
const PAYLOAD_MAX: u64 = 300;

/// Generous: only a hang meets it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Reads all frames; `bounded` readers ask for what was announced only, others for all there is.
fn follow(folder: &Path, announced: &Receiver<Seq>, bounded: bool) -> u64 {
    let mut reader = Reader::open(folder).expect("open");
    let mut expected = Seq(0);
    let mut until = Some(Seq(0));
    while expected < Seq(FRAMES) {
        let batch = reader.read(5000, until.filter(|_| bounded)).expect("read");
        for frame in frames(&batch) {
            assert_eq!(frame.header.seq, expected, "neither gap nor double");
            sample::check(&frame, PAYLOAD_MAX);
            expected = expected.next();
        }
        assert_eq!(reader.position(), expected);
        if !batch.is_empty() {
            assert!(!bounded || until >= Some(expected), "nothing before it is announced");
            continue;
        }
        match announced.recv_timeout(DEADLINE) {
            Ok(head) => until = Some(head),
            Err(RecvTimeoutError::Disconnected) => until = Some(Seq(FRAMES)),
            Err(RecvTimeoutError::Timeout) => panic!("waited {DEADLINE:?} for frame {expected}"),
        }
    }
    assert!(reader.read(5000, None).expect("read").is_empty());
    expected.0
}

#[test]
fn readers_beside_a_rotating_writer_see_each_frame_once_and_in_order() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    thread::scope(|scope| {
        let mut announce = Vec::new();
        let readers = [true, false, true, false].map(|bounded| {
            let (sender, receiver) = channel();
            announce.push(sender);
            let path = folder.path();
            scope.spawn(move || follow(path, &receiver, bounded))
        });
        for frame in 1..=FRAMES {
            sample::append(&mut writer, PAYLOAD_MAX);
            if frame % FRAMES_IN_A_SEGMENT == 0 {
                writer.rotate().unwrap();
                pack(folder.path(), || true).unwrap();
            }
            // A reader that has ended its work no longer listens.
            announce.retain(|sender| sender.send(writer.head().seq).is_ok());
        }
        drop(announce);
        // Beside readers that are anywhere.
        pack(folder.path(), || true).unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), FRAMES);
        }
    });
}

#[test]
fn before_the_first_segment_there_is_no_journal_to_read() {
    let folder = sample::folder();
    assert!(matches!(Reader::open(folder.path()), Err(JournalError::Missing { .. })));
    let nowhere = folder.path().join("nowhere");
    assert!(matches!(Reader::open(&nowhere), Err(JournalError::Missing { .. })));
}

#[test]
fn a_batch_holds_whole_frames_up_to_its_bound_and_at_least_one() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for _ in 0..4 {
        writer.append(FrameKind::Output, Micros(0), &[b'x'; 68]).unwrap();
    }
    let mut reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.read(0, None).unwrap().len(), 100, "at least one");
    assert_eq!(reader.read(299, None).unwrap().len(), 200, "whole ones");
    assert!(reader.read(1000, Some(Seq(3))).unwrap().is_empty(), "none from the head on");
    assert_eq!(reader.read(1000, Some(Seq(4))).unwrap().len(), 100);
    assert_eq!((reader.position(), reader.head().offset), (Seq(4), Offset(4 * 68)));
    assert_eq!(reader.segment().session, sample::session());
}

#[test]
fn a_frame_larger_than_the_bound_is_given_whole() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    let payload = vec![7; 1 << 20];
    writer.append(FrameKind::Keyframe, Micros(0), &payload).unwrap();
    let mut reader = Reader::open(folder.path()).unwrap();
    let batch = reader.read(100, None).unwrap();
    assert!(frames(&batch).all(|frame| frame.payload == payload));
    assert_eq!(frames(&batch).count(), 1);
}

#[test]
fn a_reader_whose_segments_were_removed_is_told_what_is_kept() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for frame in 0..20 {
        if frame % 5 == 0 {
            writer.rotate().unwrap();
        }
        sample::append(&mut writer, PAYLOAD_MAX);
    }
    let mut reader = Reader::open(folder.path()).unwrap();
    for removed in [1, 2] {
        fs::remove_file(sample::segment(folder.path(), removed)).unwrap();
    }
    let batch = reader.read(usize::MAX, None).unwrap();
    assert_eq!(frames(&batch).count(), 5, "what is open is still readable");
    for gone in [
        reader.read(1000, None).map(drop),
        reader.seek(SeekTo::Seq(Seq(9))),
        reader.seek(SeekTo::Offset(Offset(0))),
    ] {
        assert!(
            matches!(gone, Err(JournalError::Gone { first_kept: Head { seq: Seq(10), .. } })),
            "{gone:?}"
        );
    }
    assert_eq!(reader.position(), Seq(5), "an error leaves the reader where it is");
    for kept in [SeekTo::Start, SeekTo::Seq(Seq(10))] {
        reader.seek(kept).unwrap();
        assert_eq!(reader.position(), Seq(10));
        let batch = reader.read(1 << 20, None).unwrap();
        assert_eq!(frames(&batch).next().unwrap().header.seq, Seq(10));
    }
    assert_eq!(Reader::open(folder.path()).unwrap().position(), Seq(10));
}

#[test]
fn a_next_segment_without_a_header_is_not_there_yet() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    sample::append(&mut writer, PAYLOAD_MAX);
    let mut reader = Reader::open(folder.path()).unwrap();
    assert!(!reader.read(1000, None).unwrap().is_empty());
    fs::write(sample::segment(folder.path(), 2), b"AXIOM").unwrap();
    assert!(reader.read(1000, None).unwrap().is_empty());
    sample::append(&mut writer, PAYLOAD_MAX);
    assert!(!reader.read(1000, None).unwrap().is_empty(), "the segment goes on");
}
