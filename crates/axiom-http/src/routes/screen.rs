//! The screen that a task's output makes.

use axiom_proto::api::{ScreenAnswer, ScreenRequest};
use axiom_server::Operations;
use axum::Json;
use axum::extract::State;

use super::Answered;
use crate::asked::{ID, Named, Queried};

/// The picture that a task's output makes, as rows of text with the cursor. Made from the journal: a task that has printed a
/// gigabyte takes seconds at the first look, and little at the next.
#[utoipa::path(
    get,
    path = "/tasks/{id}/screen",
    tag = "output",
    params(
        ("id" = String, Path, description = ID),
        ("dump" = Option<bool>, Query, description = "With the bytes that draw it in a fresh terminal of the same size."),
    ),
    responses((status = OK, description = "The picture.", body = ScreenAnswer))
)]
pub(super) async fn look(
    State(operations): State<Operations>,
    Named(id): Named,
    Queried(request): Queried<ScreenRequest>,
) -> Answered<ScreenAnswer> {
    Ok(Json(operations.screen(&id, request).await?))
}
