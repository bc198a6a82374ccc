//! Events as they happen, as server-sent events: from now on, or from a place that a listener has reached before.
//! Nothing is queued here: what a slow listener has not read stays in the log.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axiom_proto::api::EventsRequest;
use axiom_proto::event::{Event, EventId, EventMessage, Happening};
use axiom_proto::fault::Fault;
use axiom_proto::id::{GroupId, TaskId};
use axiom_server::{Listener, Operations};
use axum::Extension;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use crate::asked::{Queried, invalid};
use crate::door::Visit;
use crate::refusal::Refusal;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A listener that hears nothing else hears this often that it is still connected. What stands between us and a browser
/// closes what is silent for a minute, or half of one.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Sent first: how soon a browser comes back after the end of a stream, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

const PING: &str = ": still here\n\n";

/// Events are sent together up to so many bytes: a listener that catches up takes few turns.
const BATCH_BYTES: usize = 64 * 1024;

/// Events as they happen. Each is one line of JSON; `/events.schema.json` describes it. The place to go on after is its id.
/// Besides come `head` (all that was missed has been sent) and `reset` (begin anew with this).
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(
        ("last-event-id" = Option<EventId>, Header, description = "Go on after this event; goes before `after`."),
        ("after" = Option<EventId>, Query, description = "Go on after this event; from now on where absent."),
        ("task" = Option<String>, Query, description = "Only of these tasks: whole ids, by comma."),
        ("tag" = Option<String>, Query, description = "Only of tasks with this tag."),
        ("parent" = Option<TaskId>, Query, description = "Only of children of this task."),
        ("group" = Option<GroupId>, Query, description = "Only of tasks of this group."),
    ),
    responses((status = OK, description = "Events, for ever.", body = String, content_type = "text/event-stream"))
)]
pub(super) async fn listen(
    Extension(operations): Extension<Operations>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    Queried(mut request): Queried<EventsRequest>,
) -> Result<Response, Refusal> {
    if let Some(after) = last_event_id(&headers)? {
        request.after = Some(after);
    }
    let listener = operations.events(&request)?;
    let stream = EventStream {
        listener,
        ended: operations.ended(),
        ping_at: Instant::now() + PING_EVERY,
        stage: Stage::Beginning,
        _place: visit.door.listener()?,
    };
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(stream.pieces())).into_response())
}

/// The header by which browsers go on. Empty where a browser has no place yet.
fn last_event_id(headers: &HeaderMap) -> Result<Option<EventId>, Refusal> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    if text.is_empty() {
        return Ok(None);
    }
    let refused = |error| invalid(format!("last-event-id: {error}"), "take one from a stream");
    text.parse().map(Some).map_err(refused)
}

/// How far a stream is.
enum Stage {
    Beginning,
    Listening,
    Over,
}

/// One listener's stream.
struct EventStream {
    listener: Listener,
    ended: watch::Receiver<bool>,
    ping_at: Instant,
    stage: Stage,
    _place: OwnedSemaphorePermit,
}

impl EventStream {
    fn pieces(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut stream| async {
            let piece = stream.next().await?;
            Some((Ok(piece), stream))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        match self.stage {
            Stage::Beginning => {
                self.stage = Stage::Listening;
                return Some(Bytes::from_static(RETRY.as_bytes()));
            }
            Stage::Listening => {}
            Stage::Over => return None,
        }
        let message = tokio::select! {
            biased;
            _ = self.ended.wait_for(|ended| *ended) => return None,
            message = self.listener.next() => message,
            () = sleep_until(self.ping_at) => {
                self.ping_at = Instant::now() + PING_EVERY;
                return Some(Bytes::from_static(PING.as_bytes()));
            }
        };
        self.ping_at = Instant::now() + PING_EVERY;
        let mut text = String::new();
        self.tell(&mut text, message);
        while text.len() < BATCH_BYTES && matches!(self.stage, Stage::Listening) {
            let Some(message) = self.listener.next().now_or_never() else { break };
            self.tell(&mut text, message);
        }
        Some(text.into())
    }

    /// A stream that has begun can say only in itself that it failed.
    fn tell(&mut self, text: &mut String, message: Result<EventMessage, Fault>) {
        match message {
            Ok(message) => write_message(text, &message),
            Err(error) => {
                self.stage = Stage::Over;
                let event = Event::new(now_ms(), Happening::Error { error });
                write_message(text, &EventMessage::Event(Box::new(event)));
            }
        }
    }
}

#[derive(Serialize)]
struct Head {
    id: EventId,
}

fn write_message(text: &mut String, message: &EventMessage) {
    match message {
        EventMessage::Event(event) => write_lines(text, (event.id, None), event),
        EventMessage::Reset(reset) => write_lines(text, (Some(reset.id), Some("reset")), reset),
        EventMessage::Head { id } => {
            write_lines(text, (Some(*id), Some("head")), &Head { id: *id });
        }
    }
}

/// JSON has no line break outside its strings, and escapes those inside: one `data` line holds it.
fn write_lines(
    text: &mut String,
    (id, kind): (Option<EventId>, Option<&str>),
    data: &impl Serialize,
) {
    if let Some(id) = id {
        writeln!(text, "id: {id}").expect("a string takes all");
    }
    if let Some(kind) = kind {
        writeln!(text, "event: {kind}").expect("a string takes all");
    }
    let data = axiom_proto::json::to_string(data);
    writeln!(text, "data: {data}\n").expect("a string takes all");
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use axiom_proto::event::{Reset, ResetReason};

    use super::*;

    const ID: &str = "0123456789abcdef-7";

    fn written(message: &EventMessage) -> String {
        let mut text = String::new();
        write_message(&mut text, message);
        text
    }

    #[test]
    fn an_event_is_its_id_and_one_line_of_json() {
        let cause = "two\nlines\r\n".to_owned();
        let mut event = Event::new(1, Happening::TaskStopping { cause });
        event.id = Some(ID.parse().unwrap());
        let text = written(&EventMessage::Event(Box::new(event)));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("id: {ID}"));
        assert!(lines[1].starts_with("data: {") && lines[1].contains(r"two\nlines\r\n"), "{text}");
        assert_eq!(lines[2..], [""]);
    }

    #[test]
    fn what_has_no_place_has_no_id_and_what_is_no_event_has_a_name() {
        let text = written(&EventMessage::Event(Box::new(Event::new(1, Happening::LinkAway))));
        assert!(text.starts_with("data: "), "{text}");
        let id = ID.parse().unwrap();
        let text = written(&EventMessage::Head { id });
        assert_eq!(text, format!("id: {ID}\nevent: head\ndata: {{\"id\":\"{ID}\"}}\n\n"));
        let reset = Reset { reason: ResetReason::TooOld, id, events: Vec::new() };
        let text = written(&EventMessage::Reset(reset));
        assert!(text.starts_with(&format!("id: {ID}\nevent: reset\ndata: {{\"reason\"")), "{text}");
    }

    #[test]
    fn a_last_event_id_is_one_or_none() {
        let ask = |text: &'static str| {
            last_event_id(&HeaderMap::from_iter([(LAST_EVENT_ID, text.parse().unwrap())]))
        };
        assert_eq!(ask(ID).unwrap(), Some(ID.parse().unwrap()));
        assert_eq!(ask("").unwrap(), None);
        assert_eq!(last_event_id(&HeaderMap::new()).unwrap(), None);
        assert!(ask("7").is_err());
    }
}
