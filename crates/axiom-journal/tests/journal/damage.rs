//! Damage is seen at every bit, named, kept aside where it is cut, and never skipped over.

use std::fs;
use std::path::Path;

use axiom_journal::{CutReason, JournalError, Reader, SeekTo, Writer, verify};
use axiom_proto::frame::Seq;

use crate::sample;

const PAYLOAD_MAX: u64 = 100;

/// A journal of one segment and 12 frames; where its frames end.
fn journal(folder: &Path) -> (Vec<u8>, Vec<usize>) {
    let mut writer = sample::create(folder);
    let mut ends = vec![64];
    for _ in 0..12 {
        ends.push(ends[ends.len() - 1] + sample::append(&mut writer, PAYLOAD_MAX).frame_bytes());
    }
    (fs::read(sample::segment(folder, 1)).unwrap(), ends)
}

#[test]
fn every_flipped_bit_of_three_records_ends_the_valid_prefix_before_it() {
    let folder = sample::folder();
    let (whole, ends) = journal(folder.path());
    for record in [0, 6, 11] {
        for bit in ends[record] * 8..ends[record + 1] * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(sample::segment(folder.path(), 1), &bytes).unwrap();
            check_reading(folder.path(), record, ends[record], bit);
            check_recovery(folder.path(), &bytes, record, ends[record]);
        }
    }
}

/// Readers give what is before the damage, and then either name it or, at the very end, wait.
fn check_reading(folder: &Path, record: usize, at: usize, bit: usize) {
    let (seq, at, last) = (Seq(record as u64), at as u64, record == 11);
    let mut reader = Reader::open(folder).unwrap();
    if record > 0 {
        let batch = reader.read(usize::MAX, None).unwrap();
        assert_eq!(batch.len() as u64, at - 64, "bit {bit}");
    }
    assert_eq!(reader.position(), seq, "bit {bit}");
    assert_damaged(reader.read(100, Some(Seq(12))).map(drop), (1, at, seq));
    match reader.read(100, None) {
        // The length is wrong, and says that more is to come; or it is the last frame.
        Ok(batch) => assert!(batch.is_empty(), "bit {bit}"),
        Err(error) => assert_damaged(Err(error), (1, at, seq)),
    }
    let report = verify(folder).unwrap();
    match report.damage() {
        Some(damage) => assert_eq!((damage.segment, damage.at, damage.seq), (1, at, seq)),
        None => assert!(last && report.segments[0].unfinished_bytes > 0, "bit {bit}"),
    }
}

fn check_recovery(folder: &Path, bytes: &[u8], record: usize, at: usize) {
    let (mut writer, recovered) = Writer::recover(folder).unwrap();
    assert_eq!(recovered.head.seq, Seq(record as u64));
    let [cut] = &recovered.cuts[..] else { panic!("one cut: {:?}", recovered.cuts) };
    assert_eq!((cut.segment, cut.at, cut.bytes), (1, at as u64, (bytes.len() - at) as u64));
    match cut.reason {
        CutReason::Corrupt { seq } => {
            assert_eq!(seq, Seq(record as u64));
            let aside = cut.kept_aside.as_ref().unwrap();
            assert!(fs::read(aside).unwrap() == bytes[at..], "what was cut is kept");
            fs::remove_file(aside).unwrap();
        }
        CutReason::Torn => {
            assert_eq!(record, 11, "only the last can look like an interrupted write")
        }
        CutReason::Header => panic!("the header is whole"),
    }
    sample::append(&mut writer, PAYLOAD_MAX);
    assert_eq!(sample::check_all(folder, PAYLOAD_MAX), record as u64 + 1);
    assert_eq!(verify(folder).unwrap().damage(), None);
}

fn assert_damaged(result: Result<(), JournalError>, expected: (u32, u64, Seq)) {
    match result {
        Err(JournalError::Damaged { segment, at, seq }) => assert_eq!((segment, at, seq), expected),
        other => panic!("damage at {expected:?}, not {other:?}"),
    }
}

#[test]
fn a_bad_frame_is_not_there_yet_at_the_very_end_and_damage_before_it() {
    let folder = sample::folder();
    let (whole, ends) = journal(folder.path());
    let path = sample::segment(folder.path(), 1);
    flip(&path, ends[11] + 8);
    let mut reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.read(usize::MAX, None).unwrap().len(), ends[11] - 64);
    assert!(reader.read(usize::MAX, None).unwrap().is_empty(), "it may be in the making");
    fs::write(&path, &whole).unwrap();
    assert_eq!(reader.read(usize::MAX, None).unwrap(), whole[ends[11]..]);

    flip(&path, ends[10] + 8);
    reader.seek(SeekTo::Seq(Seq(9))).unwrap();
    assert_eq!(reader.read(usize::MAX, None).unwrap(), whole[ends[9]..ends[10]]);
    assert_damaged(reader.read(usize::MAX, None).map(drop), (1, ends[10] as u64, Seq(10)));
}

/// Three segments of 5 frames.
fn three_segments(folder: &Path) -> Writer {
    let mut writer = sample::create(folder);
    for frame in 0..15 {
        if frame % 5 == 0 {
            writer.rotate().unwrap();
        }
        sample::append(&mut writer, PAYLOAD_MAX);
    }
    writer
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_in_an_earlier_segment_is_told_by_readers_and_not_repaired() {
    let folder = sample::folder();
    drop(three_segments(folder.path()));
    let first = sample::segment(folder.path(), 1);
    flip(&first, 64);
    let damaged = fs::read(&first).unwrap();

    let (_writer, recovered) = Writer::recover(folder.path()).unwrap();
    assert_eq!((recovered.head.seq, recovered.cuts.len()), (Seq(15), 0));
    assert!(fs::read(&first).unwrap() == damaged);
    let mut reader = Reader::open(folder.path()).unwrap();
    assert_damaged(reader.read(1000, None).map(drop), (1, 64, Seq(0)));
    reader.seek(SeekTo::Seq(Seq(5))).unwrap();
    assert!(!reader.read(1000, None).unwrap().is_empty(), "the segments after it are readable");
    let damage = verify(folder.path()).unwrap().damage().unwrap();
    assert_eq!((damage.segment, damage.at, damage.seq), (1, 64, Seq(0)));
}

#[test]
fn an_earlier_segment_that_lost_its_end_is_damage_even_between_two_frames() {
    let folder = sample::folder();
    drop(three_segments(folder.path()));
    fs::File::options()
        .write(true)
        .open(sample::segment(folder.path(), 2))
        .unwrap()
        .set_len(64)
        .unwrap();

    let mut reader = Reader::open(folder.path()).unwrap();
    while reader.position() < Seq(5) {
        assert!(!reader.read(1000, None).unwrap().is_empty());
    }
    assert_damaged(reader.read(1000, None).map(drop), (2, 64, Seq(5)));
    assert_damaged(reader.seek(SeekTo::Seq(Seq(7))), (2, 64, Seq(5)));
    let damage = verify(folder.path()).unwrap().damage().unwrap();
    assert_eq!((damage.segment, damage.at, damage.seq), (2, 64, Seq(5)));
    assert_eq!(Writer::recover(folder.path()).unwrap().1.head.seq, Seq(15));
}

#[test]
fn a_segment_missing_in_the_middle_is_damage_not_the_end() {
    let folder = sample::folder();
    drop(three_segments(folder.path()));
    fs::remove_file(sample::segment(folder.path(), 2)).unwrap();
    let mut reader = Reader::open(folder.path()).unwrap();
    let batch = reader.read(usize::MAX, None).unwrap();
    assert_damaged(reader.read(1000, None).map(drop), (1, 64 + batch.len() as u64, Seq(5)));
    assert_eq!(Writer::recover(folder.path()).unwrap().1.broken_chain_at, Some(1));
}

#[test]
fn a_segment_in_the_middle_without_its_header_is_damage_not_the_end() {
    let folder = sample::folder();
    drop(three_segments(folder.path()));
    let second = sample::segment(folder.path(), 2);
    fs::write(&second, b"AXIOMJNL").unwrap();
    let mut reader = Reader::open(folder.path()).unwrap();
    let batch = reader.read(usize::MAX, None).unwrap();
    let damage = (1, 64 + batch.len() as u64, Seq(5));
    assert_damaged(reader.read(1000, None).map(drop), damage);
    assert_damaged(reader.seek(SeekTo::Seq(Seq(7))), damage);
    let damage = verify(folder.path()).unwrap().damage().unwrap();
    assert_eq!((damage.segment, damage.at, damage.seq), (2, 0, Seq(5)));

    fs::remove_file(sample::segment(folder.path(), 1)).unwrap();
    assert!(matches!(Reader::open(folder.path()), Err(JournalError::Header { .. })));
}

#[test]
fn a_last_segment_with_a_damaged_header_is_set_aside_whole() {
    let folder = sample::folder();
    drop(three_segments(folder.path()));
    let last = sample::segment(folder.path(), 3);
    flip(&last, 40);
    let damaged = fs::read(&last).unwrap();

    let (mut writer, recovered) = Writer::recover(folder.path()).unwrap();
    assert_eq!((recovered.head.seq, writer.segment().segment), (Seq(10), 2));
    assert_eq!(recovered.cuts[0].reason, CutReason::Header);
    let aside = recovered.cuts[0].kept_aside.as_ref().unwrap();
    assert_eq!(aside, &folder.path().join("000003.damaged-0"));
    assert!(fs::read(aside).unwrap() == damaged);
    writer.rotate().unwrap();
    sample::append(&mut writer, PAYLOAD_MAX);
    assert_eq!(sample::check_all(folder.path(), PAYLOAD_MAX), 11);
}

#[test]
fn a_journal_whose_only_header_is_damaged_is_left_alone() {
    let folder = sample::folder();
    let (_, _) = journal(folder.path());
    let path = sample::segment(folder.path(), 1);
    flip(&path, 20);
    let damaged = fs::read(&path).unwrap();
    assert!(matches!(Writer::recover(folder.path()), Err(JournalError::Header { .. })));
    assert!(matches!(Reader::open(folder.path()), Err(JournalError::Header { .. })));
    let opened = Writer::open(folder.path(), sample::session(), 0);
    assert!(matches!(opened, Err(JournalError::Header { .. })));
    assert!(fs::read(&path).unwrap() == damaged);
}

#[test]
fn damage_found_twice_at_one_place_is_kept_twice() {
    let folder = sample::folder();
    let (whole, ends) = journal(folder.path());
    for _ in 0..2 {
        fs::write(sample::segment(folder.path(), 1), &whole).unwrap();
        flip(&sample::segment(folder.path(), 1), ends[3] + 40);
        Writer::recover(folder.path()).unwrap();
    }
    let (first, second) =
        (format!("000001.damaged-{}", ends[3]), format!("000001.damaged-{}.2", ends[3]));
    assert_eq!(sample::names(folder.path()), [&first, &second, "000001.journal", "writer.lock"]);
}

#[test]
fn a_journal_of_another_session_is_refused_before_anything_is_cut() {
    let folder = sample::folder();
    let (whole, _) = journal(folder.path());
    let path = sample::segment(folder.path(), 1);
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let mut other = sample::session();
    other.number = 2;
    match Writer::open(folder.path(), other, 0) {
        Err(JournalError::OtherSession { expected, found, .. }) => {
            assert_eq!((expected, found), (other, sample::session()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap().len(), whole.len() - 1);
}
