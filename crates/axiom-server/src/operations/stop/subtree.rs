//! Stop a subtree as one: from its beginning on nothing is spawned below, those that wait leave the queue first, and all that
//! runs is stopped at once. What was taken on just before is found in another round.

use std::sync::Arc;

use axiom_proto::api::{CommandAnswer, StopRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::record::Outcome;
use axiom_proto::task::Status;
use tokio::task::JoinSet;

use super::{Caller, answer, cancel, new_command_id, stop_one};
use crate::fleet::Fleet;
use crate::operations::is_within;
use crate::task::Task;

/// Rounds in which tasks are looked for: whoever was let in before the first is there by the second.
const ROUNDS_MAX: usize = 4;

/// Nothing is spawned below a task while this lives.
struct Closed {
    fleet: Arc<Fleet>,
    task: TaskId,
}

impl Closed {
    fn new(fleet: &Arc<Fleet>, task: TaskId) -> Self {
        fleet.subtrees().begin_stop(task);
        Self { fleet: fleet.clone(), task }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.fleet.subtrees().end_stop(self.task);
    }
}

pub(super) async fn stop(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    request: StopRequest,
) -> Result<CommandAnswer, Fault> {
    let _closed = Closed::new(fleet, task.id());
    let one = StopRequest { subtree: false, ..request.clone() };
    let mut first = None;
    let mut stopped = Vec::new();
    for _round in 0..ROUNDS_MAX {
        let mut found: Vec<Arc<Task>> = living(fleet, task.id());
        if first.is_none() && !found.iter().any(|found| found.id() == task.id()) {
            // Its left-over processes are stopped as well.
            found.push(task.clone());
        }
        if found.is_empty() {
            break;
        }
        cancel_waiting(fleet, &found, (task.id(), caller)).await?;
        let mut stops = JoinSet::new();
        for found in found {
            let is_first = found.id() == task.id();
            let id = if is_first { one.id } else { None };
            let (fleet, caller) = (fleet.clone(), caller.clone());
            let request = StopRequest { id, ..one.clone() };
            stops.spawn(async move {
                let outcome = stop_one(&fleet, &found, &caller, request).await;
                (found.id(), outcome)
            });
        }
        for (id, outcome) in stops.join_all().await {
            match outcome {
                outcome if id == task.id() => first = first.or(Some(outcome)),
                // It was waiting and was taken out above, or has ended by itself.
                Err(fault) if fault.code == ErrorCode::TaskEnded => stopped.push(id),
                Err(fault) => return Err(fault),
                Ok(_) => stopped.push(id),
            }
        }
    }
    stopped.sort_unstable();
    stopped.dedup();
    let answer = match first {
        Some(Err(fault)) if fault.code == ErrorCode::TaskEnded && !stopped.is_empty() => {
            answer(task, Outcome::applied(new_command_id()?))
        }
        Some(outcome) => outcome,
        None => answer(task, Outcome::applied(new_command_id()?)),
    }?;
    Ok(CommandAnswer { descendants: stopped, ..answer })
}

/// Those of a subtree that have not ended.
fn living(fleet: &Fleet, task: TaskId) -> Vec<Arc<Task>> {
    let mut tasks = fleet.tasks();
    tasks.retain(|found| is_within(&found.record, task) && !found.announced().status.is_ended());
    tasks
}

/// Takes those below that wait out of the queue before a running one gives its place free, the newest first.
async fn cancel_waiting(
    fleet: &Arc<Fleet>,
    tasks: &[Arc<Task>],
    (first, caller): (TaskId, &Caller),
) -> Result<(), Fault> {
    for task in tasks.iter().rev() {
        if task.id() != first && task.announced().status == Status::Queued {
            let cause = format!("stopped by {}", caller.author);
            let _began_meanwhile: bool = cancel(fleet, task, cause).await?;
        }
    }
    Ok(())
}
