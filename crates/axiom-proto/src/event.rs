//! Events: what happens in a fleet, one table for `/events`, `--json`, hooks and webhooks; docs/http.md has it for people.
//! An event that is kept has an id; ids of one log rise by one. Never holds what was typed, nor an environment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cursor::Cursor;
use crate::fault::{ErrorCode, Fault};
use crate::frame::{Offset, Seq};
use crate::id::{EventLogId, TaskId};
use crate::record::{Exit, Failure, Limit, Verdict};
use crate::task::{Mode, Size, Status};

/// An event's place in a server's log, opaque to whoever carries it: the log's id, a hyphen, the event's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId {
    /// The log: another one after the old one was deleted.
    pub log: EventLogId,
    /// The event's number, from 1. 0 is the place before the first one.
    pub number: u64,
}

/// Why a text is not an event's id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an event's id: take one from an earlier event")]
pub struct EventIdError {
    /// What was given.
    pub text: String,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.log, self.number)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let refuse = || EventIdError { text: text.chars().take(64).collect() };
        let (log, number) = text.split_once('-').ok_or_else(refuse)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        let log = log.parse().map_err(|_| refuse())?;
        Ok(Self { log, number: number.parse().map_err(|_| refuse())? })
    }
}

impl TryFrom<String> for EventId {
    type Error = EventIdError;

    fn try_from(text: String) -> Result<Self, EventIdError> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

/// What kind of thing an event tells of: the field `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventClass {
    /// A task printed.
    Output,
    /// A task, or its link, stands otherwise than before.
    Status,
    /// Somebody acted on a task.
    Intervention,
    /// How far a task is.
    Progress,
    /// A file changed.
    File,
    /// Something failed.
    Error,
    /// A class of a newer version.
    #[serde(other)]
    Unknown,
}

/// What a session has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stats {
    /// From its child's start to now, or to its end.
    pub duration_ms: u64,
    /// Output bytes.
    pub bytes: Offset,
    /// Output lines; one whose end was never printed counts.
    pub lines: u64,
    /// Interventions, typing and resizing not counted.
    pub interventions: u64,
}

/// Which of a child's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// The terminal, or standard output.
    Output,
    /// Standard error; with pipes only.
    ErrorOutput,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// Where to go on after it. Absent where the event is not kept: output, progress, statistics, a reset's snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// Its class.
    #[serde(rename = "type")]
    pub class: EventClass,
    /// When it happened, Unix milliseconds.
    pub time_ms: u64,
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The task's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The session's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// The frame that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The request that caused it, where one did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

impl Event {
    /// An event of no task yet, of the class that its happening has.
    #[must_use]
    pub fn new(time_ms: u64, happening: Happening) -> Self {
        Self {
            id: None,
            class: happening.class(),
            time_ms,
            task: None,
            name: None,
            session: None,
            seq: None,
            request_id: String::new(),
            happening,
        }
    }
}

/// What happened: the field `event`, and the fields that belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "event")]
pub enum Happening {
    /// A task was asked for.
    #[serde(rename = "task.queued")]
    TaskQueued {
        /// What it runs, as people would type it; empty where an older version says nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        command: String,
        /// Its place among the commands of one `run --each`, or among the tasks spawned with it, from 0.
        #[serde(default)]
        index: u32,
    },
    /// Its child runs.
    #[serde(rename = "task.started")]
    TaskStarted {
        /// The child.
        pid: u32,
        /// Terminal or pipes.
        mode: Mode,
        /// The terminal's size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
    },
    /// Its processes are frozen.
    #[serde(rename = "task.suspended")]
    TaskSuspended,
    /// They run again.
    #[serde(rename = "task.resumed")]
    TaskResumed,
    /// A stop begins.
    #[serde(rename = "task.stopping")]
    TaskStopping {
        /// Why.
        cause: String,
    },
    /// Its output is not read for the moment, so that it waits: the disk is full.
    #[serde(rename = "task.paused")]
    TaskPaused {
        /// Why.
        reason: String,
    },
    /// Its output is read again.
    #[serde(rename = "task.unpaused")]
    TaskUnpaused,
    /// It has printed nothing for a while. Once for each silence.
    #[serde(rename = "task.idle")]
    TaskIdle {
        /// How long the silence was when it was noticed.
        idle_ms: u64,
    },
    /// How it stands; not kept, and only for tasks that printed.
    #[serde(rename = "task.stats")]
    TaskStats {
        /// The figures.
        stats: Stats,
    },
    /// How far it says it is; not kept, made by those who read its output.
    #[serde(rename = "task.progress")]
    TaskProgress {
        /// 0 to 100.
        percent: u8,
    },
    /// It has ended.
    #[serde(rename = "task.ended")]
    TaskEnded {
        /// As what: succeeded, failed or stopped.
        status: Status,
        /// Why.
        cause: String,
        /// How its child ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
        /// Why its child never started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// The limit that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Limit>,
        /// The figures at its end.
        stats: Stats,
    },
    /// Its holder and worker died; nothing is known of the child.
    #[serde(rename = "task.lost")]
    TaskLost {
        /// What was found.
        cause: String,
        /// The last known figures.
        stats: Stats,
    },
    /// No task of the home is unfinished any more.
    #[serde(rename = "tasks.all_ended")]
    TasksAllEnded {
        /// How many ended since there were none before.
        ended: u64,
    },
    /// Somebody acted on a task, and this came of it.
    #[serde(rename = "intervention")]
    Intervention {
        /// Its number in the session, from 1. Typing counts here.
        number: u64,
        /// What: `interrupt`, `suspend`, `stop`, …; `type` for typed input, whose text is never told.
        action: String,
        /// Who.
        author: String,
        /// Why, where it was said.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cause: String,
        /// What came of it.
        verdict: Verdict,
        /// Why it was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ErrorCode>,
        /// Bytes that the terminal took.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<u64>,
        /// What there is to say.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// Output may be missing here.
    #[serde(rename = "gap")]
    Gap {
        /// At most so much.
        bytes_max: u64,
        /// True if it is known that something is missing.
        certain: bool,
    },
    /// Output that was asked for and is no longer kept: what follows comes after it.
    #[serde(rename = "gone")]
    Gone {
        /// The first byte that was asked for.
        from: Offset,
        /// The first byte that is kept.
        to: Offset,
    },
    /// The server lost its link to the task's worker.
    #[serde(rename = "link.away")]
    LinkAway,
    /// It has it again.
    #[serde(rename = "link.back")]
    LinkBack,
    /// The task printed; only in streams of output, never in `/events`.
    #[serde(rename = "task.output")]
    TaskOutput {
        /// Where.
        stream: OutputStream,
        /// The text, without anything that acts on a terminal.
        text: String,
        /// Where to go on after it.
        cursor: Cursor,
    },
    /// Something failed; in streams that have begun and can answer in no other way.
    #[serde(rename = "error")]
    Error {
        /// What.
        error: Fault,
    },
    /// An event of a newer version.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Happening {
    /// Its class.
    #[must_use]
    pub fn class(&self) -> EventClass {
        match self {
            Self::TaskQueued { .. }
            | Self::TaskStarted { .. }
            | Self::TaskSuspended
            | Self::TaskResumed
            | Self::TaskStopping { .. }
            | Self::TaskPaused { .. }
            | Self::TaskUnpaused
            | Self::TaskIdle { .. }
            | Self::TaskEnded { .. }
            | Self::TaskLost { .. }
            | Self::TasksAllEnded { .. }
            | Self::Gap { .. }
            | Self::Gone { .. }
            | Self::LinkAway
            | Self::LinkBack => EventClass::Status,
            Self::TaskStats { .. } | Self::TaskProgress { .. } => EventClass::Progress,
            Self::Intervention { .. } => EventClass::Intervention,
            Self::TaskOutput { .. } => EventClass::Output,
            Self::Error { .. } => EventClass::Error,
            Self::Unknown => EventClass::Unknown,
        }
    }

    /// The name that is sent, as in the field `event`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::TaskQueued { .. } => "task.queued",
            Self::TaskStarted { .. } => "task.started",
            Self::TaskSuspended => "task.suspended",
            Self::TaskResumed => "task.resumed",
            Self::TaskStopping { .. } => "task.stopping",
            Self::TaskPaused { .. } => "task.paused",
            Self::TaskUnpaused => "task.unpaused",
            Self::TaskIdle { .. } => "task.idle",
            Self::TaskStats { .. } => "task.stats",
            Self::TaskProgress { .. } => "task.progress",
            Self::TaskEnded { .. } => "task.ended",
            Self::TaskLost { .. } => "task.lost",
            Self::TasksAllEnded { .. } => "tasks.all_ended",
            Self::Intervention { .. } => "intervention",
            Self::Gap { .. } => "gap",
            Self::Gone { .. } => "gone",
            Self::LinkAway => "link.away",
            Self::LinkBack => "link.back",
            Self::TaskOutput { .. } => "task.output",
            Self::Error { .. } => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// What a listener is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventMessage {
    /// The next event.
    Event(Box<Event>),
    /// What the listener asked to go on after cannot be gone on after: forget what is known, and begin with this.
    Reset(Reset),
    /// Everything up to here was sent; what follows happens now. Go on after this id if nothing else comes.
    Head {
        /// The newest event, whether it was for this listener or not.
        id: EventId,
    },
}

/// Why a listener has to begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// Its id is of another log: that one was deleted, or belonged to another home.
    OtherLog,
    /// The events after its id are not kept any more.
    TooOld,
    /// Its id is newer than the newest event: the log lost its end in a power cut.
    TooNew,
}

/// The beginning of a new picture: how every task stands. It is whole: nothing before it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// The newest event that the snapshot knows of: go on after it.
    pub id: EventId,
    /// The events that describe each known task's present state, oldest task first; none has an id.
    pub events: Vec<Event>,
}

#[cfg(test)]
mod tests;
