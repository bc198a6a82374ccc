//! Events: a listener from a place in the log, or from now on, for some tasks or for all.

use std::sync::Arc;

use axiom_proto::api::EventsRequest;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;

use crate::events::{Listener, Wanted};
use crate::fleet::Fleet;

/// Tasks that one listener may name: more of them have a tag or a group.
const TASKS_MAX: usize = 1000;

pub(super) fn events(
    fleet: &Arc<Fleet>,
    request: &EventsRequest,
    within: Option<TaskId>,
) -> Result<Listener, Fault> {
    let EventsRequest { after, task, tag, parent, group } = request;
    let named = task.iter().flat_map(|list| list.split(',')).map(str::trim);
    let named: Vec<&str> = named.filter(|id| !id.is_empty()).collect();
    if named.len() > TASKS_MAX {
        let text = format!("task: at most {TASKS_MAX} ids");
        return Err(Fault::new(ErrorCode::InvalidArgument, text, "name a tag or a group"));
    }
    let ids = named.into_iter().map(|id| {
        let refused = |error| {
            let text = format!("task: {error}");
            Fault::new(ErrorCode::InvalidArgument, text, "give whole ids, by comma")
        };
        id.parse().map_err(refused)
    });
    let tasks = ids.collect::<Result<_, Fault>>()?;
    let wanted = Wanted { tasks, tag: tag.clone(), parent: *parent, group: *group, within };
    Ok(Listener::new(fleet.clone(), *after, wanted))
}
