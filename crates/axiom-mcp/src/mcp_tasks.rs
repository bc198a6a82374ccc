//! A wait as an MCP task: the call is answered at once with an id to ask by, so that a host can go on and wakes its model when the wait is
//! over. The id holds all that was asked, sealed: a server that never heard of it takes the wait up again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::moment::iso;
use axiom_server::Operations;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, CreateTaskResult, DetailedTask, GetTaskResult, JsonObject, Task, TaskPayload,
    TaskStatus,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::answers::{json, refusal};
use crate::call::Call;
use crate::wait;

/// Waits that are kept, going on or over. With more, the oldest that is over goes, and is taken up again when it is asked for; where none is,
/// a wait is held as a call.
const KEPT_MAX: usize = 1024;

/// How long one may take where nobody says, and at most.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3600);
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// A wait shorter than this is held as a call: to ask again costs more.
const TIMEOUT_MIN: Duration = Duration::from_secs(10);

/// How long it can be asked for once it must be over.
const KEPT_FOR: Duration = Duration::from_secs(3600);

/// How often a client should ask.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// The longest id: 200 tasks with their cursors.
const ID_BYTES_MAX: usize = 32 * 1024;

/// What an id holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    arguments: JsonObject,
    created_at_ms: u64,
    until_ms: u64,
    /// The request that asked: two that are alike are two.
    request: String,
    /// The task from within which it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<TaskId>,
}

/// How a wait stands.
#[derive(Debug, Clone)]
enum State {
    Working,
    Completed(Box<CallToolResult>),
    Cancelled,
}

/// One that is kept.
#[derive(Debug)]
struct Kept {
    sealed: Sealed,
    state: watch::Receiver<State>,
    /// Ends the wait.
    cancel: watch::Sender<bool>,
}

/// All of a server.
#[derive(Debug, Default)]
pub(crate) struct McpTasks {
    kept: Mutex<HashMap<String, Kept>>,
}

/// The time that a wait asks for, if it is long enough to be an MCP task.
pub(crate) fn timeout_of(arguments: &JsonObject) -> Option<Duration> {
    let timeout = match arguments.get("timeout_ms") {
        None | Some(serde_json::Value::Null) => TIMEOUT_DEFAULT,
        Some(value) => Duration::from_millis(value.as_u64()?),
    };
    (timeout > TIMEOUT_MIN).then_some(timeout.min(TIMEOUT_MAX))
}

impl McpTasks {
    /// Begins a wait. `None` where it is better held as a call.
    ///
    /// # Errors
    /// What was asked is wrong.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        call: &Call,
        arguments: &JsonObject,
        timeout: Duration,
    ) -> Result<Option<CreateTaskResult>, Fault> {
        wait::check(call, arguments).await?;
        let now = now_ms();
        let until_ms = now.saturating_add(ms_of(timeout));
        let from = call.caller.task;
        let (arguments, request) = (arguments.clone(), call.caller.request_id.clone());
        let sealed = Sealed { arguments, created_at_ms: now, until_ms, request, from };
        let id = seal(&call.operations, &sealed);
        if id.len() > ID_BYTES_MAX || !self.has_room() {
            return Ok(None);
        }
        let task = task_of(&id, &sealed, &State::Working, None);
        self.keep(call, id, sealed);
        Ok(Some(CreateTaskResult::new(task)))
    }

    /// How a wait stands, and its result once it is over.
    ///
    /// # Errors
    /// There is none with this id, for whoever asks.
    pub(crate) async fn get(
        self: &Arc<Self>,
        call: &Call,
        id: &str,
    ) -> Result<GetTaskResult, ErrorData> {
        let sealed = self.find(call, id)?;
        let state = self.kept().get(id).map(|kept| kept.state.borrow().clone());
        let state = state.unwrap_or(State::Working);
        let says = match &state {
            State::Working => wait::last_line(call, &sealed.arguments).await,
            State::Completed(_) | State::Cancelled => None,
        };
        let task = task_of(id, &sealed, &state, says);
        let payload = match state {
            State::Working => TaskPayload::Working,
            State::Cancelled => TaskPayload::Cancelled,
            State::Completed(result) => {
                let result = json(&result).as_object().cloned().unwrap_or_default();
                TaskPayload::Completed { result }
            }
        };
        Ok(GetTaskResult::new(DetailedTask::new(task, payload)))
    }

    /// Ends a wait; what it waited for goes on.
    ///
    /// # Errors
    /// There is none with this id, for whoever asks.
    pub(crate) fn cancel(self: &Arc<Self>, call: &Call, id: &str) -> Result<(), ErrorData> {
        self.find(call, id)?;
        if let Some(kept) = self.kept().get(id) {
            kept.cancel.send_replace(true);
        }
        Ok(())
    }

    /// Finds one, and takes it up where a server before us began it.
    fn find(self: &Arc<Self>, call: &Call, id: &str) -> Result<Sealed, ErrorData> {
        let known = self.kept().get(id).map(|kept| kept.sealed.clone());
        let sealed = known.or_else(|| unseal(&call.operations, id));
        let theirs = sealed.filter(|sealed| sealed.from == call.caller.task && !is_too_old(sealed));
        let Some(sealed) = theirs else {
            return Err(ErrorData::invalid_params("there is no MCP task with this id", None));
        };
        if !self.kept().contains_key(id) && self.has_room() {
            self.keep(call, id.to_owned(), sealed.clone());
        }
        Ok(sealed)
    }

    /// True where another can be kept; makes room where there is none.
    fn has_room(&self) -> bool {
        let mut kept = self.kept();
        kept.retain(|_, kept| !is_too_old(&kept.sealed));
        if kept.len() < KEPT_MAX {
            return true;
        }
        let is_over = |kept: &Kept| !matches!(*kept.state.borrow(), State::Working);
        let over = kept.iter().filter(|(_, kept)| is_over(kept));
        let oldest =
            over.min_by_key(|(_, kept)| kept.sealed.created_at_ms).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| kept.remove(&id).is_some())
    }

    /// Carries a wait out beside, and keeps what comes of it.
    fn keep(self: &Arc<Self>, call: &Call, id: String, sealed: Sealed) {
        let (told, state) = watch::channel(State::Working);
        let (cancel, cancelled) = watch::channel(false);
        let left = Duration::from_millis(sealed.until_ms.saturating_sub(now_ms()));
        let call = call.detached(cancelled.clone());
        let arguments = sealed.arguments.clone();
        self.kept().insert(id, Kept { sealed, state, cancel });
        tokio::spawn(async move {
            let result = wait::wait_for(&call, Some(arguments), left).await;
            let state = match result {
                _ if *cancelled.borrow() => State::Cancelled,
                Ok(result) => State::Completed(Box::new(result)),
                // The next server takes it up.
                Err(fault) if fault.code == ErrorCode::Unavailable => return,
                Err(fault) => State::Completed(Box::new(refusal(&fault))),
            };
            let _nobody_asks_any_more: State = told.send_replace(state);
        });
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_too_old(sealed: &Sealed) -> bool {
    now_ms() > sealed.until_ms.saturating_add(ms_of(KEPT_FOR))
}

fn task_of(id: &str, sealed: &Sealed, state: &State, says: Option<String>) -> Task {
    let status = match state {
        State::Working => TaskStatus::Working,
        State::Completed(_) => TaskStatus::Completed,
        State::Cancelled => TaskStatus::Cancelled,
    };
    let ttl_ms = sealed.until_ms.saturating_sub(sealed.created_at_ms) + ms_of(KEPT_FOR);
    let task = Task::new(id, status, iso(sealed.created_at_ms), iso(now_ms()))
        .with_ttl_ms(ttl_ms)
        .with_poll_interval_ms(ms_of(POLL_EVERY));
    match says {
        Some(says) => task.with_status_message(says),
        None => task,
    }
}

fn seal(operations: &Operations, sealed: &Sealed) -> String {
    let text = URL_SAFE_NO_PAD.encode(json(sealed).to_string());
    let proof = operations.seal(&text);
    format!("{text}.{proof}")
}

fn unseal(operations: &Operations, id: &str) -> Option<Sealed> {
    let (text, proof) = id.split_once('.').filter(|_| id.len() <= ID_BYTES_MAX)?;
    if !operations.is_sealed(text, proof) {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn ms_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms_of)
}
