//! Packs journals' closed segments, one journal after the other, a while after their output filled them: what has just been
//! printed is what is read. Nothing waits for it and nothing depends on it; what a dead server left plain, the next one packs.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axiom_journal::{JournalError, PackReport, SEGMENT_BYTES_MAX, pack};
use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::fleet::Fleet;
use crate::task::Task;

/// The wait where nobody says another.
pub(crate) const PACK_AFTER: Duration = Duration::from_secs(600);

/// Added to the nice value of what packs: anybody else goes first.
const NICE: i32 = 19;

/// The journals that have closed segments to pack.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

/// Each waits equally long, so the first is the next. At most one entry for each task.
#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<(TaskId, Instant)>,
    tasks: BTreeSet<TaskId>,
}

/// How many segments this much output has filled: never more than there are.
pub(crate) fn filled(offset: Offset) -> u64 {
    offset.0 / SEGMENT_BYTES_MAX
}

impl Packing {
    /// A task's output has filled a segment.
    pub(crate) fn mark(&self, task: TaskId) {
        let mut waiting = self.waiting();
        if waiting.tasks.insert(task) {
            waiting.order.push_back((task, Instant::now()));
            self.wake.notify_one();
        }
    }

    fn next(&self) -> Option<(TaskId, Instant)> {
        self.waiting().order.front().copied()
    }

    fn take(&self) {
        let mut waiting = self.waiting();
        if let Some((task, _)) = waiting.order.pop_front() {
            waiting.tasks.remove(&task);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Packs for as long as the server lives.
pub(crate) async fn run(fleet: Arc<Fleet>, after: Duration) {
    loop {
        let Some((id, marked)) = fleet.packing.next() else {
            fleet.packing.wake.notified().await;
            continue;
        };
        sleep_until(marked + after).await;
        // Before it is packed: what is filled meanwhile is marked anew.
        fleet.packing.take();
        if let Some(task) = fleet.task(id) {
            pack_one(&task).await;
        }
    }
}

async fn pack_one(task: &Task) {
    let folder = task.folder.clone();
    match beside_everybody(folder).await {
        Some(Ok(PackReport { segments: 0, .. })) | None => {}
        Some(Ok(report)) => {
            let PackReport { segments, plain_bytes, packed_bytes } = report;
            tracing::info!(task = task.id().short(), segments, plain_bytes, packed_bytes, "packed");
        }
        // Removed since it was marked, mostly; what stays plain is as good as before.
        Some(Err(error)) => tracing::warn!(task = task.id().short(), %error, "not packed"),
    }
}

/// Packs in a thread of its own, of the lowest priority, which ends after the segment at hand when the server does. None if
/// there is no such thread.
async fn beside_everybody(folder: PathBuf) -> Option<Result<PackReport, JournalError>> {
    let (tell, told) = oneshot::channel();
    let wanted = Wanted(Arc::new(AtomicBool::new(true)));
    let is_wanted = wanted.0.clone();
    let thread = std::thread::Builder::new().name("pack".to_owned()).spawn(move || {
        // Where it is refused, it packs all the same.
        let _refused: rustix::io::Result<i32> = rustix::process::nice(NICE);
        let report = pack(&folder, || is_wanted.load(Ordering::Relaxed));
        let _left_meanwhile: Result<(), _> = tell.send(report);
    });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread packs");
        return None;
    }
    told.await.ok()
}

/// Says that nobody wants it any more when it is dropped.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_waits_once_from_its_first_mark_on() {
        let packing = Packing::default();
        let [one, two] = [*b"0123456789", *b"9876543210"].map(TaskId::from_random);
        for task in [one, two, one, two] {
            packing.mark(task);
        }
        assert_eq!(packing.next().unwrap().0, one);
        packing.take();
        packing.mark(one);
        assert_eq!(packing.next().unwrap().0, two);
        packing.take();
        assert_eq!(packing.next().unwrap().0, one);
        packing.take();
        assert!(packing.next().is_none());
        packing.take();
    }

    #[test]
    fn segments_are_counted_by_their_output_alone() {
        let at = |bytes| filled(Offset(bytes));
        let bytes = SEGMENT_BYTES_MAX;
        assert_eq!([at(0), at(bytes - 1), at(bytes), at(3 * bytes + 1)], [0, 0, 1, 3]);
    }
}
