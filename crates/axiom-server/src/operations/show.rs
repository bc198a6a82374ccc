//! Show: a task's view, its status changes with time and cause, and its processes. The holder is asked for the tree; where
//! there is none it is walked from here.

use std::sync::Arc;
use std::time::Duration;

use axiom_holder::tree::{Root, Tree};
use axiom_holder::wire::{Ask, Control, ControlReply, Process, Reply};
use axiom_journal::Stored;
use axiom_proto::api::{StoredView, TaskDetail};
use axiom_proto::bytestring::ByteString;
use axiom_proto::task::{ProcessNote, Status, StatusChange, TaskView};

use crate::background::beside;
use crate::clock::now_ms;
use crate::control;
use crate::fleet::Fleet;
use crate::history::{self, Folded};
use crate::session::Session;
use crate::task::{State, Task};
use crate::view;

/// How long a holder may take for a list: it is milliseconds, unless the machine is drowning.
const TREE_WAIT: Duration = Duration::from_secs(1);

const MS_PER_HOUR: u128 = 3_600_000;

/// What the state says about where to look.
enum Sight {
    /// There is no session.
    Nothing(Vec<StatusChange>),
    Live(Box<Folded>),
    Ended,
}

pub(super) async fn show(fleet: &Arc<Fleet>, task: &Arc<Task>) -> TaskDetail {
    let sight = task.look(|state| look(task, state));
    let (history, leftovers, processes) = match sight {
        Sight::Nothing(history) => (history, Vec::new(), Vec::new()),
        Sight::Live(folded) => {
            let processes = processes(fleet, task, folded.summary.pid).await;
            let history = view::history(&task.record, Status::Starting, Some(&folded));
            (history, folded.summary.leftovers, processes)
        }
        Sight::Ended => {
            let folder = task.folder.clone();
            let folded = beside(move || history::fold(&folder)).await.ok();
            let history = view::history(&task.record, Status::Starting, folded.as_ref());
            (history, folded.map(|folded| folded.summary.leftovers).unwrap_or_default(), Vec::new())
        }
    };
    let folder = task.folder.as_os_str().as_encoded_bytes().to_vec();
    let (view, stored) = (task.view(), stored(task).await);
    let stored = stored.map(|stored| stored_view(stored, &view, now_ms()));
    let (folder, env) = (ByteString(folder), task.record.spec.env.clone());
    TaskDetail { task: view, history, processes, leftovers, folder, env, stored }
}

async fn stored(task: &Arc<Task>) -> Option<Stored> {
    let folder = task.folder.clone();
    // A task that has not begun has no journal.
    beside(move || axiom_journal::stored(&folder)).await.ok()
}

fn stored_view(stored: Stored, view: &TaskView, now_ms: u64) -> StoredView {
    let Stored { segments, packed, bytes, start } = stored;
    let lasted =
        view.started_at_ms.map(|start| view.ended_at_ms.unwrap_or(now_ms).saturating_sub(start));
    let kept = lasted.map(|lasted| lasted.saturating_sub(start.time.0 / 1000));
    let bytes_per_hour = kept.filter(|kept| *kept >= 1_000).map(|kept| {
        let per_hour = u128::from(bytes) * MS_PER_HOUR / u128::from(kept);
        u64::try_from(per_hour).unwrap_or(u64::MAX)
    });
    StoredView { bytes, segments, packed, gone: start.offset.0, bytes_per_hour }
}

fn look(task: &Task, state: &State) -> Sight {
    match state {
        State::Queued => Sight::Nothing(view::history(&task.record, Status::Queued, None)),
        State::Cancelled(cancelled) => {
            let mut history = view::history(&task.record, Status::Queued, None);
            let (at_ms, cause) = (cancelled.at_ms, cancelled.cause.clone());
            history.push(StatusChange { at_ms, status: Status::Stopped, cause });
            Sight::Nothing(history)
        }
        State::Live(session) => Sight::Live(Box::new(folded(session))),
        State::Ended(_) => Sight::Ended,
    }
}

fn folded(session: &Session) -> Folded {
    let started_unix_us = session.started_unix_us.unwrap_or(0);
    Folded { summary: session.summary.clone(), started_unix_us }
}

/// The processes that live. `child` is who the journal says is the child.
async fn processes(fleet: &Fleet, task: &Task, child: Option<u32>) -> Vec<ProcessNote> {
    let (folder, id) = (task.folder.clone(), task.id());
    let cgroup = fleet.cgroup_of(task.session());
    beside(move || {
        let control = Control::Ask { request: 1, ask: Ask::Tree };
        let asked = control::ask(&folder, &control, TREE_WAIT);
        let processes = match asked {
            Ok(ControlReply::Reply { reply: Reply::Tree { processes, .. }, .. }) => processes,
            Ok(_) | Err(_) => {
                let tree = Tree::new(Root::Lost { child }, id.as_str(), cgroup.as_deref());
                // What cannot be listed is not shown.
                tree.list().unwrap_or_default()
            }
        };
        processes.iter().map(note).collect()
    })
    .await
}

fn note(process: &Process) -> ProcessNote {
    ProcessNote {
        pid: process.pid,
        ppid: process.ppid,
        name: String::from_utf8_lossy(&process.name).into_owned(),
        state: char::from(process.state).to_string(),
    }
}
