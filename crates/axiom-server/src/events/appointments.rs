//! When to look at a task again though nothing happens there: one moment for each task, the earliest. Pure.
//! A task without one costs nothing.

use std::collections::{BTreeSet, HashMap};

use axiom_proto::id::TaskId;

/// The moments, in Unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Appointments {
    by_time: BTreeSet<(u64, TaskId)>,
    by_task: HashMap<TaskId, u64>,
}

impl Appointments {
    /// This task is to be looked at by then; earlier where that was said before.
    pub(crate) fn make(&mut self, task: TaskId, at_ms: u64) {
        let earliest = self.by_task.entry(task).or_insert(at_ms);
        if at_ms < *earliest {
            self.by_time.remove(&(*earliest, task));
            *earliest = at_ms;
        }
        self.by_time.insert((*earliest, task));
    }

    /// The first moment.
    pub(crate) fn first_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes out those whose moment has come.
    pub(crate) fn due(&mut self, now_ms: u64) -> Vec<TaskId> {
        let mut due = Vec::new();
        while let Some((at_ms, task)) = self.by_time.pop_first() {
            if at_ms > now_ms {
                self.by_time.insert((at_ms, task));
                break;
            }
            self.by_task.remove(&task);
            due.push(task);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_one_moment_the_earliest_that_was_said() {
        let [a, b] = [1, 2].map(|number| TaskId::from_random([number; 10]));
        let mut appointments = Appointments::default();
        for (task, at_ms) in [(a, 30), (b, 20), (a, 10), (a, 40)] {
            appointments.make(task, at_ms);
        }
        assert_eq!((appointments.first_ms(), appointments.due(9)), (Some(10), vec![]));
        assert_eq!(appointments.due(20), [a, b]);
        assert_eq!((appointments.first_ms(), appointments.due(100)), (None, vec![]));
        appointments.make(a, 50);
        assert_eq!(appointments.due(50), [a]);
    }
}
