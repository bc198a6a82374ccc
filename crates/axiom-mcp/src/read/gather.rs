//! A task's output from a cursor to its head, piece by piece into a digest. Of very much only its beginning and its end are
//! looked at, and that is said.

use std::ops::Range;

use axiom_proto::api::View;
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::Fault;
use axiom_proto::frame::Offset;
use axiom_proto::task::TaskView;
use axiom_server::{OutputRequest, Wording};

use crate::call::Call;
use crate::digest::{Digest, Digested, Folding};

/// Bytes that are looked at for one answer: 18 s went into four times as many with an unoptimised server on a busy machine.
/// Of more, the last ones.
const LOOKED_AT_MAX: u64 = 8 * 1024 * 1024;

/// Of more: so many from the beginning.
const BEGINNING_BYTES: u64 = 256 * 1024;

/// The smallest and the largest piece. What is cut is named by the borders of pieces.
const PIECE_BYTES: Range<u64> = 8 * 1024..1024 * 1024;

/// Pieces that all that is looked at is parted into: each is looked for in the journal anew.
const PIECES: u64 = 16;

/// Bytes that a token has at least, about: of what may be longer than the answer, progress is folded.
const BYTES_PER_TOKEN: u64 = 3;

/// What a task printed since a cursor.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) digested: Digested,
    /// Where it begins.
    pub(crate) from: Offset,
    /// Where to go on.
    pub(crate) next: Cursor,
}

pub(crate) async fn gather(
    call: &Call,
    view: &TaskView,
    cursor: Option<Cursor>,
    tokens_max: usize,
) -> Result<Gathered, Fault> {
    let from = cursor.unwrap_or(Cursor::start(1));
    let head = view.bytes.0;
    let new = head.saturating_sub(from.offset.0);
    let folding =
        if new > tokens_max as u64 * BYTES_PER_TOKEN { Folding::Alike } else { Folding::Same };
    let mut digest = Digest::new(tokens_max, folding);
    let id = view.id.to_string();
    let piece_bytes = (new / PIECES).clamp(PIECE_BYTES.start, PIECE_BYTES.end);
    let mut at = from;
    let mut leaps = new > LOOKED_AT_MAX;
    loop {
        let request = OutputRequest {
            view: View::Text,
            cursor: Some(at),
            bytes_max: Some(piece_bytes),
            tail: None,
            wording: Wording::AsPrinted,
        };
        let piece = call.operations.output(&id, &request).await?;
        let text = String::from_utf8_lossy(&piece.bytes);
        digest.push(&text, at.offset.0..piece.cursor.offset.0);
        let stands = piece.cursor.offset == at.offset;
        at = piece.cursor;
        // What is printed while we read is for the next call.
        if stands || at.offset.0 >= head {
            break;
        }
        if leaps && at.offset.0 - from.offset.0 >= BEGINNING_BYTES {
            leaps = false;
            let to = Offset(head - (LOOKED_AT_MAX - BEGINNING_BYTES));
            digest.skip(at.offset.0..to.0);
            at = Cursor { offset: to, seq: None, ..at };
        }
    }
    Ok(Gathered { digested: digest.finish(at.offset.0), from: from.offset, next: at })
}
