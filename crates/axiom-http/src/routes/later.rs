//! Routes whose place is taken and whose work comes later: they say so, so that a client can tell them from a mistake.

use axiom_proto::fault::{ErrorCode, Fault};

use crate::refusal::Refusal;

/// Answers what a blocked task asks. Not built yet.
#[utoipa::path(post, path = "/tasks/{id}/answer", tag = "later", params(("id" = String, Path)))]
pub(super) async fn answer() -> Refusal {
    not_built("questions", "POST /api/v1/tasks/{id}/input types the answer")
}

/// Where workers on other machines dial in. Not built yet.
#[utoipa::path(get, path = "/link", tag = "later")]
pub(super) async fn link() -> Refusal {
    not_built("workers on other machines", "POST /api/v1/tasks starts tasks on this one")
}

fn not_built(what: &str, hint: &str) -> Refusal {
    let message = format!("this version knows nothing of {what}");
    Fault::new(ErrorCode::NotSupported, message, hint).into()
}
