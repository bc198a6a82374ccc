//! The index on a real disk: what is put comes back, and nothing that happens to the file matters.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axiom_index::{Entry, Index, OpenedAs, Stamp};
use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;
use axiom_proto::task::{LinkView, Mode, Status, TaskView};

fn entry(number: u8) -> Entry {
    let id = TaskId::from_random([number; 10]);
    let view = TaskView {
        id,
        name: Some(format!("task {number}")),
        status: Status::Succeeded,
        cause: String::new(),
        command: "true".to_owned(),
        cwd: None,
        tags: vec!["a".to_owned()],
        parent: None,
        group: None,
        index: 0,
        request_id: String::new(),
        mode: Mode::Terminal,
        size: None,
        session: 1,
        link: LinkView::None,
        guarded: true,
        paused: None,
        pid: None,
        worker_pid: None,
        holder_pid: None,
        exit: None,
        failure: None,
        limit: None,
        created_at_ms: 1,
        started_at_ms: Some(2),
        ended_at_ms: Some(3),
        bytes: Offset(4),
        lines: 5,
        interventions: 0,
        gaps: 0,
        cursor: None,
    };
    Entry { id, stamp: Stamp { segment: 1, bytes: 2, modified_ns: 3 }, view }
}

fn open(path: &Path) -> (Index, OpenedAs) {
    Index::open(path).unwrap()
}

#[test]
fn what_is_put_comes_back_and_what_is_forgotten_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut index, opened) = open(&path);
    assert_eq!(opened, OpenedAs::New);
    index.put(&[entry(1), entry(2)]).unwrap();
    index.put(&[entry(2)]).unwrap();
    index.forget(&[entry(1).id]).unwrap();
    drop(index);
    let (index, opened) = open(&path);
    assert_eq!((opened, index.entries().unwrap()), (OpenedAs::Found, vec![entry(2)]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_broken_file_is_set_aside_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    for round in 0..2 {
        fs::write(&path, b"this is no database, and longer than the header of one; ".repeat(40))
            .unwrap();
        let (mut index, opened) = open(&path);
        let aside = folder.path().join("axiom.db.broken");
        assert_eq!(opened, OpenedAs::Rebuilt { aside }, "round {round}");
        index.put(&[entry(1)]).unwrap();
        assert_eq!(index.entries().unwrap(), vec![entry(1)]);
    }
}

#[test]
fn a_file_of_another_version_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(open(&path).1, OpenedAs::Rebuilt { .. }));
}

#[test]
fn every_truncation_of_the_file_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut index, _) = open(&path);
    index.put(&[entry(1), entry(2)]).unwrap();
    drop(index);
    let bytes = fs::read(&path).unwrap();
    for len in (0..bytes.len()).step_by(97) {
        fs::write(&path, &bytes[..len]).unwrap();
        let (mut index, opened) = open(&path);
        index.put(&[entry(3)]).unwrap();
        assert!(index.entries().unwrap().contains(&entry(3)), "cut at {len}: {opened:?}");
    }
}

#[test]
fn a_file_that_was_deleted_under_us_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut index, _) = open(&path);
    index.put(&[entry(1)]).unwrap();
    assert!(index.is_current());
    fs::remove_file(&path).unwrap();
    assert!(!index.is_current());
    let (second, opened) = open(&path);
    assert_eq!((opened, second.is_current()), (OpenedAs::New, true));
    assert!(!index.is_current());
}

#[test]
fn a_stamp_changes_with_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Stamp::of(&folder.path().join("absent")).unwrap(), None);
    assert_eq!(Stamp::of(folder.path()).unwrap(), None);
    fs::write(folder.path().join("000001.journal"), b"one").unwrap();
    let first = Stamp::of(folder.path()).unwrap().unwrap();
    fs::write(folder.path().join("000001.journal"), b"more").unwrap();
    let second = Stamp::of(folder.path()).unwrap().unwrap();
    fs::write(folder.path().join("000002.journal"), b"more").unwrap();
    let third = Stamp::of(folder.path()).unwrap().unwrap();
    assert!(first != second && second != third);
}
