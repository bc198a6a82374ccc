//! Commands of one live connection that are under way. They reach the link in the order in which they were asked,
//! and are answered as they are done: a stop does not hold up a keystroke.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use axiom_proto::command::Action;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::live::Tell;
use axiom_server::{Caller, Operations};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Commands under way on one connection. A person has one or two; a program that asks for more waits.
const COMMANDS_MAX: usize = 64;

type Answer = Pin<Box<dyn Future<Output = Tell> + Send>>;

pub(super) struct Commands {
    operations: Operations,
    caller: Caller,
    answers: FuturesUnordered<Answer>,
}

impl Commands {
    pub(super) fn new(operations: Operations, caller: Caller) -> Self {
        Self { operations, caller, answers: FuturesUnordered::new() }
    }

    pub(super) fn has_room(&self) -> bool {
        self.answers.len() < COMMANDS_MAX
    }

    /// Begins a command: its first step is taken here, so that the next one cannot overtake it. Gives the answer if there is one already.
    pub(super) async fn begin(
        &mut self,
        task: TaskId,
        id: CommandId,
        (action, data): (Action, &str),
    ) -> Option<Tell> {
        let bytes: Bytes = match STANDARD.decode(data) {
            Ok(bytes) => bytes.into(),
            Err(error) => return Some(refused(id, not_base64(&error))),
        };
        let (operations, caller) = (self.operations.clone(), self.caller.clone());
        let mut answer: Answer = Box::pin(async move {
            match operations.command(&caller, task, id, action, bytes).await {
                Ok(outcome) => Tell::Outcome { task, outcome },
                Err(error) => refused(id, error),
            }
        });
        let first = std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
        match first.await {
            Poll::Ready(tell) => Some(tell),
            Poll::Pending => {
                self.answers.push(answer);
                None
            }
        }
    }

    /// The next answer; waits for ever where nothing is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Tell {
        match self.answers.next().await {
            Some(tell) => tell,
            None => std::future::pending().await,
        }
    }
}

fn refused(id: CommandId, error: Fault) -> Tell {
    Tell::Refused { subscription: None, command: Some(id), error }
}

fn not_base64(error: &base64::DecodeError) -> Fault {
    Fault::new(ErrorCode::InvalidArgument, format!("data is not base64: {error}"), "")
}
