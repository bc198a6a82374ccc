//! What a session is told.

use axiom_proto::command::Command;
use axiom_proto::frame::Offset;
use axiom_proto::id::CommandId;
use axiom_proto::record::{Exit, Failure, FreezeMeans};
use axiom_proto::task::{Mode, ProcessNote, Size};

/// How the terminal treats input at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terminal {
    /// Line mode: input is handed over line by line, and longer lines than the kernel keeps are cut silently.
    pub canonical: bool,
}

/// An answer to an [`crate::Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// Frozen.
    Frozen {
        /// How.
        means: FreezeMeans,
        /// Those that were stopped before.
        already_stopped: Vec<u32>,
    },
    /// Killed.
    Killed {
        /// Those that are still there.
        left: Vec<ProcessNote>,
    },
    /// The processes.
    Tree {
        /// Which.
        processes: Vec<ProcessNote>,
        /// True if there are more.
        truncated: bool,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The child runs (first worker only).
    Started {
        /// Its process.
        pid: u32,
        /// Terminal or pipes.
        mode: Mode,
        /// The terminal's size.
        size: Option<Size>,
    },
    /// The child could not be started (first worker only).
    StartFailed(Failure),
    /// This worker goes on where another stopped.
    Recovered,
    /// A command came, with bytes to type.
    Command {
        /// What.
        command: Command,
        /// The bytes.
        bytes: Vec<u8>,
        /// The terminal now.
        terminal: Terminal,
    },
    /// The terminal answers everything that was asked in the output before this place.
    Answers {
        /// The place.
        until: Offset,
        /// The answers, in the order of their questions.
        bytes: Vec<u8>,
    },
    /// The child took so many of the bytes that [`crate::Session::pending_write`] offered.
    Wrote(usize),
    /// The child takes no more: its end is closed.
    WriteFailed(String),
    /// The foreground was signaled, or not.
    ForegroundSignaled {
        /// The command.
        id: CommandId,
        /// Why not.
        error: Option<String>,
    },
    /// An answer from the tree's holder.
    Replied {
        /// The request's number.
        request: u32,
        /// The answer.
        reply: Reply,
    },
    /// These hold the output open.
    HeldBy(Vec<ProcessNote>),
    /// The child ended.
    Exited(Exit),
    /// Output is at its end.
    OutputClosed,
    /// The holder is dead.
    HolderLost,
    /// Reading had to pause.
    Paused(String),
    /// Reading goes on.
    Unpaused,
    /// The holder wants the next worker in.
    Retire,
    /// Nothing but time passed.
    Tick,
}
