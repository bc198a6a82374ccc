//! One look at `/proc`: who lives, whose child each is, and which of them belong to a tree. Owner
//! of reading `/proc/PID/stat`. Refuses zombies: what is dead is not left over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use rustix::io::{Errno, Result};

use crate::wire::{NAME_BYTES_MAX, Process};

/// Every living process at about one moment, and which are taken into the tree.
pub(super) struct Walk {
    all: BTreeMap<u32, Entry>,
}

struct Entry {
    process: Process,
    taken: bool,
}

impl Walk {
    /// Reads all of `/proc`. A process whose parent went away meanwhile is read again: it has a new
    /// parent.
    pub(super) fn read() -> Result<Self> {
        let mut all = BTreeMap::new();
        let entries = fs::read_dir("/proc").map_err(|error| errno(&error))?;
        for entry in entries {
            let entry = entry.map_err(|error| errno(&error))?;
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if let Some(process) = pid.and_then(read_process) {
                all.insert(process.pid, Entry { process, taken: false });
            }
        }
        let parents: Vec<(u32, u32)> =
            all.iter().map(|(pid, entry)| (*pid, entry.process.ppid)).collect();
        for (pid, ppid) in parents {
            if ppid == 0 || all.contains_key(&ppid) {
                continue;
            }
            match read_process(pid) {
                Some(process) => all.insert(pid, Entry { process, taken: false }),
                None => all.remove(&pid),
            };
        }
        Ok(Self { all })
    }

    /// Takes everything below a process, but not itself.
    pub(super) fn take_below(&mut self, pid: u32) {
        self.mark_below(pid, true);
    }

    /// Takes a process and everything below it.
    pub(super) fn take_with_below(&mut self, pid: u32) {
        self.mark(pid, true);
        self.mark_below(pid, true);
    }

    /// Takes every process of our user whose environment has this entry, with everything below it.
    pub(super) fn take_carriers(&mut self, cookie: &[u8], environ_bytes_max: u64) {
        let pids: Vec<u32> = self.all.keys().copied().collect();
        for pid in pids {
            if carries(pid, cookie, environ_bytes_max) {
                self.take_with_below(pid);
            }
        }
    }

    /// Leaves a process and everything below it out.
    pub(super) fn leave_with_below(&mut self, pid: u32) {
        self.mark(pid, false);
        self.mark_below(pid, false);
    }

    /// Leaves one process out.
    pub(super) fn leave(&mut self, pid: u32) {
        self.mark(pid, false);
    }

    pub(super) fn into_processes(self) -> Vec<Process> {
        let taken = self.all.into_values().filter(|entry| entry.taken);
        taken.map(|entry| entry.process).collect()
    }

    fn mark(&mut self, pid: u32, taken: bool) {
        if let Some(entry) = self.all.get_mut(&pid) {
            entry.taken = taken;
        }
    }

    fn mark_below(&mut self, root: u32, taken: bool) {
        let mut parents = vec![root];
        let mut seen = vec![root];
        while let Some(parent) = parents.pop() {
            for (pid, entry) in &mut self.all {
                // Seen: parents that change while they are read could form a ring.
                if entry.process.ppid == parent && !seen.contains(pid) {
                    entry.taken = taken;
                    parents.push(*pid);
                    seen.push(*pid);
                }
            }
        }
    }
}

/// Reads one process. None if it is dead, a zombie, or was never there.
pub(super) fn read_process(pid: u32) -> Option<Process> {
    let mut stat = Vec::with_capacity(512);
    File::open(format!("/proc/{pid}/stat")).ok()?.read_to_end(&mut stat).ok()?;
    parse_stat(&stat)
}

/// `pid (name) state ppid ...`, the start time as field 22. The name may hold anything, also `)`.
fn parse_stat(stat: &[u8]) -> Option<Process> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open + 1..close)?;
    let mut fields = stat.get(close + 2..)?.split(|byte| *byte == b' ');
    let state = *fields.next()?.first()?;
    if matches!(state, b'Z' | b'X' | b'x') {
        return None;
    }
    Some(Process {
        pid: number(&stat[..open])?.try_into().ok()?,
        ppid: number(fields.next()?)?.try_into().ok()?,
        start_ticks: number(fields.nth(17)?)?,
        state,
        name: name[..name.len().min(NAME_BYTES_MAX)].to_vec(),
    })
}

fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.trim_end().parse().ok()
}

/// Whether a process of our user has the entry in its environment. What cannot be read does not.
fn carries(pid: u32, cookie: &[u8], environ_bytes_max: u64) -> bool {
    let path = format!("/proc/{pid}/environ");
    let ours = rustix::process::geteuid().as_raw();
    if !fs::metadata(&path).is_ok_and(|meta| meta.uid() == ours) {
        return false;
    }
    let mut environ = Vec::new();
    let Ok(file) = File::open(&path) else { return false };
    let read = file.take(environ_bytes_max).read_to_end(&mut environ);
    read.is_ok() && environ.split(|byte| *byte == 0).any(|entry| entry == cookie)
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let stat = b"42 (a) b) S) T 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        let process = parse_stat(stat).unwrap();
        assert_eq!(process.name, b"a) b) S");
        assert_eq!((process.pid, process.ppid, process.state), (42, 7, b'T'));
        assert_eq!(process.start_ticks, 98765);
    }

    #[test]
    fn no_cut_of_a_stat_line_is_a_panic() {
        let stat = b"42 (sh) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        for len in 0..stat.len() {
            parse_stat(&stat[..len]);
        }
    }

    #[test]
    fn this_process_is_in_the_walk_below_its_parent() {
        let me = std::process::id();
        let mut walk = Walk::read().unwrap();
        walk.take_below(std::os::unix::process::parent_id());
        let found = walk.into_processes();
        assert!(found.iter().any(|process| process.pid == me), "{found:?}");
    }
}
