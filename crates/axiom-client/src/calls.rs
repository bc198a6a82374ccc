//! Every operation of a server as a typed call. One request and its answer each; nothing is decided here.

use std::time::Duration;

use axiom_proto::api::{
    CodeBlock, CommandAnswer, InputRequest, InterruptRequest, ListRequest, PlainRequest,
    PruneRequest, RemoveAnswer, ResizeRequest, ScreenAnswer, ScreenRequest, ServerStatus,
    ShutdownAnswer, ShutdownRequest, SpawnAnswer, StopRequest, TaskDetail, TaskList, View,
    WaitAnswer, WaitRequest,
};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::TaskSpec;
use bytes::Bytes;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::{Answer, Call, ClientError, Connection, Repeat};
use crate::new_command_id;

/// How long an answer may take that the server has at hand: it waits for a worker for 5 s at most.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long a stop may take with the usual graces, and a shutdown that stops every task.
const STOP_WAIT: Duration = Duration::from_secs(180);

/// What of the output is wanted.
#[derive(Debug, Clone, Default)]
pub struct OutputQuery {
    /// Text or raw bytes.
    pub view: View,
    /// From there; from the start where absent.
    pub cursor: Option<Cursor>,
    /// At most so much; the server's own bound where absent.
    pub bytes_max: Option<u64>,
    /// Only the last lines.
    pub tail: Option<u64>,
    /// Also lines that may still change; the cursor stays before them.
    pub unsettled: bool,
}

/// A piece of a session's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramesPart {
    /// Whole frames, back to back.
    pub bytes: Bytes,
    /// Where to go on.
    pub cursor: Cursor,
    /// True if nothing will ever come after it.
    pub ended: bool,
    /// What was asked for and is no longer kept: the bytes begin after it.
    pub gone: Option<Gone>,
}

/// A part of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPart {
    /// The bytes.
    pub bytes: Bytes,
    /// Where to go on.
    pub cursor: Cursor,
    /// True if nothing will ever come after it.
    pub ended: bool,
    /// What was asked for and is no longer kept: the bytes begin after it.
    pub gone: Option<Gone>,
    /// How many lines at the end may still change, if they were asked for and all before them are there.
    pub unsettled: Option<u64>,
    /// The code blocks that end in these lines, or are open behind them.
    pub blocks: Vec<CodeBlock>,
}

impl Connection {
    /// Spawns. Give the spec an idempotency key, so that it may be asked again of the next server.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn spawn(&mut self, spec: &TaskSpec) -> Result<SpawnAnswer, ClientError> {
        let repeat = if spec.idempotency_key.is_some() { Repeat::Safe } else { Repeat::Unsafe };
        self.post("/api/v1/tasks", spec, (repeat, ANSWER_WAIT)).await
    }

    /// Lists tasks.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn list(&mut self, request: &ListRequest) -> Result<TaskList, ClientError> {
        let parts = [
            ("status", request.status.clone()),
            ("tag", request.tag.clone()),
            ("parent", request.parent.map(String::from)),
            ("group", request.group.map(String::from)),
            ("after", request.after.map(String::from)),
            ("limit", request.limit.map(|limit| limit.to_string())),
        ];
        self.get(&format!("/api/v1/tasks{}", query(&parts))).await
    }

    /// Shows one task. `id` is a whole id, a unique prefix or a name, here as in every call.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn show(&mut self, id: &str) -> Result<TaskDetail, ClientError> {
        self.get(&task_path(id, "")).await
    }

    /// Reads output that is there; does not wait for more.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn output(
        &mut self,
        id: &str,
        wanted: &OutputQuery,
    ) -> Result<OutputPart, ClientError> {
        let view = match wanted.view {
            View::Text => "text",
            View::Raw => "raw",
        };
        let parts = [
            ("view", Some(view.to_owned())),
            ("cursor", wanted.cursor.map(String::from)),
            ("bytes_max", wanted.bytes_max.map(|bytes| bytes.to_string())),
            ("tail", wanted.tail.map(|lines| lines.to_string())),
            ("unsettled", wanted.unsettled.then(|| "true".to_owned())),
        ];
        let path = format!("{}{}", task_path(id, "/output"), query(&parts));
        let answer = self.exchange(&reading(Method::GET, path.clone())).await?;
        let (cursor, ended, gone) = place_after(&answer)?;
        let unsettled = header(&answer, "x-axiom-unsettled").and_then(|text| text.parse().ok());
        let blocks = header(&answer, "x-axiom-blocks").map_or(Ok(Vec::new()), serde_json::from_str);
        let blocks = blocks.map_err(|source| ClientError::Answer { path, source })?;
        Ok(OutputPart { bytes: answer.body, cursor, ended, gone, unsettled, blocks })
    }

    /// Reads frames that are there, about so many bytes of them and at least one; does not wait for more.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn frames(
        &mut self,
        id: &str,
        cursor: Cursor,
        bytes_max: u64,
    ) -> Result<FramesPart, ClientError> {
        let parts =
            [("cursor", Some(cursor.to_string())), ("bytes_max", Some(bytes_max.to_string()))];
        let path = format!("{}{}", task_path(id, "/frames"), query(&parts));
        let answer = self.exchange(&reading(Method::GET, path)).await?;
        let (cursor, ended, gone) = place_after(&answer)?;
        Ok(FramesPart { bytes: answer.body, cursor, ended, gone })
    }

    /// The picture of a task's terminal.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn screen(
        &mut self,
        id: &str,
        wanted: ScreenRequest,
    ) -> Result<ScreenAnswer, ClientError> {
        let at = wanted.at.map(|at| at.to_string());
        let wish = |wanted: bool| wanted.then(|| "true".to_owned());
        let parts = [("dump", wish(wanted.dump)), ("model", wish(wanted.model)), ("at", at)];
        self.get(&format!("{}{}", task_path(id, "/screen"), query(&parts))).await
    }

    /// Types.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn input(
        &mut self,
        id: &str,
        mut request: InputRequest,
    ) -> Result<CommandAnswer, ClientError> {
        request.id.get_or_insert_with(new_command_id);
        self.post(&task_path(id, "/input"), &request, (Repeat::Safe, ANSWER_WAIT)).await
    }

    /// Interrupts.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn interrupt(
        &mut self,
        id: &str,
        mut request: InterruptRequest,
    ) -> Result<CommandAnswer, ClientError> {
        request.id.get_or_insert_with(new_command_id);
        self.post(&task_path(id, "/interrupt"), &request, (Repeat::Safe, ANSWER_WAIT)).await
    }

    /// Resizes.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn resize(
        &mut self,
        id: &str,
        request: &ResizeRequest,
    ) -> Result<CommandAnswer, ClientError> {
        self.post(&task_path(id, "/resize"), request, (Repeat::Safe, ANSWER_WAIT)).await
    }

    /// Freezes every process of the task.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn suspend(&mut self, id: &str) -> Result<CommandAnswer, ClientError> {
        let request = PlainRequest { id: Some(new_command_id()) };
        self.post(&task_path(id, "/suspend"), &request, (Repeat::Safe, ANSWER_WAIT)).await
    }

    /// Lets them run again.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn resume(&mut self, id: &str) -> Result<CommandAnswer, ClientError> {
        let request = PlainRequest { id: Some(new_command_id()) };
        self.post(&task_path(id, "/resume"), &request, (Repeat::Safe, ANSWER_WAIT)).await
    }

    /// Stops the task and its whole tree; answers once the kernel confirms.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn stop(
        &mut self,
        id: &str,
        mut request: StopRequest,
    ) -> Result<CommandAnswer, ClientError> {
        request.id.get_or_insert_with(new_command_id);
        // Three rungs, each with its grace.
        let graces = Duration::from_millis(request.grace_ms.unwrap_or(0).saturating_mul(3));
        let wait = STOP_WAIT.saturating_add(graces);
        self.post(&task_path(id, "/stop"), &request, (Repeat::Safe, wait)).await
    }

    /// Waits for the end, for as long as the server holds the request.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn wait(
        &mut self,
        id: &str,
        request: WaitRequest,
    ) -> Result<WaitAnswer, ClientError> {
        // The server holds it for 50 s at most.
        let wait = ANSWER_WAIT + Duration::from_secs(50);
        self.post(&task_path(id, "/wait"), &request, (Repeat::Safe, wait)).await
    }

    /// Removes an ended task and all that is kept of it.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn remove(&mut self, id: &str) -> Result<RemoveAnswer, ClientError> {
        // Once it is gone, a repetition would find nothing and call that a failure.
        let call = Call { repeat: Repeat::Unsafe, ..reading(Method::DELETE, task_path(id, "")) };
        let answer = self.exchange(&call).await?;
        parse(&call.path, &answer)
    }

    /// Removes ended tasks.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn prune(&mut self, request: &PruneRequest) -> Result<RemoveAnswer, ClientError> {
        self.post("/api/v1/prune", request, (Repeat::Unsafe, STOP_WAIT)).await
    }

    /// How the server stands.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn status(&mut self) -> Result<ServerStatus, ClientError> {
        self.get("/api/v1/status").await
    }

    /// Ends the server; tasks run on unless they are to be stopped.
    ///
    /// # Errors
    /// [`ClientError`], as every call.
    pub async fn shutdown(
        &mut self,
        request: &ShutdownRequest,
    ) -> Result<ShutdownAnswer, ClientError> {
        self.post("/api/v1/shutdown", request, (Repeat::Unsafe, STOP_WAIT)).await
    }

    async fn get<A: DeserializeOwned>(&mut self, path: &str) -> Result<A, ClientError> {
        let answer = self.exchange(&reading(Method::GET, path.to_owned())).await?;
        parse(path, &answer)
    }

    async fn post<A: DeserializeOwned>(
        &mut self,
        path: &str,
        request: &impl Serialize,
        (repeat, wait): (Repeat, Duration),
    ) -> Result<A, ClientError> {
        let body = serde_json::to_vec(request).expect("a request is always JSON");
        let body = Some(body.into());
        let call = Call { method: Method::POST, path: path.to_owned(), body, repeat, wait };
        let answer = self.exchange(&call).await?;
        parse(path, &answer)
    }
}

/// Where a reader of bytes goes on, whether nothing will come there, and what is gone before the bytes.
fn place_after(answer: &Answer) -> Result<(Cursor, bool, Option<Gone>), Fault> {
    let header = |name: &str| header(answer, name);
    let Some(cursor) = header("x-axiom-cursor").and_then(|text| text.parse().ok()) else {
        return Err(Fault::new(
            ErrorCode::VersionMismatch,
            "the server's answer names no cursor to go on from",
            "`axiom shutdown`, then try again: tasks run on, and this version's server starts",
        ));
    };
    let gone = header("x-axiom-gone").and_then(|text| text.parse().ok());
    Ok((cursor, header("x-axiom-ended") == Some("true"), gone))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).and_then(|value| value.to_str().ok())
}

fn reading(method: Method, path: String) -> Call {
    Call { method, path, body: None, repeat: Repeat::Safe, wait: ANSWER_WAIT }
}

fn parse<A: DeserializeOwned>(path: &str, answer: &Answer) -> Result<A, ClientError> {
    serde_json::from_slice(&answer.body)
        .map_err(|source| ClientError::Answer { path: path.to_owned(), source })
}

fn task_path(id: &str, rest: &str) -> String {
    format!("/api/v1/tasks/{}{rest}", encoded(id))
}

fn query(parts: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in parts {
        let Some(value) = value else { continue };
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(&format!("{name}={}", encoded(value)));
    }
    text
}

/// Percent-encodes all but what is safe anywhere in a path or a query.
fn encoded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_a_path() {
        assert_eq!(
            task_path("a/../b ?#é", "/stop"),
            "/api/v1/tasks/a%2F%2E%2E%2Fb%20%3F%23%C3%A9/stop"
        );
        assert_eq!(task_path("..", ""), "/api/v1/tasks/%2E%2E");
    }

    #[test]
    fn only_what_is_given_stands_in_the_query() {
        assert_eq!(query(&[("a", None), ("b", None)]), "");
        let parts = [("a", None), ("b", Some("1:2".to_owned())), ("c", Some("x&y".to_owned()))];
        assert_eq!(query(&parts), "?b=1%3A2&c=x%26y");
    }
}
