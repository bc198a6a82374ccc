//! Wait: held until the task ends, or for a bounded time; whoever wants longer asks again.

use std::time::Duration;

use axiom_proto::api::{WaitAnswer, WaitRequest};
use tokio::time::timeout;

use crate::task::Task;

/// The longest a request is held: below the minute after which things between client and server like to hang up.
const WAIT_MAX: Duration = Duration::from_secs(50);

pub(super) async fn wait(task: &Task, request: WaitRequest) -> WaitAnswer {
    let asked = request.timeout_ms.map_or(WAIT_MAX, Duration::from_millis);
    let mut standing = task.follow();
    let ends = standing.wait_for(|now| now.status.is_ended());
    let ended = match timeout(asked.min(WAIT_MAX), ends).await {
        Ok(ended) => ended.is_ok(),
        Err(_elapsed) => false,
    };
    WaitAnswer { ended, task: task.view() }
}
