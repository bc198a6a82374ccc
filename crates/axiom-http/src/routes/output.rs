//! Output as bytes: the body is what the child printed, its text, or whole frames; where to go on stands in the headers.

use axiom_proto::api::View;
use axiom_proto::cursor::{Cursor, Gone};
use axiom_server::{FramesRequest, Operations, OutputRequest};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::response::AppendHeaders;
use bytes::Bytes;
use serde::Deserialize;

use crate::asked::{ID, Named, Queried};
use crate::door::Visit;
use crate::refusal::Refusal;

const CURSOR: HeaderName = HeaderName::from_static("x-axiom-cursor");
const ENDED: HeaderName = HeaderName::from_static("x-axiom-ended");
const GONE: HeaderName = HeaderName::from_static("x-axiom-gone");

/// Bytes of a task, and where to go on.
type Piece = (AppendHeaders<Vec<(HeaderName, String)>>, Bytes);

/// `?view=text|raw&cursor=…&bytes_max=…&tail=N`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputQuery {
    #[serde(default)]
    view: View,
    #[serde(default)]
    cursor: Option<Cursor>,
    #[serde(default)]
    bytes_max: Option<u64>,
    #[serde(default)]
    tail: Option<u64>,
}

/// `?cursor=…&bytes_max=…`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FramesQuery {
    #[serde(default)]
    cursor: Option<Cursor>,
    #[serde(default)]
    bytes_max: Option<u64>,
}

/// A piece of a task's output, or of its text. Where to go on stands in a header.
#[utoipa::path(
    get,
    path = "/tasks/{id}/output",
    tag = "output",
    params(
        ("id" = String, Path, description = ID),
        ("view" = Option<View>, Query, description = "`text` (the default) has no escapes; `raw` is what was printed."),
        ("cursor" = Option<Cursor>, Query, description = "Go on here; from the start where absent."),
        ("bytes_max" = Option<u64>, Query, description = "At most so many bytes of output."),
        ("tail" = Option<u64>, Query, description = "Only so many last lines."),
    ),
    responses((
        status = OK,
        description = "The bytes.",
        content((String = "text/plain"), (Vec<u8> = "application/octet-stream")),
        headers(
            ("x-axiom-cursor" = Cursor, description = "Where to go on."),
            ("x-axiom-ended" = bool, description = "True if nothing more will come."),
            ("x-axiom-gone" = String, description = "`FROM-TO`: these bytes of output were asked for and are no longer kept. Absent mostly."),
        )
    ))
)]
pub(super) async fn read(
    State(operations): State<Operations>,
    Extension(visit): Extension<Visit>,
    Named(id): Named,
    Queried(OutputQuery { view, cursor, bytes_max, tail }): Queried<OutputQuery>,
) -> Result<Piece, Refusal> {
    let room = visit.door.piece(bytes_max).await?;
    let request = OutputRequest { view, cursor, bytes_max, tail };
    let answer = operations.output(&id, &request).await?;
    let kind = match view {
        View::Text => "text/plain; charset=utf-8",
        View::Raw => "application/octet-stream",
    };
    Ok(piece(kind, (answer.cursor, answer.ended, answer.gone), room.hold(answer.bytes.into())))
}

/// A piece of a task's journal: whole frames, back to back, as docs/journal.md describes them.
#[utoipa::path(
    get,
    path = "/tasks/{id}/frames",
    tag = "output",
    params(
        ("id" = String, Path, description = ID),
        ("cursor" = Option<Cursor>, Query, description = "Go on here; from the start where absent."),
        ("bytes_max" = Option<u64>, Query, description = "About so many bytes, but at least one frame."),
    ),
    responses((
        status = OK,
        description = "The frames.",
        content((Vec<u8> = "application/octet-stream")),
        headers(
            ("x-axiom-cursor" = Cursor, description = "Where to go on."),
            ("x-axiom-ended" = bool, description = "True if nothing more will come."),
            ("x-axiom-gone" = String, description = "`FROM-TO`: these bytes of output were asked for and are no longer kept. Absent mostly."),
        )
    ))
)]
pub(super) async fn frames(
    State(operations): State<Operations>,
    Extension(visit): Extension<Visit>,
    Named(id): Named,
    Queried(FramesQuery { cursor, bytes_max }): Queried<FramesQuery>,
) -> Result<Piece, Refusal> {
    let room = visit.door.piece(bytes_max).await?;
    let answer = operations.frames(&id, FramesRequest { cursor, bytes_max }).await?;
    Ok(piece(
        "application/octet-stream",
        (answer.cursor, answer.ended, answer.gone),
        room.hold(answer.bytes),
    ))
}

fn piece(kind: &str, (cursor, ended, gone): (Cursor, bool, Option<Gone>), bytes: Bytes) -> Piece {
    let mut headers = vec![
        (CONTENT_TYPE, kind.to_owned()),
        (CURSOR, cursor.to_string()),
        (ENDED, ended.to_string()),
    ];
    headers.extend(gone.map(|gone| (GONE, gone.to_string())));
    (AppendHeaders(headers), bytes)
}
