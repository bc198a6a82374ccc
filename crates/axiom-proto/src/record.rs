//! Records: what happened in a session besides output, as JSON in frames of kind `Record`, and the note of an `Input` frame.
//! Unknown records are kept and passed on, never refused.

use serde::{Deserialize, Serialize};

use crate::command::Action;
use crate::fault::ErrorCode;
use crate::frame::Offset;
use crate::id::CommandId;
use crate::summary::Summary;
use crate::task::{Mode, ProcessNote, Size};

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody was there to see, and the kernel does not tell.
    Unknown,
}

impl Exit {
    /// Reads the kernel's wait status.
    #[must_use]
    pub fn of_wait_status(status: i32) -> Self {
        let signal = status & 0x7f;
        if signal == 0 { Self::Code((status >> 8) & 0xff) } else { Self::Signal(signal) }
    }

    /// What a shell would report: the code, or 128 + signal.
    #[must_use]
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
            Self::Unknown => 125,
        }
    }
}

/// The step of a start that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// No terminal or pipe could be had.
    Pty,
    /// The working directory.
    Cwd,
    /// The session's cgroup.
    Cgroup,
    /// The program itself.
    Exec,
    /// A process could not be made.
    Fork,
    /// The holder could not be started.
    Holder,
}

/// Why a child never started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Failure {
    /// The step.
    pub stage: Stage,
    /// The kernel's error number.
    pub errno: i32,
    /// The same for people.
    pub message: String,
    /// What `run` exits with: 127 not found, 126 not executable (or no terminal or
    /// working directory for it), else 125.
    pub exit_code: i32,
}

/// A task's limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `timeout_ms`.
    Timeout,
    /// `output_bytes_max`.
    Output,
}

/// Who writes the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterRole {
    /// The session's worker.
    Worker,
    /// The server, closing the journal of a lost session.
    Server,
}

/// What came before this writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// Nothing: the session starts.
    Start,
    /// A worker that left in order.
    Handover,
    /// A worker that was killed.
    Crash,
}

/// Why output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputEnd {
    /// Every writer closed it.
    Closed,
    /// The child had been dead for two seconds and others still held it open.
    HeldOpen,
    /// The session was lost.
    Lost,
}

/// Why a writer closed the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The next worker goes on.
    Handover,
    /// Nothing more will come.
    Ended,
}

/// How processes were frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeMeans {
    /// By the cgroup's freezer.
    Cgroup,
    /// By SIGSTOP to each.
    Signals,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was done.
    Applied,
    /// It was not done.
    Refused,
    /// The worker died between intent and outcome.
    Unknown,
}

impl Verdict {
    /// The word that is sent.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a command, with what there is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outcome {
    /// The command.
    pub id: CommandId,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was refused, as faces tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Input bytes that the terminal took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<u64>,
    /// What there is to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Processes that are still there after a stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<ProcessNote>,
}

impl Outcome {
    /// It was done.
    #[must_use]
    pub fn applied(id: CommandId) -> Self {
        let (detail, left) = (String::new(), Vec::new());
        Self { id, verdict: Verdict::Applied, code: None, accepted: None, detail, left }
    }

    /// It was not done.
    #[must_use]
    pub fn refused(id: CommandId, code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { verdict: Verdict::Refused, code: Some(code), detail, ..Self::applied(id) }
    }

    /// Nobody can say.
    #[must_use]
    pub fn unknown(id: CommandId) -> Self {
        let detail = "the worker died between intent and outcome; look before repeating it";
        Self { verdict: Verdict::Unknown, detail: detail.to_owned(), ..Self::applied(id) }
    }
}

/// A command as it is journaled before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The command.
    pub id: CommandId,
    /// Who asked.
    pub author: String,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// The request that asked, as the server's log names it. Absent where an older version asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// What.
    pub action: Action,
}

/// The JSON part of an `Input` frame; the bytes follow it, unless they are hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputNote {
    /// The command.
    pub id: CommandId,
    /// Who typed.
    pub author: String,
    /// The request that asked, as the server's log names it. Absent where an older version asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// How many bytes.
    pub len: u64,
    /// True where only the length is kept: the terminal was asking for a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Where the terminal itself typed: it answers all questions in the output before this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Offset>,
}

/// The author of what the terminal answers by itself.
pub const TERMINAL: &str = "terminal";

impl InputNote {
    /// Of the terminal's own answers to everything that was asked before a place. Nobody waits for an outcome, so the id only
    /// tells it from others.
    #[must_use]
    pub fn of_answers(until: Offset, len: u64) -> Self {
        let mut id = [0; 10];
        id[2..].copy_from_slice(&until.0.to_be_bytes());
        Self {
            id: CommandId::from_random(id),
            author: TERMINAL.to_owned(),
            request_id: String::new(),
            len,
            hidden: false,
            answers: Some(until),
        }
    }
}

/// What happened besides output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// A writer begins.
    Opened {
        /// Its epoch.
        epoch: u64,
        /// Worker or server.
        role: WriterRole,
        /// Its process.
        pid: u32,
        /// Its version.
        version: String,
        /// What came before.
        after: After,
    },
    /// The child runs.
    Started {
        /// Its process.
        pid: u32,
        /// Terminal or pipes.
        mode: Mode,
        /// The terminal's size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
    },
    /// The child could not be started.
    StartFailed(Failure),
    /// The holder is dead; the worker goes on without it.
    Unguarded,
    /// Output may be missing here.
    Gap {
        /// At most so much.
        bytes_max: u64,
        /// True if it is known that something is missing.
        certain: bool,
    },
    /// The terminal has a new size.
    Resized {
        /// The size.
        size: Size,
    },
    /// A command is about to be carried out.
    Intent(Intent),
    /// What became of a command.
    Outcome(Outcome),
    /// A stop begins.
    Stopping {
        /// Why.
        cause: String,
    },
    /// The processes are frozen.
    Suspended {
        /// How.
        means: FreezeMeans,
        /// Those that were stopped before; a resume leaves them so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        already_stopped: Vec<u32>,
    },
    /// The processes run again.
    Resumed,
    /// A limit is reached; a stop follows.
    LimitReached {
        /// Which.
        limit: Limit,
    },
    /// The child's input is closed.
    InputClosed,
    /// Reading stands still.
    Paused {
        /// Why.
        reason: String,
    },
    /// Reading goes on.
    Unpaused,
    /// The child has ended.
    Exited {
        /// How.
        exit: Exit,
    },
    /// No more output will come.
    OutputEnded {
        /// Why.
        reason: OutputEnd,
        /// Who held it open.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held_by: Vec<ProcessNote>,
    },
    /// Processes that outlived the child.
    Leftovers {
        /// Which.
        processes: Vec<ProcessNote>,
        /// True if there are more than are listed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        truncated: bool,
    },
    /// After a stop: every process of the task is gone.
    TreeEmptied,
    /// Holder and worker are dead.
    Lost {
        /// What was found.
        reason: String,
    },
    /// This writer is done.
    Closed {
        /// Why.
        reason: Closing,
    },
    /// Everything derived so far, at the head of each segment, so that recovery reads one segment.
    Summary(Box<Summary>),
    /// A record of a newer version.
    #[serde(other)]
    Unknown,
}

impl Record {
    /// The terminal's size from here on, where this tells it.
    #[must_use]
    pub fn terminal_size(&self) -> Option<Size> {
        if let Self::Resized { size } | Self::Started { size: Some(size), .. } = self {
            return Some(*size);
        }
        if let Self::Summary(summary) = self { summary.size } else { None }
    }

    /// The payload of a `Record` frame.
    ///
    /// # Panics
    /// Never: a record is always JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record is always JSON")
    }

    /// Reads a payload; what is not understood is [`Record::Unknown`].
    #[must_use]
    pub fn decode(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_version_is_kept_as_unknown() {
        assert_eq!(Record::decode(br#"{"type":"teleported","to":[1]}"#), Record::Unknown);
        assert_eq!(Record::decode(b"not json"), Record::Unknown);
    }

    #[test]
    fn wait_statuses_are_read_as_the_kernel_writes_them() {
        assert_eq!(Exit::of_wait_status(3 << 8), Exit::Code(3));
        assert_eq!(Exit::of_wait_status(9), Exit::Signal(9));
        assert_eq!(Exit::of_wait_status(11 | 0x80), Exit::Signal(11));
        assert_eq!(Exit::Signal(9).shell_code(), 137);
    }

    #[test]
    fn records_are_plain_json() {
        let record = Record::Exited { exit: Exit::Code(3) };
        assert_eq!(record.encode(), br#"{"type":"exited","exit":{"code":3}}"#);
        assert_eq!(Record::decode(&record.encode()), record);
    }
}
