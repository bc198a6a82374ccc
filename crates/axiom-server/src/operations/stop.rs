//! Stop: a waiting task is marked and never starts; a running one is stopped by its worker, with its whole tree.

mod leftovers;
mod subtree;

use std::sync::Arc;
use std::time::Duration;

use axiom_proto::api::{CommandAnswer, StopRequest};
use axiom_proto::command::Action;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Verdict};
use bytes::Bytes;

use super::control::{answer, check};
use super::{Caller, new_command_id};
use crate::background::beside;
use crate::clock::now_ms;
use crate::command::carry_out;
use crate::fault;
use crate::fleet::Fleet;
use crate::record::{self, Cancelled};
use crate::task::{State, Task};

/// How long a stop that another worker took over may take: both graces, the kill, and its confirmation.
const TAKEN_OVER_WAIT: Duration = Duration::from_secs(15);

pub(super) async fn stop(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    request: StopRequest,
) -> Result<CommandAnswer, Fault> {
    if request.subtree {
        return subtree::stop(fleet, task, caller, request).await;
    }
    stop_one(fleet, task, caller, request).await
}

async fn stop_one(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    request: StopRequest,
) -> Result<CommandAnswer, Fault> {
    let StopRequest { grace_ms, cause, id, subtree: _ } = request;
    let action = Action::Stop { grace_ms };
    check(&action, &Bytes::new())?;
    let id = id.map_or_else(new_command_id, Ok)?;
    let said =
        if cause.is_empty() { format!("stopped by {}", caller.author) } else { cause.clone() };
    if cancel(fleet, task, said).await? {
        return answer(task, Outcome::applied(id));
    }
    let command = caller.command(id, cause, action);
    let outcome = match carry_out(fleet, task, command, Bytes::new()).await {
        Err(fault) if fault.code == ErrorCode::TaskEnded => {
            return match leftovers::end(fleet, task, grace_ms).await {
                0 => Err(fault),
                ended => answer(task, leftovers_ended(id, ended)),
            };
        }
        outcome => outcome?,
    };
    if outcome.verdict == Verdict::Unknown && ends_soon(task).await {
        // The worker died while it stopped the task; the next one went on.
        return answer(task, Outcome::applied(id));
    }
    answer(task, outcome)
}

/// True once the task has ended; false if it does not within a stop's usual time.
async fn ends_soon(task: &Task) -> bool {
    let mut standing = task.follow();
    let ended = standing.wait_for(|now| now.status.is_ended());
    tokio::time::timeout(TAKEN_OVER_WAIT, ended).await.is_ok_and(|seen| seen.is_ok())
}

fn leftovers_ended(id: CommandId, ended: usize) -> Outcome {
    let detail = format!("the task had ended; left-over processes that were ended: {ended}");
    Outcome { detail, ..Outcome::applied(id) }
}

/// Takes a task out of the queue for good; false if it does not wait. In memory first, so that it cannot start meanwhile;
/// it is answered only once the mark is written.
pub(super) async fn cancel(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    cause: String,
) -> Result<bool, Fault> {
    let cancelled = Cancelled { at_ms: now_ms(), cause };
    let mark = cancelled.clone();
    let taken = task.change(|state| match state {
        State::Queued => {
            *state = State::Cancelled(mark);
            (true, true)
        }
        State::Cancelled(_) | State::Live(_) | State::Ended(_) => (false, false),
    });
    if !taken {
        return Ok(false);
    }
    let (home, id) = (fleet.home.clone(), task.id());
    let written = beside(move || record::cancel(&home, id, &cancelled)).await;
    if let Err(error) = written {
        task.change(|state| {
            *state = State::Queued;
            ((), true)
        });
        // It may have been passed over while it was out of the queue.
        fleet.enqueue_again(task);
        return Err(fault::of_record(&error));
    }
    fleet.leave(id);
    Ok(true)
}
