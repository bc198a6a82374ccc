//! The fleet and the server itself: prune, status, shutdown, health.

use axiom_proto::api::{PruneRequest, RemoveAnswer, ServerStatus, ShutdownAnswer, ShutdownRequest};
use axiom_server::{Caller, METRICS_CONTENT_TYPE, Operations};
use axum::Extension;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answered;
use crate::asked::Asked;
use crate::json::Json;
use crate::refusal::Refusal;

/// `GET /healthz`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    status: &'static str,
    version: String,
}

/// Whether the server is well. Needs no token.
#[utoipa::path(get, path = "/healthz", tag = "about", responses((status = OK, description = "It is.", body = Health)))]
pub(super) async fn health(Extension(operations): Extension<Operations>) -> Json<Health> {
    Json(Health { status: "ok", version: operations.version().to_owned() })
}

/// What operators measure, as Prometheus reads it.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "about",
    responses((status = OK, description = "Figures.", body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(
    Extension(operations): Extension<Operations>,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    Ok(([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], operations.metrics().await?))
}

/// Removes ended tasks.
#[utoipa::path(
    post,
    path = "/prune",
    tag = "fleet",
    request_body = PruneRequest,
    responses((status = OK, description = "What was removed.", body = RemoveAnswer))
)]
pub(super) async fn prune(
    Extension(operations): Extension<Operations>,
    Asked(request): Asked<PruneRequest>,
) -> Answered<RemoveAnswer> {
    Ok(Json(operations.prune(request).await?))
}

/// How the server and its home stand.
#[utoipa::path(get, path = "/status", tag = "fleet", responses((status = OK, description = "How they stand.", body = ServerStatus)))]
pub(super) async fn status(Extension(operations): Extension<Operations>) -> Answered<ServerStatus> {
    Ok(Json(operations.status().await?))
}

/// Ends the server in order. Tasks run on, unless they are to be stopped.
#[utoipa::path(
    post,
    path = "/shutdown",
    tag = "fleet",
    request_body = ShutdownRequest,
    responses((status = OK, description = "It is leaving.", body = ShutdownAnswer))
)]
pub(super) async fn shutdown(
    Extension(operations): Extension<Operations>,
    Extension(caller): Extension<Caller>,
    Asked(request): Asked<ShutdownRequest>,
) -> Answered<ShutdownAnswer> {
    Ok(Json(operations.shutdown(&caller, request).await?))
}
