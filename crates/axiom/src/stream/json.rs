//! The stream as one JSON object a line: an [`Event`] of output, status, intervention, progress or error.
//! Output is text in which nothing acts on a terminal, with the cursor after it. Pure.

use std::collections::BTreeMap;

use axiom_proto::cursor::Cursor;
use axiom_proto::cursor::Gone;
use axiom_proto::event::{Event, Happening, OutputStream};
use axiom_proto::frame::{FrameKind, Header, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::task::Status;
use axiom_server::text::TextFilter;

use super::Millis;
use super::notice::{Ended, Intervention, Notice};
use super::row::Row;

/// The events so far, as lines.
#[derive(Debug, Default)]
pub(super) struct Events {
    filters: BTreeMap<(TaskId, bool), TextFilter>,
    text: String,
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// A task is in the stream; `place` is its place in `run --each`.
    pub(super) fn queued(&mut self, row: &Row, place: Option<usize>) {
        let index = place.and_then(|place| u32::try_from(place).ok()).unwrap_or(row.view.index);
        let happening = Happening::TaskQueued { command: row.view.command.clone(), index };
        self.push(Some(row), row.view.created_at_ms, None, happening);
    }

    /// A task printed.
    pub(super) fn output(&mut self, row: &Row, at: Millis, header: &Header, payload: &[u8]) {
        let error = header.kind == FrameKind::ErrorOutput;
        let mut text = String::new();
        self.filters.entry((row.task, error)).or_default().push(payload, &mut text);
        if text.is_empty() {
            return;
        }
        let stream = if error { OutputStream::ErrorOutput } else { OutputStream::Output };
        let (offset, seq) = (header.offset_after(), Some(header.seq.next()));
        let cursor = Cursor { session: row.view.session.max(1), offset, seq, line: None };
        let happening = Happening::TaskOutput { stream, text, cursor };
        self.push(Some(row), at, Some(header.seq), happening);
    }

    /// Something else happened to a task.
    pub(super) fn notice(&mut self, row: &Row, at: Millis, seq: Option<Seq>, notice: Notice) {
        let request_id = if let Notice::Intervention(acted) = &notice {
            acted.request_id.clone()
        } else {
            String::new()
        };
        if let Some(happening) = happening(row, at, notice) {
            self.push_of(Some(row), at, (seq, request_id), happening);
        }
    }

    /// Something happened, to this task or to the whole.
    pub(super) fn push(
        &mut self,
        row: Option<&Row>,
        at: Millis,
        seq: Option<Seq>,
        happening: Happening,
    ) {
        self.push_of(row, at, (seq, String::new()), happening);
    }

    fn push_of(
        &mut self,
        row: Option<&Row>,
        at: Millis,
        (seq, request_id): (Option<Seq>, String),
        happening: Happening,
    ) {
        let mut event = Event { seq, request_id, ..Event::new(at, happening) };
        if let Some(row) = row {
            event.task = Some(row.task);
            event.name.clone_from(&row.view.name);
            event.session = Some(row.view.session).filter(|session| *session > 0);
        }
        self.text.push_str(&axiom_proto::json::to_string(&event));
        self.text.push('\n');
    }
}

fn happening(row: &Row, at: Millis, notice: Notice) -> Option<Happening> {
    match notice {
        Notice::Running { pid, mode, size, since: _ } => {
            Some(Happening::TaskStarted { pid: pid.unwrap_or(0), mode, size })
        }
        Notice::Suspended => Some(Happening::TaskSuspended),
        Notice::Resumed => Some(Happening::TaskResumed),
        Notice::Stopping { cause } => Some(Happening::TaskStopping { cause }),
        Notice::Paused { reason } => Some(Happening::TaskPaused { reason }),
        Notice::Unpaused => Some(Happening::TaskUnpaused),
        Notice::Idle { silent } => Some(Happening::TaskIdle { idle_ms: silent }),
        Notice::Gap { bytes_max, certain } => Some(Happening::Gap { bytes_max, certain }),
        Notice::NotKept(Gone { from, to }) => Some(Happening::Gone { from, to }),
        Notice::Intervention(acted) => Some(intervention(acted)),
        Notice::Ended(ended) => Some(end(row, at, &ended)),
        // For eyes only: programs were told that it is queued when it came.
        Notice::Waiting { .. } | Notice::Unguarded | Notice::FullScreen => None,
    }
}

fn intervention(acted: Intervention) -> Happening {
    let Intervention { number, action, author, cause, verdict, code, detail, .. } = acted;
    let action = action.to_owned();
    Happening::Intervention { number, action, author, cause, verdict, code, accepted: None, detail }
}

fn end(row: &Row, at: Millis, ended: &Ended) -> Happening {
    let (conclusion, stats) = (&ended.conclusion, row.stats(at));
    let cause = conclusion.cause().to_owned();
    if conclusion.status() == Status::Lost {
        return Happening::TaskLost { cause, stats };
    }
    Happening::TaskEnded {
        status: conclusion.status(),
        cause,
        exit: conclusion.exit(),
        failure: conclusion.failure().cloned(),
        limit: conclusion.limit(),
        stats,
    }
}
