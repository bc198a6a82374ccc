//! The screen that a task's output makes.

use axiom_proto::api::{ScreenAnswer, ScreenRequest};
use axiom_proto::cursor::Cursor;
use axiom_server::Operations;
use axum::Extension;

use super::Answered;
use crate::asked::{ID, Named, Queried};
use crate::json::Json;

/// The picture that a task's output makes, as rows of text with the cursor: now, or at any place of the output. Made from the
/// journal, from the last keyframe on.
#[utoipa::path(
    get,
    path = "/tasks/{id}/screen",
    tag = "output",
    params(
        ("id" = String, Path, description = ID),
        ("at" = Option<Cursor>, Query, description = "As it was at this place; now where absent."),
        ("dump" = Option<bool>, Query, description = "With the bytes that draw it in a fresh terminal of the same size."),
        ("model" = Option<bool>, Query, description = "With the bytes from which a model of a terminal goes on exactly."),
    ),
    responses((status = OK, description = "The picture.", body = ScreenAnswer))
)]
pub(super) async fn look(
    Extension(operations): Extension<Operations>,
    Named(id): Named,
    Queried(request): Queried<ScreenRequest>,
) -> Answered<ScreenAnswer> {
    Ok(Json(operations.screen(&id, request).await?))
}
