//! The grant: what a holder tells each worker first, with the descriptors that make it the
//! session's only reader. Owner of the order of those descriptors. Refuses a grant that comes with
//! another number of them than it announces.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::octets::{Reader, Writer};
use super::{Mode, OPTIONS_BYTES_MAX, TASK_BYTES_MAX, WireError};

/// One worker's right to read and write the session, until it dies or gives it back.
///
/// Descriptors come with it in this order: link listener, session folder; if there is a child, its
/// pidfd; then the terminal's master, or standard input's write end (only while `input_open`),
/// output's and error's read ends. Listener, master and pipe ends are non-blocking; the flag
/// belongs to the open file, so to all workers in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub version: u16,
    /// Rises by one with each worker, from 1. Names the worker in its journal.
    pub epoch: u64,
    /// The monotonic clock when the holder started; the zero of the session's time.
    pub started_mono_ns: u64,
    /// The wall clock at the same moment.
    pub started_unix_us: u64,
    pub mode: Mode,
    pub launched: Launched,
    /// The child's raw wait status, if it has been reaped already.
    pub exit: Option<i32>,
    /// The worker before gave its grant back by itself (or there was none), so that nothing can be
    /// missing.
    pub orderly: bool,
    /// The cgroup of the child's tree, if it runs in one.
    pub cgroup: Option<PathBuf>,
    pub holder_pid: u32,
    pub task: String,
    /// Whatever the server put into the specification for its workers.
    pub options: Vec<u8>,
    /// Pipes: standard input's write end is among the descriptors. False in a terminal.
    pub input_open: bool,
}

/// What became of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launched {
    /// It started.
    Child { pid: u32 },
    /// It did not.
    Failed { stage: Stage, errno: i32 },
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Making the terminal or the pipes, or taking them as the child's own.
    Pty,
    /// Entering the working directory.
    Cwd,
    /// Entering the cgroup. Never fatal: the child goes on without.
    Cgroup,
    /// Executing the command.
    Exec,
    /// Making the process.
    Fork,
}

/// A grant's descriptors by name.
#[derive(Debug)]
pub struct Granted {
    pub link: OwnedFd,
    pub folder: OwnedFd,
    /// None if the command did not start.
    pub child: Option<GrantedChild>,
}

/// The child, as a worker holds it.
#[derive(Debug)]
pub struct GrantedChild {
    pub pidfd: OwnedFd,
    pub ends: Ends,
}

/// Our ends of what the child reads and writes.
#[derive(Debug)]
pub enum Ends {
    Terminal { master: OwnedFd },
    Pipes { stdin: Option<OwnedFd>, stdout: OwnedFd, stderr: OwnedFd },
}

const LAUNCHED_CHILD: u8 = 1;
const LAUNCHED_FAILED: u8 = 2;

impl Grant {
    pub(super) fn write(&self, to: &mut Writer) {
        to.u16(self.version).u64(self.epoch).u64(self.started_mono_ns).u64(self.started_unix_us);
        to.mode(self.mode);
        match self.launched {
            Launched::Child { pid } => to.u8(LAUNCHED_CHILD).u32(pid).u8(0).i32(0),
            Launched::Failed { stage, errno } => {
                to.u8(LAUNCHED_FAILED).u32(0).u8(stage.code()).i32(errno)
            }
        };
        to.flag(self.exit.is_some()).i32(self.exit.unwrap_or(0)).flag(self.orderly);
        to.optional_path(self.cgroup.as_deref()).u32(self.holder_pid);
        to.bytes(self.task.as_bytes()).bytes(&self.options).flag(self.input_open);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            version: from.u16("version")?,
            epoch: from.u64("epoch")?,
            started_mono_ns: from.u64("start time")?,
            started_unix_us: from.u64("start time")?,
            mode: from.mode()?,
            launched: Launched::read(from)?,
            exit: {
                let known = from.flag("exit known")?;
                let status = from.i32("exit status")?;
                known.then_some(status)
            },
            orderly: from.flag("orderly")?,
            cgroup: from.optional_path("cgroup")?,
            holder_pid: from.u32("holder's pid")?,
            task: from.text("task", TASK_BYTES_MAX)?,
            options: from.bytes("options", OPTIONS_BYTES_MAX)?.to_vec(),
            input_open: from.flag("input open")?,
        })
    }

    /// Gives the descriptors that came with this grant their names.
    pub fn take(&self, fds: Vec<OwnedFd>) -> Result<Granted, WireError> {
        let (expected, found) = (self.descriptors(), fds.len());
        if expected != found {
            return Err(WireError::Descriptors { expected, found });
        }
        let mut fds = fds.into_iter();
        let mut next = || fds.next().expect("their number was compared above");
        let (link, folder) = (next(), next());
        let child = match self.launched {
            Launched::Failed { .. } => None,
            Launched::Child { .. } => Some(GrantedChild {
                pidfd: next(),
                ends: match self.mode {
                    Mode::Terminal { .. } => Ends::Terminal { master: next() },
                    Mode::Pipes => Ends::Pipes {
                        stdin: self.input_open.then(&mut next),
                        stdout: next(),
                        stderr: next(),
                    },
                },
            }),
        };
        Ok(Granted { link, folder, child })
    }

    /// How many descriptors come with this grant.
    fn descriptors(&self) -> usize {
        match (self.launched, self.mode) {
            (Launched::Failed { .. }, _) => 2,
            (Launched::Child { .. }, Mode::Terminal { .. }) => 4,
            (Launched::Child { .. }, Mode::Pipes) => 5 + usize::from(self.input_open),
        }
    }
}

impl Launched {
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = from.u8("launched")?;
        let pid = from.u32("child's pid")?;
        let stage = from.u8("stage")?;
        let errno = from.i32("error number")?;
        match kind {
            LAUNCHED_CHILD => Ok(Self::Child { pid }),
            LAUNCHED_FAILED => {
                let stage = Stage::from_code(stage)
                    .ok_or(WireError::Unknown { what: "stage", value: stage })?;
                Ok(Self::Failed { stage, errno })
            }
            value => Err(WireError::Unknown { what: "launched", value }),
        }
    }
}

impl Stage {
    /// The stage's number on the wire, also in the pipe between a fork and its parent.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pty => 1,
            Self::Cwd => 2,
            Self::Cgroup => 3,
            Self::Exec => 4,
            Self::Fork => 5,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Pty),
            2 => Some(Self::Cwd),
            3 => Some(Self::Cgroup),
            4 => Some(Self::Exec),
            5 => Some(Self::Fork),
            _ => None,
        }
    }
}
