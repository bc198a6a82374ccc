//! The worker as its holder sees it: a process to start, a channel that must not fill up, a pidfd
//! to kill by. Owner of the queue of packets that it has not taken. Refuses to wait for a worker
//! that does not read.

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use crate::channel::Channel;
use crate::wire::{Stage, ToWorker};

use super::start::{NewSession, Refusal, Start, Starting, begin};

/// Packets a worker may owe to read beyond what its socket holds: a healthy one owes none.
const QUEUE_MAX: usize = 32;

/// The holder's environment that a worker needs: to find programs, and for its log.
const ENV_KEPT: [&str; 3] = ["PATH", "AXIOM_LOG", "RUST_BACKTRACE"];

/// How to start a worker. The path is used anew each time, so that a replaced program is the one
/// that starts.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) task: String,
}

/// A running worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: u32,
    pidfd: OwnedFd,
    channel: Channel,
    queue: VecDeque<Vec<u8>>,
    /// It closed its end, so that there is nothing to poll for.
    pub(super) closed: bool,
}

/// It does not take its packets, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit;

/// A worker on its way to its program.
#[derive(Debug)]
#[must_use = "until it is waited for, nobody knows whether it runs"]
pub(super) struct Coming {
    starting: Starting,
    channel: Channel,
}

impl Program {
    /// Starts a worker with one end of a new channel as its standard input. It knows nothing until
    /// it is granted.
    pub(super) fn start(&self) -> Result<Worker, Refusal> {
        self.begin()?.finish()
    }

    /// The first half of [`Program::start`], which does not wait for the program to be loaded.
    pub(super) fn begin(&self) -> Result<Coming, Refusal> {
        let plumbing = |error: io::Error| {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            Refusal { stage: Stage::Fork, errno }
        };
        let (ours, theirs) = Channel::pair().map_err(plumbing)?;
        ours.set_nonblocking(true).map_err(plumbing)?;
        let path = c_string(self.path.as_os_str().as_bytes());
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        let args = [c_string(name.as_bytes()), c_string(b"--task"), c_string(self.task.as_bytes())];
        let starting = begin(&Start {
            programs: &[path],
            args: &args,
            env: &kept_environment(),
            cwd: None,
            umask: None,
            stdio: [theirs.as_fd(), rustix::stdio::stdout(), rustix::stdio::stderr()],
            session: NewSession::No,
            nice: 0,
            cgroup: None,
        })?;
        Ok(Coming { starting, channel: ours })
    }
}

impl Coming {
    /// Waits until it executes its program, or says why not.
    pub(super) fn finish(self) -> Result<Worker, Refusal> {
        let started = self.starting.finish()?;
        Ok(Worker {
            pid: started.pid,
            pidfd: started.pidfd,
            channel: self.channel,
            queue: VecDeque::new(),
            closed: false,
        })
    }
}

impl Worker {
    /// Sends the grant. It is the first packet, so the channel has room for it.
    pub(super) fn grant(&self, packet: &ToWorker, fds: &[BorrowedFd<'_>]) -> Result<(), Unfit> {
        self.channel.send(&packet.encode(), fds).map_err(|_| Unfit)
    }

    /// Sends a packet now, or when there is room.
    pub(super) fn send(&mut self, packet: &ToWorker) -> Result<(), Unfit> {
        self.queue.push_back(packet.encode());
        self.flush()?;
        if self.queue.len() > QUEUE_MAX { Err(Unfit) } else { Ok(()) }
    }

    /// Sends what is queued, as far as there is room.
    pub(super) fn flush(&mut self) -> Result<(), Unfit> {
        while let Some(packet) = self.queue.front() {
            match self.channel.send(packet, &[]) {
                Ok(()) => drop(self.queue.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_gone) => return Err(Unfit),
            }
        }
        Ok(())
    }

    /// Whether packets wait for room.
    pub(super) fn is_behind(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Takes one packet; None if there is none now. Descriptors that a worker sends are closed.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Unfit> {
        match self.channel.recv(buffer) {
            Ok(received) if received.len == 0 => {
                self.closed = true;
                Err(Unfit)
            }
            Ok(received) => Ok(Some(received.len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(_broken) => {
                self.closed = true;
                Err(Unfit)
            }
        }
    }

    /// Kills it; its death is seen by the reaper.
    pub(super) fn kill(&self) {
        // The only error is that it is dead already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Lets it run again if something has stopped it since it was last asked: while it stands, nobody reads the terminal.
    /// True if it was stopped.
    pub(super) fn resume_if_stopped(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let was_stopped = matches!(waitid(WaitId::PidFd(self.pidfd.as_fd()), options), Ok(Some(_)));
        if was_stopped {
            self.resume();
        }
        was_stopped
    }

    /// Lets it run, if something stopped it: a stopped worker could not retire.
    pub(super) fn resume(&self) {
        let _ = pidfd_send_signal(&self.pidfd, Signal::CONT);
    }
}

impl AsFd for Worker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

fn kept_environment() -> Vec<CString> {
    let kept = ENV_KEPT.iter().filter_map(|name| {
        let value = std::env::var_os(name)?;
        Some(c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
    });
    kept.collect()
}

fn c_string(text: &[u8]) -> CString {
    CString::new(text).expect("checked in the specification, or from our own environment")
}
