//! The ways out of an attachment: the terminal given back first, then what is to be said, then the exit code.

use axiom_client::Connection;
use tokio::time::{Duration, Instant, timeout_at};

use super::{LEAVE, Leaving, State, Wires, show};
use crate::conclusion::Conclusion;
use crate::failure::{Failure, note, of_output};

/// How long the last picture may take to reach a terminal that stands still.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);

/// Leaves. Gives the exit code.
pub(super) async fn leave(
    wires: Wires,
    state: State,
    left: Result<Leaving, Failure>,
) -> Result<u8, Failure> {
    let State { place, task, terminal, .. } = state;
    let id = task.id.short();
    let written = timeout_at(Instant::now() + LEAVE_WAIT_MAX, wires.writer.finish()).await;
    // A terminal that stands still would hold us up; a line that is cut gives it back by itself.
    if written.is_ok() {
        drop(show(LEAVE));
    }
    drop(terminal);
    match left {
        Ok(Leaving::Ended) => {
            let mut connection = Connection::open(place).await?;
            let view = connection.show(task.id.as_str()).await?.task;
            let conclusion = Conclusion::of_view(&view).ok_or_else(|| {
                Failure::own("the stream ended, but the task has not", "see `axiom show`")
            })?;
            note(&format!("task {id} has ended: {}; axiom logs {id}", conclusion.shown()));
            Ok(conclusion.exit_code())
        }
        Ok(Leaving::Detached) => {
            note(&format!("detached from task {id}, which runs on: axiom attach {id}"));
            Ok(0)
        }
        Ok(Leaving::OutputFailed) => match written {
            Ok(Err(error)) => Err(of_output(&error)),
            Ok(Ok(())) | Err(_) => Err(Failure::ReaderGone),
        },
        Err(failure) => {
            note(&format!("task {id} runs on as long as it wants: axiom show {id}"));
            Err(failure)
        }
    }
}
