//! What a starting server finds: every task's record, who has ended, who lives, who still waits. Records are read a few at
//! a time, live sessions are dialled all at once, and nothing that was asked for is forgotten or begun twice.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axiom_holder::channel::LINK_SOCKET;
use axiom_index::{Entry, Stamp};
use axiom_proto::id::TaskId;
use axiom_proto::task::{TaskRecord, TaskView};
use tokio::time::{Instant, timeout_at};

use crate::background::beside;
use crate::clock::now_ms;
use crate::fault::sentence;
use crate::fleet::Fleet;
use crate::history;
use crate::home::Home;
use crate::packing::filled;
use crate::record::{self, Cancelled, RecordError};
use crate::session::Session;
use crate::task::{FIRST_SESSION, State, Task};
use crate::view;

/// A removed task's folder, until its files are gone.
pub(crate) const REMOVED_PREFIX: &str = ".removed-";

/// Threads that read records and journals: disks answer a few at once faster than one.
const READERS: usize = 4;

/// How long a starting server waits for its sessions to say how they stand, before it answers anyway.
const LINK_WAIT: Duration = Duration::from_secs(1);

/// What a task's folder holds.
enum Found {
    Waiting,
    Cancelled(Cancelled),
    Ended {
        view: Box<TaskView>,
        is_indexed: bool,
    },
    /// It was started, or may have been.
    Started,
}

/// Finds all tasks of the home, and goes on with each. Returns once the live ones are linked, or after a bounded wait.
pub(crate) async fn recover(fleet: &Arc<Fleet>, indexed: Vec<Entry>) -> io::Result<()> {
    let indexed: HashMap<TaskId, Entry> =
        indexed.into_iter().map(|entry| (entry.id, entry)).collect();
    let fleet_beside = fleet.clone();
    let mut found = beside(move || find_all(&fleet_beside, &indexed)).await?;
    found.sort_by_key(|(record, _)| (record.created_at_ms, record.index, record.id));
    let mut started = Vec::new();
    for (record, found) in found {
        take_in(fleet, record, found, &mut started);
    }
    fleet.admit();
    await_heads(&started).await;
    Ok(())
}

fn take_in(fleet: &Arc<Fleet>, record: TaskRecord, found: Found, started: &mut Vec<Arc<Task>>) {
    fleet.claims().adopt(&record.spec, record.index, record.id);
    let id = record.id;
    let task = |state| Task::new(&fleet.home, record, state, fleet.changes.clone());
    match found {
        Found::Waiting => fleet.enqueue(task(State::Queued)),
        Found::Cancelled(cancelled) => fleet.add(task(State::Cancelled(cancelled))),
        Found::Ended { view, is_indexed } => {
            if filled(view.bytes) > 0 {
                fleet.packing.mark(id);
            }
            fleet.add(task(State::Ended(view)));
            if !is_indexed {
                fleet.indexing.mark(id);
            }
        }
        Found::Started => {
            let task = task(State::Live(Box::new(Session::starting(now_ms()))));
            started.push(task.clone());
            fleet.adopt(task);
        }
    }
}

/// Waits until every session has said how it stands; one that does not in time says so later.
async fn await_heads(started: &[Arc<Task>]) {
    let deadline = Instant::now() + LINK_WAIT;
    for task in started {
        let mut standing = task.follow();
        let known = standing.wait_for(|now| now.is_known || now.over);
        if timeout_at(deadline, known).await.is_err() {
            tracing::warn!(task = task.id().short(), "a session does not say yet how it stands");
        }
    }
}

/// Reads every task's folder. What is broken is told and left alone.
fn find_all(
    fleet: &Fleet,
    indexed: &HashMap<TaskId, Entry>,
) -> io::Result<Vec<(TaskRecord, Found)>> {
    let ids = list(fleet)?;
    let share = ids.len().div_ceil(READERS).max(1);
    Ok(thread::scope(|scope| {
        let readers: Vec<_> = ids
            .chunks(share)
            .map(|ids| {
                scope.spawn(move || {
                    ids.iter().filter_map(|id| find(fleet, *id, indexed.get(id))).collect()
                })
            })
            .collect();
        let results = readers.into_iter().map(thread::ScopedJoinHandle::join);
        results
            .flat_map(|result: thread::Result<Vec<_>>| match result {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    }))
}

/// The ids in the folder of tasks; removes what was being removed.
fn list(fleet: &Fleet) -> io::Result<Vec<TaskId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(fleet.home.tasks())? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(REMOVED_PREFIX) {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                fleet.add_problem(format!("{} cannot be removed: {error}", entry.path().display()));
            }
        } else if let Ok(id) = name.parse() {
            ids.push(id);
        } else {
            let path = entry.path();
            fleet.add_problem(format!("{} is no task: move it away", path.display()));
        }
    }
    Ok(ids)
}

fn find(fleet: &Fleet, id: TaskId, indexed: Option<&Entry>) -> Option<(TaskRecord, Found)> {
    let home = &fleet.home;
    let record = match record::read(home, id) {
        Ok(record) => record,
        Err(RecordError::HalfMade { folder }) => {
            remove_half_made(fleet, &folder);
            return None;
        }
        Err(error) => {
            fleet.add_problem(sentence(&error));
            return None;
        }
    };
    match judge(home, &record, indexed) {
        Ok(found) => Some((record, found)),
        Err(problem) => {
            fleet.add_problem(problem);
            None
        }
    }
}

/// A server died while it wrote the record; nobody was told of the task.
fn remove_half_made(fleet: &Fleet, folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        fleet.add_problem(format!("{} cannot be removed: {error}", folder.display()));
    }
}

fn judge(home: &Home, record: &TaskRecord, indexed: Option<&Entry>) -> Result<Found, String> {
    let cancelled = record::read_cancelled(home, record.id).map_err(|error| sentence(&error))?;
    if let Some(cancelled) = cancelled {
        return Ok(Found::Cancelled(cancelled));
    }
    let folder = home.task(record.id).join(FIRST_SESSION.to_string());
    let exists = |path: &Path| {
        path.try_exists()
            .map_err(|error| format!("{} cannot be looked at: {error}", path.display()))
    };
    if !exists(&folder)? {
        return Ok(Found::Waiting);
    }
    if let Some(entry) = indexed {
        let stamp = Stamp::of(&folder).ok().flatten();
        if stamp == Some(entry.stamp) {
            return Ok(Found::Ended { view: Box::new(entry.view.clone()), is_indexed: true });
        }
    }
    // Somebody may have the socket: dialling tells more, and faster, than its journal.
    if exists(&folder.join(LINK_SOCKET))? {
        return Ok(Found::Started);
    }
    match history::fold(&folder) {
        Ok(folded) if folded.summary.closed => {
            let view = Box::new(view::of_ended(record, &folded));
            Ok(Found::Ended { view, is_indexed: false })
        }
        // What the folder says beyond that is found out by dialling, and looking at who lives.
        Ok(_) | Err(_) => Ok(Found::Started),
    }
}
