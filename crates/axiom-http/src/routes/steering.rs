//! What is done to a running task: input, interrupt, resize, suspend, resume, stop.

use axiom_proto::api::{
    CommandAnswer, InputRequest, InterruptRequest, PlainRequest, ResizeRequest, StopRequest,
};

use super::Answered;
use crate::asked::{ID, Order};
use crate::json::Json;

/// Types into a task.
#[utoipa::path(
    post,
    path = "/tasks/{id}/input",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = InputRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn input(order: Order<InputRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.input(&caller, &id, request).await?))
}

/// Interrupts a task, as the interrupt key would.
#[utoipa::path(
    post,
    path = "/tasks/{id}/interrupt",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = InterruptRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn interrupt(order: Order<InterruptRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.interrupt(&caller, &id, request).await?))
}

/// Gives a task's terminal another size.
#[utoipa::path(
    post,
    path = "/tasks/{id}/resize",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = ResizeRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn resize(order: Order<ResizeRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.resize(&caller, &id, request).await?))
}

/// Freezes a task's processes.
#[utoipa::path(
    post,
    path = "/tasks/{id}/suspend",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = PlainRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn suspend(order: Order<PlainRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.suspend(&caller, &id, request).await?))
}

/// Lets them run again.
#[utoipa::path(
    post,
    path = "/tasks/{id}/resume",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = PlainRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn resume(order: Order<PlainRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.resume(&caller, &id, request).await?))
}

/// Ends a task and its whole tree; answers once the kernel confirms it, or with what is left.
#[utoipa::path(
    post,
    path = "/tasks/{id}/stop",
    tag = "steering",
    params(("id" = String, Path, description = ID)),
    request_body = StopRequest,
    responses((status = OK, description = "What came of it.", body = CommandAnswer))
)]
pub(super) async fn stop(order: Order<StopRequest>) -> Answered<CommandAnswer> {
    let Order { operations, caller, id, request } = order;
    Ok(Json(operations.stop(&caller, &id, request).await?))
}
