//! What the stream says of a task besides its output: that it runs, waits, was stepped in, ended. Values only; the pages
//! say them in words or in JSON.

use axiom_proto::cursor::Gone;
use axiom_proto::fault::ErrorCode;
use axiom_proto::record::Verdict;
use axiom_proto::task::{Mode, Size, Status};

use super::Millis;
use crate::conclusion::Conclusion;

/// One thing that happened to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// Its child runs, since so long where it ran before we came.
    Running {
        pid: Option<u32>,
        mode: Mode,
        size: Option<Size>,
        since: Option<Millis>,
    },
    Suspended,
    Resumed,
    Stopping {
        cause: String,
    },
    /// Its output is not read for the moment, for this reason.
    Paused {
        reason: String,
    },
    Unpaused,
    /// It has printed nothing for so long.
    Idle {
        silent: Millis,
    },
    /// It waits for its turn since so long.
    Waiting {
        since: Millis,
    },
    Gap {
        bytes_max: u64,
        certain: bool,
    },
    /// Output that is no longer kept.
    NotKept(Gone),
    /// Its holder is dead; it runs on.
    Unguarded,
    /// A full-screen program draws, whose text has no lines.
    FullScreen,
    Intervention(Intervention),
    Ended(Ended),
}

/// One action on a task, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intervention {
    pub(super) number: u64,
    pub(super) action: &'static str,
    pub(super) author: String,
    pub(super) cause: String,
    pub(super) request_id: String,
    pub(super) verdict: Verdict,
    pub(super) code: Option<ErrorCode>,
    pub(super) detail: String,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) conclusion: Conclusion,
    pub(super) took: Option<Millis>,
    /// True where the signal that ended it was asked for, by a person or a rule.
    pub(super) interrupted: bool,
}

impl Ended {
    /// The word that people see.
    pub(super) fn word(&self) -> &'static str {
        match self.conclusion.status() {
            Status::Succeeded => "COMPLETED",
            Status::Stopped => "STOPPED",
            Status::Lost => "LOST",
            Status::Failed if self.interrupted => "INTERRUPTED",
            Status::Failed
            | Status::Queued
            | Status::Starting
            | Status::Running
            | Status::Suspended
            | Status::Stopping => "FAILED",
        }
    }
}
