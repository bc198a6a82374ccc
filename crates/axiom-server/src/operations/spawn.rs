//! Spawn: the request is checked, each task's record is written, and that is the answer. Holders are launched beside.
//! A key makes a request safe to repeat; what a request began is finished even if its asker has gone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;

use axiom_proto::api::{SpawnAnswer, SpawnedTask};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{GroupId, TaskId};
use axiom_proto::task::{TASK_RECORD_FORMAT, TaskRecord, TaskSpec};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::{Caller, random};
use crate::background::beside;
use crate::claims::{Claimed, digest};
use crate::clock::now_ms;
use crate::disk;
use crate::fault;
use crate::fleet::Fleet;
use crate::record;
use crate::task::{State, Task};
use crate::validation;

pub(super) async fn spawn(
    fleet: &Arc<Fleet>,
    caller: &Caller,
    spec: TaskSpec,
) -> Result<SpawnAnswer, Fault> {
    validation::check(&spec).map_err(|error| fault::of_spec(&error))?;
    let (answer, answered) = oneshot::channel();
    let request = Request { fleet: fleet.clone(), caller: caller.clone(), spec };
    // Beside, so that a request whose asker hangs up is not left half done.
    let work = async move {
        let answered = request.carry_out(|| answer.is_closed()).await;
        let _asker_has_gone: Result<(), _> = answer.send(answered);
    };
    fleet.background.spawn(work.in_current_span());
    answered.await.unwrap_or_else(|_dropped| Err(fault::leaving()))
}

struct Request {
    fleet: Arc<Fleet>,
    caller: Caller,
    spec: TaskSpec,
}

impl Request {
    /// Makes the tasks unless they are there; but not where the asker is gone before its turn has come.
    async fn carry_out(self, is_abandoned: impl Fn() -> bool) -> Result<SpawnAnswer, Fault> {
        let Some(key) = self.spec.idempotency_key.clone() else {
            let made = self.make(&BTreeMap::new()).await?;
            return Ok(self.answer(made.values(), false));
        };
        let (digest, count) = (digest(&self.spec), self.spec.count.unwrap_or(1));
        loop {
            if is_abandoned() {
                return Err(fault::abandoned());
            }
            let claimed = self.fleet.claims().claim(&key, digest, count);
            match claimed {
                Claimed::Replay(tasks) => return Ok(self.answer(&tasks, true)),
                Claimed::Conflict => return Err(conflict(&key)),
                Claimed::Busy(mut busy) => {
                    // Its end is the sender's end.
                    while busy.changed().await.is_ok() {}
                }
                Claimed::Make { known, busy } => {
                    let made = self.make(&known).await;
                    let settled = made.clone().unwrap_or_default();
                    self.fleet.claims().settle(&key, settled.clone());
                    drop(busy);
                    made?;
                    let all: BTreeMap<u32, TaskId> = known.into_iter().chain(settled).collect();
                    return Ok(self.answer(all.values(), false));
                }
            }
        }
    }

    /// Writes the records of all tasks but the known ones, then puts them into the queue. All or none.
    async fn make(&self, known: &BTreeMap<u32, TaskId>) -> Result<BTreeMap<u32, TaskId>, Fault> {
        if self.fleet.is_leaving() {
            return Err(fault::leaving());
        }
        let count = self.spec.count.unwrap_or(1);
        let group = self.group(known)?;
        let ancestors = self.ancestors();
        let places = Places::take(&self.fleet, &ancestors, count - known.len() as u32)?;
        let records = (0..count)
            .filter(|index| !known.contains_key(index))
            .map(|index| self.record(index, group, &ancestors))
            .collect::<Result<Vec<_>, _>>()?;
        let fleet = self.fleet.clone();
        let records = beside(move || write_all(&fleet, records)).await?;
        let made = records.iter().map(|record| (record.index, record.id)).collect();
        for record in &records {
            tracing::info!(task = record.id.short(), "asked for");
        }
        for record in records {
            let (home, changes) = (&self.fleet.home, self.fleet.changes.clone());
            self.fleet.enqueue(Task::new(home, record, State::Queued, changes));
        }
        drop(places);
        self.fleet.admit();
        Ok(made)
    }

    /// The group of all tasks of this request: the one it names, or one of its own where it makes several.
    fn group(&self, known: &BTreeMap<u32, TaskId>) -> Result<Option<GroupId>, Fault> {
        if self.spec.group.is_some() || self.spec.count.unwrap_or(1) == 1 {
            return Ok(self.spec.group);
        }
        let known = known.values().find_map(|id| self.fleet.task(*id)?.record.group);
        known.map_or_else(|| Ok(Some(GroupId::from_random(random()?))), |group| Ok(Some(group)))
    }

    /// Those above, the nearest first. Of one that is not known here there is no more than its id.
    fn ancestors(&self) -> Vec<TaskId> {
        let Some(parent) = self.spec.parent else { return Vec::new() };
        let above = self.fleet.task(parent).map(|task| task.record.ancestors.clone());
        [vec![parent], above.unwrap_or_default()].concat()
    }

    fn record(
        &self,
        index: u32,
        group: Option<GroupId>,
        ancestors: &[TaskId],
    ) -> Result<TaskRecord, Fault> {
        Ok(TaskRecord {
            format: TASK_RECORD_FORMAT,
            id: TaskId::from_random(random()?),
            created_at_ms: now_ms(),
            author: self.caller.author.clone(),
            request_id: self.caller.request_id.clone(),
            index,
            group,
            ancestors: ancestors.to_vec(),
            spec: self.spec.clone(),
        })
    }

    fn answer<'a>(
        &self,
        tasks: impl IntoIterator<Item = &'a TaskId>,
        replayed: bool,
    ) -> SpawnAnswer {
        let tasks = tasks.into_iter().filter_map(|id| self.fleet.task(*id));
        let spawned = |task: Arc<Task>| SpawnedTask {
            id: task.id(),
            name: task.record.spec.name.clone(),
            status: task.announced().status,
        };
        SpawnAnswer { tasks: tasks.map(spawned).collect(), replayed }
    }
}

/// Places below others, until the tasks that they are for have joined, or will not come.
struct Places<'a> {
    fleet: &'a Fleet,
    ancestors: &'a [TaskId],
    count: u32,
}

impl<'a> Places<'a> {
    fn take(fleet: &'a Fleet, ancestors: &'a [TaskId], count: u32) -> Result<Self, Fault> {
        let reserved = fleet.subtrees().reserve(fleet.age(), ancestors, count);
        reserved.map_err(|refused| refused.to_fault())?;
        Ok(Self { fleet, ancestors, count })
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        self.fleet.subtrees().release(self.ancestors, self.count);
    }
}

fn conflict(key: &str) -> Fault {
    let text = format!("the idempotency key {key:?} was used for another request");
    Fault::new(ErrorCode::IdempotencyConflict, text, "use a new key for a new request")
}

/// Writes records one after another; if one fails, those before it are taken back.
fn write_all(fleet: &Fleet, records: Vec<TaskRecord>) -> Result<Vec<TaskRecord>, Fault> {
    check_disk(fleet)?;
    for (written, record) in records.iter().enumerate() {
        let Err(error) = record::write(&fleet.home, record) else { continue };
        for record in &records[..written] {
            // One that cannot be taken back would start with the next server: it must at least be known.
            if let Err(source) = fs::remove_dir_all(fleet.home.task(record.id)) {
                tracing::error!(task = record.id.short(), %source, "a refused task's record stays");
            }
        }
        return Err(fault::of_record(&error));
    }
    Ok(records)
}

fn check_disk(fleet: &Fleet) -> Result<(), Fault> {
    let space = disk::space(fleet.home.root()).map_err(|error: io::Error| {
        fault::of_io(&error, format!("failed to ask the home's disk for its space: {error}"))
    })?;
    if space.free_bytes >= fleet.disk_min_free_bytes {
        return Ok(());
    }
    let (free, least) = (space.free_bytes, fleet.disk_min_free_bytes);
    Err(fault::disk_full(format!("{free} bytes are free on the home's disk, less than {least}")))
}
