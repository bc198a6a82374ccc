//! Commands to a running session: input, interrupt, resize, suspend, resume. The worker decides; its outcome is the answer.

use std::sync::Arc;

use axiom_proto::api::{CommandAnswer, INPUT_BYTES_MAX, InputRequest, InterruptRequest};
use axiom_proto::command::Action;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Verdict};
use axiom_proto::task::Size;
use bytes::Bytes;

use super::{Caller, new_command_id, stop};
use crate::command::{GRACE_MS_MAX, carry_out, refusal_of};
use crate::fleet::Fleet;
use crate::task::Task;

/// The longest text that an interrupt types afterwards: it travels in the command itself.
const THEN_BYTES_MAX: usize = 64 * 1024;

/// Types, then closes the input where that was asked.
pub(super) async fn input(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    request: InputRequest,
) -> Result<CommandAnswer, Fault> {
    let InputRequest { data, close, id } = request;
    if data.0.is_empty() && !close {
        let text = "nothing to type, and the input is not to be closed";
        return Err(Fault::new(ErrorCode::InvalidArgument, text, "give data, or close"));
    }
    let id = id.map_or_else(new_command_id, Ok)?;
    if data.0.is_empty() {
        return act(fleet, task, caller, Some(id), Action::CloseInput).await;
    }
    let bytes = Bytes::from(data.0);
    let length = bytes.len() as u64;
    let outcome = command(fleet, task, caller, (id, Action::Type), bytes).await?;
    let whole = outcome.verdict == Verdict::Applied && outcome.accepted.unwrap_or(length) == length;
    if close && whole {
        let closed = (new_command_id()?, Action::CloseInput);
        let closed = command(fleet, task, caller, closed, Bytes::new()).await?;
        if let Some(fault) = refusal_of(&closed) {
            return Err(fault);
        }
    }
    answer(task, outcome)
}

/// Interrupts. A task that still waits for its turn does nothing that could be interrupted: it is stopped, as Ctrl+C would.
pub(super) async fn interrupt(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    request: InterruptRequest,
) -> Result<CommandAnswer, Fault> {
    let InterruptRequest { signal, then, id } = request;
    if then.is_none() {
        let cause = format!("interrupted by {} before it started", caller.author);
        if stop::cancel(fleet, task, cause).await? {
            let id = id.map_or_else(new_command_id, Ok)?;
            return answer(task, Outcome::applied(id));
        }
    }
    act(fleet, task, caller, id, Action::Interrupt { signal, then }).await
}

/// Carries out a command without bytes.
pub(super) async fn act(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    id: Option<CommandId>,
    action: Action,
) -> Result<CommandAnswer, Fault> {
    let id = id.map_or_else(new_command_id, Ok)?;
    let outcome = command(fleet, task, caller, (id, action), Bytes::new()).await?;
    answer(task, outcome)
}

/// Carries out a command and gives its outcome, whatever it is.
pub(super) async fn command(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    caller: &Caller,
    (id, action): (CommandId, Action),
    bytes: Bytes,
) -> Result<Outcome, Fault> {
    check(&action, &bytes)?;
    let command = caller.command(id, String::new(), action);
    carry_out(fleet, task, command, bytes).await
}

pub(super) fn answer(task: &Task, outcome: Outcome) -> Result<CommandAnswer, Fault> {
    match refusal_of(&outcome) {
        Some(fault) => Err(fault),
        None => Ok(CommandAnswer { outcome, task: task.view(), descendants: Vec::new() }),
    }
}

pub(super) fn check(action: &Action, bytes: &Bytes) -> Result<(), Fault> {
    let refuse = |code, text: String| Err(Fault::new(code, text, ""));
    match action {
        Action::Type if bytes.len() > INPUT_BYTES_MAX => {
            let text = format!("{} bytes to type, more than {INPUT_BYTES_MAX}", bytes.len());
            refuse(ErrorCode::TooLarge, text)
        }
        Action::Interrupt { then: Some(then), .. } if then.len() > THEN_BYTES_MAX => {
            let text =
                format!("{} bytes to type afterwards, more than {THEN_BYTES_MAX}", then.len());
            refuse(ErrorCode::TooLarge, text)
        }
        Action::Resize { size: Size { cols: 0, .. } | Size { rows: 0, .. } } => refuse(
            ErrorCode::InvalidArgument,
            "size: columns and rows must be at least 1".to_owned(),
        ),
        Action::Stop { grace_ms: Some(ms) } if *ms > GRACE_MS_MAX => {
            refuse(ErrorCode::InvalidArgument, format!("grace_ms: at most {GRACE_MS_MAX}"))
        }
        Action::Type
        | Action::CloseInput
        | Action::Interrupt { .. }
        | Action::Resize { .. }
        | Action::Suspend
        | Action::Resume
        | Action::Stop { .. } => Ok(()),
    }
}
