//! The ways out of the foreground: what is still written, what is said once the terminal is itself again, the exit code.

use std::io::{self, Write};
use std::time::Duration;

use axiom_client::{Connection, Event, Order, Place, new_command_id};
use axiom_proto::command::Action;
use axiom_proto::id::TaskId;
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::{LEAVE_WAIT_MAX, Leaving, State, Wires, of_writing};
use crate::conclusion::Conclusion;
use crate::failure::{EXIT_PIPE, Failure, note};
use crate::quantities::shown_bytes;
use crate::signals::Sign;

/// How long the task may take to hear that its reader is gone.
const PIPE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How the loop was left.
pub(super) struct Left {
    pub(super) task: TaskId,
    pub(super) place: Place,
    pub(super) program: String,
    pub(super) why: Result<Leaving, Failure>,
}

/// Leaves. Gives the exit code.
pub(super) async fn leave(mut wires: Wires, mut state: State, left: Left) -> Result<u8, Failure> {
    let id = left.task.short().to_owned();
    match left.why {
        Ok(Leaving::Ended) => {
            let written = finish(wires, &mut state).await;
            drop(state.terminal.take());
            of_writing(written)?;
            ended(&state, &left).await
        }
        Ok(Leaving::Detached) => {
            restore(wires, &mut state).await;
            note(&format!("detached from task {id}, which runs on: axiom logs -f {id}"));
            Ok(0)
        }
        Ok(Leaving::Signalled(sign)) => {
            restore(wires, &mut state).await;
            note(&format!("left task {id}, which runs on: axiom stop {id}"));
            Ok(sign.exit_code())
        }
        Ok(Leaving::OutputFailed) => output_failed(&mut wires, state, left.task).await,
        Err(failure) => {
            restore(wires, &mut state).await;
            if failure != Failure::ReaderGone {
                note(&format!("task {id} runs on as long as it wants: axiom show {id}"));
            }
            Err(failure)
        }
    }
}

/// Writes what is left; a second signal ends a wait for a reader that stands still.
async fn finish(wires: Wires, state: &mut State) -> io::Result<()> {
    let Wires { mut signals, writer, .. } = wires;
    if let Some(output) = state.output.take()
        && let Some(room) = writer.room().await
    {
        room.send(output);
    }
    let written = writer.finish();
    tokio::pin!(written);
    loop {
        tokio::select! {
            written = written.as_mut() => return written,
            sign = signals.next() => match sign {
                Sign::Resized | Sign::Continued | Sign::Suspend => {}
                Sign::Interrupt | Sign::Terminate | Sign::HangUp => return Ok(()),
            },
        }
    }
}

/// Brings the person's terminal back while the task goes on without it.
async fn restore(wires: Wires, state: &mut State) {
    let deadline = Instant::now() + LEAVE_WAIT_MAX;
    // A reader that stands still does not get the rest: it is in the journal.
    let written = timeout_at(deadline, wires.writer.finish()).await;
    if state.terminal.is_some() && written.is_ok() {
        let undo = state.modes.undo();
        let mut output = io::stdout().lock();
        drop(output.write_all(&undo).and_then(|()| output.flush()));
    }
    drop(state.terminal.take());
}

/// Nobody reads us: a member of a pipeline would have died of SIGPIPE, so the task is sent that.
async fn output_failed(wires: &mut Wires, mut state: State, task: TaskId) -> Result<u8, Failure> {
    let failure = match std::mem::replace(&mut wires.writer, super::Writer::start()).finish().await
    {
        Ok(()) => Failure::ReaderGone,
        Err(error) => super::of_output(&error),
    };
    drop(state.terminal.take());
    if failure != Failure::ReaderGone {
        note(&format!("task {} runs on: axiom logs {}", task.short(), task.short()));
        return Err(failure);
    }
    let id = new_command_id();
    let action = Action::Interrupt { signal: Some(libc::SIGPIPE), then: None };
    wires.feed.order(Order { task, id, action, data: Bytes::new() });
    let deadline = Instant::now() + PIPE_WAIT_MAX;
    while let Ok(Ok(event)) = timeout_at(deadline, wires.feed.next()).await {
        match event {
            Event::Outcome(_, outcome) if outcome.id == id => break,
            Event::CommandRefused { order, .. } if order.id == id => break,
            Event::Ended(_) => break,
            Event::Outcome(..)
            | Event::CommandRefused { .. }
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Silent
            | Event::Gone(..)
            | Event::Answers
            | Event::Removed(_)
            | Event::Frame { .. }
            | Event::Task(_)
            | Event::SubscriptionRefused { .. }
            | Event::Refused(_) => {}
        }
    }
    Ok(EXIT_PIPE)
}

/// The exit code of a task that is over, and words where the code alone says too little.
async fn ended(state: &State, left: &Left) -> Result<u8, Failure> {
    let summary = &state.summary;
    if summary.gap_bytes_max > 0 {
        let most = shown_bytes(summary.gap_bytes_max);
        note(&format!("up to {most} of output may be missing: a worker died"));
    }
    let told = state.view.as_ref().and_then(Conclusion::of_view);
    let conclusion = match Conclusion::of_summary(summary).or(told) {
        Some(conclusion) => conclusion,
        // It ended without frames that say how: the server knows.
        None => {
            let mut connection = Connection::open(left.place.clone()).await?;
            let view = connection.show(left.task.as_str()).await?.task;
            Conclusion::of_view(&view).ok_or_else(|| {
                Failure::own("the stream ended, but the task has not", "see `axiom show`")
            })?
        }
    };
    match conclusion.words() {
        Some(words) if conclusion.never_started() => note(&format!("{}: {words}", left.program)),
        Some(words) => note(&words),
        None => {}
    }
    Ok(conclusion.exit_code())
}
