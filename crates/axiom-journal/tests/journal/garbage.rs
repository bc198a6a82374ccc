//! Random bytes never panic, never loop, and never become frames.

use std::fs;

use axiom_journal::{Head, Reader, SeekTo, SegmentHeader, Verdict, Writer, frames, scan, verify};
use axiom_proto::frame::{Offset, Seq};
use proptest::prelude::*;

use crate::sample;

/// Bytes that look a little like frames: small numbers where lengths and sequence numbers are.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(0u8), 2 => 0..6u8, 1 => any::<u8>()];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scanning_garbage_finds_no_more_than_its_length(
        bytes in nearly_frames(), seq in 0..4u64, offset in 0..4u64,
    ) {
        let expect = Head { seq: Seq(seq), offset: Offset(offset), ..Head::default() };
        let scan = scan(&bytes, expect);
        prop_assert_eq!(scan.good_end, 0, "no garbage has a checksum");
        prop_assert_eq!(scan.verdict == Verdict::Whole, bytes.is_empty());
        prop_assert!(frames(&bytes).count() <= bytes.len() / 32);
        prop_assert!(SegmentHeader::decode(&bytes).is_err());
    }

    #[test]
    fn garbage_after_frames_costs_no_frame(garbage in nearly_frames(), count in 0..6u64) {
        let folder = sample::folder();
        let mut writer = sample::create(folder.path());
        for _ in 0..count {
            sample::append(&mut writer, 50);
        }
        drop(writer);
        let path = sample::segment(folder.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        let good_end = bytes.len();
        bytes.extend_from_slice(&garbage);
        fs::write(&path, &bytes).unwrap();

        prop_assert_eq!(verify(folder.path()).unwrap().frames(), count);
        let mut reader = Reader::open(folder.path()).unwrap();
        if count > 0 {
            prop_assert_eq!(reader.read(usize::MAX, None).unwrap().len(), good_end - 64);
        }
        // Damage or the end for now, by what the garbage claims; never a frame.
        prop_assert!(reader.read(100, None).is_ok_and(|batch| batch.is_empty())
            || reader.read(100, None).is_err());
        prop_assert!(reader.seek(SeekTo::Seq(Seq(count + 1))).is_err());
        let (_writer, recovered) = Writer::recover(folder.path()).unwrap();
        prop_assert_eq!(recovered.head.seq, Seq(count));
        if let Some(aside) = recovered.cuts.first().and_then(|cut| cut.kept_aside.as_ref()) {
            prop_assert_eq!(fs::read(aside).unwrap(), garbage);
        }
    }

    #[test]
    fn files_of_garbage_are_refused(
        first in prop::collection::vec(any::<u8>(), 0..200), second in nearly_frames(),
    ) {
        let folder = sample::folder();
        fs::write(sample::segment(folder.path(), 1), first).unwrap();
        fs::write(sample::segment(folder.path(), 2), second).unwrap();
        prop_assert!(Reader::open(folder.path()).is_err());
        prop_assert!(Writer::recover(folder.path()).is_err());
        // A report, or a refusal; no panic.
        drop(verify(folder.path()));
    }
}
