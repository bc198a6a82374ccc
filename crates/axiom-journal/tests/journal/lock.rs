//! One writer at a time, whichever process it lives in.

use std::io::{Read, Write};

use axiom_journal::{JournalError, LockError, Writer, WriterLock};

use crate::child::{self, Running};
use crate::sample;

fn is_held<T>(result: Result<T, JournalError>) -> bool {
    matches!(result, Err(JournalError::Lock(LockError::Held { .. })))
}

#[test]
fn while_another_process_writes_nobody_else_does() {
    let folder = sample::folder();
    let path = folder.path();
    let mut child = Running::start("lock::writes_until_told_to_end", path);
    assert_eq!(child.line("the child's lock").as_deref(), Some("held"));
    assert!(is_held(Writer::create(path, sample::session(), 0)));
    assert!(is_held(Writer::recover(path)));
    assert!(is_held(Writer::open(path, sample::session(), 0)));
    assert!(matches!(WriterLock::take(path), Err(LockError::Held { .. })));

    let (status, said) = child.finish("the child's end");
    assert!(status.success(), "{said:?}");
    let (writer, recovered) = Writer::recover(path).unwrap();
    assert_eq!((recovered.session, writer.head().seq.0), (sample::session(), 1));
}

#[test]
fn writes_until_told_to_end() {
    let Some(folder) = child::folder() else { return };
    let mut writer = sample::create(&folder);
    sample::append(&mut writer, 100);
    writeln!(std::io::stderr(), "held").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_killed_writer_holds_no_lock() {
    let folder = sample::folder();
    let mut child = Running::start("lock::writes_until_told_to_end", folder.path());
    assert_eq!(child.line("the child's lock").as_deref(), Some("held"));
    child.kill();
    Writer::recover(folder.path()).unwrap();
}

#[test]
fn two_writers_in_one_process_exclude_each_other_too() {
    let folder = sample::folder();
    let writer = sample::create(folder.path());
    assert!(is_held(Writer::recover(folder.path())));
    drop(writer);
    Writer::recover(folder.path()).unwrap();
    assert_eq!(sample::names(folder.path()), ["000001.journal", "writer.lock"]);
}
