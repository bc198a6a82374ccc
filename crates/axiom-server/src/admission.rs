//! Who may start: the server's limit, each task's own, and the order of asking. Pure.
//! Tasks start in the order in which they asked; one that its own limit holds back does not hold up those behind it.

use std::collections::{BTreeSet, VecDeque};

use axiom_proto::id::TaskId;

/// The tasks that run and those that wait.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    tasks_max: Option<u32>,
    running: BTreeSet<TaskId>,
    queue: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    task: TaskId,
    /// Starts only while fewer than so many tasks run.
    tasks_max: Option<u32>,
}

impl Admission {
    pub(crate) fn new(tasks_max: Option<u32>) -> Self {
        Self { tasks_max, ..Self::default() }
    }

    /// A task asks to start; see [`Self::admit`].
    pub(crate) fn enqueue(&mut self, task: TaskId, tasks_max: Option<u32>) {
        self.queue.push_back(Waiting { task, tasks_max });
    }

    /// A task was found running.
    pub(crate) fn adopt(&mut self, task: TaskId) {
        self.running.insert(task);
    }

    /// A task ended, or waits no more. Call [`Self::admit`] afterwards.
    pub(crate) fn leave(&mut self, task: TaskId) {
        self.running.remove(&task);
        self.queue.retain(|waiting| waiting.task != task);
    }

    /// The tasks that may start now, in order; they count as running from here on.
    pub(crate) fn admit(&mut self) -> Vec<TaskId> {
        let mut admitted = Vec::new();
        let mut held_back = VecDeque::new();
        while let Some(waiting) = self.queue.pop_front() {
            if is_reached(self.tasks_max, self.running.len()) {
                held_back.push_back(waiting);
                break;
            }
            if is_reached(waiting.tasks_max, self.running.len()) {
                held_back.push_back(waiting);
                continue;
            }
            self.running.insert(waiting.task);
            admitted.push(waiting.task);
        }
        held_back.append(&mut self.queue);
        self.queue = held_back;
        admitted
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

    fn numbers(tasks: Vec<TaskId>) -> Vec<u8> {
        let number = |id: TaskId| (0..=255).find(|number| task(*number) == id).unwrap();
        tasks.into_iter().map(number).collect()
    }

    #[test]
    fn without_a_limit_all_start() {
        let mut admission = Admission::new(None);
        (0..5).for_each(|number| admission.enqueue(task(number), None));
        assert_eq!(numbers(admission.admit()), [0, 1, 2, 3, 4]);
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
    }

    #[test]
    fn at_the_servers_limit_tasks_start_in_order_as_others_end() {
        let mut admission = Admission::new(Some(2));
        (0..5).for_each(|number| admission.enqueue(task(number), None));
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
            admission.enqueue(task(number), Some(1));
        }
        admission.enqueue(task(3), None);
        assert_eq!(numbers(admission.admit()), [0, 3]);
        admission.leave(task(3));
        assert_eq!(numbers(admission.admit()), [] as [u8; 0]);
        admission.leave(task(0));
        assert_eq!(numbers(admission.admit()), [1]);
    }

    #[test]
    fn found_tasks_count_and_may_be_more_than_the_limit() {
        let mut admission = Admission::new(Some(1));
        admission.adopt(task(0));
        admission.adopt(task(1));
        admission.enqueue(task(2), None);
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
                    0 => admission.enqueue(
                        task({
                            asked += 1;
                            asked
                        }),
                        None,
                    ),
                    1 => admission.enqueue(
                        task({
                            asked += 1;
                            asked
                        }),
                        Some(1),
                    ),
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
