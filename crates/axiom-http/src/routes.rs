//! Which path is which operation. One file for each group; every answer is the operation's own, as JSON.

mod control;
mod fleet;
mod output;
mod tasks;

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::Operations;
use axum::Json;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::door::enter;
use crate::live;
use crate::refusal::Refusal;
use crate::requests::{RequestIds, stamp};

/// An answer as JSON, or a fault.
type Answered<T> = Result<Json<T>, Refusal>;

pub(crate) fn router(operations: Operations) -> Router {
    let api = Router::new()
        .route("/tasks", post(tasks::spawn).get(tasks::list))
        .route("/tasks/{id}", get(tasks::show).delete(tasks::remove))
        .route("/tasks/{id}/output", get(output::read))
        .route("/tasks/{id}/wait", post(tasks::wait))
        .route("/tasks/{id}/input", post(control::input))
        .route("/tasks/{id}/interrupt", post(control::interrupt))
        .route("/tasks/{id}/resize", post(control::resize))
        .route("/tasks/{id}/suspend", post(control::suspend))
        .route("/tasks/{id}/resume", post(control::resume))
        .route("/tasks/{id}/stop", post(control::stop))
        .route("/prune", post(fleet::prune))
        .route("/status", get(fleet::status))
        .route("/shutdown", post(fleet::shutdown))
        .route("/live", get(live::upgrade));
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(fleet::health))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(operations)
        .layer(from_fn(enter))
        .layer(from_fn_with_state(RequestIds::new(), stamp))
}

async fn unknown_path(uri: Uri) -> Refusal {
    let message = format!("nothing is at {}", uri.path());
    let fault = Fault::new(ErrorCode::InvalidArgument, message, "the API is under /api/v1");
    Refusal::with_status(fault, StatusCode::NOT_FOUND)
}

async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    let message = format!("{} does not take {method}", uri.path());
    let fault = Fault::new(ErrorCode::InvalidArgument, message, "");
    Refusal::with_status(fault, StatusCode::METHOD_NOT_ALLOWED)
}
