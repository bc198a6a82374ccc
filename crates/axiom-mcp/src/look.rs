//! The tools that tell of many tasks: list and events. Rows have fewer fields than elsewhere, under the same names: a model
//! pays for each.

use std::time::Duration;

use axiom_proto::api::{EventsRequest, ListRequest};
use axiom_proto::event::{EventId, EventMessage};
use axiom_proto::fault::Fault;
use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use axiom_server::Listener;
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::answers::{arguments, facts, json};
use crate::call::Call;
use crate::plain::brief;

/// Tasks in one answer: what a model can look at.
const ROWS_MAX: usize = 50;

/// Pages of the operations' list that are looked through for one answer with several tags.
const PAGES_MAX: usize = 100;

/// Characters of a command in a row.
const COMMAND_CHARS_MAX: usize = 80;

/// Events in one answer: usually, and at most.
const EVENTS_DEFAULT: usize = 100;
const EVENTS_MAX: usize = 500;

/// The longest wait for an event.
const EVENT_WAIT_MAX: Duration = Duration::from_secs(50);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListArguments {
    status: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    parent: Option<String>,
    after: Option<TaskId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsArguments {
    after: Option<EventId>,
    #[serde(default)]
    task_ids: Vec<String>,
    limit: Option<usize>,
    wait_ms: Option<u64>,
}

pub(crate) async fn list(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let ListArguments { status, mut tags, parent, after } = arguments(given)?;
    let parent = match parent {
        Some(parent) => Some(call.look(&parent).await?.id),
        None => None,
    };
    let mut request = ListRequest {
        status,
        tag: tags.pop(),
        parent,
        after,
        limit: Some(u32::try_from(ROWS_MAX).unwrap_or(u32::MAX)),
        ..ListRequest::default()
    };
    let mut rows = Vec::new();
    for _page in 0..PAGES_MAX {
        let page = call.operations.list(&request).await?;
        request.after = page.after;
        let fits = |view: &&TaskView| tags.iter().all(|tag| view.tags.contains(tag));
        rows.extend(page.tasks.iter().filter(fits).map(row));
        if page.after.is_none() || !rows.is_empty() {
            break;
        }
    }
    let mut answer = json!({"tasks": rows});
    if let Some(after) = request.after {
        answer["after"] = json!(after);
    }
    Ok(facts(answer))
}

/// A task in few words.
pub(crate) fn row(view: &TaskView) -> Value {
    let mut row = json!({
        "id": view.id,
        "status": view.status,
        "command": brief(&view.command, COMMAND_CHARS_MAX),
        "lines": view.lines,
    });
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            row[field] = value;
        }
    };
    put("name", view.name.as_ref().map(json));
    put("tags", (!view.tags.is_empty()).then(|| json(&view.tags)));
    put("parent", view.parent.as_ref().map(json));
    put("exit", view.exit.as_ref().map(json));
    put("failure", view.failure.as_ref().map(json));
    put("cause", (!view.cause.is_empty()).then(|| json(&view.cause)));
    put("cursor", view.cursor.as_ref().map(json));
    row
}

pub(crate) async fn events(
    call: &Call,
    given: Option<JsonObject>,
) -> Result<CallToolResult, Fault> {
    let EventsArguments { after, task_ids, limit, wait_ms } = arguments(given)?;
    let mut ids = Vec::new();
    for id in &task_ids {
        ids.push(call.look(id).await?.id.to_string());
    }
    let task = (!ids.is_empty()).then(|| ids.join(","));
    let mut listener =
        call.operations.events(&EventsRequest { after, task, ..EventsRequest::default() })?;
    let limit = limit.unwrap_or(EVENTS_DEFAULT).clamp(1, EVENTS_MAX);
    let wait = Duration::from_millis(wait_ms.unwrap_or(0)).min(EVENT_WAIT_MAX);
    let mut ended = call.operations.ended();
    tokio::select! {
        biased;
        _ = ended.wait_for(|ended| *ended) => Err(crate::wait::leaving()),
        () = call.cancelled() => Ok(facts(json!({"events": []}))),
        heard = hear(&mut listener, limit, Instant::now() + wait) => heard.map(facts),
    }
}

/// What there is, or else the first that comes until then, and what comes with it.
async fn hear(listener: &mut Listener, limit: usize, until: Instant) -> Result<Value, Fault> {
    let (mut events, mut after, mut reset) = (Vec::new(), None, None);
    let mut at_head = false;
    while events.len() < limit {
        // Once at the head, only the first is waited for; what is there already comes without waiting.
        let patience = if at_head && events.is_empty() { until } else { Instant::now() };
        let message = match at_head {
            false => listener.next().await?,
            true => match timeout_at(patience, listener.next()).await {
                Ok(message) => message?,
                Err(_elapsed) => break,
            },
        };
        match message {
            EventMessage::Event(event) => {
                // Figures of tasks that print are no reason to wake a model.
                if event.id.is_some() {
                    after = event.id;
                    events.push(json(&event));
                }
            }
            EventMessage::Head { id } => {
                after = Some(id);
                at_head = true;
            }
            EventMessage::Reset(told) => {
                after = Some(told.id);
                reset = Some(told.reason);
                events.extend(told.events.iter().map(json));
            }
        }
    }
    let mut answer = json!({"events": events});
    if let Some(after) = after {
        answer["after"] = json!(after);
    }
    if let Some(reason) = reset {
        answer["reset"] = json!(reason);
    }
    Ok(answer)
}
