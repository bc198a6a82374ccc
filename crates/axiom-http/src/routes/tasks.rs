//! Tasks: spawn, list, show, wait, remove.

use axiom_proto::api::{
    ListRequest, RemoveAnswer, SpawnAnswer, TaskDetail, TaskList, WaitAnswer, WaitRequest,
};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{GroupId, TaskId};
use axiom_proto::task::TaskSpec;
use axiom_server::{Caller, Operations};
use axum::Extension;
use axum::http::StatusCode;

use super::Answered;
use crate::asked::{Asked, ID, Named, Queried};
use crate::json::Json;
use crate::refusal::Refusal;

/// Starts tasks: answers once they are written down, and waits for none of them.
#[utoipa::path(
    post,
    path = "/tasks",
    tag = "tasks",
    request_body = TaskSpec,
    responses((status = CREATED, description = "They are written down.", body = SpawnAnswer))
)]
pub(super) async fn spawn(
    Extension(operations): Extension<Operations>,
    Extension(caller): Extension<Caller>,
    Asked(spec): Asked<TaskSpec>,
) -> Result<(StatusCode, Json<SpawnAnswer>), Refusal> {
    let answer = operations.spawn(&caller, spec).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Tasks, oldest first, page by page.
#[utoipa::path(
    get,
    path = "/tasks",
    tag = "tasks",
    params(
        ("status" = Option<String>, Query, description = "Only of these statuses, by comma."),
        ("tag" = Option<String>, Query, description = "Only with this tag."),
        ("parent" = Option<TaskId>, Query, description = "Only children of this task."),
        ("group" = Option<GroupId>, Query, description = "Only of this group."),
        ("after" = Option<TaskId>, Query, description = "Only those after this one: the `after` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many."),
    ),
    responses((status = OK, description = "A page.", body = TaskList))
)]
pub(super) async fn list(
    Extension(operations): Extension<Operations>,
    Queried(request): Queried<ListRequest>,
) -> Answered<TaskList> {
    Ok(Json(operations.list(&request).await?))
}

/// Everything about one task.
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    tag = "tasks",
    params(("id" = String, Path, description = ID)),
    responses((status = OK, description = "The task.", body = TaskDetail))
)]
pub(super) async fn show(
    Extension(operations): Extension<Operations>,
    Named(id): Named,
) -> Answered<TaskDetail> {
    Ok(Json(operations.show(&id).await?))
}

/// Waits for a task's end, for a bounded time: `ended` says which it was.
#[utoipa::path(
    post,
    path = "/tasks/{id}/wait",
    tag = "tasks",
    params(("id" = String, Path, description = ID)),
    request_body = WaitRequest,
    responses((status = OK, description = "The task, ended or not.", body = WaitAnswer))
)]
pub(super) async fn wait(
    Extension(operations): Extension<Operations>,
    Named(id): Named,
    Asked(request): Asked<WaitRequest>,
) -> Answered<WaitAnswer> {
    let mut ended = operations.ended();
    tokio::select! {
        answer = operations.wait(&id, request) => Ok(Json(answer?)),
        _ = ended.wait_for(|ended| *ended) => {
            let hint = "wait again: the next server knows the task";
            Err(Fault::new(ErrorCode::Unavailable, "the server leaves; tasks run on", hint).into())
        }
    }
}

/// Removes an ended task and all that is kept of it. A name that several tasks have, ended or not, is refused with their
/// ids.
#[utoipa::path(
    delete,
    path = "/tasks/{id}",
    tag = "tasks",
    params(("id" = String, Path, description = ID)),
    responses((status = OK, description = "What was removed.", body = RemoveAnswer))
)]
pub(super) async fn remove(
    Extension(operations): Extension<Operations>,
    Named(id): Named,
) -> Answered<RemoveAnswer> {
    Ok(Json(operations.remove(&id).await?))
}
