//! Any frame and any offset of a journal is found, in whichever segment it lies.

use std::path::Path;

use axiom_journal::{JournalError, Reader, SeekTo, Writer, frames};
use axiom_proto::frame::{FrameKind, Header, Micros, Offset, Seq};

use crate::sample;

const PAYLOAD_MAX: u64 = 60;

/// Six segments; records and empty output lie at many segments' ends and beginnings.
fn journal(folder: &Path) -> (Writer, Vec<Header>) {
    let mut writer = sample::create(folder);
    let mut headers = Vec::new();
    for frame in 1..=120 {
        headers.push(sample::append(&mut writer, PAYLOAD_MAX));
        if frame % 23 == 0 {
            headers.push(writer.append(FrameKind::Record, Micros(0), b"last").unwrap());
            writer.rotate().unwrap();
            headers.push(writer.append(FrameKind::Record, Micros(0), b"summary").unwrap());
        }
    }
    (writer, headers)
}

fn first_read(reader: &mut Reader) -> Option<Header> {
    let batch = reader.read(1, None).expect("read");
    frames(&batch).next().map(|frame| frame.header)
}

#[test]
fn every_offset_leads_to_the_frame_that_covers_it_or_the_first_one_there() {
    let folder = sample::folder();
    let (writer, headers) = journal(folder.path());
    assert!(writer.segment().segment > 4, "several segments");
    let mut reader = Reader::open(folder.path()).unwrap();
    let Offset(end) = writer.head().offset;
    for offset in (0..=end).rev() {
        let expected = headers
            .iter()
            .find(|header| header.offset.0 >= offset || header.offset_after().0 > offset);
        reader.seek(SeekTo::Offset(Offset(offset))).unwrap();
        assert_eq!(first_read(&mut reader).as_ref(), expected, "offset {offset}");
    }
}

#[test]
fn every_frame_number_leads_to_its_frame() {
    let folder = sample::folder();
    let (writer, headers) = journal(folder.path());
    let mut reader = Reader::open(folder.path()).unwrap();
    for header in headers.iter().rev() {
        reader.seek(SeekTo::Seq(header.seq)).unwrap();
        assert_eq!(reader.position(), header.seq);
        assert_eq!(first_read(&mut reader).as_ref(), Some(header));
    }
    reader.seek(SeekTo::Start).unwrap();
    assert_eq!(first_read(&mut reader).as_ref(), headers.first());
    reader.seek(SeekTo::Seq(writer.head().seq)).unwrap();
    assert_eq!(first_read(&mut reader), None, "the head is a place too");
}

#[test]
fn what_has_not_happened_yet_is_refused_with_the_head() {
    let folder = sample::folder();
    let (mut writer, _) = journal(folder.path());
    let mut reader = Reader::open(folder.path()).unwrap();
    let head = writer.head();
    for asked in [SeekTo::Seq(head.seq.next()), SeekTo::Offset(Offset(head.offset.0 + 1))] {
        match reader.seek(asked) {
            Err(JournalError::Beyond { asked: told, head: found }) => {
                assert_eq!((told, found.seq, found.offset), (asked, head.seq, head.offset));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reader.position(), Seq(0), "an error leaves the reader where it is");
    writer.append(FrameKind::Output, Micros(0), b"more").unwrap();
    writer.rotate().unwrap();
    reader.seek(SeekTo::Seq(head.seq.next())).unwrap();
    reader.seek(SeekTo::Offset(Offset(head.offset.0 + 1))).unwrap();
    assert_eq!(reader.position(), head.seq);
}

#[test]
fn frames_smaller_and_larger_than_a_window_are_walked_over() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for payload in [0, 1_000_000, 3, 131_040, 131_072, 5, 200_000] {
        writer.append(FrameKind::Output, Micros(0), &vec![1; payload]).unwrap();
    }
    for _ in 0..10_000 {
        writer.append(FrameKind::Input, Micros(0), b"").unwrap();
    }
    let mut reader = Reader::open(folder.path()).unwrap();
    for seq in [1, 2, 3, 4, 5, 6, 7, 8, 5000, 10_006, 10_007] {
        reader.seek(SeekTo::Seq(Seq(seq))).unwrap();
        let next = first_read(&mut reader).map(|header| header.seq);
        assert_eq!(next, (seq < 10_007).then_some(Seq(seq)));
    }
}

#[test]
fn the_nearest_keyframes_before_and_after_every_frame_are_found() {
    let folder = sample::folder();
    let (_writer, headers) = journal(folder.path());
    let mut reader = Reader::open(folder.path()).unwrap();
    let is_keyframe = |header: &&Header| header.kind == FrameKind::Keyframe;
    for (at, header) in headers.iter().enumerate() {
        let before = headers[..at].iter().rev().find(is_keyframe);
        assert_eq!(reader.seek_to_keyframe(header.seq).unwrap(), before.is_some());
        if before.is_some() {
            assert_eq!(first_read(&mut reader).as_ref(), before, "before {}", header.seq);
        }
        for bytes_max in [0, 40, 200, u64::MAX] {
            reader.seek(SeekTo::Seq(header.seq)).unwrap();
            let within = |next: &&Header| next.offset.0 - header.offset.0 <= bytes_max;
            let after = headers[at..].iter().find(is_keyframe).filter(within);
            assert_eq!(reader.seek_to_next_keyframe(bytes_max).unwrap(), after.is_some());
            let stands = after.map_or(header.seq, |after| after.seq);
            assert_eq!(reader.position(), stands, "after {} within {bytes_max}", header.seq);
        }
    }
}
