//! List: views of tasks, filtered, in order of creation, a page at a time.

use std::sync::Arc;

use axiom_proto::api::{ListRequest, TaskList};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::Status;

use crate::fleet::Fleet;
use crate::task::Task;

/// The largest page, and the page where nobody says.
const LIMIT_MAX: usize = 1000;

pub(super) fn list(
    fleet: &Fleet,
    request: &ListRequest,
    is_seen: impl Fn(&Arc<Task>) -> bool,
) -> Result<TaskList, Fault> {
    let statuses = request.status.as_deref().map(parse_statuses).transpose()?;
    let limit = request.limit.map_or(LIMIT_MAX, |limit| limit as usize).clamp(1, LIMIT_MAX);
    let after = match request.after {
        None => None,
        Some(id) => match fleet.task(id).filter(&is_seen) {
            Some(task) => Some(task.age()),
            None => {
                let text = format!("after: no task has the id {id}");
                return Err(Fault::new(ErrorCode::InvalidArgument, text, "begin without it"));
            }
        },
    };
    let mut tasks = Vec::new();
    for task in fleet.tasks() {
        let spec = &task.record.spec;
        let fits = after.is_none_or(|after| task.age() > after)
            && request.tag.as_ref().is_none_or(|tag| spec.tags.contains(tag))
            && request.parent.is_none_or(|parent| spec.parent == Some(parent))
            && request.group.is_none_or(|group| task.record.group == Some(group))
            && is_seen(&task)
            && statuses.as_ref().is_none_or(|some| some.contains(&task.announced().status));
        if !fits {
            continue;
        }
        if tasks.len() == limit {
            let after = tasks.last().map(|view: &axiom_proto::task::TaskView| view.id);
            return Ok(TaskList { tasks, after });
        }
        tasks.push(task.view());
    }
    Ok(TaskList { tasks, after: None })
}

fn parse_statuses(text: &str) -> Result<Vec<Status>, Fault> {
    text.split(',')
        .map(str::trim)
        .map(|word| {
            Status::ALL.into_iter().find(|status| status.word() == word).ok_or_else(|| {
                let words = Status::ALL.map(Status::word).join(", ");
                let text = format!("status: {word:?} is none of {words}");
                Fault::new(ErrorCode::InvalidArgument, text, "")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_by_comma_and_unknown_ones_refused() {
        let read = parse_statuses("running, failed").unwrap();
        assert_eq!(read, [Status::Running, Status::Failed]);
        let refused = parse_statuses("walking").unwrap_err();
        assert!(refused.message.contains("queued, starting"), "{}", refused.message);
    }
}
