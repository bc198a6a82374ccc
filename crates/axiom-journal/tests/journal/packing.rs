//! Packed segments: the same frames for every reader, wherever packing was interrupted.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use axiom_journal::{
    Head, JournalError, PackReport, Reader, SeekTo, Stored, Writer, pack, stored, verify,
};
use axiom_proto::frame::{Offset, Seq};

use crate::sample;

/// So large that a segment has several blocks.
const PAYLOAD_MAX: u64 = 60_000;

const FRAMES: u64 = 90;

/// Three closed segments of 30 frames, and one that goes on.
fn journal(folder: &Path) -> Writer {
    let mut writer = sample::create(folder);
    for frame in 1..=FRAMES {
        sample::append(&mut writer, PAYLOAD_MAX);
        if frame % 30 == 0 {
            writer.rotate().unwrap();
        }
    }
    sample::append(&mut writer, PAYLOAD_MAX);
    writer
}

fn all(folder: &Path) -> Vec<u8> {
    let mut reader = Reader::open(folder).unwrap();
    let mut bytes = Vec::new();
    loop {
        let batch = reader.read(100_000, None).unwrap();
        if batch.is_empty() {
            return bytes;
        }
        bytes.extend_from_slice(&batch);
    }
}

fn packed(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:06}.journal.zst"))
}

fn pack_all(folder: &Path) -> PackReport {
    pack(folder, || true).unwrap()
}

#[test]
fn a_packed_journal_reads_as_before_from_every_place() {
    let folder = sample::folder();
    let folder = folder.path();
    let mut writer = journal(folder);
    let before = all(folder);
    let plain: Vec<_> = (1..=3).map(|n| fs::read(sample::segment(folder, n)).unwrap()).collect();
    let report = pack_all(folder);
    assert_eq!(report.segments, 3);
    assert_eq!(report.plain_bytes, plain.iter().map(|bytes| bytes.len() as u64).sum::<u64>());
    for (number, plain) in (1..).zip(&plain) {
        assert!(!sample::segment(folder, number).exists(), "segment {number} is there twice");
        let file = fs::File::open(packed(folder, number)).unwrap();
        let mut standard = Vec::new();
        // An independent decoder, which knows nothing of tables.
        let mut decoder = ruzstd_frames(file);
        decoder.read_to_end(&mut standard).unwrap();
        assert!(standard == *plain, "segment {number} by a standard decoder");
    }
    assert!(sample::segment(folder, 4).exists(), "the newest is never packed");
    let newest = fs::metadata(sample::segment(folder, 4)).unwrap().len();
    let bytes = report.packed_bytes + newest;
    let expected = Stored { segments: 4, packed: 3, bytes, start: Head::default() };
    assert_eq!(stored(folder).unwrap(), expected);
    assert!(all(folder) == before);
    for seq in 0..=FRAMES {
        let mut reader = Reader::open(folder).unwrap();
        reader.seek(SeekTo::Seq(Seq(seq))).unwrap();
        let batch = reader.read(1, None).unwrap();
        let frame = axiom_journal::frames(&batch).next().unwrap();
        assert_eq!(frame.header.seq, Seq(seq));
        sample::check(&frame, PAYLOAD_MAX);
        reader.seek(SeekTo::Offset(frame.header.offset)).unwrap();
        assert!(reader.position() <= Seq(seq));
    }
    assert_eq!(verify(folder).unwrap().damage(), None);
    sample::append(&mut writer, PAYLOAD_MAX);
    assert_eq!(pack_all(folder), PackReport::default(), "nothing is left to pack");
    drop(writer);
    let (writer, recovered) = Writer::recover(folder).unwrap();
    assert_eq!((writer.head().seq, recovered.cuts.len()), (Seq(FRAMES + 2), 0));
    assert_eq!(recovered.broken_chain_at, None);
}

/// All frames of a file, one after the other.
fn ruzstd_frames(file: fs::File) -> impl Read {
    let mut bytes = Vec::new();
    let mut file = file;
    file.read_to_end(&mut bytes).unwrap();
    let mut out = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        // A skippable frame: magic, length, that many bytes.
        if rest[..4] == 0x184D_2A5E_u32.to_le_bytes() {
            let len = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            rest = &rest[8 + len..];
            continue;
        }
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest).unwrap();
        decoder.read_to_end(&mut out).unwrap();
    }
    std::io::Cursor::new(out)
}

#[test]
fn wherever_a_packer_was_killed_nothing_is_lost_and_the_next_one_goes_on() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder));
    let before = all(folder);
    let plain = fs::read(sample::segment(folder, 1)).unwrap();
    // While it wrote.
    fs::write(folder.join("000001.journal.new"), b"half").unwrap();
    assert!(all(folder) == before);
    pack_all(folder);
    let whole = fs::read(packed(folder, 1)).unwrap();
    // Before it removed the plain one; or with a packed one that is torn.
    for packed_bytes in [&whole[..], &whole[..whole.len() / 2], b""] {
        fs::write(sample::segment(folder, 1), &plain).unwrap();
        fs::write(packed(folder, 1), packed_bytes).unwrap();
        assert!(all(folder) == before);
        assert_eq!(pack_all(folder).segments, 1);
        assert!(all(folder) == before && !sample::segment(folder, 1).exists());
    }
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_str().unwrap().contains("new")).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_writer_goes_on_in_a_packed_segment_whose_successors_are_gone() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder));
    pack_all(folder);
    fs::remove_file(sample::segment(folder, 4)).unwrap();
    assert_eq!(verify(folder).unwrap().head.seq, Seq(FRAMES));
    let (mut writer, recovered) = Writer::recover(folder).unwrap();
    assert_eq!(recovered.head.seq, Seq(FRAMES));
    sample::append(&mut writer, PAYLOAD_MAX);
    assert!(sample::segment(folder, 3).exists() && !packed(folder, 3).exists());
    let mut reader = Reader::open(folder).unwrap();
    reader.seek(SeekTo::Seq(Seq(FRAMES))).unwrap();
    assert!(!reader.read(1, None).unwrap().is_empty());
}

#[test]
fn what_is_damaged_stays_as_it_was_written() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder));
    let path = sample::segment(folder, 2);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(pack_all(folder).segments, 2);
    assert!(fs::read(&path).unwrap() == bytes && !packed(folder, 2).exists());
    assert_eq!(verify(folder).unwrap().damage().unwrap().segment, 2);
}

#[test]
fn a_packed_segment_that_is_damaged_is_told_and_the_others_are_read() {
    let folder = sample::folder();
    let folder = folder.path();
    drop(journal(folder));
    pack_all(folder);
    let whole = fs::read(packed(folder, 2)).unwrap();
    let last = whole.len() - 1;
    for at in [0, 30, whole.len() / 2, last - 20, last] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(packed(folder, 2), &bytes).unwrap();
        let mut reader = Reader::open(folder).unwrap();
        let told = loop {
            match reader.read(100_000, None) {
                Ok(batch) if batch.is_empty() => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        let harmless = told.is_none() && reader.position() == Seq(FRAMES + 1);
        let is_told = matches!(
            told,
            Some(JournalError::Damaged { segment: 2, .. } | JournalError::Header { .. })
        );
        assert!(is_told || harmless, "byte {at}: {told:?}");
        let damage = verify(folder).unwrap().damage();
        assert!(damage.is_some_and(|damage| damage.segment == 2) || harmless, "byte {at}");
        reader.seek(SeekTo::Seq(Seq(70))).unwrap();
        assert!(!reader.read(1, None).unwrap().is_empty());
    }
}

#[test]
fn a_packer_stops_when_it_is_told() {
    let folder = sample::folder();
    drop(journal(folder.path()));
    let left = std::cell::Cell::new(1);
    let report = pack(folder.path(), || left.replace(0) > 0).unwrap();
    assert_eq!(report.segments, 1);
    let mut reader = Reader::open(folder.path()).unwrap();
    reader.seek(SeekTo::Offset(Offset(0))).unwrap();
}
