//! Lets ended tasks go by themselves, where config.toml says how many, how much or how long are to be kept: the oldest first. Never one
//! that runs, and none that has ended within the last minute: whoever waited for it may still read it.

use std::sync::Arc;
use std::time::Duration;

use axiom_proto::id::TaskId;
use tokio::time::sleep;

use crate::background::beside;
use crate::clock::now_ms;
use crate::fleet::Fleet;
use crate::operations::remove_ended;

/// After an end, before it is looked: many ends in a row cost one look.
const PAUSE: Duration = Duration::from_secs(10);

/// An ended task is left alone for so long.
const READ_WAIT_MS: u64 = 60_000;

/// The longest sleep between two looks while an age is set: a clock that is put forward is noticed by then.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(3_600);

const MS_PER_DAY: u64 = 86_400_000;

/// What is kept of ended tasks; everything where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// So many of them.
    pub tasks: Option<u64>,
    /// So many bytes of their journals on disk.
    pub bytes: Option<u64>,
    /// Those that ended within so many days.
    pub days: Option<u64>,
}

/// An ended task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ended {
    id: TaskId,
    ended_at_ms: u64,
    bytes: u64,
}

impl Keep {
    fn is_everything(self) -> bool {
        self == Self::default()
    }

    /// Which go, and when the next one will be too old; `ended` in any order.
    fn judge(self, mut ended: Vec<Ended>, now_ms: u64) -> (Vec<TaskId>, Option<u64>) {
        ended.sort_unstable_by_key(|task| (std::cmp::Reverse(task.ended_at_ms), task.id));
        let (mut goes, mut next) = (Vec::new(), None);
        let (mut tasks, mut bytes) = (0, 0_u64);
        for task in ended {
            let age_ms = now_ms.saturating_sub(task.ended_at_ms);
            let limit_ms = self.days.map(|days| days.saturating_mul(MS_PER_DAY));
            tasks += 1;
            bytes = bytes.saturating_add(task.bytes);
            let too_many = self.tasks.is_some_and(|most| tasks > most);
            let too_much = self.bytes.is_some_and(|most| bytes > most);
            let goes_at_age = if too_many || too_much { Some(0) } else { limit_ms };
            let Some(goes_at_age) = goes_at_age.map(|age| age.max(READ_WAIT_MS)) else { continue };
            match goes_at_age.checked_sub(age_ms) {
                None | Some(0) => goes.push(task.id),
                Some(wait) => next = Some(next.map_or(wait, |next: u64| next.min(wait))),
            }
        }
        goes.reverse();
        (goes, next)
    }
}

/// Lets tasks go for as long as the server lives.
pub(crate) async fn run(fleet: Arc<Fleet>, keep: Keep) {
    if keep.is_everything() {
        return;
    }
    loop {
        let wait = look(&fleet, keep).await.map(Duration::from_millis);
        let wait = wait.map(|wait| wait.clamp(PAUSE, LOOK_EVERY_MAX));
        tokio::select! {
            () = fleet.over.notified() => sleep(PAUSE).await,
            () = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}

/// Removes what goes now; in how many milliseconds the next one may.
async fn look(fleet: &Arc<Fleet>, keep: Keep) -> Option<u64> {
    let counted = fleet.clone();
    let ended = beside(move || ended_tasks(&counted, keep)).await;
    let (goes, next) = keep.judge(ended, now_ms());
    for id in goes {
        let Some(task) = fleet.task(id) else { continue };
        match remove_ended(fleet, &task).await {
            Ok(answer) => {
                let freed_bytes = answer.freed_bytes;
                tracing::info!(task = id.short(), freed_bytes, "no longer kept");
            }
            Err(fault) => tracing::warn!(task = id.short(), %fault, "kept beyond its time"),
        }
    }
    next
}

fn ended_tasks(fleet: &Fleet, keep: Keep) -> Vec<Ended> {
    let ended = fleet.tasks().into_iter().filter(|task| task.announced().over);
    let of = |task: Arc<crate::task::Task>| {
        let view = task.view();
        let stored = || axiom_journal::stored(&task.folder).map_or(0, |stored| stored.bytes);
        Ended {
            id: view.id,
            ended_at_ms: view.ended_at_ms.unwrap_or(view.created_at_ms),
            bytes: if keep.bytes.is_some() { stored() } else { 0 },
        }
    };
    ended.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tasks that ended so many minutes ago, of a kilobyte each.
    fn ended(minutes_ago: &[u64]) -> Vec<Ended> {
        (0..)
            .zip(minutes_ago)
            .map(|(n, minutes)| {
                let mut bytes = [0; 10];
                bytes[9] = n;
                let id = TaskId::from_random(bytes);
                Ended { id, ended_at_ms: NOW_MS - minutes * 60_000, bytes: 1_000 }
            })
            .collect()
    }

    const NOW_MS: u64 = 1_800_000_000_000;

    fn judged(keep: Keep, minutes_ago: &[u64]) -> (Vec<usize>, Option<u64>) {
        let tasks = ended(minutes_ago);
        let (goes, next) = keep.judge(tasks.clone(), NOW_MS);
        let place = |id| tasks.iter().position(|task| task.id == id).unwrap();
        (goes.into_iter().map(place).collect(), next)
    }

    #[test]
    fn the_oldest_go_first_and_only_as_many_as_must() {
        let keep = |tasks, bytes, days| Keep { tasks, bytes, days };
        let day = 24 * 60;
        let ages = [5, 3 * day, 2, day, 2 * day];
        let left = |days: u64, minutes: u64| Some((days * day - minutes) * 60_000);
        let cases = [
            (keep(None, None, None), vec![], None),
            (keep(Some(5), None, None), vec![], None),
            (keep(Some(2), None, None), vec![1, 4, 3], None),
            (keep(Some(0), None, None), vec![1, 4, 3, 0, 2], None),
            (keep(None, Some(3_999), None), vec![1, 4], None),
            (keep(None, Some(4_000), None), vec![1], None),
            (keep(None, None, Some(2)), vec![1, 4], left(2, day)),
            (keep(None, None, Some(3)), vec![1], left(3, 2 * day)),
            (keep(Some(4), Some(2_000), Some(9)), vec![1, 4, 3], left(9, 5)),
        ];
        for (keep, goes, next) in cases {
            assert_eq!(judged(keep, &ages), (goes, next), "{keep:?}");
        }
    }

    #[test]
    fn who_has_just_ended_stays_a_minute() {
        let keep = Keep { tasks: Some(1), ..Keep::default() };
        let mut tasks = ended(&[0, 10, 20]);
        tasks[1].ended_at_ms = NOW_MS - 40_000;
        let (goes, next) = keep.judge(tasks.clone(), NOW_MS);
        assert_eq!((goes, next), (vec![tasks[2].id], Some(20_000)));
        // A clock that was put back makes nobody old.
        tasks[0].ended_at_ms = NOW_MS + 5_000_000;
        assert_eq!(keep.judge(tasks, NOW_MS).0.len(), 1);
    }
}
