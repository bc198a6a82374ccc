//! Tasks on their way to be as a scenario needs them: watched, not asked for.

use std::collections::{BTreeMap, BTreeSet};

use axiom_client::{Event, Feed, Place};
use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;

/// The views of these tasks, once all of them are so at the same time.
pub(super) async fn until_all(
    place: Place,
    tasks: &[TaskId],
    is_so: impl Fn(&TaskView) -> bool,
) -> anyhow::Result<Vec<TaskView>> {
    let wanted: BTreeSet<TaskId> = tasks.iter().copied().collect();
    let mut so = BTreeMap::new();
    let mut feed = Feed::new(place);
    // All there are: a scenario has few others, and a list of a thousand would go with every new server.
    feed.watch(Vec::new());
    while so.len() < wanted.len() {
        let Some(view) = view_of(feed.next().await?)? else { continue };
        if !wanted.contains(&view.id) {
            continue;
        }
        if is_so(&view) {
            so.insert(view.id, *view);
        } else {
            so.remove(&view.id);
        }
    }
    Ok(so.into_values().collect())
}

fn view_of(event: Event) -> anyhow::Result<Option<Box<TaskView>>> {
    match event {
        Event::Task(view) => Ok(Some(view)),
        Event::Refused(error) => Err(error.into()),
        Event::Connected { .. }
        | Event::Away { .. }
        | Event::Silent
        | Event::Gone(..)
        | Event::Answers
        | Event::Removed(_)
        | Event::Frame { .. }
        | Event::Ended(_)
        | Event::Outcome(..)
        | Event::CommandRefused { .. }
        | Event::SubscriptionRefused { .. } => Ok(None),
    }
}
