//! The tools that act on a task: send, interrupt, stop, answer. A call with a key is carried out once: the key becomes the
//! command's id, and a worker does not carry out an id twice.

use std::time::Duration;

use axiom_proto::api::{CommandAnswer, InputRequest, InterruptRequest, StopRequest, WaitRequest};
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::keys;
use axiom_proto::task::{Mode, TaskView};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answers::{arguments, facts, wrong};
use crate::call::Call;

/// The longest a call waits for the end of what it interrupted.
const GRACE_MAX: Duration = Duration::from_secs(50);

/// The signals that an interrupt may send, by name.
pub(crate) const SIGNALS: &[&str] = &["INT", "QUIT", "HUP", "TERM", "USR1", "USR2", "WINCH"];

/// Their numbers, in the same order.
const SIGNAL_NUMBERS: &[i32] = &[2, 3, 1, 15, 10, 12, 28];

/// The longest key.
const KEY_CHARS_MAX: usize = 128;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SendArguments {
    task_id: String,
    text: Option<String>,
    keys: Option<Vec<String>>,
    submit: Option<bool>,
    expect_cursor: Option<Cursor>,
    idempotency_key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InterruptArguments {
    task_id: String,
    then_text: Option<String>,
    signal: Option<String>,
    grace_ms: Option<u64>,
    idempotency_key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopArguments {
    task_id: String,
    grace_ms: Option<u64>,
    #[serde(default)]
    subtree: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerArguments {
    task_id: String,
    #[serde(rename = "choice")]
    _choice: Option<String>,
    #[serde(rename = "text")]
    _text: Option<String>,
    #[serde(rename = "question_id")]
    _question_id: Option<String>,
}

pub(crate) async fn send(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let asked: SendArguments = arguments(given)?;
    let view = call.look(&asked.task_id).await?;
    let data = typed(&asked, view.mode)?;
    if let (Some(expected), Some(now)) = (asked.expect_cursor, view.cursor)
        && now.offset > expected.offset
    {
        let message = format!("the task has printed since {expected}: it stands at {now}");
        let hint = "read what is new, then send again with the new cursor";
        return Err(Fault::new(ErrorCode::InputConflict, message, hint));
    }
    let id = command_id("send", view.id, asked.idempotency_key.as_deref())?;
    let request = InputRequest { data: data.into(), close: false, id };
    let done = call.operations.input(&call.caller, &view.id.to_string(), request).await?;
    Ok(facts(told(&done, view.cursor)))
}

/// The bytes to type. Pure.
fn typed(asked: &SendArguments, mode: Mode) -> Result<Vec<u8>, Fault> {
    let enter: &[u8] = match mode {
        Mode::Terminal => b"\r",
        Mode::Pipes => b"\n",
    };
    match (&asked.text, &asked.keys) {
        (Some(text), None) => {
            let mut bytes = text.clone().into_bytes();
            if asked.submit.unwrap_or(true) {
                bytes.extend_from_slice(enter);
            }
            Ok(bytes)
        }
        (None, Some(keys)) if !keys.is_empty() => keys::bytes_of(keys.iter().map(String::as_str))
            .map_err(|error| wrong(error.to_string(), "name each key, or send text")),
        (None, _) => Err(wrong("nothing to type", "give text or keys")),
        (Some(_), Some(_)) => Err(wrong("text and keys together", "send them one after the other")),
    }
}

pub(crate) async fn interrupt(
    call: &Call,
    given: Option<JsonObject>,
) -> Result<CallToolResult, Fault> {
    let asked: InterruptArguments = arguments(given)?;
    let signal = asked.signal.as_deref().map(signal_of).transpose()?;
    let view = call.look(&asked.task_id).await?;
    let id = command_id("interrupt", view.id, asked.idempotency_key.as_deref())?;
    let request = InterruptRequest { signal, then: asked.then_text, id };
    let text = view.id.to_string();
    let mut done = call.operations.interrupt(&call.caller, &text, request).await?;
    let grace = Duration::from_millis(asked.grace_ms.unwrap_or(0)).min(GRACE_MAX);
    if !grace.is_zero() && !done.task.status.is_ended() {
        let timeout_ms = Some(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        tokio::select! {
            waited = call.operations.wait(&text, WaitRequest { timeout_ms }) => done.task = waited?.task,
            () = call.cancelled() => {}
        }
    }
    Ok(facts(told(&done, view.cursor)))
}

pub(crate) async fn stop(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let asked: StopArguments = arguments(given)?;
    let view = call.look(&asked.task_id).await?;
    let request =
        StopRequest { grace_ms: asked.grace_ms, subtree: asked.subtree, ..StopRequest::default() };
    match call.operations.stop(&call.caller, &view.id.to_string(), request).await {
        Ok(done) => Ok(facts(told(&done, view.cursor))),
        // Asked twice, it is done once.
        Err(fault) if fault.code == ErrorCode::TaskEnded => {
            let view = call.look(&view.id.to_string()).await?;
            let mut told = standing(&view);
            told["already_ended"] = json!(true);
            Ok(facts(told))
        }
        Err(fault) => Err(fault),
    }
}

pub(crate) async fn answer(
    call: &Call,
    given: Option<JsonObject>,
) -> Result<CallToolResult, Fault> {
    let asked: AnswerArguments = arguments(given)?;
    call.look(&asked.task_id).await?;
    let message = "this version knows nothing of questions";
    Err(Fault::new(ErrorCode::NotSupported, message, "axiom_send types the answer"))
}

fn signal_of(name: &str) -> Result<i32, Fault> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let place = SIGNALS.iter().position(|known| *known == short);
    place
        .map(|place| SIGNAL_NUMBERS[place])
        .ok_or_else(|| wrong(format!("signal: {name:?} is none of {}", SIGNALS.join(", ")), ""))
}

/// The id of the command that a key stands for.
fn command_id(tool: &str, task: TaskId, key: Option<&str>) -> Result<Option<CommandId>, Fault> {
    let Some(key) = key else { return Ok(None) };
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        return Err(wrong(
            format!("idempotency_key: between 1 and {KEY_CHARS_MAX} characters"),
            "",
        ));
    }
    let digest = Sha256::new()
        .chain_update(tool)
        .chain_update([0])
        .chain_update(task.to_string())
        .chain_update([0])
        .chain_update(key)
        .finalize();
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&digest[..10]);
    Ok(Some(CommandId::from_random(bytes)))
}

/// What came of a command; `before` is where the task's output stood when it was given.
fn told(done: &CommandAnswer, before: Option<Cursor>) -> Value {
    let mut told = standing(&done.task);
    told["verdict"] = json!(done.outcome.verdict);
    if let Some(accepted) = done.outcome.accepted {
        told["accepted"] = json!(accepted);
    }
    if !done.outcome.detail.is_empty() {
        told["detail"] = json!(done.outcome.detail);
    }
    if !done.descendants.is_empty() {
        told["descendants"] = json!(done.descendants);
    }
    if let Some(before) = before {
        told["cursor"] = json!(before);
    }
    told
}

fn standing(view: &TaskView) -> Value {
    let mut told = json!({"id": view.id, "status": view.status});
    if let Some(exit) = view.exit {
        told["exit"] = json!(exit);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(given: Value, mode: Mode) -> Result<Vec<u8>, String> {
        let Value::Object(given) = given else { panic!("an object") };
        let asked = arguments(Some(given)).map_err(|fault| fault.message)?;
        typed(&asked, mode).map_err(|fault| fault.message)
    }

    #[test]
    fn text_ends_with_enter_unless_it_is_not_to() {
        let cases = [
            (json!({"task_id": "a", "text": "y"}), Mode::Terminal, &b"y\r"[..]),
            (json!({"task_id": "a", "text": "y"}), Mode::Pipes, b"y\n"),
            (json!({"task_id": "a", "text": "y", "submit": false}), Mode::Terminal, b"y"),
            (json!({"task_id": "a", "text": ""}), Mode::Terminal, b"\r"),
            (json!({"task_id": "a", "keys": ["ctrl-c", "up"]}), Mode::Terminal, b"\x03\x1b[A"),
        ];
        for (given, mode, expected) in cases {
            assert_eq!(bytes_of(given.clone(), mode).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for given in [
            json!({"task_id": "a"}),
            json!({"task_id": "a", "keys": []}),
            json!({"task_id": "a", "keys": ["nokey"]}),
            json!({"task_id": "a", "text": "x", "keys": ["up"]}),
            json!({"text": "x"}),
        ] {
            assert!(bytes_of(given.clone(), Mode::Terminal).is_err(), "{given}");
        }
    }

    #[test]
    fn a_key_is_one_command_for_one_tool_and_task() {
        let (one, other) = (TaskId::from_random([1; 10]), TaskId::from_random([2; 10]));
        let id = |tool, task, key| command_id(tool, task, Some(key)).unwrap().unwrap();
        assert_eq!(id("send", one, "k"), id("send", one, "k"));
        assert_ne!(id("send", one, "k"), id("send", one, "l"));
        assert_ne!(id("send", one, "k"), id("send", other, "k"));
        assert_ne!(id("send", one, "k"), id("interrupt", one, "k"));
        assert_eq!(command_id("send", one, None).unwrap(), None);
        assert!(command_id("send", one, Some("")).is_err());
    }

    #[test]
    fn signals_have_their_usual_names() {
        assert_eq!(signal_of("INT").unwrap(), 2);
        assert_eq!(signal_of("sigterm").unwrap(), 15);
        assert!(signal_of("KILL").is_err());
        assert_eq!(SIGNALS.len(), SIGNAL_NUMBERS.len());
    }
}
