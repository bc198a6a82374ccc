//! A command to a session, from the asker to its outcome: taken up at once, carried by the link, answered by the frames.
//! A worker that gives no sign of life within the wait is replaced. Nothing is carried out twice for one id.

use std::sync::Arc;
use std::time::Duration;

use axiom_holder::wire::Control;
use axiom_hub::Place;
use axiom_proto::command::{Action, Command};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Verdict};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::background::beside;
use crate::control;
use crate::evidence::continue_stopped_holder;
use crate::fault;
use crate::fleet::Fleet;
use crate::history;
use crate::session::{Link, Problem, Session};
use crate::task::{State, Task};

/// How long a worker may take for anything but a stop: its own longest waits are two seconds.
const COMMAND_WAIT: Duration = Duration::from_secs(5);

/// A worker journals a command's intent at once. One that has said nothing for so long is looked after.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What a stop takes beside its graces: the kernel's confirmation of a kill, and a worker's answer.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Both graces of a stop where nobody chose them; the session's own are not longer.
const STOP_GRACES: Duration = Duration::from_secs(5);

/// The longest grace that can be asked for.
pub(crate) const GRACE_MS_MAX: u64 = 3_600_000;

/// How long a holder may take to bring up another worker.
const REPLACE_WAIT: Duration = Duration::from_secs(10);

/// What came of taking a command up.
enum Taken {
    /// It waits for its outcome; the head when it was taken up.
    Waits(oneshot::Receiver<Outcome>, Option<Place>),
    /// It was carried out before.
    Known(Outcome),
    /// The session is over; its journal may know the command.
    Over,
    Refused(Fault),
}

/// Carries a command out. It is taken up before this waits for the first time, so commands keep the order of their asking.
pub(crate) async fn carry_out(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    command: Command,
    bytes: Bytes,
) -> Result<Outcome, Fault> {
    let (id, wait) = (command.id, wait_of(&command.action));
    tracing::info!(task = task.id().short(), command = %id, action = command.action.word(), "asked");
    match take_up(task, command, bytes) {
        Taken::Refused(fault) => Err(fault),
        Taken::Known(outcome) => Ok(outcome),
        Taken::Over => from_journal(task, id).await,
        Taken::Waits(mut answer, head) => {
            task.asked.notify_one();
            let mut answered = timeout(SILENCE_MAX.min(wait), &mut answer).await;
            if answered.is_err() {
                wake(fleet, task, head);
                answered = timeout(wait, &mut answer).await;
            }
            match answered {
                Ok(Ok(outcome)) => Ok(outcome),
                Ok(Err(_session_is_over)) => from_journal(task, id).await,
                Err(_elapsed) => Err(give_up(task, id)),
            }
        }
    }
}

/// How long a command's outcome is waited for.
fn wait_of(action: &Action) -> Duration {
    match action {
        Action::Stop { grace_ms } => {
            let graces = grace_ms.map_or(STOP_GRACES, |ms| Duration::from_millis(ms) * 2);
            graces + STOP_WAIT
        }
        Action::Type
        | Action::CloseInput
        | Action::Interrupt { .. }
        | Action::Resize { .. }
        | Action::Suspend
        | Action::Resume => COMMAND_WAIT,
    }
}

fn take_up(task: &Task, command: Command, bytes: Bytes) -> Taken {
    task.change(|state| {
        let taken = match state {
            State::Queued => Taken::Refused(Fault::new(
                ErrorCode::Busy,
                format!("task {} is queued: it has not started", task.id()),
                "wait for its turn, or stop it",
            )),
            State::Cancelled(_) | State::Ended(_) => Taken::Over,
            State::Live(session) => take_up_live(session, command, bytes),
        };
        (taken, false)
    })
}

fn take_up_live(session: &mut Session, command: Command, bytes: Bytes) -> Taken {
    if let Some(outcome) = session.summary.outcome_of(command.id) {
        return Taken::Known(outcome.clone());
    }
    if let Some(Problem::Version(text)) = &session.problem {
        let hint = "run the axiom version that started it";
        return Taken::Refused(Fault::new(ErrorCode::VersionMismatch, text.clone(), hint));
    }
    match session.pending.ask(command, bytes) {
        Ok(answer) => Taken::Waits(answer, session.head()),
        Err(_full) => Taken::Refused(Fault::new(
            ErrorCode::Busy,
            "too many commands wait for this task",
            "wait for their outcomes",
        )),
    }
}

/// The outcome of a command that an ended session was asked before it ended.
async fn from_journal(task: &Task, id: CommandId) -> Result<Outcome, Fault> {
    let folder = task.folder.clone();
    let known = beside(move || {
        let folded = history::fold(&folder).ok()?;
        folded.summary.outcome_of(id).cloned()
    })
    .await;
    known.ok_or_else(|| {
        let text = format!("task {} has ended", task.id());
        Fault::new(ErrorCode::TaskEnded, text, "axiom show tells how it ended")
    })
}

/// The command has no outcome yet. A holder that somebody stopped is continued; a worker that has made no frame since is
/// replaced, and the next one gets the command by its id.
fn wake(fleet: &Arc<Fleet>, task: &Arc<Task>, head: Option<Place>) {
    let (holder, is_silent) = task
        .change_live(|session| {
            let holder = match session.link {
                Link::Connected { holder_pid, .. } => Some(holder_pid),
                Link::Away { .. } => None,
            };
            let is_silent = session.paused().is_none() && session.head() == head;
            ((holder, is_silent), None)
        })
        .unwrap_or_default();
    if holder.is_some_and(continue_stopped_holder) {
        tracing::warn!(task = task.id().short(), "its holder was stopped and is continued");
    }
    if is_silent {
        replace_worker(fleet, task);
    }
}

/// No outcome came in time. Says why as far as it is known.
fn give_up(task: &Arc<Task>, id: CommandId) -> Fault {
    let paused = task.change_live(|session| {
        session.pending.withdraw(id);
        (session.paused().map(str::to_owned), None)
    });
    if let Some(reason) = paused.flatten() {
        return fault::disk_full(format!("task {} stands still: {reason}", task.id()));
    }
    Fault::new(
        ErrorCode::Unavailable,
        format!("task {} gave no answer in time", task.id()),
        "look whether it was done, then try again",
    )
}

/// Asks the holder for another worker, once at a time.
fn replace_worker(fleet: &Arc<Fleet>, task: &Arc<Task>) {
    let begin = |session: &mut Session| {
        let begins = !session.is_being_replaced;
        session.is_being_replaced = true;
        (begins, None)
    };
    if task.change_live(begin) != Some(true) {
        return;
    }
    let task = task.clone();
    fleet.background.spawn(async move {
        tracing::warn!(task = task.id().short(), "a worker gives no answer and is replaced");
        let folder = task.folder.clone();
        let asked = beside(move || control::ask(&folder, &Control::Replace, REPLACE_WAIT)).await;
        if let Err(error) = asked {
            let error = fault::sentence(&error);
            tracing::warn!(task = task.id().short(), error, "the worker was not replaced");
        }
        task.change_live(|session| {
            session.is_being_replaced = false;
            ((), None)
        });
    });
}

/// What faces answer: a refusal is a fault, unless part of it was done or there is something to list.
pub(crate) fn refusal_of(outcome: &Outcome) -> Option<Fault> {
    match outcome.verdict {
        Verdict::Applied | Verdict::Unknown => None,
        Verdict::Refused if outcome.accepted.unwrap_or(0) > 0 || !outcome.left.is_empty() => None,
        Verdict::Refused => {
            let code = outcome.code.unwrap_or(ErrorCode::Internal);
            Some(Fault::new(code, outcome.detail.clone(), ""))
        }
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::task::ProcessNote;

    use super::*;

    #[test]
    fn a_stop_is_waited_for_as_long_as_its_ladder_may_take() {
        assert_eq!(wait_of(&Action::Type), COMMAND_WAIT);
        let stop = |grace_ms| wait_of(&Action::Stop { grace_ms });
        assert_eq!(stop(Some(0)), STOP_WAIT);
        assert_eq!(stop(Some(60_000)), Duration::from_secs(130));
        assert_eq!(stop(None), STOP_GRACES + STOP_WAIT);
    }

    #[test]
    fn a_refusal_is_a_fault_unless_something_was_done() {
        let id = CommandId::from_random([0; 10]);
        let refused = Outcome::refused(id, ErrorCode::InputConflict, "no terminal");
        let fault = refusal_of(&refused).map(|fault| (fault.code, fault.message));
        assert_eq!(fault, Some((ErrorCode::InputConflict, "no terminal".to_owned())));
        assert_eq!(refusal_of(&Outcome { accepted: Some(1), ..refused.clone() }), None);
        let (name, state) = (String::new(), String::new());
        let left = vec![ProcessNote { pid: 1, ppid: 0, name, state }];
        assert_eq!(refusal_of(&Outcome { left, ..refused }), None);
        assert_eq!(refusal_of(&Outcome::applied(id)), None);
    }
}
