//! Keeps axiom.db behind the ended tasks: marks come at once, writing happens beside, in batches.
//! Nothing waits for it and nothing depends on it. A file that was deleted meanwhile is written anew, whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axiom_index::{Entry, Index, IndexError, OpenedAs, Stamp};
use axiom_proto::id::TaskId;
use tokio::sync::Notify;

use crate::background::beside;
use crate::fleet::Fleet;
use crate::task::{State, Task};

/// The marks.
#[derive(Debug, Default)]
pub(crate) struct Indexing {
    /// Tasks whose entry is missing or to be removed: at most all there are.
    marked: Mutex<BTreeSet<TaskId>>,
    wake: Notify,
}

impl Indexing {
    /// A task ended or was removed.
    pub(crate) fn mark(&self, task: TaskId) {
        self.marked().insert(task);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<TaskId> {
        std::mem::take(&mut *self.marked())
    }

    fn marked(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the index; says what had to be set aside.
///
/// # Errors
/// The home cannot be written.
pub(crate) fn open(path: &Path) -> Result<Index, IndexError> {
    let (index, opened) = Index::open(path)?;
    match opened {
        OpenedAs::Found | OpenedAs::New => {}
        OpenedAs::Rebuilt { aside } => {
            tracing::warn!(aside = %aside.display(), "the index was broken and is rebuilt");
        }
    }
    Ok(index)
}

/// Writes marked entries for as long as the server lives.
pub(crate) async fn run(fleet: Arc<Fleet>, mut index: Option<Index>) {
    loop {
        fleet.indexing.wake.notified().await;
        index = step(&fleet, index).await;
    }
}

/// Writes what is marked now. Also called once at an orderly end.
pub(crate) async fn step(fleet: &Arc<Fleet>, index: Option<Index>) -> Option<Index> {
    let marked = fleet.indexing.take();
    let fleet = fleet.clone();
    beside(move || {
        let path = fleet.home.index();
        match write(&fleet, index, &path, marked) {
            Ok(index) => Some(index),
            Err(error) => {
                // The next mark tries again, with a new file if need be; until then journals are read.
                tracing::warn!(%error, "the index was not written");
                None
            }
        }
    })
    .await
}

fn write(
    fleet: &Fleet,
    index: Option<Index>,
    path: &Path,
    marked: BTreeSet<TaskId>,
) -> Result<Index, IndexError> {
    let (mut index, marked) = match index.filter(Index::is_current) {
        Some(index) => (index, marked),
        // A new file, or one that others wrote: every ended task goes in.
        None => (open(path)?, fleet.tasks().iter().map(|task| task.id()).chain(marked).collect()),
    };
    let (mut entries, mut removed) = (Vec::new(), Vec::new());
    for id in marked {
        match fleet.task(id) {
            Some(task) => entries.extend(entry(&task)),
            None => removed.push(id),
        }
    }
    index.put(&entries)?;
    index.forget(&removed)?;
    Ok(index)
}

/// The entry of a task whose journal is closed.
fn entry(task: &Task) -> Option<Entry> {
    let view = task.look(|state| match state {
        State::Ended(view) => Some((**view).clone()),
        State::Queued | State::Cancelled(_) | State::Live(_) => None,
    })?;
    let stamp = Stamp::of(&task.folder).ok().flatten()?;
    Some(Entry { id: task.id(), stamp, view })
}
