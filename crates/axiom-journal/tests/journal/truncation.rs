//! A journal cut at any byte is recovered to its longest valid prefix, and goes on from there.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use axiom_journal::{Cut, CutReason, Head, JournalError, Reader, Verdict, Writer, frames, scan};
use axiom_proto::frame::{Frame, FrameKind, Micros, Seq};

use crate::sample;

const PAYLOAD_MAX: u64 = 2000;

#[test]
fn every_truncation_of_64_kib_is_recovered_exactly_and_continued() {
    let folder = sample::folder();
    let (whole, ends) = sample::one_segment(folder.path(), 64 << 10, PAYLOAD_MAX);
    let file =
        File::options().write(true).read(true).open(sample::segment(folder.path(), 1)).unwrap();
    for len in (64..=whole.len()).rev() {
        let kept = ends.iter().rposition(|&end| end <= len).unwrap();
        // The round before wrote after this frame's end; all before it is as it was.
        let good = ends[kept];
        file.write_all_at(&whole[good..len], good as u64).unwrap();
        file.set_len(len as u64).unwrap();
        recover_and_continue(folder.path(), &file, &whole[..len], (kept, good));
    }
    assert_eq!(sample::names(folder.path()), ["000001.journal", "writer.lock"], "nothing aside");
}

fn recover_and_continue(
    folder: &Path,
    file: &File,
    truncated: &[u8],
    (kept, good): (usize, usize),
) {
    let (mut writer, recovered) = Writer::recover(folder).unwrap();
    let len = truncated.len();
    let offset = frames(&truncated[64..good]).last().map(|frame| frame.header.offset_after());
    assert_eq!(recovered.head.seq, Seq(kept as u64), "cut at {len}");
    assert_eq!(recovered.head.offset, offset.unwrap_or_default(), "cut at {len}");
    let (at, bytes) = (good as u64, (len - good) as u64);
    let cut = Cut { segment: 1, at, bytes, reason: CutReason::Torn, kept_aside: None };
    let expected = if len == good { vec![] } else { vec![cut] };
    assert_eq!(recovered.cuts, expected, "cut at {len}");

    assert_eq!(file.metadata().unwrap().len(), at, "cut at {len}: the torn tail is gone");
    writer.append(FrameKind::Output, Micros(1 << 40), b"goes on").unwrap();
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes[..good] == truncated[..good], "cut at {len}: the prefix is untouched");
    let frame = Frame::decode(&bytes[good..]).unwrap();
    assert_eq!((frame.payload, frame.to_vec().len()), (&b"goes on"[..], bytes.len() - good));
    assert!(recovered.head.accepts(&frame.header), "cut at {len}");
}

#[test]
fn a_reader_of_a_truncated_journal_gives_the_valid_prefix_and_waits() {
    let folder = sample::folder();
    let (whole, ends) = sample::one_segment(folder.path(), 3000, 200);
    let path = sample::segment(folder.path(), 1);
    for len in 64..=whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let kept = ends.iter().rposition(|&end| end <= len).unwrap();
        let mut reader = Reader::open(folder.path()).unwrap();
        let given = reader.read(usize::MAX, None).unwrap();
        assert!(given == whole[64..ends[kept]], "cut at {len}");
        assert_eq!(reader.read(usize::MAX, None).unwrap(), "", "cut at {len}");

        fs::write(&path, &whole).unwrap();
        let rest = reader.read(usize::MAX, None).unwrap();
        assert!(rest == whole[ends[kept]..], "cut at {len}: the writer finished the frame");
    }
}

#[test]
fn scanning_says_the_same_as_recovering_at_every_byte() {
    let folder = sample::folder();
    let (whole, ends) = sample::one_segment(folder.path(), 64 << 10, PAYLOAD_MAX);
    for len in 64..=whole.len() {
        let scan = scan(&whole[64..len], Head::default());
        let kept = ends.iter().rposition(|&end| end <= len).unwrap();
        let verdict = if ends[kept] == len { Verdict::Whole } else { Verdict::Torn };
        assert_eq!((scan.good_end + 64, scan.verdict), (ends[kept], verdict), "cut at {len}");
        assert_eq!(scan.head.seq, Seq(kept as u64), "cut at {len}");
    }
}

#[test]
fn a_first_segment_without_a_whole_header_is_a_journal_not_begun() {
    let folder = sample::folder();
    let path = sample::segment(folder.path(), 1);
    drop(sample::create(folder.path()));
    let header = fs::read(&path).unwrap();
    for len in 0..64 {
        fs::write(&path, &header[..len]).unwrap();
        assert!(matches!(Reader::open(folder.path()), Err(JournalError::Missing { .. })));
        if len % 2 == 0 {
            let missing = Writer::recover(folder.path());
            assert!(matches!(missing, Err(JournalError::Missing { .. })), "cut at {len}");
        }
        let (mut writer, recovered) =
            Writer::open(folder.path(), sample::session(), sample::STARTED_UNIX_US).unwrap();
        assert!(recovered.is_none(), "cut at {len}");
        sample::append(&mut writer, 100);
        assert_eq!(fs::read(&path).unwrap()[..64], header, "cut at {len}");
    }
}

#[test]
fn a_second_segment_cut_at_any_byte_keeps_the_first_and_goes_on_in_the_right_one() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for _ in 0..5 {
        sample::append(&mut writer, 100);
    }
    writer.rotate().unwrap();
    for _ in 0..5 {
        sample::append(&mut writer, 100);
    }
    drop(writer);
    let (first, second) = (sample::segment(folder.path(), 1), sample::segment(folder.path(), 2));
    let (first_bytes, second_bytes) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    for len in (0..=second_bytes.len()).rev() {
        fs::write(&first, &first_bytes).unwrap();
        fs::write(&second, &second_bytes[..len]).unwrap();
        let (mut writer, recovered) = Writer::recover(folder.path()).unwrap();
        let last = if len < 64 { 1 } else { 2 };
        assert_eq!(writer.segment().segment, last, "cut at {len}");
        assert_eq!(recovered.last_segment_first_seq, Seq(if last == 1 { 0 } else { 5 }));
        assert!(recovered.head.seq >= Seq(5), "cut at {len}");
        assert_eq!(recovered.head.time, Micros((recovered.head.seq.0 - 1) * 10), "cut at {len}");
        assert_eq!(recovered.broken_chain_at, None, "cut at {len}");
        sample::append(&mut writer, 100);
        assert_eq!(sample::check_all(folder.path(), 100), recovered.head.seq.0 + 1, "cut at {len}");
    }
}
