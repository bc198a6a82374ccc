//! How tasks are kept below what watches them when processors are short: which means counts on this machine, and how much
//! is taken. Owner of the choice; a holder carries it out for its child. Takes nothing from anybody while processors are free.

use std::fs;
use std::path::Path;

use crate::cgroup::{self, CgroupRoot};
use crate::wire::Priority;

/// What is added to a task's nice value, or that of its autogroup. Ten steps are a share of one to nine against a process
/// that wants the same processor.
pub const NICE_STEPS: i32 = 10;

/// The weight of all tasks' cgroup; what stands beside it has 100.
pub const CGROUP_WEIGHT: u32 = 11;

/// What counts on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The weight of the cgroup that holds all tasks' leaves.
    CgroupWeight,
    /// The nice value of the child's autogroup: where the kernel groups processes by session, a process' own value
    /// counts within its session only.
    Autogroup,
    /// The child's nice value.
    Nice,
}

impl Means {
    /// What a holder has to do for its child.
    #[must_use]
    pub fn of_child(self) -> Priority {
        match self {
            Self::CgroupWeight => Priority::Cgroup,
            Self::Autogroup => Priority::Autogroup,
            Self::Nice => Priority::Nice,
        }
    }

    /// For people.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::CgroupWeight => format!("their cgroup's cpu.weight is {CGROUP_WEIGHT}"),
            Self::Autogroup => format!("their autogroups' nice value is {NICE_STEPS}"),
            Self::Nice => format!("their nice value is raised by {NICE_STEPS}"),
        }
    }
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// The tasks' cgroup has a weight that we may write.
    weight: bool,
    autogroup: bool,
    /// We are in a cgroup with a share of the processors of its own; there the kernel groups nobody by session.
    in_group: bool,
}

fn choose(facts: Facts) -> Means {
    match facts {
        Facts { weight: true, .. } => Means::CgroupWeight,
        Facts { autogroup: true, in_group: false, .. } => Means::Autogroup,
        Facts { .. } => Means::Nice,
    }
}

/// Looks at the machine; `root` is where tasks get their cgroups. Changes nothing.
#[must_use]
pub fn means(root: Option<&CgroupRoot>) -> Means {
    choose(Facts {
        weight: root.is_some_and(|root| is_writable(&root.path().join("cpu.weight"))),
        autogroup: fs::read("/proc/sys/kernel/sched_autogroup_enabled")
            .is_ok_and(|value| value.trim_ascii() == b"1"),
        in_group: cgroup::has_cpu_share(),
    })
}

fn is_writable(path: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_means_is_the_one_that_counts_on_the_machine() {
        let cases = [
            ((true, true, true), Means::CgroupWeight),
            ((true, false, false), Means::CgroupWeight),
            ((false, true, false), Means::Autogroup),
            ((false, true, true), Means::Nice),
            ((false, false, false), Means::Nice),
            ((false, false, true), Means::Nice),
        ];
        for ((weight, autogroup, in_group), means) in cases {
            let facts = Facts { weight, autogroup, in_group };
            assert_eq!(choose(facts), means, "{facts:?}");
        }
    }
}
