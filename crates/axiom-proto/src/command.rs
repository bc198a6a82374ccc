//! Commands: what a server asks of a session's worker, each with an id chosen by whoever asked first.

use serde::{Deserialize, Serialize};

use crate::id::CommandId;
use crate::task::Size;

/// What to do to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Type the bytes that come with the command.
    Type,
    /// Close the child's input: the end of a pipe, Ctrl+D on a terminal in line mode.
    CloseInput,
    /// What Ctrl+C does, or this signal to the foreground; then, once it is quiet, type the text and Enter.
    Interrupt {
        /// Another signal than SIGINT.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// What to type afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<String>,
    },
    /// Give the terminal this size.
    Resize {
        /// The size.
        size: Size,
    },
    /// Freeze every process.
    Suspend,
    /// Let them run again.
    Resume,
    /// Interrupt, terminate, kill: each rung after its grace.
    Stop {
        /// Grace of each rung; the session's own where absent. 0 kills at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_ms: Option<u64>,
    },
}

impl Action {
    /// The word for it in logs and histories.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::CloseInput => "close_input",
            Self::Interrupt { .. } => "interrupt",
            Self::Resize { .. } => "resize",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Stop { .. } => "stop",
        }
    }
}

/// One command. Bytes to type travel beside it, in the same message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Finds its intent and outcome among the frames; a repeated id is not carried out again.
    pub id: CommandId,
    /// Who asked.
    pub author: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// The request that asked, as the server's log names it. Absent where an older version asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// What.
    pub action: Action,
}
