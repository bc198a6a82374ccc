//! What was asked (the task's record, in task.json) and how tasks are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bytestring::ByteString;
use crate::cursor::Cursor;
use crate::frame::Offset;
use crate::id::{GroupId, TaskId};
use crate::record::{Exit, Failure, Limit};

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    /// Where nobody says: wide enough for build output, small enough for any screen.
    fn default() -> Self {
        Self { cols: 120, rows: 40 }
    }
}

/// What the child's standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One real terminal.
    #[default]
    Terminal,
    /// Three pipes; output and error stay apart.
    Pipes,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its turn.
    Queued,
    /// Its holder is being started.
    Starting,
    /// Its child runs.
    Running,
    /// Its processes are frozen.
    Suspended,
    /// A stop is under way.
    Stopping,
    /// Ended with exit code 0.
    Succeeded,
    /// Ended otherwise, or never started.
    Failed,
    /// Ended because it was stopped.
    Stopped,
    /// Holder and worker died; nothing is known of the child.
    Lost,
}

impl Status {
    /// True where nothing more will happen.
    #[must_use]
    pub fn is_ended(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Lost => true,
            Self::Queued | Self::Starting | Self::Running | Self::Suspended | Self::Stopping => {
                false
            }
        }
    }

    /// The word that is shown and sent.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }

    /// Every status, for help texts and parsing.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Suspended,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Lost,
    ];
}

/// What happens to processes that outlive the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Leftovers {
    /// They are listed and left alone.
    #[default]
    Keep,
    /// They are stopped.
    Stop,
}

/// Hard limits of one task. Reached ones end it, and are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Most output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes_max: Option<u64>,
    /// The task waits, queued, until fewer than so many tasks run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_max: Option<u32>,
}

/// How a session does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// A program on a terminal or on pipes.
    #[default]
    Command,
}

/// How the tasks of a group run: its arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arrange {
    /// Side by side.
    #[default]
    Parallel,
}

impl Arrange {
    /// True where nobody has to say it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_default(&self) -> bool {
        match self {
            Self::Parallel => true,
        }
    }
}

/// What to run and how: the body of `POST /tasks`, and the heart of task.json.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// How the work is done.
    #[serde(default)]
    pub executor: Executor,
    /// Program and arguments. Exactly one of `command` and `shell`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<ByteString>,
    /// A line for `sh -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Working directory; the server's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<ByteString>,
    /// Environment, on top of the server's own, or alone with `clear_env`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, ByteString>,
    /// Start from an empty environment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clear_env: bool,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The task that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
    /// Terminal or pipes.
    #[serde(default)]
    pub mode: Mode,
    /// The terminal's first size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// File mode mask; the server's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Hard limits.
    #[serde(default)]
    pub limits: Limits,
    /// What happens to left-over processes.
    #[serde(default)]
    pub leftovers: Leftovers,
    /// How many of it; each gets AXIOM_INDEX and AXIOM_COUNT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The group to join. Tasks of one spawn make a group of their own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// How the tasks of the group run.
    #[serde(default, skip_serializing_if = "Arrange::is_default")]
    pub arrange: Arrange,
    /// At most so many tasks of the group run at once; the others wait, queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_max: Option<u32>,
    /// The same key and the same request give the same tasks, not new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// `tasks/<id>/task.json`: the truth about what was asked. Written and renamed before anything is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The file's format: [`TASK_RECORD_FORMAT`].
    pub format: u16,
    /// The task.
    pub id: TaskId,
    /// Unix milliseconds.
    pub created_at_ms: u64,
    /// Who asked.
    pub author: String,
    /// The request that asked, as the server's log names it. Absent where an older version asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// Place among tasks spawned together, from 0.
    #[serde(default)]
    pub index: u32,
    /// The group it belongs to: the one asked for, or its spawn's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The task that spawned it, the one that spawned that, and so on: whose subtrees it belongs to, also when one of them is
    /// removed. Absent where an older version asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<TaskId>,
    /// What was asked.
    pub spec: TaskSpec,
}

/// The newest format of task.json.
pub const TASK_RECORD_FORMAT: u16 = 1;

/// What a worker needs to know of its task; opaque to the holder that passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOptions {
    /// The session.
    pub session: crate::id::SessionId,
    /// Hard limits.
    pub limits: Limits,
    /// What happens to left-over processes.
    pub leftovers: Leftovers,
    /// Below so many free bytes, reading pauses.
    pub disk_min_free_bytes: u64,
}

/// One of a task's status changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusChange {
    /// Unix milliseconds.
    pub at_ms: u64,
    /// What it became.
    pub status: Status,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
}

/// A process as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProcessNote {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub ppid: u32,
    /// Its name.
    pub name: String,
    /// The kernel's state letter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
}

/// The link between server and worker, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LinkView {
    /// No session has been started yet, or it is over.
    None,
    /// The worker is linked.
    Connected,
    /// The worker is not linked since then.
    Away {
        /// Unix milliseconds.
        since_ms: u64,
    },
}

/// A task as every face shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Why it stands there, where there is more to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// What runs, as people would type it.
    pub command: String,
    /// Its working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<ByteString>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Its place among the tasks spawned with it, from 0.
    #[serde(default)]
    pub index: u32,
    /// The request that asked for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// Terminal or pipes.
    pub mode: Mode,
    /// The terminal's size now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Session number, 0 before the first.
    pub session: u32,
    /// The link to its worker.
    pub link: LinkView,
    /// False while its holder is dead and it runs on.
    pub guarded: bool,
    /// Why its output stands still, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// The child's process id while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The worker's process id while it is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_pid: Option<u32>,
    /// The holder's process id while it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_pid: Option<u32>,
    /// How the child ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Why the child never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The limit that was reached. It ended the task, but for one of output that was reached as the task ended by itself: then
    /// `exit` has a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// When it was asked for, Unix milliseconds.
    pub created_at_ms: u64,
    /// When its session started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<u64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// Output bytes.
    pub bytes: Offset,
    /// Output lines; one whose end was never printed counts.
    pub lines: u64,
    /// Interventions.
    pub interventions: u64,
    /// Gaps in the output.
    pub gaps: u64,
    /// Where the next reader of new output starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
