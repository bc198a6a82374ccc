//! Screen: the picture that a task's output makes, as rows of text with the cursor; where it is asked for also as bytes that
//! draw it in a terminal of the same size, and do nothing else to it.

use std::sync::Arc;

use axiom_proto::api::{ScreenAnswer, ScreenCursor, ScreenRequest};
use axiom_proto::bytestring::ByteString;
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::{Mode, Size};
use axiom_screen::{Sanitizer, Screen};
use tracing::debug;

use crate::background::beside;
use crate::fault;
use crate::feed::check_session;
use crate::fleet::Fleet;
use crate::kept;
use crate::screens::{Live, catch_up, look_back};
use crate::task::{FIRST_SESSION, Task};

pub(super) async fn screen(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    request: ScreenRequest,
) -> Result<ScreenAnswer, Fault> {
    if task.record.spec.mode == Mode::Pipes {
        let message = "the task runs on pipes: it has no screen";
        let hint = "its output has all there is: GET /api/v1/tasks/{id}/output, axiom logs";
        return Err(Fault::new(ErrorCode::NotSupported, message, hint));
    }
    if let Some(at) = request.at {
        check_session(at)?;
    }
    let _place = fleet.screens.makers.acquire().await.expect("nobody closes it");
    let (fleet, task) = (fleet.clone(), task.clone());
    beside(move || {
        let head = task.announced().head.unwrap_or_default();
        let live = match request.at {
            Some(at) => kept::read(|| look_back(&task, at, head)),
            None => {
                let kept = || catch_up(&task, fleet.screens.take(task.id()), head);
                kept::read(kept).map(|live| (live, None))
            }
        };
        let (live, gone) = live.map_err(|error| fault::of_journal(&error))?;
        debug!(task = %task.id(), frames = live.frames_read, "made a screen");
        let answer = answer(&live, gone, request);
        if request.at.is_none() {
            fleet.screens.keep(task.id(), live);
        }
        Ok(answer)
    })
    .await
}

fn answer(live: &Live, gone: Option<Gone>, request: ScreenRequest) -> ScreenAnswer {
    let here =
        Cursor { session: FIRST_SESSION, offset: live.offset, seq: Some(live.next), line: None };
    let asked = request.at.filter(|at| at.seq.is_none() && gone.is_none());
    let (size, view) = (live.screen.size(), live.screen.view());
    ScreenAnswer {
        size: Size { cols: size.columns(), rows: size.rows() },
        rows: view.rows.into_iter().map(|row| row.text).collect(),
        cursor: ScreenCursor {
            row: view.cursor.row,
            column: view.cursor.column,
            shown: view.cursor.shown,
        },
        title: view.title,
        alternate: view.alternate,
        at: asked.unwrap_or(here),
        gone,
        dump: request.dump.then(|| ByteString(harmless_dump(&live.screen))),
        model: request.model.then(|| ByteString(live.screen.dump())),
    }
}

fn harmless_dump(screen: &Screen) -> Vec<u8> {
    let mut bytes = Vec::new();
    Sanitizer::new().feed(&screen.dump(), &mut bytes);
    bytes
}
