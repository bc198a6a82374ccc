//! Stopping and killing a tree process by process, where no cgroup does it at once. Owner of the
//! rounds: each looks again, since what runs can fork and what is stopped cannot. Refuses to signal
//! a pid whose start time has changed.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::clock::Deadline;
use crate::wire::Process;

use super::walk::read_process;

/// The wait between two looks at processes that are about to stop: there is no descriptor that
/// tells.
const STOP_ROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// The pidfds held at once while waiting for deaths: far below any descriptor limit. More
/// processes, more rounds.
const PIDFDS_MAX: usize = 256;

/// Sends a signal to exactly this process; false if it is gone.
pub(super) fn send(process: &Process, signal: Signal) -> Result<bool> {
    let Some(pidfd) = open(process)? else { return Ok(false) };
    match pidfd_send_signal(&pidfd, signal) {
        Ok(()) => Ok(true),
        // A process that took another user's identity is not ours to signal.
        Err(Errno::SRCH | Errno::PERM) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A descriptor of exactly this process: opened by pid, then the start time compared, so that a
/// recycled pid is let go.
fn open(process: &Process) -> Result<Option<OwnedFd>> {
    let Some(pid) = Pid::from_raw(process.pid.cast_signed()) else { return Ok(None) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        // INVAL: the pid is a thread's now.
        Err(Errno::SRCH | Errno::INVAL) => return Ok(None),
        Err(error) => return Err(error),
    };
    let same = read_process(process.pid).is_some_and(|now| now.start_ticks == process.start_ticks);
    Ok(same.then_some(pidfd))
}

/// Stops every process until a look finds nobody new and nobody still running, and returns those
/// that somebody else had stopped. A process that waits in the kernel counts as stopped: it stops
/// before it runs on.
pub(super) fn stop_all(
    list: impl Fn() -> Result<Vec<Process>>,
    deadline: Deadline,
) -> Result<Vec<u32>> {
    let mut known: Vec<(u32, u64)> = Vec::new();
    let mut already = Vec::new();
    loop {
        let (mut found_new, mut running) = (false, false);
        for process in list()? {
            let stopped = matches!(process.state, b'T' | b't');
            if known.contains(&(process.pid, process.start_ticks)) {
                running |= !stopped && process.state != b'D';
                continue;
            }
            known.push((process.pid, process.start_ticks));
            if stopped {
                already.push(process.pid);
            } else {
                found_new |= send(&process, Signal::STOP)?;
            }
        }
        if !found_new && !running {
            return Ok(already);
        }
        if deadline.left().is_none() {
            // Signals are on their way to all that were seen; they will not run on when they wake.
            return Ok(already);
        }
        if !found_new {
            retry_on_intr(|| poll(&mut [], Some(&STOP_ROUND)))?;
        }
    }
}

/// Continues every process that is stopped, but those to keep.
pub(super) fn resume_all(processes: &[Process], keep_stopped: &[u32]) -> Result<()> {
    for process in processes {
        if !keep_stopped.contains(&process.pid) {
            send(process, Signal::CONT)?;
        }
    }
    Ok(())
}

/// Stops, kills and looks again until nobody is left or the time is over; returns who is left.
pub(super) fn kill_all(
    list: impl Fn() -> Result<Vec<Process>>,
    deadline: Deadline,
    reap: &mut dyn FnMut(),
) -> Result<Vec<Process>> {
    loop {
        let left = list()?;
        if left.is_empty() || deadline.left().is_none() {
            return Ok(left);
        }
        // All are stopped before any is killed: a parent that runs could answer a death with a
        // birth.
        for process in &left {
            send(process, Signal::STOP)?;
        }
        let mut refused = 0;
        for some in left.chunks(PIDFDS_MAX) {
            let dying = kill_some(some, &mut refused)?;
            await_deaths(&dying, deadline)?;
            reap();
        }
        if refused == left.len() {
            return Ok(left);
        }
    }
}

/// Kills each, and counts those of another user.
fn kill_some(processes: &[Process], refused: &mut usize) -> Result<Vec<OwnedFd>> {
    let mut dying = Vec::new();
    for process in processes {
        let Some(pidfd) = open(process)? else { continue };
        match pidfd_send_signal(&pidfd, Signal::KILL) {
            Ok(()) => dying.push(pidfd),
            Err(Errno::SRCH) => {}
            Err(Errno::PERM) => *refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(dying)
}

/// Waits until each is dead: a pidfd is readable from a process' death on, reaped or not.
fn await_deaths(dying: &[OwnedFd], deadline: Deadline) -> Result<()> {
    for pidfd in dying {
        let Some(left) = deadline.left() else { return Ok(()) };
        let mut fds = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
        retry_on_intr(|| poll(&mut fds, Some(&left)))?;
    }
    Ok(())
}
