//! Shutdown: nothing new is taken on, tasks are stopped where that was asked, then faces say goodbye.
//! Without being asked it stops nothing: tasks run on, queued ones wait for the next server.

use std::sync::Arc;

use axiom_proto::api::{ShutdownAnswer, ShutdownRequest, StopRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use tokio::task::JoinSet;

use super::{Caller, stop};
use crate::fleet::Fleet;
use crate::task::Task;

pub(super) async fn shutdown(
    fleet: &Arc<Fleet>,
    caller: &Caller,
    request: &ShutdownRequest,
) -> ShutdownAnswer {
    fleet.begin_leaving();
    let stopped = if request.stop_tasks { stop_all(fleet, caller).await } else { 0 };
    let running = fleet.tasks().iter().filter(|task| !has_ended(task)).count() as u64;
    tracing::info!(running, stopped, "shutting down");
    // Nobody may listen yet, or any more.
    fleet.ended.send_replace(true);
    ShutdownAnswer { running, stopped }
}

/// Stops every task at once; each has its own ladder, so all together take as long as the longest.
async fn stop_all(fleet: &Arc<Fleet>, caller: &Caller) -> u64 {
    let mut stops = JoinSet::new();
    for task in fleet.tasks().into_iter().filter(|task| !has_ended(task)) {
        let (fleet, caller) = (fleet.clone(), caller.clone());
        stops.spawn(async move {
            let cause = "the server shuts down".to_owned();
            let request = StopRequest { cause, ..StopRequest::default() };
            match stop::stop(&fleet, &task, &caller, request).await {
                Ok(answer) => answer.task.status.is_ended(),
                Err(Fault { code: ErrorCode::TaskEnded, .. }) => false,
                Err(fault) => {
                    tracing::error!(
                        task = task.id().short(),
                        error = fault.message,
                        "a task was not stopped"
                    );
                    false
                }
            }
        });
    }
    let mut stopped = 0;
    while let Some(done) = stops.join_next().await {
        stopped += u64::from(matches!(done, Ok(true)));
    }
    stopped
}

fn has_ended(task: &Arc<Task>) -> bool {
    task.announced().status.is_ended()
}
