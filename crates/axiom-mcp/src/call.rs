//! One call of a tool: who asks, from where, and how it is told that nobody waits for its answer any more.

use axiom_proto::api::WaitRequest;
use axiom_proto::fault::Fault;
use axiom_proto::task::TaskView;
use axiom_server::{Caller, Operations};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::{RequestContext, RoleServer};
use tokio::sync::watch;

use crate::face::Waits;
use crate::here::Here;
use crate::{look, read, spawn, steer, wait};

/// One call.
pub(crate) struct Call {
    pub(crate) operations: Operations,
    pub(crate) caller: Caller,
    pub(crate) here: Here,
    pub(crate) waits: Waits,
    pub(crate) asker: Asker,
}

/// Who waits for the answer.
pub(crate) enum Asker {
    /// A request.
    Request(Box<RequestContext<RoleServer>>),
    /// Nobody now: it is kept until it is asked for. True once it is wanted no more.
    Later(watch::Receiver<bool>),
}

/// Carries a call out. `None` if there is no such tool. Each tool's state is its own: one that waits does not hold the room of the largest.
pub(crate) async fn carry_out(
    call: &Call,
    tool: &str,
    given: Option<JsonObject>,
) -> Option<Result<CallToolResult, Fault>> {
    let answer = match tool {
        "axiom_spawn" => Box::pin(spawn::spawn(call, given)).await,
        "axiom_list" => Box::pin(look::list(call, given)).await,
        "axiom_read" => Box::pin(read::read(call, given)).await,
        "axiom_wait" => Box::pin(wait::wait(call, given)).await,
        "axiom_send" => Box::pin(steer::send(call, given)).await,
        "axiom_answer" => Box::pin(steer::answer(call, given)).await,
        "axiom_interrupt" => Box::pin(steer::interrupt(call, given)).await,
        "axiom_stop" => Box::pin(steer::stop(call, given)).await,
        "axiom_events" => Box::pin(look::events(call, given)).await,
        _ => return None,
    };
    Some(answer)
}

impl Call {
    /// A task as it is now.
    ///
    /// # Errors
    /// There is no such task, or it is not clear which is meant.
    pub(crate) async fn look(&self, id: &str) -> Result<TaskView, Fault> {
        let at_once = WaitRequest { timeout_ms: Some(0) };
        Ok(self.operations.wait(id, at_once).await?.task)
    }

    /// The same for an answer that is kept.
    pub(crate) fn detached(&self, cancelled: watch::Receiver<bool>) -> Self {
        Self {
            operations: self.operations.clone(),
            caller: self.caller.clone(),
            here: self.here.clone(),
            waits: self.waits,
            asker: Asker::Later(cancelled),
        }
    }

    /// Waits until nobody waits for the answer.
    pub(crate) async fn cancelled(&self) {
        match &self.asker {
            Asker::Request(context) => context.ct.cancelled().await,
            Asker::Later(cancelled) => {
                let mut cancelled = cancelled.clone();
                // One that is let go of is wanted no more either.
                drop(cancelled.wait_for(|cancelled| *cancelled).await);
            }
        }
    }
}
