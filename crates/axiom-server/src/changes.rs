//! Which tasks changed since when. Each task stands in it once, at its newest change, so a watcher that comes late finds
//! the latest of each and nothing is queued for anybody. Leaf data behind one lock.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axiom_proto::id::TaskId;
use tokio::sync::{Notify, watch};

/// Removed tasks that are remembered: who has not been told of one for so many later ones reads the list anew.
const REMOVED_MAX: usize = 1024;

/// How much a change matters to those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Counters moved: more output.
    Counters,
    /// Its status, link or anything else that people wait for.
    Status,
}

/// The order of changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    order: Mutex<Order>,
    /// The number of the newest change.
    newest: watch::Sender<u64>,
    /// That of the newest change of a status: who waits for one sleeps while tasks print.
    newest_status: watch::Sender<u64>,
    /// Those who watch some tasks only, by task: nobody else's changes wake them.
    interests: Mutex<HashMap<TaskId, Vec<Arc<Interest>>>>,
    /// Wakes the maker of events.
    pub(crate) marked: Notify,
}

/// What one watcher of some tasks has to look at.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// Wakes it; it is one.
    pub(crate) woken: Notify,
    newest: AtomicU64,
    newest_status: AtomicU64,
}

impl Interest {
    /// The newest change of its tasks after this one, by how much it matters.
    pub(crate) fn after(&self, number: u64) -> Option<Weight> {
        if self.newest_status.load(Ordering::SeqCst) > number {
            return Some(Weight::Status);
        }
        (self.newest.load(Ordering::SeqCst) > number).then_some(Weight::Counters)
    }

    fn raise(&self, number: u64, weight: Weight) {
        self.newest.fetch_max(number, Ordering::SeqCst);
        if weight == Weight::Status {
            self.newest_status.fetch_max(number, Ordering::SeqCst);
        }
        self.woken.notify_one();
    }
}

#[derive(Debug, Default)]
struct Order {
    /// Tasks with a change of status that the maker of events has not looked at: at most all there are.
    marked: VecDeque<TaskId>,
    is_marked: HashSet<TaskId>,
    by_number: BTreeMap<u64, TaskId>,
    by_task: HashMap<TaskId, u64>,
    /// Tasks that are no more, and stand in the order all the same, so that watchers are told.
    removed: VecDeque<TaskId>,
    newest: u64,
}

impl Order {
    /// Puts a task at the end. Gives the number of its change.
    fn put_last(&mut self, task: TaskId) -> u64 {
        self.newest += 1;
        let number = self.newest;
        self.forget(task);
        self.by_task.insert(task, number);
        self.by_number.insert(number, task);
        number
    }

    fn forget(&mut self, task: TaskId) {
        if let Some(number) = self.by_task.remove(&task) {
            self.by_number.remove(&number);
        }
    }

    fn mark(&mut self, task: TaskId) {
        if self.is_marked.insert(task) {
            self.marked.push_back(task);
        }
    }
}

impl Changes {
    /// A task changed.
    pub(crate) fn note(&self, task: TaskId, weight: Weight) {
        let number = {
            let mut order = self.order();
            let number = order.put_last(task);
            if weight == Weight::Status {
                order.mark(task);
            }
            number
        };
        if weight == Weight::Status {
            self.marked.notify_one();
            raise(&self.newest_status, number);
        }
        raise(&self.newest, number);
        self.wake(task, number, weight);
    }

    /// A task was removed: a last change, which those are told who watch.
    pub(crate) fn forget(&self, task: TaskId) {
        let number = {
            let mut order = self.order();
            let number = order.put_last(task);
            order.removed.push_back(task);
            if order.removed.len() > REMOVED_MAX
                && let Some(oldest) = order.removed.pop_front()
            {
                order.forget(oldest);
            }
            number
        };
        self.mark([task]);
        raise(&self.newest_status, number);
        raise(&self.newest, number);
        self.wake(task, number, Weight::Status);
    }

    /// These are to be looked at by the maker of events.
    pub(crate) fn mark(&self, tasks: impl IntoIterator<Item = TaskId>) {
        {
            let mut order = self.order();
            tasks.into_iter().for_each(|task| order.mark(task));
        }
        self.marked.notify_one();
    }

    /// Takes so many of the tasks to look at, and says whether there are more.
    pub(crate) fn take_marked(&self, max: usize) -> (Vec<TaskId>, bool) {
        let mut order = self.order();
        let count = order.marked.len().min(max);
        let taken: Vec<TaskId> = order.marked.drain(..count).collect();
        taken.iter().for_each(|task| {
            order.is_marked.remove(task);
        });
        (taken, !order.marked.is_empty())
    }

    /// The tasks that changed after change `number`, and the number to ask with next time.
    pub(crate) fn since(&self, number: u64) -> (Vec<TaskId>, u64) {
        let order = self.order();
        let tasks = order.by_number.range(number + 1..).map(|(_, task)| *task).collect();
        (tasks, order.newest)
    }

    /// Those of these tasks that changed after change `number`, and the number to ask with next time.
    pub(crate) fn among(&self, tasks: &BTreeSet<TaskId>, number: u64) -> (Vec<TaskId>, u64) {
        let order = self.order();
        let changed = |task: &&TaskId| order.by_task.get(task).is_some_and(|at| *at > number);
        (tasks.iter().filter(changed).copied().collect(), order.newest)
    }

    /// From here on a watcher hears of these tasks, until [`Self::lose_interest`].
    pub(crate) fn take_interest(&self, tasks: &BTreeSet<TaskId>) -> Arc<Interest> {
        let interest = Arc::new(Interest::default());
        let mut interests = self.interests();
        for task in tasks {
            interests.entry(*task).or_default().push(interest.clone());
        }
        interest
    }

    pub(crate) fn lose_interest(&self, tasks: &BTreeSet<TaskId>, interest: &Arc<Interest>) {
        let mut interests = self.interests();
        for task in tasks {
            if let Entry::Occupied(mut of_task) = interests.entry(*task) {
                of_task.get_mut().retain(|other| !Arc::ptr_eq(other, interest));
                if of_task.get().is_empty() {
                    of_task.remove();
                }
            }
        }
    }

    fn wake(&self, task: TaskId, number: u64, weight: Weight) {
        for interest in self.interests().get(&task).into_iter().flatten() {
            interest.raise(number, weight);
        }
    }

    fn interests(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<Arc<Interest>>>> {
        self.interests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whenever there is a newer change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Wakes whenever there is a newer change of a status.
    pub(crate) fn subscribe_to_statuses(&self) -> watch::Receiver<u64> {
        self.newest_status.subscribe()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of two that tell at once, the later number stands.
fn raise(newest: &watch::Sender<u64>, number: u64) {
    newest.send_if_modified(|sent| {
        let is_newer = *sent < number;
        *sent = number.max(*sent);
        is_newer
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_changed_often_is_given_once() {
        let changes = Changes::default();
        let [a, b, c] = [1, 2, 3].map(|number| TaskId::from_random([number; 10]));
        for task in [a, b, a, c, a] {
            changes.note(task, Weight::Counters);
        }
        let (tasks, number) = changes.since(0);
        assert_eq!(tasks, [b, c, a]);
        assert_eq!(changes.since(number), (vec![], number));
        changes.note(b, Weight::Status);
        assert_eq!(changes.since(number).0, [b]);
        assert_eq!(*changes.subscribe().borrow(), 6);
        changes.note(a, Weight::Counters);
        assert_eq!(*changes.subscribe().borrow(), 7);
        assert_eq!(*changes.subscribe_to_statuses().borrow(), 6);
        changes.forget(c);
        assert_eq!(changes.since(0).0, [b, a, c]);
    }

    #[test]
    fn a_watcher_of_some_tasks_hears_of_no_other() {
        let changes = Changes::default();
        let [a, b] = [1, 2].map(|number| TaskId::from_random([number; 10]));
        let (only_a, both) = (BTreeSet::from([a]), BTreeSet::from([a, b]));
        let (of_a, of_both) = (changes.take_interest(&only_a), changes.take_interest(&both));
        changes.note(b, Weight::Status);
        assert_eq!((of_a.after(0), of_both.after(0)), (None, Some(Weight::Status)));
        assert_eq!(changes.among(&only_a, 0), (vec![], 1));
        changes.note(a, Weight::Counters);
        assert_eq!(
            (of_a.after(0), of_both.after(1)),
            (Some(Weight::Counters), Some(Weight::Counters))
        );
        assert_eq!(changes.among(&both, 1), (vec![a], 2));
        assert_eq!(of_a.after(2), None);
        changes.forget(a);
        assert_eq!(of_a.after(2), Some(Weight::Status));
        changes.lose_interest(&only_a, &of_a);
        changes.note(a, Weight::Status);
        assert_eq!((of_a.after(3), of_both.after(3)), (None, Some(Weight::Status)));
        changes.lose_interest(&both, &of_both);
        assert!(changes.interests().is_empty());
    }

    #[test]
    fn of_those_that_were_removed_only_the_newest_are_remembered() {
        let changes = Changes::default();
        let id = |number: usize| {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            TaskId::from_random(bytes)
        };
        for number in 0..=REMOVED_MAX {
            changes.note(id(number), Weight::Status);
            changes.forget(id(number));
        }
        let (known, _) = changes.since(0);
        assert_eq!((known.len(), known.first()), (REMOVED_MAX, Some(&id(1))));
    }
}
