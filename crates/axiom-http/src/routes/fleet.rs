//! The fleet and the server itself: prune, status, shutdown, health.

use axiom_proto::api::{PruneRequest, RemoveAnswer, ServerStatus, ShutdownAnswer, ShutdownRequest};
use axiom_server::{Caller, Operations};
use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;

use super::Answered;
use crate::asked::Asked;

/// `GET /healthz`.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: String,
}

pub(super) async fn health(State(operations): State<Operations>) -> Json<Health> {
    Json(Health { status: "ok", version: operations.version().to_owned() })
}

pub(super) async fn prune(
    State(operations): State<Operations>,
    Asked(request): Asked<PruneRequest>,
) -> Answered<RemoveAnswer> {
    Ok(Json(operations.prune(request).await?))
}

pub(super) async fn status(State(operations): State<Operations>) -> Answered<ServerStatus> {
    Ok(Json(operations.status().await?))
}

pub(super) async fn shutdown(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Asked(request): Asked<ShutdownRequest>,
) -> Answered<ShutdownAnswer> {
    Ok(Json(operations.shutdown(&caller, request).await?))
}
