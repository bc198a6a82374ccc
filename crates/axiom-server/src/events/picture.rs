//! The picture of a fleet: the events that describe how each task stands now, for a listener that has to begin anew.
//! They are told again, so they have no id; whatever happens later comes after them.

use axiom_proto::event::{Event, Happening};
use axiom_proto::task::{LinkView, Status, TaskView};

use super::stats_of;

/// How a task came to stand as it does, as few events as tell it.
pub(super) fn of(view: &TaskView) -> Vec<Event> {
    let whole = |time_ms: u64, happening: Happening| Event {
        task: Some(view.id),
        name: view.name.clone(),
        session: (view.session > 0).then_some(view.session),
        ..Event::new(time_ms, happening)
    };
    let queued = Event {
        session: None,
        request_id: view.request_id.clone(),
        ..whole(
            view.created_at_ms,
            Happening::TaskQueued { command: view.command.clone(), index: view.index },
        )
    };
    let mut events = vec![queued];
    if let Some(end) = end_of(view) {
        events.push(whole(view.ended_at_ms.unwrap_or(view.created_at_ms), end));
        return events;
    }
    let started_ms = view.started_at_ms.unwrap_or(view.created_at_ms);
    if let Some(pid) = view.pid {
        let (mode, size) = (view.mode, view.size);
        events.push(whole(started_ms, Happening::TaskStarted { pid, mode, size }));
    }
    match view.status {
        Status::Suspended => events.push(whole(started_ms, Happening::TaskSuspended)),
        Status::Stopping => {
            let cause = view.cause.clone();
            events.push(whole(started_ms, Happening::TaskStopping { cause }));
        }
        Status::Queued
        | Status::Starting
        | Status::Running
        | Status::Succeeded
        | Status::Failed
        | Status::Stopped
        | Status::Lost => {}
    }
    if let Some(reason) = view.paused.clone() {
        events.push(whole(started_ms, Happening::TaskPaused { reason }));
    }
    if let (LinkView::Away { since_ms }, Some(_)) = (view.link, view.pid) {
        events.push(whole(since_ms, Happening::LinkAway));
    }
    events
}

/// The end of a task, as its view tells it.
pub(super) fn end_of(view: &TaskView) -> Option<Happening> {
    let (stats, cause) = (stats_of(view), view.cause.clone());
    if view.status == Status::Lost {
        return Some(Happening::TaskLost { cause, stats });
    }
    view.status.is_ended().then(|| Happening::TaskEnded {
        status: view.status,
        cause,
        exit: view.exit,
        failure: view.failure.clone(),
        limit: view.limit,
        stats,
    })
}
