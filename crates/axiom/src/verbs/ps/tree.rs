//! Tasks under those that spawned them, and side by side in their groups. Pure.

use std::collections::BTreeMap;

use axiom_proto::id::{GroupId, TaskId};
use axiom_proto::task::{Status, TaskView};

/// One row of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Task(&'a TaskView),
    /// A group of several; its tasks follow, one step deeper.
    Group(GroupId),
}

/// The rows, each with its depth. A task whose parent is not there stands at the root.
pub(super) fn tree(tasks: &[TaskView]) -> Vec<(usize, Entry<'_>)> {
    let known: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
    let mut children: BTreeMap<Option<TaskId>, Vec<&TaskView>> = BTreeMap::new();
    for task in tasks {
        let parent = task.parent.filter(|parent| known.contains(parent) && *parent != task.id);
        children.entry(parent).or_default().push(task);
    }
    let mut rows = Vec::with_capacity(tasks.len());
    // A child is younger than its parent, so that there is no circle; taken out, each is shown once even so.
    let roots = children.remove(&None).unwrap_or_default();
    level(&roots, 0, &mut children, &mut rows);
    rows
}

fn level<'a>(
    tasks: &[&'a TaskView],
    depth: usize,
    children: &mut BTreeMap<Option<TaskId>, Vec<&'a TaskView>>,
    rows: &mut Vec<(usize, Entry<'a>)>,
) {
    let mut shown: Vec<GroupId> = Vec::new();
    for task in tasks {
        let same = |other: &&&TaskView| task.group.is_some() && other.group == task.group;
        let members: Vec<&TaskView> = tasks.iter().filter(same).copied().collect();
        match task.group {
            Some(group) if members.len() > 1 => {
                if !shown.contains(&group) {
                    shown.push(group);
                    rows.push((depth, Entry::Group(group)));
                    members.into_iter().for_each(|task| one(task, depth + 1, children, rows));
                }
            }
            Some(_) | None => one(task, depth, children, rows),
        }
    }
}

fn one<'a>(
    task: &'a TaskView,
    depth: usize,
    children: &mut BTreeMap<Option<TaskId>, Vec<&'a TaskView>>,
    rows: &mut Vec<(usize, Entry<'a>)>,
) {
    rows.push((depth, Entry::Task(task)));
    let own = children.remove(&Some(task.id)).unwrap_or_default();
    level(&own, depth + 1, children, rows);
}

/// How the tasks of a group stand: `2 running, 1 failed`.
pub(super) fn standing(tasks: &[TaskView], group: GroupId) -> String {
    let of = |status: Status| {
        tasks.iter().filter(|task| task.group == Some(group) && task.status == status).count()
    };
    let said = Status::ALL.iter().map(|status| (of(*status), status.word()));
    let said = said.filter(|(count, _)| *count > 0);
    said.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(last: char, parent: Option<char>, group: Option<char>) -> TaskView {
        let id = |last: char| format!("000000000000000{last}");
        let mut view = serde_json::json!({
            "id": id(last), "status": "running", "command": "true", "mode": "terminal", "session": 1,
            "link": {"state": "connected"}, "guarded": true, "created_at_ms": 0, "bytes": 0, "lines": 0,
            "interventions": 0, "gaps": 0,
        });
        if let Some(parent) = parent {
            view["parent"] = id(parent).into();
        }
        if let Some(group) = group {
            view["group"] = id(group).into();
        }
        serde_json::from_value(view).unwrap()
    }

    fn drawn(tasks: &[TaskView]) -> Vec<String> {
        let row = |(depth, entry): &(usize, Entry<'_>)| {
            let name = match entry {
                Entry::Task(task) => task.id.as_str()[15..].to_owned(),
                Entry::Group(group) => format!("group {}", &group.as_str()[15..]),
            };
            format!("{}{name}", " ".repeat(*depth))
        };
        tree(tasks).iter().map(row).collect()
    }

    #[test]
    fn children_stand_under_their_parents_and_groups_together() {
        let tasks = [
            task('1', None, None),
            task('2', Some('1'), Some('a')),
            task('3', None, Some('b')),
            task('4', Some('1'), Some('a')),
            task('5', Some('4'), None),
            task('6', Some('9'), None),
        ];
        let expected = ["1", " group a", "  2", "  4", "   5", "3", "6"];
        assert_eq!(drawn(&tasks), expected);
        assert_eq!(standing(&tasks, tasks[1].group.unwrap()), "2 running");
    }

    #[test]
    fn a_circle_of_parents_ends() {
        assert_eq!(drawn(&[task('1', Some('1'), None)]), ["1"]);
        assert_eq!(drawn(&[task('1', Some('2'), None), task('2', Some('1'), None)]).len(), 0);
    }
}
