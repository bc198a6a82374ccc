//! The words between server, holder and worker, and their bytes. Pure: no descriptor, clock or
//! allocation beyond the value itself. Frozen early, since a holder outlives every upgrade: a
//! packet may grow at its end and get new kinds, nothing in it may move. Refuses whatever does not
//! fit the bounds named here, and never panics on any bytes.

mod ask;
mod control;
mod grant;
mod octets;
mod packet;
mod spec;

use thiserror::Error;

pub use ask::{Ask, Means, Process, Reply, Scope};
pub use control::{Control, ControlReply};
pub use grant::{Ends, Grant, Granted, GrantedChild, Launched, Stage};
pub use packet::{ToHolder, ToWorker};
pub use spec::{LaunchSpec, Priority, SpecError};

/// The protocol's version. Additions do not raise it: a reader skips what it does not know.
pub const VERSION: u16 = 1;

/// The longest packet. Small enough for one send into any socket buffer, large enough for a whole
/// process list.
pub const PACKET_BYTES_MAX: usize = 64 * 1024;

/// The longest launch specification: four times what the kernel takes as arguments and environment
/// by default.
pub const SPEC_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest options a server may have handed to each worker; leaves half a packet for the rest
/// of a grant.
pub const OPTIONS_BYTES_MAX: usize = 32 * 1024;

/// The longest task name; ids are 16 characters.
pub const TASK_BYTES_MAX: usize = 64;

/// The longest path in a packet or a specification: the kernel's own bound.
pub const PATH_BYTES_MAX: usize = 4096;

/// Processes named in one reply. 512 of the largest are 42 KiB; a longer list says that it is cut.
pub const PROCESSES_MAX: usize = 512;

/// Process ids in one packet: 32 KiB of them, a fifth of all ids that a default kernel hands out.
pub const PIDS_MAX: usize = 8192;

/// The longest process name; the kernel's own are 15 bytes, its threads' up to 63.
pub const NAME_BYTES_MAX: usize = 64;

/// The most descriptors in one packet: listener, folder, child and three pipes.
pub const FDS_MAX: usize = 8;

/// How the child is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A terminal of this size.
    Terminal { cols: u16, rows: u16 },
    /// Three pipes: standard input, output and error.
    Pipes,
}

/// Why bytes are not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireError {
    #[error("read {what}: the bytes end too early")]
    Short { what: &'static str },
    #[error("read {what}: {value} is not known here; the peer may be newer")]
    Unknown { what: &'static str, value: u8 },
    #[error("read {what}: {len} is more than the {max} allowed")]
    TooLong { what: &'static str, len: usize, max: usize },
    #[error("read {what}: not UTF-8")]
    NotText { what: &'static str },
    #[error("read a packet: kind {kind} is not known here; the peer may be newer")]
    UnknownPacket { kind: u8 },
    #[error("read request {request}: kind {kind} is not known here; the peer may be newer")]
    UnknownAsk { request: u32, kind: u8 },
    #[error("take the descriptors of a grant: {expected} announced, {found} came")]
    Descriptors { expected: usize, found: usize },
}

#[cfg(test)]
mod tests;
