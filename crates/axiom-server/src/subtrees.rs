//! What may be spawned from within tasks: how deep, how many at once, how often; and which subtrees take nothing more because
//! they are being stopped. Counted for the outermost task together with all below it. Pure; time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use thiserror::Error;

/// A minute, in which so many may be spawned.
const MINUTE: Duration = Duration::from_secs(60);

/// Counts of trees that have no member left are kept for their rate; with more of them, those that owe nothing go.
const IDLE_COUNTS_MAX: usize = 4096;

/// How far one that asks from within a task reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// To its own subtree: the task and its descendants.
    #[default]
    Subtree,
    /// To every task of the home.
    Home,
}

/// What is allowed to those that ask from within tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubtreeLimits {
    /// What they see and touch.
    pub reach: Reach,
    /// Generations below a task that nobody's task spawned.
    pub depth_max: u32,
    /// Tasks of one outermost task, all generations together, that have not ended.
    pub tasks_max: u32,
    /// Tasks that they may spawn in a minute, and at once.
    pub spawns_per_minute: u32,
}

impl Default for SubtreeLimits {
    /// More than agents that work for people come to; less than what makes a machine useless.
    fn default() -> Self {
        Self { reach: Reach::Subtree, depth_max: 8, tasks_max: 500, spawns_per_minute: 1000 }
    }
}

/// Why nothing more is spawned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SubtreeRefused {
    #[error("this would be {depth} generations below the first task, {max} are the most")]
    TooDeep { depth: usize, max: u32 },
    #[error(
        "{members} tasks below {outermost} have not ended; with {more} more it would be more than {max}"
    )]
    TooMany { outermost: TaskId, members: u32, more: u32, max: u32 },
    #[error("{outermost} and the tasks below it may spawn {max} tasks in a minute")]
    TooOften { outermost: TaskId, max: u32, wait: Duration },
    #[error("{task} is being stopped with everything below it")]
    Stopping { task: TaskId },
}

impl SubtreeRefused {
    pub(crate) fn to_fault(&self) -> Fault {
        let (retryable, hint) = match self {
            Self::TooDeep { .. } => (
                false,
                "spawn from a task further up, or raise subtree.depth in config.toml".to_owned(),
            ),
            Self::TooMany { .. } => (
                true,
                "wait for some to end, stop some, or raise subtree.tasks in config.toml".to_owned(),
            ),
            Self::TooOften { wait, .. } => {
                let seconds = wait.as_millis().div_ceil(1000);
                (
                    true,
                    format!(
                        "try again in {seconds} s, or raise subtree.spawns_per_minute in config.toml"
                    ),
                )
            }
            Self::Stopping { .. } => (false, "spawn from elsewhere".to_owned()),
        };
        Fault { retryable, ..Fault::new(ErrorCode::LimitReached, self.to_string(), hint) }
    }
}

/// What is counted of an outermost task.
#[derive(Debug, Default)]
struct Count {
    /// Tasks below it that have not ended.
    members: u32,
    /// Places for tasks that are being written down.
    reserved: u32,
    /// When everything that was spawned is earned again.
    even_at: Duration,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Subtrees {
    limits: SubtreeLimits,
    counts: HashMap<TaskId, Count>,
    /// The outermost task of each that has not ended.
    outermost: HashMap<TaskId, TaskId>,
    /// How many stops of its whole subtree are under way.
    stopping: HashMap<TaskId, u32>,
}

impl Subtrees {
    pub(crate) fn new(limits: SubtreeLimits) -> Self {
        let (counts, outermost, stopping) = Default::default();
        Self { limits, counts, outermost, stopping }
    }

    /// Takes places for so many tasks below these, the nearest first; none are needed where there is nobody above. Give them
    /// back with [`Self::release`] once the tasks have joined, or will not come.
    pub(crate) fn reserve(
        &mut self,
        now: Duration,
        ancestors: &[TaskId],
        more: u32,
    ) -> Result<(), SubtreeRefused> {
        let Some(outermost) = ancestors.last().copied() else { return Ok(()) };
        if let Some(task) = ancestors.iter().find(|task| self.stopping.contains_key(task)) {
            return Err(SubtreeRefused::Stopping { task: *task });
        }
        let SubtreeLimits { depth_max, tasks_max, spawns_per_minute, .. } = self.limits;
        if ancestors.len() > depth_max as usize {
            return Err(SubtreeRefused::TooDeep { depth: ancestors.len(), max: depth_max });
        }
        if self.counts.len() >= IDLE_COUNTS_MAX {
            self.counts
                .retain(|_, count| count.members > 0 || count.reserved > 0 || count.even_at > now);
        }
        let count = self.counts.entry(outermost).or_default();
        let members = count.members + count.reserved;
        if members.saturating_add(more) > tasks_max {
            return Err(SubtreeRefused::TooMany { outermost, members, more, max: tasks_max });
        }
        let interval = MINUTE / spawns_per_minute.max(1);
        let even_at = count.even_at.max(now) + interval * more;
        if let Some(wait) = even_at.checked_sub(now + MINUTE).filter(|wait| !wait.is_zero()) {
            return Err(SubtreeRefused::TooOften { outermost, max: spawns_per_minute, wait });
        }
        count.even_at = even_at;
        count.reserved += more;
        Ok(())
    }

    /// Gives places back.
    pub(crate) fn release(&mut self, ancestors: &[TaskId], places: u32) {
        if let Some(count) = ancestors.last().and_then(|outermost| self.counts.get_mut(outermost)) {
            count.reserved = count.reserved.saturating_sub(places);
        }
    }

    /// A task has not ended.
    pub(crate) fn join(&mut self, task: TaskId, ancestors: &[TaskId]) {
        let Some(outermost) = ancestors.last().copied() else { return };
        if self.outermost.insert(task, outermost).is_none() {
            self.counts.entry(outermost).or_default().members += 1;
        }
    }

    /// A task has ended.
    pub(crate) fn leave(&mut self, task: TaskId) {
        let Some(outermost) = self.outermost.remove(&task) else { return };
        if let Some(count) = self.counts.get_mut(&outermost) {
            count.members = count.members.saturating_sub(1);
        }
    }

    /// From here on nothing is spawned below this task, until [`Self::end_stop`].
    pub(crate) fn begin_stop(&mut self, task: TaskId) {
        *self.stopping.entry(task).or_default() += 1;
    }

    pub(crate) fn end_stop(&mut self, task: TaskId) {
        if let Some(stops) = self.stopping.get_mut(&task) {
            *stops -= 1;
            if *stops == 0 {
                self.stopping.remove(&task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u8) -> TaskId {
        TaskId::from_random([number; 10])
    }

    fn subtrees(depth_max: u32, tasks_max: u32, spawns_per_minute: u32) -> Subtrees {
        let reach = Reach::Subtree;
        Subtrees::new(SubtreeLimits { reach, depth_max, tasks_max, spawns_per_minute })
    }

    #[test]
    fn who_was_spawned_by_nobodys_task_is_not_counted() {
        let mut subtrees = subtrees(1, 1, 1);
        for _ in 0..10 {
            assert_eq!(subtrees.reserve(Duration::ZERO, &[], 100), Ok(()));
        }
    }

    #[test]
    fn generations_are_counted_from_the_outermost() {
        let mut subtrees = subtrees(2, 10, 100);
        assert_eq!(subtrees.reserve(Duration::ZERO, &[task(1), task(0)], 1), Ok(()));
        let refused =
            subtrees.reserve(Duration::ZERO, &[task(2), task(1), task(0)], 1).unwrap_err();
        assert_eq!(refused, SubtreeRefused::TooDeep { depth: 3, max: 2 });
        assert!(!refused.to_fault().retryable);
    }

    #[test]
    fn all_generations_count_together_and_places_come_back_when_tasks_end() {
        let mut subtrees = subtrees(8, 3, 1000);
        let reserve = |subtrees: &mut Subtrees, ancestors: &[TaskId], more| {
            subtrees.reserve(Duration::ZERO, ancestors, more)
        };
        assert_eq!(reserve(&mut subtrees, &[task(0)], 2), Ok(()));
        subtrees.join(task(1), &[task(0)]);
        subtrees.release(&[task(0)], 2);
        assert_eq!(reserve(&mut subtrees, &[task(1), task(0)], 2), Ok(()));
        let refused = reserve(&mut subtrees, &[task(0)], 1).unwrap_err();
        assert!(matches!(refused, SubtreeRefused::TooMany { members: 3, more: 1, max: 3, .. }));
        assert!(refused.to_fault().retryable);
        // Another tree has places of its own.
        assert_eq!(reserve(&mut subtrees, &[task(9)], 3), Ok(()));
        subtrees.leave(task(1));
        subtrees.leave(task(1));
        assert_eq!(reserve(&mut subtrees, &[task(0)], 1), Ok(()));
        assert!(reserve(&mut subtrees, &[task(0)], 1).is_err());
    }

    #[test]
    fn a_minutes_worth_is_spawned_at_once_and_earned_again_one_by_one() {
        let mut subtrees = subtrees(8, 1000, 60);
        let start = Duration::from_secs(100);
        assert_eq!(subtrees.reserve(start, &[task(0)], 60), Ok(()));
        let refused = subtrees.reserve(start, &[task(0)], 1).unwrap_err();
        let wait = Duration::from_secs(1);
        assert_eq!(refused, SubtreeRefused::TooOften { outermost: task(0), max: 60, wait });
        assert!(refused.to_fault().hint.contains("in 1 s"));
        // It is kept in mind after all have ended.
        subtrees.release(&[task(0)], 60);
        assert!(subtrees.reserve(start, &[task(0)], 1).is_err());
        assert_eq!(subtrees.reserve(start + 2 * wait, &[task(0)], 2), Ok(()));
    }

    #[test]
    fn nothing_is_spawned_below_what_is_being_stopped() {
        let mut subtrees = subtrees(8, 10, 100);
        subtrees.begin_stop(task(1));
        subtrees.begin_stop(task(1));
        subtrees.end_stop(task(1));
        let below = [task(2), task(1), task(0)];
        let refused = subtrees.reserve(Duration::ZERO, &below, 1).unwrap_err();
        assert_eq!(refused, SubtreeRefused::Stopping { task: task(1) });
        assert_eq!(subtrees.reserve(Duration::ZERO, &[task(0)], 1), Ok(()));
        subtrees.end_stop(task(1));
        assert_eq!(subtrees.reserve(Duration::ZERO, &below, 1), Ok(()));
    }
}
