//! All that a gauge has started, and what those started, also where it went into the background: a terminal multiplexer's
//! server counts as much as its client. None is left alive.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};

use super::{cpu, ending};

/// How long what was left running may take to end by itself, as a multiplexer's server does behind its last session.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// What belongs to this process.
#[derive(Debug)]
pub(super) struct Offspring {
    before_us: u64,
}

impl Offspring {
    /// From now on, what loses its parent below us becomes our child.
    pub(super) fn gathered() -> anyhow::Result<Self> {
        set_child_subreaper(Some(rustix::process::getpid())).context("keep what is started")?;
        Ok(Self { before_us: 0 })
    }

    /// What was spent until now is not counted.
    pub(super) fn count_from_now(&mut self) -> anyhow::Result<()> {
        self.before_us = cpu::below_us(std::process::id())?;
        Ok(())
    }

    /// Ends all, and gives the processor time of all.
    pub(super) fn spent_us(self) -> anyhow::Result<u64> {
        end_all()?;
        Ok(cpu::below_us(std::process::id())?.saturating_sub(self.before_us))
    }
}

fn end_all() -> anyhow::Result<()> {
    let own = std::process::id();
    loop {
        let children = below(own).into_iter().filter(|(_, parent)| *parent == own);
        let Some((pid, _)) = children.into_iter().next() else { return Ok(()) };
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a pid fits")?;
        for signal in [Signal::TERM, Signal::KILL] {
            if !ending::is_dead_within(process, LINGER_MAX)? {
                // Ours and not waited for, so the number is still its own.
                kill_process(process, signal).context("end what a peer left running")?;
            }
        }
        match waitpid(Some(process), WaitOptions::empty()) {
            Ok(_) | Err(Errno::CHILD) => {}
            Err(errno) => return Err(errno).context("wait for what a peer left running"),
        }
    }
}

/// Every process below this one, with its parent.
pub(super) fn below(root: u32) -> Vec<(u32, u32)> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![root]);
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).into_iter().flatten() {
            found.push((child, parent));
            next.push(child);
        }
    }
    found
}

fn parent(stat: &str) -> Option<u32> {
    stat.get(stat.rfind(')')? + 2..)?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent("42 (a) b) S 7 42 42 0 -1 4194560 1 2\n"), Some(7));
        assert_eq!(parent("42 (cut"), None);
    }
}
