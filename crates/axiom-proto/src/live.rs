//! The live connection between a client and a server (`/live`): JSON text messages for control,
//! binary messages for frames: `u32 subscription (little endian) | whole frames, back to back`.

use serde::{Deserialize, Serialize};

use crate::command::Action;
use crate::cursor::{Cursor, Gone};
use crate::fault::Fault;
use crate::id::{CommandId, TaskId};
use crate::record::Outcome;
use crate::task::TaskView;

/// Bytes before the frames of a binary message.
pub const SUBSCRIPTION_BYTES: usize = 4;

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// The session's first frame.
    #[default]
    Start,
    /// The newest frame: only what comes.
    Head,
    /// This place.
    Cursor(Cursor),
}

/// A fleet in figures, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FleetStats {
    /// Sessions whose worker is linked.
    pub sessions_linked: u64,
    /// Output bytes of all tasks.
    pub bytes: u64,
    /// Readers of sessions, of every client.
    pub subscribers: u64,
}

/// Client to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Send a task's frames, from there, and go on as they come.
    Subscribe {
        /// The client's number for it.
        subscription: u32,
        /// The task: whole id.
        task: TaskId,
        /// Where to start.
        #[serde(default)]
        start: StartAt,
    },
    /// No more of it.
    Unsubscribe {
        /// The client's number for it.
        subscription: u32,
    },
    /// Send these tasks' views now and whenever they change.
    Watch {
        /// The tasks; all of them where empty.
        #[serde(default)]
        tasks: Vec<TaskId>,
    },
    /// Do something to a session. The answer is an [`Tell::Outcome`].
    Command {
        /// The task.
        task: TaskId,
        /// The command's id, chosen by the client.
        id: CommandId,
        /// What to do.
        action: Action,
        /// Bytes to type, in base64.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        data: String,
    },
}

/// Server to client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Tell {
    /// First: who speaks, and how the fleet stands.
    Hello {
        /// The server's version.
        version: String,
        /// Tasks by status.
        tasks: std::collections::BTreeMap<crate::task::Status, u64>,
        /// What there is of it all.
        #[serde(default)]
        fleet: FleetStats,
    },
    /// A subscription has begun; or goes on elsewhere, because what comes next is gone.
    Subscribed {
        /// The client's number.
        subscription: u32,
        /// The task.
        task: TaskId,
        /// The place of the first frame that will come.
        cursor: Cursor,
        /// What is no longer kept of what was asked for, where that is why it goes on here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<Gone>,
    },
    /// Nothing more will come for it.
    Ended {
        /// The client's number.
        subscription: u32,
    },
    /// A watched task, as it is now.
    Task {
        /// The task.
        task: Box<TaskView>,
    },
    /// A watched task is no more: it was removed, with all that was kept of it.
    Removed {
        /// The task.
        task: TaskId,
    },
    /// What became of a command.
    Outcome {
        /// The task.
        task: TaskId,
        /// What became of it.
        outcome: Outcome,
    },
    /// Something asked cannot be done.
    Refused {
        /// The subscription it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subscription: Option<u32>,
        /// The command it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<CommandId>,
        /// Why.
        error: Fault,
    },
    /// The server shuts down in order; tasks run on. Wait for the next one, do not start it.
    Goodbye,
    /// A message of a newer version.
    #[serde(other)]
    Unknown,
}
