//! What every request passes: it gets an id, its faults get a body, and a panic in it harms no other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axiom_proto::fault::{ErrorCode, Fault};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::refusal::Refusal;

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

/// The outermost layer.
pub(crate) async fn stamp(State(ids): State<RequestIds>, request: Request, next: Next) -> Response {
    let id = ids.next();
    let what = format!("{} {}", request.method(), request.uri().path());
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = response.unwrap_or_else(|_| bug().into_response());
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        log(&id, &what, refusal.fault());
        response = refusal.render(&id);
    }
    let value = HeaderValue::from_str(&id).expect("an id is made of hexadecimal digits");
    response.headers_mut().insert("x-request-id", value);
    response
}

fn log(id: &str, what: &str, fault: &Fault) {
    if fault.code == ErrorCode::Internal {
        tracing::error!(request = id, "{what} failed: {}", fault.message);
    } else {
        tracing::debug!(request = id, code = ?fault.code, "{what} refused: {}", fault.message);
    }
}

fn bug() -> Refusal {
    let hint = "this is a bug: the server's log has the place, under this request's id";
    Fault::new(ErrorCode::Internal, "the request ended in a panic", hint).into()
}
