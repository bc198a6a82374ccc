//! What is done to a running task: input, interrupt, resize, suspend, resume, stop.

use axiom_proto::api::{
    CommandAnswer, InputRequest, InterruptRequest, PlainRequest, ResizeRequest, StopRequest,
};
use axiom_server::{Caller, Operations};
use axum::extract::{Path, State};
use axum::{Extension, Json};

use super::Answered;
use crate::asked::Asked;

pub(super) async fn input(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<InputRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.input(&caller, &id, request).await?))
}

pub(super) async fn interrupt(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<InterruptRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.interrupt(&caller, &id, request).await?))
}

pub(super) async fn resize(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<ResizeRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.resize(&caller, &id, request).await?))
}

pub(super) async fn suspend(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<PlainRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.suspend(&caller, &id, request).await?))
}

pub(super) async fn resume(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<PlainRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.resume(&caller, &id, request).await?))
}

pub(super) async fn stop(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Asked(request): Asked<StopRequest>,
) -> Answered<CommandAnswer> {
    Ok(Json(operations.stop(&caller, &id, request).await?))
}
