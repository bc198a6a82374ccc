//! The event log's file: batches whole, reads complete or empty, and a file of any state opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use std::fs;
use std::path::Path;

use axiom_index::{EVENTS_KEPT_MAX, EventBatch, EventReader, EventStore, Index, LogState};
use axiom_proto::event::{Event, EventId, Happening};
use axiom_proto::id::{EventLogId, TaskId};

fn name(number: u8) -> EventLogId {
    EventLogId::from_random([number; 10])
}

fn task(number: u8) -> TaskId {
    TaskId::from_random([number; 10])
}

fn id(number: u64) -> EventId {
    EventId { log: name(1), number }
}

fn event(number: u64, of: u8) -> Event {
    let event = Event::new(number, Happening::TaskQueued { command: "true".to_owned(), index: 0 });
    Event { id: Some(id(number)), task: Some(task(of)), ..event }
}

fn batch(events: Vec<Event>) -> EventBatch {
    EventBatch { events, ..EventBatch::default() }
}

fn read(path: &Path, after: u64, until: u64) -> Vec<u64> {
    let events = EventReader::open(path).unwrap().read(id(after), until, 10).unwrap();
    events.iter().map(|event| event.id.unwrap().number).collect()
}

#[test]
fn what_was_written_is_there_and_a_removed_tasks_events_raise_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut store, found, _) = EventStore::open(&path, name(1)).unwrap();
    assert!(found.is_new);
    let state = LogState { newest: 4, ended: 1, ..found.state };
    let events = vec![event(1, 1), event(2, 2), event(3, 1), event(4, 2)];
    let trails = vec![(task(1), "one".to_owned()), (task(2), "two".to_owned())];
    let first = EventBatch { events, trails, ..EventBatch::default() };
    assert_eq!(store.write(state, &first).unwrap(), state);
    drop(store);
    let (mut store, found, _) = EventStore::open(&path, name(2)).unwrap();
    assert_eq!((found.is_new, found.state), (false, state));
    assert_eq!(found.trails, first.trails);
    assert_eq!((read(&path, 0, 4), read(&path, 2, 3)), (vec![1, 2, 3, 4], vec![3]));
    let removal = EventBatch { removed: vec![task(1)], ..EventBatch::default() };
    assert_eq!(store.write(state, &removal).unwrap().floor, 3);
    assert_eq!((read(&path, 2, 4), read(&path, 3, 4)), (vec![], vec![4]), "complete or nothing");
    let other = EventId { log: name(2), number: 3 };
    assert!(EventReader::open(&path).unwrap().read(other, 4, 10).unwrap().is_empty());
}

#[test]
fn the_log_and_the_index_are_written_at_once_without_refusing_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut store, found, _) = EventStore::open(&path, name(1)).unwrap();
    let (mut index, _) = Index::open(&path).unwrap();
    let tasks: Vec<u8> = (0..=255).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in &tasks {
                index.forget(&[task(*number)]).unwrap();
            }
        });
        // Removing reads before it writes: the order in which two transactions can block each other for good.
        for number in &tasks {
            let removal = EventBatch { removed: vec![task(*number)], ..EventBatch::default() };
            store.write(found.state, &removal).unwrap();
        }
    });
}

#[test]
fn more_than_is_kept_goes_and_is_not_read_past() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    let (mut store, found, _) = EventStore::open(&path, name(1)).unwrap();
    let mut state = found.state;
    let step = EVENTS_KEPT_MAX / 4;
    for first in (1..6 * step).step_by(usize::try_from(step).unwrap()) {
        let events = (first..first + step).map(|number| event(number, 1)).collect();
        state = LogState { newest: first + step - 1, ..state };
        state = store.write(state, &batch(events)).unwrap();
    }
    assert_eq!((state.newest, state.floor), (6 * step, 2 * step));
    assert_eq!(read(&path, state.floor - 1, state.newest), [] as [u64; 0]);
    assert_eq!(read(&path, state.floor, state.floor + 2), [state.floor + 1, state.floor + 2]);
}

#[test]
fn the_index_and_the_log_write_one_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut store, found, _) = EventStore::open(&path, name(1)).unwrap();
            for newest in 1..=200 {
                let state = LogState { newest, ..found.state };
                store.write(state, &batch(vec![event(newest, 1)])).unwrap();
            }
        });
        scope.spawn(|| {
            let (mut index, _) = Index::open(&path).unwrap();
            (0..200).for_each(|_| index.forget(&[task(1)]).unwrap());
        });
    });
    assert_eq!(read(&path, 195, 200), [196, 197, 198, 199, 200]);
}

#[test]
fn a_file_of_the_version_before_keeps_its_index_and_every_truncation_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("axiom.db");
    drop(Index::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let (mut store, found, opened) = EventStore::open(&path, name(1)).unwrap();
    assert_eq!(opened, axiom_index::OpenedAs::Found);
    let events = (1..=50).map(|number| event(number, 1)).collect();
    store.write(LogState { newest: 50, ..found.state }, &batch(events)).unwrap();
    drop(store);
    let bytes = fs::read(&path).unwrap();
    for len in (0..bytes.len()).step_by(499) {
        fs::write(&path, &bytes[..len]).unwrap();
        let (mut store, found, _) = EventStore::open(&path, name(2)).unwrap();
        let newest = found.state.newest + 1;
        let next =
            Event { id: Some(EventId { log: found.state.log, number: newest }), ..event(1, 1) };
        store.write(LogState { newest, ..found.state }, &batch(vec![next])).unwrap();
    }
}
