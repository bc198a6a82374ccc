//! Who may start: the server's limit, each task's own, its group's, and the order of asking. Pure.
//! Tasks start in the order in which they asked; one that its own limit holds back does not hold up those behind it.

use std::collections::{BTreeMap, VecDeque};

use axiom_proto::id::{GroupId, TaskId};

/// The tasks that run and those that wait.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    tasks_max: Option<u32>,
    running: BTreeMap<TaskId, Option<GroupId>>,
    /// Running tasks of each group that has some.
    by_group: BTreeMap<GroupId, usize>,
    queue: VecDeque<Applicant>,
}

/// A task that asks to start, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applicant {
    pub(crate) task: TaskId,
    /// Starts only while fewer than so many tasks run.
    pub(crate) tasks_max: Option<u32>,
    /// Not counted in that: those that spawned it may be waiting for its end.
    pub(crate) ancestors: Vec<TaskId>,
    pub(crate) group: Option<GroupId>,
    /// Starts only while fewer than so many tasks of its group run.
    pub(crate) parallel_max: Option<u32>,
}

impl Admission {
    pub(crate) fn new(tasks_max: Option<u32>) -> Self {
        Self { tasks_max, ..Self::default() }
    }

    /// A task asks to start; see [`Self::admit`].
    pub(crate) fn enqueue(&mut self, applicant: Applicant) {
        self.queue.push_back(applicant);
    }

    /// A task was found running.
    pub(crate) fn adopt(&mut self, task: TaskId, group: Option<GroupId>) {
        if self.running.insert(task, group).is_none()
            && let Some(group) = group
        {
            *self.by_group.entry(group).or_default() += 1;
        }
    }

    /// A task ended, or waits no more. Call [`Self::admit`] afterwards.
    pub(crate) fn leave(&mut self, task: TaskId) {
        self.queue.retain(|waiting| waiting.task != task);
        let Some(Some(group)) = self.running.remove(&task) else { return };
        if let Some(running) = self.by_group.get_mut(&group) {
            *running -= 1;
            if *running == 0 {
                self.by_group.remove(&group);
            }
        }
    }

    /// The tasks that may start now, in order; they count as running from here on.
    pub(crate) fn admit(&mut self) -> Vec<TaskId> {
        let mut admitted = Vec::new();
        let mut held_back = VecDeque::new();
        while let Some(applicant) = self.queue.pop_front() {
            if is_reached(self.tasks_max, self.running.len()) {
                held_back.push_back(applicant);
                break;
            }
            if self.is_held_back(&applicant) {
                held_back.push_back(applicant);
                continue;
            }
            self.adopt(applicant.task, applicant.group);
            admitted.push(applicant.task);
        }
        held_back.append(&mut self.queue);
        self.queue = held_back;
        admitted
    }

    /// True while its own limits, or its group's, do not let it start.
    fn is_held_back(&self, applicant: &Applicant) -> bool {
        let of_group = applicant.group.and_then(|group| self.by_group.get(&group));
        if is_reached(applicant.parallel_max, of_group.copied().unwrap_or(0)) {
            return true;
        }
        let is_running = |task: &&TaskId| self.running.contains_key(task);
        let ancestors = applicant.ancestors.iter().filter(is_running).count();
        is_reached(applicant.tasks_max, self.running.len() - ancestors)
    }

    /// Tasks that run.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }
}

fn is_reached(tasks_max: Option<u32>, running: usize) -> bool {
    tasks_max.is_some_and(|max| running >= max as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u8) -> TaskId {
        TaskId::from_random([number; 10])
    }

    fn asking(number: u8, tasks_max: Option<u32>) -> Applicant {
        let (task, ancestors) = (task(number), Vec::new());
        Applicant { task, tasks_max, ancestors, group: None, parallel_max: None }
    }

    fn numbers(tasks: Vec<TaskId>) -> Vec<u8> {
        let number = |id: TaskId| (0..=255).find(|number| task(*number) == id).unwrap();
        tasks.into_iter().map(number).collect()
    }

    #[test]
    fn without_a_limit_all_start() {
        let mut admission = Admission::new(None);
        (0..5).for_each(|number| admission.enqueue(asking(number, None)));
        assert_eq!(numbers(admission.admit()), [0, 1, 2, 3, 4]);
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
    }

    #[test]
    fn at_the_servers_limit_tasks_start_in_order_as_others_end() {
        let mut admission = Admission::new(Some(2));
        (0..5).for_each(|number| admission.enqueue(asking(number, None)));
        assert_eq!(numbers(admission.admit()), [0, 1]);
        admission.leave(task(1));
        assert_eq!(numbers(admission.admit()), [2]);
        admission.leave(task(3));
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [4]);
    }

    #[test]
    fn a_task_that_its_own_limit_holds_back_does_not_hold_up_others() {
        let mut admission = Admission::new(Some(3));
        for number in 0..3 {
            admission.enqueue(asking(number, Some(1)));
        }
        admission.enqueue(asking(3, None));
        assert_eq!(numbers(admission.admit()), [0, 3]);
        admission.leave(task(3));
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [1]);
    }

    #[test]
    fn a_groups_limit_holds_back_its_own_tasks_only_and_counts_found_ones() {
        let group = Some(GroupId::from_random([9; 10]));
        let mut admission = Admission::new(None);
        admission.adopt(task(0), group);
        for number in 1..4 {
            admission.enqueue(Applicant { group, parallel_max: Some(2), ..asking(number, None) });
        }
        admission.enqueue(asking(4, None));
        assert_eq!(numbers(admission.admit()), [1, 4]);
        admission.leave(task(4));
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [2]);
        admission.leave(task(1));
        admission.leave(task(2));
        assert_eq!(numbers(admission.admit()), [3]);
    }

    #[test]
    fn a_task_does_not_wait_for_those_that_spawned_it() {
        let mut admission = Admission::new(None);
        admission.adopt(task(0), None);
        admission.adopt(task(1), None);
        let ancestors = vec![task(0), task(1)];
        for number in 2..4 {
            admission
                .enqueue(Applicant { ancestors: ancestors.clone(), ..asking(number, Some(1)) });
        }
        assert_eq!(numbers(admission.admit()), [2]);
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
        admission.leave(task(2));
        assert_eq!(numbers(admission.admit()), [3]);
    }

    #[test]
    fn found_tasks_count_and_may_be_more_than_the_limit() {
        let mut admission = Admission::new(Some(1));
        admission.adopt(task(0), None);
        admission.adopt(task(1), None);
        admission.enqueue(asking(2, None));
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
        admission.leave(task(1));
        assert_eq!((numbers(admission.admit()), admission.running()), (vec![2], 1));
    }

    /// Every order of asking and ending: never more than the limit, and nobody is forgotten.
    #[test]
    fn every_short_history_keeps_the_limits_and_starts_everybody() {
        for code in 0..3_u32.pow(8) {
            let mut admission = Admission::new(Some(2));
            let (mut asked, mut running, mut started) = (0, Vec::new(), 0);
            for step in 0..8 {
                match code / 3_u32.pow(step) % 3 {
                    0 => {
                        asked += 1;
                        admission.enqueue(asking(asked, None))
                    }
                    1 => {
                        asked += 1;
                        admission.enqueue(asking(asked, Some(1)))
                    }
                    _ if running.is_empty() => {}
                    _ => admission.leave(running.remove(0)),
                }
                let admitted = admission.admit();
                started += admitted.len();
                running.extend(admitted);
                assert!(running.len() <= 2 && admission.running() == running.len());
            }
            while !running.is_empty() {
                admission.leave(running.remove(0));
                let admitted = admission.admit();
                started += admitted.len();
                running.extend(admitted);
            }
            assert_eq!(started, usize::from(asked), "history {code}");
        }
    }
}
