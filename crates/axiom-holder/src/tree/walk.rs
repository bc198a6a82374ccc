//! One look at `/proc`: who lives, whose child each is, and which of them belong to a tree. Owner
//! of reading `/proc/PID/stat`. Refuses zombies: what is dead is not left over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use rustix::event::{Timespec, poll};
use rustix::io::{Errno, Result, retry_on_intr};

use crate::wire::{NAME_BYTES_MAX, Process};

/// The wait between two looks at a process that is changing its program: nothing tells its end.
const EXEC_ROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// So often it is looked at: an exec takes less than a millisecond, unless the machine is overloaded.
const EXEC_ROUNDS_MAX: usize = 200;

/// An environment whose program goes away while it is read ends in the middle, or is empty. After so many in a row the next round
/// goes on.
const TORN_READS_MAX: usize = 5;

/// More than fifty numbers and a name take.
const STAT_BYTES_MAX: u64 = 4_096;

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

    /// Takes every process of our user whose environment has this entry, with everything below it. One
    /// that is in the middle of an exec has none to show, so it is looked at again, for a bounded time.
    pub(super) fn take_carriers(&mut self, cookie: &[u8], environ_bytes_max: u64) -> Result<()> {
        let mut pids: Vec<u32> = self.all.keys().copied().collect();
        for _ in 0..EXEC_ROUNDS_MAX {
            let mut between = Vec::new();
            for pid in pids {
                match carries(pid, cookie, environ_bytes_max) {
                    Some(true) => self.take_with_below(pid),
                    Some(false) => {}
                    None => between.push(pid),
                }
            }
            if between.is_empty() {
                break;
            }
            pids = between;
            retry_on_intr(|| poll(&mut [], Some(&EXEC_ROUND)))?;
        }
        Ok(())
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

/// This process' children, those of all its threads, zombies too. Exact: a child leaves the kernel's list only when we reap it. None
/// where the kernel has no such list.
pub(super) fn own_children() -> Option<Vec<u32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let list = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        for pid in list.split_ascii_whitespace() {
            children.push(pid.parse().ok()?);
        }
    }
    Some(children)
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

/// Whether a process of our user has the entry in its environment. What cannot be read does not; None
/// where it is changing its program, and must be looked at again.
fn carries(pid: u32, cookie: &[u8], environ_bytes_max: u64) -> Option<bool> {
    let path = format!("/proc/{pid}/environ");
    let ours = rustix::process::geteuid().as_raw();
    if !fs::metadata(&path).is_ok_and(|meta| meta.uid() == ours) {
        return Some(false);
    }
    for _ in 0..TORN_READS_MAX {
        let Some(environ) = read_some(&path, environ_bytes_max) else { return Some(false) };
        if environ.split(|byte| *byte == 0).any(|entry| entry == cookie) {
            return Some(true);
        }
        let read = u64::try_from(environ.len()).unwrap_or(u64::MAX);
        match environment_bytes(pid) {
            Environment::None => return Some(false),
            Environment::Coming => return None,
            Environment::Bytes(all) if read >= all.min(environ_bytes_max) => return Some(false),
            // Its program, and the environment with it, went away while it was read.
            Environment::Bytes(_) => {}
        }
    }
    None
}

/// What a process has of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Environment {
    /// It is dead, or a kernel's thread.
    None,
    /// It is in the middle of an exec.
    Coming,
    Bytes(u64),
}

fn environment_bytes(pid: u32) -> Environment {
    let stat = read_some(&format!("/proc/{pid}/stat"), STAT_BYTES_MAX).unwrap_or_default();
    let found = parse_environment(&stat);
    let is_kernels = || fs::read_link(format!("/proc/{pid}/exe")).is_err();
    if found == Environment::Coming && is_kernels() { Environment::None } else { found }
}

/// Where the code starts is field 26, and is 0 until an exec has placed arguments and environment; fields 50 and 51 are where the
/// environment begins and ends.
fn parse_environment(stat: &[u8]) -> Environment {
    let fields = || {
        let close = stat.iter().rposition(|byte| *byte == b')')?;
        let mut fields = stat.get(close + 2..)?.split(|byte| *byte == b' ');
        let state = *fields.next()?.first()?;
        let code = number(fields.nth(22)?)?;
        let (start, end) = (number(fields.nth(23)?)?, number(fields.next()?)?);
        Some((state, code, end.saturating_sub(start)))
    };
    match fields() {
        None | Some((b'Z' | b'X' | b'x', ..)) => Environment::None,
        Some((_, 0, _)) => Environment::Coming,
        Some((_, _, bytes)) => Environment::Bytes(bytes),
    }
}

fn read_some(path: &str, bytes_max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut bytes).ok()?;
    Some(bytes)
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
    fn the_environment_of_the_living_is_where_the_kernel_says() {
        let stat = fs::read("/proc/self/stat").unwrap();
        let bytes = fs::read("/proc/self/environ").unwrap().len() as u64;
        assert_eq!(parse_environment(&stat), Environment::Bytes(bytes));
        let zombie = b"42 (sh) Z 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9";
        assert_eq!(parse_environment(zombie), Environment::None);
    }

    #[test]
    fn no_cut_of_a_stat_line_is_a_panic() {
        let stat = b"42 (sh) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        for len in 0..stat.len() {
            parse_stat(&stat[..len]);
            parse_environment(&stat[..len]);
        }
    }

    #[test]
    fn a_child_is_listed_until_it_is_reaped() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let listed = |pid: u32| own_children().unwrap().contains(&pid);
        assert!(listed(child.id()));
        let pid = rustix::process::Pid::from_child(&child);
        let options =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        assert!(listed(child.id()), "a zombie is a child");
        child.wait().unwrap();
        assert!(!listed(child.id()));
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
