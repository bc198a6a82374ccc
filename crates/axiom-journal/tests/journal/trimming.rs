//! A journal's oldest segments go as far as bounds ask for it, and what stays is whole for every reader and the next writer.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use axiom_journal::{
    JournalError, Reader, SeekTo, TrimBounds, Writer, frames, headers, pack, stored, trim, verify,
};
use axiom_proto::frame::{FrameKind, Micros, Offset, Seq};
use axiom_proto::record::Record;
use axiom_proto::summary::Summary;
use proptest::prelude::*;

use crate::child::{self, Running};
use crate::sample;

const NOTHING: TrimBounds =
    TrimBounds { bytes_max: None, since_unix_us: None, unread: Seq(u64::MAX) };

const TO_BYTES_0: TrimBounds = TrimBounds { bytes_max: Some(0), ..NOTHING };

fn summary() -> Vec<u8> {
    Record::Summary(Box::<Summary>::default()).encode()
}

/// A segment begins, with a summary or without.
fn begin_segment(writer: &mut Writer, time: Micros, with_summary: bool) {
    writer.rotate().unwrap();
    let payload = if with_summary { summary() } else { b"none".to_vec() };
    writer.append(FrameKind::Record, time, &payload).unwrap();
}

/// Segments of ten frames of output and one that begins them, each a second long.
fn journal(folder: &Path, with_summary: &[bool]) -> Writer {
    let mut writer = sample::create(folder);
    for frame in 0..10 {
        writer.append(FrameKind::Output, Micros(frame * 100_000), &[b'x'; 100]).unwrap();
    }
    for (segment, with_summary) in (1..).zip(with_summary) {
        let time = Micros(segment * 1_000_000);
        begin_segment(&mut writer, time, *with_summary);
        for frame in 0..10 {
            let time = Micros(time.0 + frame * 100_000);
            writer.append(FrameKind::Output, time, &[b'x'; 100]).unwrap();
        }
    }
    writer
}

fn kept(folder: &Path) -> Vec<u32> {
    headers(folder).unwrap().iter().map(|header| header.segment).collect()
}

fn bytes_of(folder: &Path, segments: std::ops::RangeInclusive<u32>) -> u64 {
    segments.map(|number| fs::metadata(sample::segment(folder, number)).unwrap().len()).sum()
}

/// Every frame from the oldest on, each the next one; gives their numbers' first and last.
fn read_all(folder: &Path) -> (u64, u64) {
    let mut reader = Reader::open(folder).unwrap();
    let first = reader.position().0;
    loop {
        let batch = reader.read(1000, None).unwrap();
        if batch.is_empty() {
            return (first, reader.position().0);
        }
    }
}

#[test]
fn the_oldest_go_until_the_rest_fits_and_never_the_last_two() {
    for packed in [false, true] {
        let folder = sample::folder();
        let folder = folder.path();
        let writer = journal(folder, &[true; 5]);
        if packed {
            pack(folder, || true).unwrap();
        }
        let before = stored(folder).unwrap();
        assert_eq!(trim(folder, &NOTHING).unwrap().segments, 0);
        let all = TrimBounds { bytes_max: Some(before.bytes), ..NOTHING };
        assert_eq!(trim(folder, &all).unwrap().segments, 0, "it fits");
        let one_too_many = TrimBounds { bytes_max: Some(before.bytes - 1), ..NOTHING };
        let report = trim(folder, &one_too_many).unwrap();
        assert_eq!((report.segments, kept(folder)), (1, vec![2, 3, 4, 5, 6]));
        let after = stored(folder).unwrap();
        assert_eq!(after.bytes, before.bytes - report.bytes);
        assert_eq!((after.start.seq, after.start.offset), (Seq(10), Offset(1000)));
        assert_eq!(after.start.time, Micros(1_000_000));
        assert_eq!(trim(folder, &TO_BYTES_0).unwrap().segments, 3);
        assert_eq!(kept(folder), [5, 6]);
        assert_eq!(trim(folder, &TO_BYTES_0).unwrap().segments, 0);
        let report = verify(folder).unwrap();
        assert_eq!((report.damage(), report.start.seq), (None, Seq(43)));
        assert_eq!(read_all(folder), (43, 65));
        drop(writer);
        let (writer, recovered) = Writer::recover(folder).unwrap();
        assert_eq!((writer.head().seq, recovered.broken_chain_at), (Seq(65), None));
    }
}

#[test]
fn a_segment_is_too_old_when_the_next_one_began_before_that_moment() {
    let folder = sample::folder();
    let folder = folder.path();
    let _writer = journal(folder, &[true; 5]);
    let began = |segment: u64| sample::STARTED_UNIX_US + segment * 1_000_000;
    let since = |moment| TrimBounds { since_unix_us: Some(moment), ..NOTHING };
    let report = trim(folder, &since(began(1))).unwrap();
    assert_eq!((report.segments, report.oldest_unix_us), (0, Some(began(1))));
    let report = trim(folder, &since(began(2) + 1)).unwrap();
    assert_eq!((report.segments, report.oldest_unix_us), (2, Some(began(3))));
    assert_eq!(kept(folder), [3, 4, 5, 6]);
    let report = trim(folder, &since(u64::MAX)).unwrap();
    assert_eq!((report.segments, report.oldest_unix_us), (2, None), "the last two stay");
}

#[test]
fn what_somebody_has_not_read_stays() {
    let folder = sample::folder();
    let folder = folder.path();
    let _writer = journal(folder, &[true; 5]);
    let unread = |seq| TrimBounds { unread: Seq(seq), ..TO_BYTES_0 };
    for (seq, segments, oldest) in [(0, 0, 1), (9, 0, 1), (10, 1, 2), (31, 1, 3), (65, 2, 5)] {
        assert_eq!(trim(folder, &unread(seq)).unwrap().segments, segments, "frame {seq}");
        assert_eq!(kept(folder)[0], oldest, "frame {seq}");
    }
}

#[test]
fn a_reader_can_always_begin_with_a_summary() {
    for (with_summary, oldest) in [
        ([true, true, false, false, true, true], 3),
        ([false, false, false, false, false, true], 1),
        ([true, false, false, false, false, false], 2),
        ([false, false, false, false, true, false], 6),
    ] {
        let folder = sample::folder();
        let _writer = journal(folder.path(), &with_summary);
        let bounds = TrimBounds {
            bytes_max: Some(bytes_of(folder.path(), if oldest == 3 { 5..=7 } else { 6..=7 })),
            ..NOTHING
        };
        trim(folder.path(), &bounds).unwrap();
        assert_eq!(kept(folder.path())[0], oldest, "{with_summary:?}");
    }
}

#[test]
fn a_segment_that_is_only_just_begun_does_not_count() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder, &[true; 3]));
    fs::write(sample::segment(folder, 5), b"AXIOM").unwrap();
    trim(folder, &TO_BYTES_0).unwrap();
    assert_eq!(kept(folder), [3, 4]);
    let (writer, recovered) = Writer::recover(folder).unwrap();
    assert_eq!((writer.head().seq, recovered.cuts.len()), (Seq(43), 1));
}

#[test]
fn all_that_belongs_to_a_segment_goes_with_it() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder, &[true; 3]));
    let plain = fs::read(sample::segment(folder, 1)).unwrap();
    pack(folder, || true).unwrap();
    // A packer was killed before it removed the plain one, another while it wrote; and damage was set aside.
    fs::write(sample::segment(folder, 1), plain).unwrap();
    for name in
        ["000002.journal.new", "000001.damaged-64", "000002.damaged-64.2", "000003.damaged-9"]
    {
        fs::write(folder.join(name), b"left").unwrap();
    }
    trim(folder, &TO_BYTES_0).unwrap();
    let expected = ["000003.damaged-9", "000003.journal.zst", "000004.journal", "writer.lock"];
    assert_eq!(sample::names(folder), expected);
}

#[test]
fn a_damaged_oldest_segment_goes_like_any_other() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder, &[true; 3]));
    fs::write(sample::segment(folder, 1), [7; 500]).unwrap();
    assert!(matches!(Reader::open(folder), Err(JournalError::Header { .. })));
    trim(folder, &TrimBounds { bytes_max: Some(bytes_of(folder, 2..=4)), ..NOTHING }).unwrap();
    assert_eq!(kept(folder), [2, 3, 4]);
    assert_eq!(read_all(folder), (10, 43));
}

#[test]
fn wherever_a_trimmer_was_killed_what_is_left_opens() {
    for killed_after in 0..4 {
        let folder = sample::folder();
        let folder = folder.path();
        drop(journal(folder, &[true; 5]));
        // It removes one file after the other, the oldest first.
        for number in 1..=killed_after {
            fs::remove_file(sample::segment(folder, number)).unwrap();
        }
        assert_eq!(verify(folder).unwrap().damage(), None, "killed after {killed_after}");
        let (mut writer, recovered) = Writer::recover(folder).unwrap();
        assert_eq!((recovered.head.seq, recovered.broken_chain_at), (Seq(65), None));
        writer.append(FrameKind::Output, Micros(0), b"more").unwrap();
        trim(folder, &TO_BYTES_0).unwrap();
        assert_eq!(kept(folder), [5, 6]);
    }
}

const KILLS: u64 = 12;

#[test]
fn killed_trimmers_leave_a_journal_that_opens() {
    let folder = sample::folder();
    let folder = folder.path();
    let mut writer = journal(folder, &[true; 2]);
    for kill in 0..KILLS {
        for _ in 0..40 {
            begin_segment(&mut writer, Micros(0), true);
            writer.append(FrameKind::Output, Micros(0), &[b'x'; 100]).unwrap();
        }
        let mut child = Running::start("trimming::trims_until_killed", folder);
        child.line("that it begins");
        for _ in 0..kill {
            thread::yield_now();
        }
        child.kill();
        let (first, next) = read_all(folder);
        assert_eq!(next, writer.head().seq.0, "kill {kill}");
        assert!(headers(folder).unwrap().iter().any(|header| header.first_seq == Seq(first)));
        assert_eq!(verify(folder).unwrap().damage(), None, "kill {kill}");
    }
}

#[test]
fn trims_until_killed() {
    use std::io::Write;
    let Some(folder) = child::folder() else { return };
    writeln!(std::io::stderr(), "begins").unwrap();
    // One segment at a time, so that there is much to be killed in.
    loop {
        let bytes = stored(&folder).unwrap().bytes;
        let bounds = TrimBounds { bytes_max: Some(bytes.saturating_sub(1)), ..NOTHING };
        trim(&folder, &bounds).unwrap();
    }
}

#[test]
fn readers_meet_no_damage_while_segments_are_packed_and_removed_under_them() {
    let folder = sample::folder();
    let folder = folder.path();
    let mut writer = journal(folder, &[true; 2]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| follow(folder, &over));
        }
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                pack(folder, || true).unwrap();
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                trim(folder, &TO_BYTES_0).unwrap();
                stored(folder).unwrap();
            }
        });
        for _ in 0..300 {
            begin_segment(&mut writer, Micros(0), true);
            for _ in 0..20 {
                writer.append(FrameKind::Output, Micros(0), &[b'x'; 1000]).unwrap();
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    let head = writer.head().seq;
    trim(folder, &TO_BYTES_0).unwrap();
    assert_eq!(kept(folder).len(), 2, "nothing that was removed has come back");
    drop(writer);
    assert_eq!(Writer::recover(folder).unwrap().0.head().seq, head);
}

/// Reads on, jumps to what is kept where it must, and jumps about; anything but `Gone` is a failure.
fn follow(folder: &Path, over: &AtomicBool) {
    let mut reader = Reader::open(folder).unwrap();
    while !over.load(Ordering::SeqCst) {
        match reader.read(3000, None) {
            Ok(batch) => assert!(frames(&batch).all(|frame| frame.payload.len() <= 1000)),
            Err(JournalError::Gone { first_kept }) => {
                assert!(first_kept.seq > reader.position(), "what is gone lies behind");
                match reader.seek(SeekTo::Seq(first_kept.seq)) {
                    Ok(()) | Err(JournalError::Gone { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Err(error) => panic!("{error}"),
        }
        let newest = headers(folder).unwrap().last().map(|header| header.first_seq);
        let mut other = Reader::open(folder).unwrap();
        match newest.map(|newest| other.seek(SeekTo::Seq(newest))) {
            None | Some(Ok(()) | Err(JournalError::Gone { .. })) => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_a_whole_end_that_begins_where_a_reader_can(
        with_summary in proptest::collection::vec(any::<bool>(), 0..8),
        bytes_max in proptest::option::of(0_u64..20_000),
        since_s in proptest::option::of(0_u64..10),
        unread in 0_u64..100,
        packed in any::<bool>(),
    ) {
        let folder = sample::folder();
        let folder = folder.path();
        let writer = journal(folder, &with_summary);
        if packed {
            pack(folder, || true).unwrap();
        }
        let since_unix_us = since_s.map(|s| sample::STARTED_UNIX_US + s * 1_000_000);
        let bounds = TrimBounds { bytes_max, since_unix_us, unread: Seq(unread) };
        let segments = kept(folder);
        let before = stored(folder).unwrap();
        let report = trim(folder, &bounds).unwrap();
        let after = stored(folder).unwrap();
        prop_assert_eq!(before.bytes - after.bytes, report.bytes);
        prop_assert_eq!(&kept(folder)[..], &segments[report.segments as usize..]);
        prop_assert!(after.segments >= 2.min(before.segments));
        prop_assert!(report.segments == 0 || after.start.seq <= Seq(unread));
        let first = after.start.seq.0;
        prop_assert_eq!(read_all(folder), (first, writer.head().seq.0));
        let oldest = kept(folder)[0] as usize;
        prop_assert!(oldest == 1 || with_summary[oldest - 2], "{} begins without", oldest);
        if bytes_max.is_none() && since_s.is_none() {
            prop_assert_eq!(report.segments, 0);
        }
        let again = trim(folder, &bounds).unwrap();
        prop_assert_eq!(again.segments, 0, "once is enough");
    }
}
