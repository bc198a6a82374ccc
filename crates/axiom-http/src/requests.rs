//! What every request passes: it gets an id, its faults get a body, and a panic in it harms no other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axiom_proto::fault::{ErrorCode, Fault};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use tracing::Instrument;

use crate::refusal::Refusal;

/// Asked with, and answered with.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a caller: room for a UUID, or for the id of a trace and of a span.
pub(crate) const ID_BYTES_MAX: usize = 64;

/// Gives out request ids: this server's start and a number, so that ids of two servers' logs do not meet.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    start: u128,
    next: Arc<AtomicU64>,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self { start, next: Arc::default() }
    }

    fn next(&self) -> String {
        format!("{:x}-{:x}", self.start, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// The id of a request: its caller's, or ours.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The outermost layer.
pub(crate) async fn stamp(
    State(ids): State<RequestIds>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = given(request.headers()).unwrap_or_else(|| ids.next());
    let what = described(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id);
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span).await;
    let mut response = response.unwrap_or_else(|_| bug().into_response());
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        log(&id, &what, refusal.fault());
        response = refusal.render(&id);
    }
    let value = HeaderValue::from_str(&id).expect("an id is made of a few plain letters");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, value);
    // What a task printed is for whoever asked, and is never a page or a script.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The caller's own id, where it may stand in a log and in a header. Any other is ignored: it is a convenience.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

/// A request as it may stand in the log: its route, not its path, in which anything may stand that somebody pasted.
fn described(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>().map_or("no route", MatchedPath::as_str);
    format!("{} {route}", request.method())
}

/// The caller is told why it was refused; the log is not: the sentence may quote the request, and so what is to be typed
/// into a task, or its environment.
fn log(id: &str, what: &str, fault: &Fault) {
    if fault.code == ErrorCode::Internal {
        tracing::error!(request = id, "{what} failed: {}", fault.message);
    } else {
        tracing::debug!(request = id, code = fault.code.word(), "{what} refused");
    }
}

fn bug() -> Refusal {
    let hint = "this is a bug: the server's log has the place, under this request's id";
    Fault::new(ErrorCode::Internal, "the request ended in a panic", hint).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_taken_if_it_is_plain() {
        let given = |text: &[u8]| {
            given(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(text).unwrap())]))
        };
        let longest = "a".repeat(ID_BYTES_MAX);
        for id in ["a", "7f-1", "A.b_c-9", &*longest] {
            assert_eq!(given(id.as_bytes()).as_deref(), Some(id));
        }
        let odd = format!("{longest}a");
        for id in [&b""[..], b"a b", b"a\"", b"\xc3\xa4", b"a/b", b"{}", odd.as_bytes()] {
            assert_eq!(given(id), None, "{id:?}");
        }
    }
}
