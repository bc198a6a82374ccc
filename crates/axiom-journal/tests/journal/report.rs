//! What `verify` says of whole and half-written journals. Damage is in damage.rs.

use std::fs;
use std::io::Write;

use axiom_journal::{JournalError, verify};

use crate::sample;

#[test]
fn a_whole_journal_is_counted() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for frame in 0..9 {
        if frame == 4 {
            writer.rotate().unwrap();
        }
        sample::append(&mut writer, 100);
    }
    let report = verify(folder.path()).unwrap();
    assert_eq!(
        (report.session, report.started_unix_us),
        (sample::session(), sample::STARTED_UNIX_US)
    );
    assert_eq!((report.frames(), report.segments.len(), report.damage()), (9, 2, None));
    let on_disk = [1, 2].map(|n| fs::metadata(sample::segment(folder.path(), n)).unwrap().len());
    assert_eq!(report.bytes(), on_disk.iter().sum::<u64>());
    assert_eq!(report.head, writer.head());
}

#[test]
fn an_unfinished_frame_is_damage_in_all_but_the_last_segment() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    sample::append(&mut writer, 100);
    writer.rotate().unwrap();
    sample::append(&mut writer, 100);
    let tear = |number| {
        let path = sample::segment(folder.path(), number);
        fs::File::options().append(true).open(path).unwrap().write_all(b"torn").unwrap();
    };
    tear(2);
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.damage(), report.segments[1].unfinished_bytes), (None, 4));
    tear(1);
    let damage = verify(folder.path()).unwrap().damage().unwrap();
    assert_eq!((damage.segment, damage.seq.0), (1, 1));
}

#[test]
fn damaged_headers_are_named_at_byte_0() {
    let folder = sample::folder();
    let mut writer = sample::create(folder.path());
    for _ in 0..3 {
        sample::append(&mut writer, 100);
        writer.rotate().unwrap();
        sample::append(&mut writer, 100);
    }
    let path = sample::segment(folder.path(), 2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[33] ^= 4;
    fs::write(&path, bytes).unwrap();
    let report = verify(folder.path()).unwrap();
    let damage = report.damage().unwrap();
    assert_eq!((damage.segment, damage.at, damage.seq.0), (2, 0, 1));
    assert_eq!((report.segments.len(), report.head), (4, writer.head()));
}

#[test]
fn a_folder_without_a_journal_is_said() {
    let folder = sample::folder();
    assert!(matches!(verify(folder.path()), Err(JournalError::Missing { .. })));
}
