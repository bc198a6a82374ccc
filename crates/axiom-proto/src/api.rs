//! Requests and answers of the operations, the same for every face.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bytestring::ByteString;
use crate::cursor::{Cursor, Gone};
use crate::event::EventId;
use crate::id::{CommandId, GroupId, TaskId};
use crate::task::{ProcessNote, Size, Status, StatusChange, TaskView};

/// The largest request body, before it is parsed.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most bytes that one send may type.
pub const INPUT_BYTES_MAX: usize = 1024 * 1024;

/// The most tasks that one spawn may ask for.
pub const COUNT_MAX: u32 = 1000;

/// One spawned task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SpawnedTask {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub status: Status,
}

/// The answer to a spawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SpawnAnswer {
    /// In order.
    pub tasks: Vec<SpawnedTask>,
    /// True where the key had been used before, for the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// `GET /tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// Only these, by comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only children of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
    /// Only tasks of this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Only those after this one, in order of creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TaskId>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Tasks, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskList {
    /// The tasks.
    pub tasks: Vec<TaskView>,
    /// Where to go on, if there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TaskId>,
}

/// `GET /events`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventsRequest {
    /// Go on after this event; from now on where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EventId>,
    /// Only these tasks: whole ids, by comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Only tasks with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only children of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TaskId>,
    /// Only tasks of this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
}

/// `GET /tasks/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskDetail {
    /// The task.
    pub task: TaskView,
    /// Its status changes, oldest first.
    pub history: Vec<StatusChange>,
    /// Its processes while it lives.
    pub processes: Vec<ProcessNote>,
    /// Processes that outlived its child.
    pub leftovers: Vec<ProcessNote>,
    /// Where its session lies.
    pub folder: ByteString,
    /// Of the environment that it was given, what says how its output is meant: `TERM` and `SHELL`. The rest is told to
    /// nobody.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, ByteString>,
    /// What its journal takes on disk; absent before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredView>,
}

/// `GET /tasks/{id}/screen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScreenRequest {
    /// With the bytes that draw it.
    #[serde(default)]
    pub dump: bool,
    /// With the bytes from which a terminal model goes on.
    #[serde(default)]
    pub model: bool,
    /// As it was at this place; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Cursor>,
}

/// The picture that a task's output makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScreenAnswer {
    /// The terminal's size.
    pub size: Size,
    /// All rows from the top, without the blanks at their ends. Harmless to print: no control character, no invisible one.
    pub rows: Vec<String>,
    /// The cursor.
    pub cursor: ScreenCursor,
    /// The window's title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// True while a full-screen program has the alternate page.
    pub alternate: bool,
    /// Of what it is the picture: what follows begins here.
    pub at: Cursor,
    /// The place that was asked for is no longer kept: this is the first picture that can be had. Absent mostly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Bytes that draw it in a fresh terminal of the same size, if they were asked for. They do nothing else to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<ByteString>,
    /// Bytes that bring a model of a terminal of the same size exactly to where the task's is, if they were asked for: what
    /// follows at the cursor has the same effect on both. Not for a terminal that a person has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ByteString>,
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScreenCursor {
    /// From 0, at the top.
    pub row: u16,
    /// From 0, at the left.
    pub column: u16,
    /// Whether it is shown.
    pub shown: bool,
}

/// What a journal takes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoredView {
    /// Bytes of its files.
    pub bytes: u64,
    /// Its segments.
    pub segments: u32,
    /// How many of them are packed.
    pub packed: u32,
    /// Bytes of output at its beginning that are no longer kept.
    #[serde(default)]
    pub gone: u64,
    /// Bytes for each hour that is kept, up to the task's end, or now; absent while that is less than a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_hour: Option<u64>,
}

/// What the bytes of an output answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Text without any escape.
    #[default]
    Text,
    /// The bytes as they were printed.
    Raw,
}

/// A block of code in a task's text, between fences as Markdown has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CodeBlock {
    /// The first word behind the opening fence; empty where there is none.
    pub language: String,
    /// The number of the line with the opening fence.
    pub first_line: u64,
    /// The number of the line with the closing fence, or of the newest line of a block that is not finished.
    pub last_line: u64,
    /// False while its closing fence has not come.
    pub finished: bool,
}

/// `POST /tasks/{id}/input`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InputRequest {
    /// What to type.
    #[serde(default)]
    pub data: ByteString,
    /// Close the input afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub close: bool,
    /// The command's id, so that a repeated request types once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
}

/// `POST /tasks/{id}/interrupt`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InterruptRequest {
    /// Another signal than SIGINT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What to type once it is quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// The command's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
}

/// `POST /tasks/{id}/resize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResizeRequest {
    /// The size.
    pub size: Size,
}

/// `POST /tasks/{id}/stop`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Grace of each rung; 0 kills at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// The command's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
    /// The whole subtree: the task and all that was spawned from within it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subtree: bool,
}

/// `POST /tasks/{id}/suspend` and `…/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlainRequest {
    /// The command's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
}

/// `POST /tasks/{id}/wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WaitRequest {
    /// At most so long; the server's own bound where absent or larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// The answer to a wait: the task, ended or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WaitAnswer {
    /// True if it ended.
    pub ended: bool,
    /// The task.
    pub task: TaskView,
}

/// What a command did, as faces answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandAnswer {
    /// What became of it.
    pub outcome: crate::record::Outcome,
    /// The task afterwards.
    pub task: TaskView,
    /// The tasks below it that were stopped with it, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descendants: Vec<TaskId>,
}

/// `DELETE /tasks/{id}` and prune.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RemoveAnswer {
    /// What was removed.
    pub removed: Vec<TaskId>,
    /// Bytes that were freed.
    pub freed_bytes: u64,
}

/// `POST /prune`: remove ended tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    /// Only those that ended longer ago than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_ms: Option<u64>,
    /// Only with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// `GET /status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServerStatus {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started, Unix milliseconds.
    pub started_at_ms: u64,
    /// Its home.
    pub home: ByteString,
    /// Where it listens besides the socket, for who shows the home's token; none where the port is off, or could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Tasks by status.
    pub tasks: std::collections::BTreeMap<Status, u64>,
    /// How tasks stand when processors are short, and by what means; absent from servers that leave it as it is.
    #[serde(default)]
    pub child_priority: String,
    /// How process trees are kept together: `cgroup`, or why not.
    pub tree: String,
    /// Free bytes on the home's disk, and how many are kept free.
    pub disk_free_bytes: u64,
    /// Below this much, readers pause.
    pub disk_min_free_bytes: u64,
    /// What is wrong at the moment, in sentences.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// `POST /shutdown`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShutdownRequest {
    /// Stop every task first.
    #[serde(default)]
    pub stop_tasks: bool,
}

/// The answer to a shutdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ShutdownAnswer {
    /// Tasks that run on.
    pub running: u64,
    /// Tasks that were stopped.
    pub stopped: u64,
    /// Those that were to be stopped and run on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<TaskId>,
}

/// `run/server.json`: who serves this home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServerNote {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Where it listens besides the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
