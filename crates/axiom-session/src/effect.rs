//! What a session wants done. Only the worker does it, in order: an append comes before whatever it announces.

use axiom_proto::frame::{Micros, Offset};
use axiom_proto::id::CommandId;
use axiom_proto::record::Record;
use axiom_proto::task::{ProcessNote, Size};

/// Which processes a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The child's own process group.
    Child,
    /// Every process of the task.
    Tree,
}

/// What is asked of whoever holds the process tree. Each is answered by an [`crate::Reply`] with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Send a signal.
    Signal {
        /// Which.
        signal: i32,
        /// To whom.
        scope: Scope,
    },
    /// Freeze every process.
    Freeze,
    /// Let them run, but for these.
    Thaw {
        /// Those that were stopped before the freeze.
        keep_stopped: Vec<u32>,
    },
    /// Kill every process, and confirm.
    Kill,
    /// List every process.
    Tree,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Journal this, then show it.
    Append(Record),
    /// Journal what is about to be typed (or only its length, if the terminal asks for a secret).
    AppendInput {
        /// The command.
        id: CommandId,
        /// Who types.
        author: String,
        /// The request that asked for it.
        request_id: String,
        /// What.
        bytes: Vec<u8>,
    },
    /// Journal what the terminal is about to answer: never hidden, for no answer holds what somebody typed.
    AppendAnswers {
        /// All questions before this place are answered.
        until: Offset,
        /// How.
        bytes: Vec<u8>,
    },
    /// Ask the tree's holder.
    Ask {
        /// Comes back with the reply.
        request: u32,
        /// What.
        ask: Ask,
    },
    /// Signal the terminal's foreground, or type the key that means it; answer with `ForegroundSignaled`.
    SignalForeground {
        /// The command.
        id: CommandId,
        /// Which.
        signal: i32,
    },
    /// Set the terminal's size.
    Resize(Size),
    /// Close the child's input (pipes).
    CloseInput,
    /// The child is dead: give up the terminal end that was kept open for it.
    ReleaseTerminal,
    /// Find out which of these hold the output open; answer with `HeldBy`.
    FindHolders(Vec<ProcessNote>),
    /// Read no more output.
    CloseOutput,
    /// Call again at this time, or earlier.
    WakeAt(Micros),
    /// Everything is journaled: tell the holder, flush to the links, leave.
    Done,
    /// Leave now; the next worker goes on.
    Leave,
}
