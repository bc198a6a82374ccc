//! What worker, server and doctor may ask a holder to do, and its answers. Owner of the process
//! list's bytes. Refuses lists beyond their bounds: the writer cuts them and says so, the reader
//! does not take them.

use super::octets::{Reader, Writer};
use super::{NAME_BYTES_MAX, PROCESSES_MAX, WireError};

/// Something only the holder can do to the child's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Sends a signal.
    Signal { signal: i32, scope: Scope },
    /// Stops the whole tree from running, until `Thaw`.
    Freeze,
    /// Lets the tree run again, except the processes that were stopped before `Freeze`.
    Thaw { keep_stopped: Vec<u32> },
    /// Kills the whole tree, frozen or not, and waits for the kernel to confirm it.
    Kill,
    /// Lists the tree.
    Tree,
    /// Closes the holder's end of the child's standard input (pipes only), so that the child sees
    /// its end once the worker has closed its own.
    CloseInput,
}

/// Whom a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The child's own process group.
    Child,
    /// Every process of the tree.
    Tree,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// The tree does not run any more.
    Frozen {
        by: Means,
        /// Processes that somebody else had stopped. Give them back with [`Ask::Thaw`]. Empty with
        /// a cgroup, which keeps them apart by itself.
        already_stopped: Vec<u32>,
    },
    /// The tree was killed; these would not die within [`crate::tree::KILL_WAIT_MAX`].
    Killed { left: Vec<Process> },
    /// The processes that live now.
    Tree { processes: Vec<Process>, truncated: bool },
    /// The kernel refused.
    Failed { errno: i32 },
}

/// How a tree is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The cgroup's freezer.
    Cgroup,
    /// A stop signal to each process.
    Signals,
}

/// A process of the tree. Its pid and start time together name it for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub ppid: u32,
    /// Clock ticks from the system's start to the process' own.
    pub start_ticks: u64,
    /// The kernel's letter: `R`, `S`, `D`, `T`, `t`, ...
    pub state: u8,
    /// The kernel's short name of the program, at most [`NAME_BYTES_MAX`] bytes.
    pub name: Vec<u8>,
}

const ASK_SIGNAL: u8 = 1;
const ASK_FREEZE: u8 = 2;
const ASK_THAW: u8 = 3;
const ASK_KILL: u8 = 4;
const ASK_TREE: u8 = 5;
const ASK_CLOSE_INPUT: u8 = 6;

const SCOPE_CHILD: u8 = 1;
const SCOPE_TREE: u8 = 2;

const REPLY_DONE: u8 = 1;
const REPLY_FROZEN: u8 = 2;
const REPLY_KILLED: u8 = 3;
const REPLY_TREE: u8 = 4;
const REPLY_FAILED: u8 = 5;

const MEANS_CGROUP: u8 = 1;
const MEANS_SIGNALS: u8 = 2;

impl Ask {
    /// Writes the request's number, its kind and its fields.
    pub(super) fn write(&self, request: u32, to: &mut Writer) {
        to.u32(request);
        match self {
            Self::Signal { signal, scope } => {
                let scope = match scope {
                    Scope::Child => SCOPE_CHILD,
                    Scope::Tree => SCOPE_TREE,
                };
                to.u8(ASK_SIGNAL).i32(*signal).u8(scope);
            }
            Self::Freeze => {
                to.u8(ASK_FREEZE);
            }
            Self::Thaw { keep_stopped } => {
                to.u8(ASK_THAW).pids(keep_stopped);
            }
            Self::Kill => {
                to.u8(ASK_KILL);
            }
            Self::Tree => {
                to.u8(ASK_TREE);
            }
            Self::CloseInput => {
                to.u8(ASK_CLOSE_INPUT);
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<(u32, Self), WireError> {
        let request = from.u32("request number")?;
        let ask = match from.u8("request kind")? {
            ASK_SIGNAL => Self::Signal { signal: from.i32("signal")?, scope: read_scope(from)? },
            ASK_FREEZE => Self::Freeze,
            ASK_THAW => Self::Thaw { keep_stopped: from.pids("processes to keep stopped")? },
            ASK_KILL => Self::Kill,
            ASK_TREE => Self::Tree,
            ASK_CLOSE_INPUT => Self::CloseInput,
            kind => return Err(WireError::UnknownAsk { request, kind }),
        };
        Ok((request, ask))
    }
}

fn read_scope(from: &mut Reader<'_>) -> Result<Scope, WireError> {
    match from.u8("scope")? {
        SCOPE_CHILD => Ok(Scope::Child),
        SCOPE_TREE => Ok(Scope::Tree),
        value => Err(WireError::Unknown { what: "scope", value }),
    }
}

impl Reply {
    pub(super) fn write(&self, request: u32, to: &mut Writer) {
        to.u32(request);
        match self {
            Self::Done => {
                to.u8(REPLY_DONE);
            }
            Self::Frozen { by, already_stopped } => {
                let by = match by {
                    Means::Cgroup => MEANS_CGROUP,
                    Means::Signals => MEANS_SIGNALS,
                };
                to.u8(REPLY_FROZEN).u8(by).pids(already_stopped);
            }
            Self::Killed { left } => {
                to.u8(REPLY_KILLED);
                write_processes(left, to);
            }
            Self::Tree { processes, truncated } => {
                to.u8(REPLY_TREE).flag(*truncated || processes.len() > PROCESSES_MAX);
                write_processes(processes, to);
            }
            Self::Failed { errno } => {
                to.u8(REPLY_FAILED).i32(*errno);
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<(u32, Self), WireError> {
        let request = from.u32("request number")?;
        let reply = match from.u8("reply kind")? {
            REPLY_DONE => Self::Done,
            REPLY_FROZEN => {
                let by = match from.u8("means")? {
                    MEANS_CGROUP => Means::Cgroup,
                    MEANS_SIGNALS => Means::Signals,
                    value => return Err(WireError::Unknown { what: "means", value }),
                };
                Self::Frozen { by, already_stopped: from.pids("stopped processes")? }
            }
            REPLY_KILLED => Self::Killed { left: read_processes(from)? },
            REPLY_TREE => {
                let truncated = from.flag("truncated")?;
                Self::Tree { processes: read_processes(from)?, truncated }
            }
            REPLY_FAILED => Self::Failed { errno: from.i32("error number")? },
            value => return Err(WireError::Unknown { what: "reply kind", value }),
        };
        Ok((request, reply))
    }
}

fn write_processes(processes: &[Process], to: &mut Writer) {
    let processes = &processes[..processes.len().min(PROCESSES_MAX)];
    to.u32(u32::try_from(processes.len()).expect("at most PROCESSES_MAX"));
    for process in processes {
        let name = &process.name[..process.name.len().min(NAME_BYTES_MAX)];
        to.u32(process.pid).u32(process.ppid).u64(process.start_ticks).u8(process.state);
        to.bytes(name);
    }
}

fn read_processes(from: &mut Reader<'_>) -> Result<Vec<Process>, WireError> {
    let count = from.count("processes", PROCESSES_MAX)?;
    (0..count)
        .map(|_| {
            Ok(Process {
                pid: from.u32("pid")?,
                ppid: from.u32("parent")?,
                start_ticks: from.u64("start time")?,
                state: from.u8("state")?,
                name: from.bytes("process name", NAME_BYTES_MAX)?.to_vec(),
            })
        })
        .collect()
}
