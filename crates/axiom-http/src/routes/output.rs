//! Output as bytes: the body is what the child printed, or its text; where to go on stands in the headers.

use axiom_proto::api::View;
use axiom_proto::cursor::Cursor;
use axiom_server::{Operations, OutputRequest};
use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;

use crate::asked::Queried;
use crate::refusal::Refusal;

const CURSOR: HeaderName = HeaderName::from_static("x-axiom-cursor");
const ENDED: HeaderName = HeaderName::from_static("x-axiom-ended");

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

pub(super) async fn read(
    State(operations): State<Operations>,
    Path(id): Path<String>,
    Queried(OutputQuery { view, cursor, bytes_max, tail }): Queried<OutputQuery>,
) -> Result<impl IntoResponse, Refusal> {
    let request = OutputRequest { view, cursor, bytes_max, tail };
    let answer = operations.output(&id, &request).await?;
    let kind = match view {
        View::Text => "text/plain; charset=utf-8",
        View::Raw => "application/octet-stream",
    };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CURSOR, answer.cursor.to_string()),
        (ENDED, answer.ended.to_string()),
    ];
    Ok((headers, answer.bytes))
}
