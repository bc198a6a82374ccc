//! Output as bytes: the body is what the child printed, its text, or whole frames; where to go on stands in the headers.

use axiom_proto::api::{CodeBlock, View};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_server::{FramesRequest, Operations, OutputRequest, Wording};
use axum::Extension;
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
const LINE: HeaderName = HeaderName::from_static("x-axiom-line");
const UNSETTLED: HeaderName = HeaderName::from_static("x-axiom-unsettled");
const BLOCKS: HeaderName = HeaderName::from_static("x-axiom-blocks");

/// Bytes of a task, and where to go on.
type Piece = ([(HeaderName, &'static str); 1], AppendHeaders<Vec<(HeaderName, String)>>, Bytes);

/// `?view=text|raw&cursor=…&bytes_max=…&tail=N&unsettled=true`.
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
    #[serde(default)]
    unsettled: bool,
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
        ("unsettled" = Option<bool>, Query, description = "Also lines that may still change, as if nothing more came; the cursor stays before them. Text of a task on a terminal only."),
    ),
    responses((
        status = OK,
        description = "The bytes.",
        content((String = "text/plain"), (Vec<u8> = "application/octet-stream")),
        headers(
            ("x-axiom-cursor" = Cursor, description = "Where to go on."),
            ("x-axiom-ended" = bool, description = "True if nothing more will come."),
            ("x-axiom-gone" = String, description = "`FROM-TO`: these bytes of output were asked for and are no longer kept. Absent mostly."),
            ("x-axiom-line" = u64, description = "The number of the first line, where lines are numbered: text of a task on a terminal."),
            ("x-axiom-unsettled" = u64, description = "How many lines at the end may still change, where `unsettled` asked for them and all before them are there."),
            ("x-axiom-blocks" = String, description = "JSON: the code blocks that end in these lines or are open behind them, each with `language`, `first_line`, `last_line`, `finished`. Absent where there is none."),
        )
    ))
)]
pub(super) async fn read(
    Extension(operations): Extension<Operations>,
    Extension(visit): Extension<Visit>,
    Named(id): Named,
    Queried(query): Queried<OutputQuery>,
) -> Result<Piece, Refusal> {
    let OutputQuery { view, cursor, bytes_max, tail, unsettled } = query;
    let wording = if unsettled { Wording::Unsettled } else { Wording::Settled };
    let room = visit.door.piece(bytes_max).await?;
    let request = OutputRequest { view, cursor, bytes_max, tail, wording };
    let answer = operations.output(&id, &request).await?;
    let kind = match view {
        View::Text => "text/plain; charset=utf-8",
        View::Raw => "application/octet-stream",
    };
    let (kind, AppendHeaders(mut headers), bytes) =
        piece(kind, (answer.cursor, answer.ended, answer.gone), room.hold(answer.bytes.into()));
    headers.extend(answer.unsettled.map(|lines| (UNSETTLED, lines.to_string())));
    if let Some(lines) = answer.lines {
        headers.push((LINE, lines.first.to_string()));
        if !lines.blocks.is_empty() {
            headers.push((BLOCKS, told_blocks(&lines.blocks)));
        }
    }
    Ok((kind, AppendHeaders(headers), bytes))
}

/// JSON of nothing but ASCII: a header has no other characters.
fn told_blocks(blocks: &[CodeBlock]) -> String {
    let json = serde_json::to_string(blocks).expect("strings and numbers make JSON");
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
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
    Extension(operations): Extension<Operations>,
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

fn piece(
    kind: &'static str,
    (cursor, ended, gone): (Cursor, bool, Option<Gone>),
    bytes: Bytes,
) -> Piece {
    let mut headers = vec![(CURSOR, cursor.to_string()), (ENDED, ended.to_string())];
    headers.extend(gone.map(|gone| (GONE, gone.to_string())));
    // In the place of the kind that bytes have by themselves, not beside it.
    ([(CONTENT_TYPE, kind)], AppendHeaders(headers), bytes)
}
