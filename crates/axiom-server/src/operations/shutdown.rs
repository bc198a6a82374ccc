//! Shutdown: nothing new is taken on, tasks are stopped where that was asked, then faces say goodbye.
//! Without being asked it stops nothing: tasks run on, queued ones wait for the next server.

use std::sync::Arc;
use std::time::Duration;

use axiom_proto::api::{ShutdownAnswer, ShutdownRequest, StopRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::Status;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{Caller, stop};
use crate::fleet::Fleet;
use crate::task::Task;

/// Stops that no worker has taken up yet. Each costs a worker and a look at its tree some milliseconds of a processor; a
/// thousand asked at once kept each other waiting until the time of some was over before their turn had come.
const STOPS_AT_ONCE: usize = 32;

/// How long the journals of stopped tasks may take to be closed, all together: each takes a sync of the disk.
const CLOSING_WAIT_MAX: Duration = Duration::from_secs(2);

/// A stop that got no answer is asked for once more, when all others are done.
const ROUNDS: usize = 2;

pub(super) async fn shutdown(
    fleet: &Arc<Fleet>,
    caller: &Caller,
    request: &ShutdownRequest,
) -> ShutdownAnswer {
    fleet.begin_leaving();
    let mut stopped = 0;
    if request.stop_tasks {
        let tasks = unended(fleet);
        for _round in 0..ROUNDS {
            stopped += stop_all(fleet, caller, unended(fleet)).await;
        }
        until_over(&tasks).await;
    }
    let running = unended(fleet);
    tracing::info!(running = running.len(), stopped, "shutting down");
    // Nobody may listen yet, or any more.
    fleet.ended.send_replace(true);
    let left = running.iter().filter(|_| request.stop_tasks).map(|task| task.id()).collect();
    ShutdownAnswer { running: running.len() as u64, stopped, left }
}

/// Stops these, and says how many it ended. Each has its own ladder, and climbs it beside the others.
async fn stop_all(fleet: &Arc<Fleet>, caller: &Caller, tasks: Vec<Arc<Task>>) -> u64 {
    let places = Arc::new(Semaphore::new(STOPS_AT_ONCE));
    let mut stops = JoinSet::new();
    for task in tasks {
        let (fleet, caller, places) = (fleet.clone(), caller.clone(), places.clone());
        stops.spawn(async move {
            let place = places.acquire().await.expect("nobody closes it");
            stop_one(&fleet, &caller, &task, place).await
        });
    }
    let mut stopped = 0;
    while let Some(done) = stops.join_next().await {
        stopped += u64::from(matches!(done, Ok(true)));
    }
    stopped
}

/// Waits until the journals of those that ended are closed: who follows them gets their ends before the goodbye.
async fn until_over(tasks: &[Arc<Task>]) {
    let until = Instant::now() + CLOSING_WAIT_MAX;
    for task in tasks.iter().filter(|task| task.announced().status.is_ended()) {
        let mut standing = task.follow();
        if timeout_at(until, standing.wait_for(|now| now.over)).await.is_err() {
            return;
        }
    }
}

/// Stops one; its time begins now. Its place is free for the next as soon as its worker has taken the stop up.
async fn stop_one(
    fleet: &Arc<Fleet>,
    caller: &Caller,
    task: &Arc<Task>,
    place: SemaphorePermit<'_>,
) -> bool {
    let mut standing = task.follow();
    let request =
        StopRequest { cause: "the server shuts down".to_owned(), ..StopRequest::default() };
    let stop = stop::stop(fleet, task, caller, request);
    tokio::pin!(stop);
    let early = tokio::select! {
        answer = &mut stop => Some(answer),
        _ = standing.wait_for(|now| now.status == Status::Stopping || now.status.is_ended()) => None,
    };
    drop(place);
    let answer = match early {
        Some(answer) => answer,
        None => stop.await,
    };
    match answer {
        Ok(answer) => answer.task.status.is_ended(),
        Err(Fault { code: ErrorCode::TaskEnded, .. }) => false,
        Err(fault) => {
            let error = fault.message;
            tracing::error!(task = task.id().short(), error, "a task was not stopped");
            false
        }
    }
}

/// Those that wait for their turn come first: what is stopped makes room, for the next server too if we are killed now.
fn unended(fleet: &Fleet) -> Vec<Arc<Task>> {
    let mut tasks = fleet.tasks();
    tasks.retain(|task| !task.announced().status.is_ended());
    tasks.sort_by_key(|task| task.announced().status != Status::Queued);
    tasks
}
