//! The one place where our errors become the faults that outsiders see: code, sentence and hint.
//! Decides nothing else. What names a path of the home or a cause is told; a task's bytes never are.

use std::io;

use axiom_hub::OutOfOrder;
use axiom_journal::JournalError;
use axiom_proto::fault::{ErrorCode, Fault};

use crate::record::RecordError;
use crate::roster::FindError;
use crate::validation::SpecRefused;

/// The text of an error and of what caused it.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

pub(crate) fn of_find(error: &FindError) -> Fault {
    match error {
        FindError::NotFound { .. } => Fault::new(
            ErrorCode::TaskNotFound,
            error.to_string(),
            "list the tasks with: axiom ps --all",
        ),
        FindError::Ambiguous { .. } => {
            Fault::new(ErrorCode::AmbiguousId, error.to_string(), "give an id, or more of it")
        }
    }
}

pub(crate) fn of_spec(error: &SpecRefused) -> Fault {
    Fault::new(ErrorCode::InvalidArgument, error.to_string(), "")
}

pub(crate) fn of_record(error: &RecordError) -> Fault {
    match error {
        RecordError::Io { source, .. } => of_io(source, sentence(error)),
        RecordError::Json { .. }
        | RecordError::Newer { .. }
        | RecordError::OtherTask { .. }
        | RecordError::HalfMade { .. } => Fault::new(ErrorCode::Internal, sentence(error), ""),
    }
}

/// A failure of the file system.
pub(crate) fn of_io(error: &io::Error, text: String) -> Fault {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return disk_full(text);
    }
    Fault::new(ErrorCode::Internal, text, "axiom doctor looks at the home")
}

pub(crate) fn disk_full(text: String) -> Fault {
    let hint = "make room: axiom prune removes ended tasks; axiom status shows the limit";
    Fault::new(ErrorCode::DiskFull, text, hint)
}

pub(crate) fn of_journal(error: &JournalError) -> Fault {
    let text = sentence(error);
    match error {
        JournalError::Gone { .. } | JournalError::Beyond { .. } => {
            Fault::new(ErrorCode::InvalidArgument, text, "take a cursor from an earlier answer")
        }
        JournalError::Header { .. } | JournalError::Damaged { .. } => Fault::new(
            ErrorCode::Internal,
            text,
            "the rest can be read with a later cursor; axiom doctor --journal shows the damage",
        ),
        JournalError::Io { source, .. } => of_io(source, text),
        JournalError::Missing { .. }
        | JournalError::Exists { .. }
        | JournalError::OtherSession { .. }
        | JournalError::Lock(_) => Fault::new(ErrorCode::Internal, text, ""),
    }
}

pub(crate) fn of_order(error: OutOfOrder) -> Fault {
    Fault::new(ErrorCode::Internal, error.to_string(), "axiom doctor --journal checks the journal")
}

pub(crate) fn leaving() -> Fault {
    Fault::new(
        ErrorCode::Unavailable,
        "the server is shutting down",
        "ask again: the next request starts a new one",
    )
}

/// Whoever asked has gone before it was begun: read by nobody but the log.
pub(crate) fn abandoned() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the asker has gone; nothing was done", "")
}
