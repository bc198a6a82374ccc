//! The ends of processes that are not our children, told by their pidfds.

use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a process may take to end once it has no reason to live: stops have had their time before.
const END_WAIT_MAX: Duration = Duration::from_secs(60);

/// How often we look whether a dead process was waited for: Linux tells since 6.9, and nobody did before.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Waits until a process is gone: dead, and waited for by whoever started it, who has its times from then on.
pub(super) fn until_gone(pid: u32) -> anyhow::Result<()> {
    let until = Instant::now() + END_WAIT_MAX;
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a pid is positive")?;
    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(()),
        opened => opened.with_context(|| format!("watch process {pid}"))?,
    };
    if !is_told(process.as_fd(), PollFlags::IN, END_WAIT_MAX)? {
        bail!("waited in vain for process {pid} to end");
    }
    // A hang-up is told unasked.
    while !is_told(process.as_fd(), PollFlags::empty(), LOOK_AGAIN)? && !was_waited_for(pid) {
        if Instant::now() >= until {
            bail!("nobody waits for process {pid}, which is dead");
        }
    }
    Ok(())
}

/// Whether one of our own children is dead, or will be within this time.
pub(super) fn is_dead_within(child: Pid, wait: Duration) -> anyhow::Result<bool> {
    let process = pidfd_open(child, PidfdFlags::empty()).context("watch a child")?;
    is_told(process.as_fd(), PollFlags::IN, wait)
}

fn is_told(process: BorrowedFd<'_>, what: PollFlags, wait: Duration) -> anyhow::Result<bool> {
    let wait = Timespec::try_from(wait).context("a wait fits")?;
    let mut watched = [PollFd::new(&process, what)];
    let told = retry_on_intr(|| poll(&mut watched, Some(&wait)));
    Ok(told.context("watch a process")? > 0)
}

fn was_waited_for(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // A dead orphan belongs to the machine's first process, which may take its time.
    after_name.is_empty() || after_name.starts_with(" Z 1 ")
}

/// Waits until no process but ourselves holds something under this folder open.
pub(super) fn until_nobody_holds(folder: &Path) -> anyhow::Result<()> {
    let until = Instant::now() + END_WAIT_MAX;
    loop {
        let left = holding_open(folder);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("left alive: processes {left:?}");
        }
        for pid in &left {
            until_gone(*pid).with_context(|| format!("left alive: processes {left:?}"))?;
        }
    }
}

fn holding_open(folder: &Path) -> Vec<u32> {
    let holds = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|path| path.starts_with(folder))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(holds)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_gone_once_somebody_has_waited_for_it() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        let waiter = std::thread::spawn(move || until_gone(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        waiter.join().unwrap().unwrap();
        until_gone(pid).unwrap();
    }
}
