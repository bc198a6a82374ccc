//! Tasks: spawn, list, show, wait, remove.

use axiom_proto::api::{
    ListRequest, RemoveAnswer, SpawnAnswer, TaskDetail, TaskList, WaitAnswer, WaitRequest,
};
use axiom_proto::task::TaskSpec;
use axiom_server::{Caller, Operations};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::Answered;
use crate::asked::{Asked, Queried};
use crate::refusal::Refusal;

pub(super) async fn spawn(
    State(operations): State<Operations>,
    Extension(caller): Extension<Caller>,
    Asked(spec): Asked<TaskSpec>,
) -> Result<(StatusCode, Json<SpawnAnswer>), Refusal> {
    let answer = operations.spawn(&caller, spec).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn list(
    State(operations): State<Operations>,
    Queried(request): Queried<ListRequest>,
) -> Answered<TaskList> {
    Ok(Json(operations.list(&request).await?))
}

pub(super) async fn show(
    State(operations): State<Operations>,
    Path(id): Path<String>,
) -> Answered<TaskDetail> {
    Ok(Json(operations.show(&id).await?))
}

pub(super) async fn wait(
    State(operations): State<Operations>,
    Path(id): Path<String>,
    Asked(request): Asked<WaitRequest>,
) -> Answered<WaitAnswer> {
    Ok(Json(operations.wait(&id, request).await?))
}

pub(super) async fn remove(
    State(operations): State<Operations>,
    Path(id): Path<String>,
) -> Answered<RemoveAnswer> {
    Ok(Json(operations.remove(&id).await?))
}
