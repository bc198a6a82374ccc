//! Remove and prune: ended tasks go with all that is kept of them. The folder is renamed first, so that a task is there
//! whole or not at all, whenever we die.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axiom_proto::api::{PruneRequest, RemoveAnswer};
use axiom_proto::fault::{ErrorCode, Fault};
use tokio::time::timeout;

use crate::background::beside;
use crate::clock::now_ms;
use crate::fault;
use crate::fleet::Fleet;
use crate::recovery::REMOVED_PREFIX;
use crate::task::Task;

/// How long a task that has ended may take until its journal is closed: output may stay open for 2 s after the child.
const OVER_WAIT: Duration = Duration::from_secs(4);

/// How long its last event may take: longer, and the log cannot be written.
const TOLD_WAIT: Duration = Duration::from_secs(3);

pub(crate) async fn remove(fleet: &Arc<Fleet>, task: &Arc<Task>) -> Result<RemoveAnswer, Fault> {
    if !settles(task).await {
        return Err(refusal(task));
    }
    is_told(fleet, task).await;
    let freed_bytes = remove_folder(fleet, task).await?;
    Ok(RemoveAnswer { removed: vec![task.id()], freed_bytes })
}

/// True once nothing of it is written any more. One that has ended is waited for: whoever saw its end may remove it.
async fn settles(task: &Task) -> bool {
    let mut standing = task.follow();
    if !standing.borrow().status.is_ended() {
        return false;
    }
    matches!(timeout(OVER_WAIT, standing.wait_for(|now| now.over)).await, Ok(Ok(_)))
}

/// Waits until its last event was made: what goes before that is told to nobody.
async fn is_told(fleet: &Fleet, task: &Task) {
    let mut turns = fleet.events.subscribe();
    let told = turns.wait_for(|_| task.is_told.load(Ordering::SeqCst));
    if timeout(TOLD_WAIT, told).await.is_err() {
        tracing::warn!(task = task.id().short(), "removed before its last event was made");
    }
}

fn refusal(task: &Task) -> Fault {
    if task.announced().status.is_ended() {
        let text = format!("task {} has ended, and its last output is still being kept", task.id());
        return Fault::new(ErrorCode::Busy, text, "try again in a moment");
    }
    let text = format!("task {} has not ended", task.id());
    Fault::new(
        ErrorCode::InvalidArgument,
        text,
        format!("stop it first: axiom stop {}", task.id().short()),
    )
}

/// Removes those that fit, oldest first. What was removed before a failure stays removed.
pub(super) async fn prune(
    fleet: &Arc<Fleet>,
    request: &PruneRequest,
) -> Result<RemoveAnswer, Fault> {
    let mut answer = RemoveAnswer { removed: Vec::new(), freed_bytes: 0 };
    let now = now_ms();
    for task in fleet.tasks() {
        let view = task.view();
        let age_ms = now.saturating_sub(view.ended_at_ms.unwrap_or(view.created_at_ms));
        let fits = view.status.is_ended()
            && request.older_than_ms.is_none_or(|older| age_ms >= older)
            && request.tag.as_ref().is_none_or(|tag| view.tags.contains(tag));
        if fits && settles(&task).await {
            is_told(fleet, &task).await;
            answer.freed_bytes += remove_folder(fleet, &task).await?;
            answer.removed.push(task.id());
        }
    }
    Ok(answer)
}

async fn remove_folder(fleet: &Arc<Fleet>, task: &Arc<Task>) -> Result<u64, Fault> {
    let folder = fleet.home.task(task.id());
    let aside = fleet.home.tasks().join(format!("{REMOVED_PREFIX}{}", task.id()));
    let renamed = beside({
        let (folder, aside) = (folder.clone(), aside.clone());
        move || fs::rename(folder, aside)
    })
    .await;
    match renamed {
        Ok(()) => {}
        // Somebody else removes it at this moment, or has removed it by hand.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let text = format!("failed to remove {}: {error}", folder.display());
            return Err(fault::of_io(&error, text));
        }
    }
    fleet.forget(task.id());
    let freed = beside(move || {
        let bytes = bytes_below(&aside).unwrap_or(0);
        // What stays is no task any more; the next server removes it.
        let removed = fs::remove_dir_all(&aside);
        (bytes, removed.map_err(|error| error.to_string()))
    })
    .await;
    if let (_, Err(error)) = &freed {
        tracing::warn!(error, "a removed task's files stay until the next start");
    }
    Ok(freed.0)
}

fn bytes_below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { bytes_below(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
