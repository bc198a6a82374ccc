//! Resources: what an agent may look at by an address. All tasks, and of each how it stands, its screen, its output and what happened to
//! it; each with a version. Made when it is read; nothing is kept of it.

mod address;
mod telling;
mod updates;

use axiom_proto::api::ListRequest;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, ListResourceTemplatesResult, ListResourcesResult, MetaObject, ReadResourceResult,
    Resource, ResourceContents, ResourceTemplate,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answers::json;
use crate::call::Call;
use crate::look::row;
use crate::plain::brief;
use crate::read;

pub(crate) use address::{Address, Aspect};
pub(crate) use telling::{ADDRESSES_MAX, Ear, SharedSubscribed, tell};
pub(crate) use updates::{Subject, Wanted};

/// Tasks on one page of a list.
const PAGE_MAX: u32 = 50;

/// Characters of a command in a list.
const COMMAND_CHARS_MAX: usize = 80;

/// Under which a resource's version stands in what is read: the same for the same content.
const VERSION: &str = "axiom/version";

/// Hexadecimal digits of a version.
const VERSION_DIGITS: usize = 16;

/// The tasks, as resources, a page at a time.
pub(crate) async fn list(
    call: &Call,
    cursor: Option<String>,
) -> Result<ListResourcesResult, ErrorData> {
    let after = match cursor {
        None => None,
        Some(cursor) => Some(cursor.parse::<TaskId>().map_err(|_| {
            ErrorData::invalid_params("this cursor is not one of ours: begin without it", None)
        })?),
    };
    let request = ListRequest { after, limit: Some(PAGE_MAX), ..ListRequest::default() };
    let page = call.operations.list(&request).await.map_err(|fault| error_of(&fault))?;
    let index = Resource::new(Address::index(), "tasks")
        .with_description("All tasks, oldest first")
        .with_mime_type(Aspect::Task.mime_type());
    let tasks = page.tasks.iter().map(|view| {
        let id = view.id.to_string();
        let name = view.name.as_ref().map_or_else(|| id[..8].to_owned(), |name| brief(name, 40));
        Resource::new(Address::of(&id, Aspect::Task), name)
            .with_description(brief(&view.command, COMMAND_CHARS_MAX))
            .with_mime_type(Aspect::Task.mime_type())
    });
    let first = after.is_none().then_some(index);
    let mut result = ListResourcesResult::with_all_items(first.into_iter().chain(tasks).collect());
    result.next_cursor = page.after.map(|after| after.to_string());
    (result.ttl_ms, result.cache_scope) = (Some(0), Some(CacheScope::Private));
    Ok(result)
}

/// What there is of each task.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let template = |aspect: Aspect, rest: &str, name: &str, says: &str| {
        ResourceTemplate::new(format!("{}{rest}", Address::of("{id}", aspect)), name)
            .with_description(says)
            .with_mime_type(aspect.mime_type())
    };
    ListResourceTemplatesResult::with_all_items(vec![
        template(Aspect::Task, "", "task", "How a task stands"),
        template(Aspect::Screen, "", "screen", "What a task's terminal shows now"),
        template(
            Aspect::Output,
            "{?cursor}",
            "output",
            "What a task printed, made short; only what came after the cursor",
        ),
        template(Aspect::Events, "", "events", "How a task came to stand as it does"),
    ])
}

/// Reads one.
pub(crate) async fn read(call: &Call, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let address = Address::parse(uri).ok_or_else(|| unknown(uri))?;
    let (text, mime_type) = content(call, address).await.map_err(|fault| error_at(uri, &fault))?;
    let version =
        Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut meta = MetaObject::new();
    meta.0.insert(VERSION.to_owned(), json!(version[..VERSION_DIGITS]));
    let content = ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(mime_type.to_owned()),
        text,
        meta: Some(meta),
    };
    let mut result = ReadResourceResult::new(vec![content]);
    (result.ttl_ms, result.cache_scope) = (Some(0), Some(CacheScope::Private));
    Ok(result)
}

async fn content(call: &Call, address: Address) -> Result<(String, &'static str), Fault> {
    let (task, aspect, cursor) = match address {
        Address::Index => return Ok((index(call).await?.to_string(), Aspect::Task.mime_type())),
        Address::Of { task, aspect, cursor } => (task, aspect, cursor),
    };
    let view = call.look(&task).await?;
    let text = match aspect {
        Aspect::Task => json(&view).to_string(),
        Aspect::Screen => read::screen(call, &view, read::TOKENS_DEFAULT).await?,
        Aspect::Output => read::text(call, &view, cursor, read::TOKENS_DEFAULT).await?,
        Aspect::Events => {
            let detail = call.operations.show(&view.id.to_string()).await?;
            json!({"id": view.id, "status": view.status, "history": detail.history}).to_string()
        }
    };
    Ok((text, aspect.mime_type()))
}

/// The newest tasks, as many as a model can look at, and how many there are.
async fn index(call: &Call) -> Result<Value, Fault> {
    let counts = call.operations.counts();
    let all: u64 = counts.values().sum();
    let mut rows = Vec::new();
    let mut request = ListRequest::default();
    loop {
        let page = call.operations.list(&request).await?;
        rows.extend(page.tasks.iter().map(row));
        let excess = rows.len().saturating_sub(PAGE_MAX as usize);
        rows.drain(..excess);
        request.after = page.after;
        if request.after.is_none() {
            break;
        }
    }
    Ok(json!({"all": all, "by_status": counts, "newest": rows}))
}

/// What a subscriber wants, by the address that it gave.
///
/// # Errors
/// There is no such resource.
pub(crate) async fn subject_of(call: &Call, uri: &str) -> Result<Subject, ErrorData> {
    match Address::parse(uri) {
        None => Err(unknown(uri)),
        Some(Address::Index) => Ok(Subject::Index),
        Some(Address::Of { task, aspect, .. }) => match call.look(&task).await {
            Ok(view) => Ok(Subject::Of(view.id, aspect)),
            Err(fault) => Err(error_at(uri, &fault)),
        },
    }
}

/// Why what an address names cannot be had.
fn error_at(uri: &str, fault: &Fault) -> ErrorData {
    if fault.code == ErrorCode::TaskNotFound { unknown(uri) } else { error_of(fault) }
}

fn unknown(uri: &str) -> ErrorData {
    let data = json!({"uri": brief(uri, 200)});
    ErrorData::resource_not_found(
        "there is no such resource: see resources/templates/list",
        Some(data),
    )
}

/// A fault where there is no tool's answer to stand in.
pub(crate) fn error_of(fault: &Fault) -> ErrorData {
    let data = json!({"code": fault.code, "hint": fault.hint, "retryable": fault.retryable});
    if matches!(fault.code, ErrorCode::Internal | ErrorCode::Unavailable) {
        return ErrorData::internal_error(fault.message.clone(), Some(data));
    }
    ErrorData::invalid_params(fault.message.clone(), Some(data))
}
