//! What a call gives: facts as JSON, in text and structured alike; a task's output as one text; a fault as one line. One fact
//! never stands in one form only: some clients show a model the structure alone, of an error the text alone.

use axiom_proto::fault::{ErrorCode, Fault};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Facts.
pub(crate) fn facts(value: Value) -> CallToolResult {
    CallToolResult::structured(value)
}

/// A task's output, and lines of ours about it. No structure beside it: it would hide the text.
pub(crate) fn output(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// Why nothing was done.
pub(crate) fn refusal(fault: &Fault) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(line_of(fault))])
}

/// A fault in one line.
pub(crate) fn line_of(fault: &Fault) -> String {
    let Fault { code, message, retryable, .. } = fault;
    let mut line =
        format!("axiom_error code={} retryable={retryable} message={message:?}", code.word());
    let hint = hint_of(fault);
    if !hint.is_empty() {
        line.push_str(&format!(" hint={hint:?}"));
    }
    line
}

/// What a model can do about it. The operations speak to people, who have a command line.
fn hint_of(fault: &Fault) -> &str {
    match fault.code {
        ErrorCode::TaskNotFound => "call axiom_list",
        ErrorCode::AmbiguousId => "give more of the id",
        ErrorCode::TaskEnded => "call axiom_read for its output; axiom_spawn starts another",
        ErrorCode::Unavailable => "call again",
        ErrorCode::InvalidArgument
        | ErrorCode::LimitReached
        | ErrorCode::InputConflict
        | ErrorCode::Blocked
        | ErrorCode::SpawnFailed
        | ErrorCode::Denied
        | ErrorCode::Busy
        | ErrorCode::Unauthorized
        | ErrorCode::IdempotencyConflict
        | ErrorCode::TooLarge
        | ErrorCode::Timeout
        | ErrorCode::VersionMismatch
        | ErrorCode::DiskFull
        | ErrorCode::NotSupported
        | ErrorCode::Internal => &fault.hint,
    }
}

/// Reads what a tool was given.
///
/// # Errors
/// A field is missing, unknown, or of another kind.
pub(crate) fn arguments<T: DeserializeOwned>(given: Option<JsonObject>) -> Result<T, Fault> {
    let given = Value::Object(given.unwrap_or_default());
    serde_json::from_value(given).map_err(|error| wrong(error.to_string(), "see the tool's schema"))
}

/// A wrong argument.
pub(crate) fn wrong(message: impl Into<String>, hint: &str) -> Fault {
    Fault::new(ErrorCode::InvalidArgument, message, hint)
}

/// The same with other fields as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("our own shapes are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_with_all_there_is_to_know() {
        let fault = Fault::new(ErrorCode::Busy, "too\nmany \"things\"", "ask later");
        assert_eq!(
            line_of(&fault),
            r#"axiom_error code=busy retryable=true message="too\nmany \"things\"" hint="ask later""#
        );
        let fault =
            Fault::new(ErrorCode::TaskNotFound, "no task", "list the tasks with: axiom ps --all");
        assert!(line_of(&fault).ends_with(r#"hint="call axiom_list""#));
    }
}
