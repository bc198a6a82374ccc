//! The child's whole process tree: list, signal, freeze, thaw, kill. Used by a holder for its own,
//! and for a holder that was killed. Owner of the two ways: the session's cgroup where there is
//! one, else a walk over `/proc`. Refuses to touch a process that it cannot name by pid and start
//! time.

mod signals;
mod walk;

use std::path::{Path, PathBuf};

use rustix::io::Result;
use rustix::process::Signal;

use crate::cgroup::{Cgroup, leaf};
use crate::clock::Deadline;
use crate::wire::{Means, Process};

use walk::Walk;

/// How long a kill may take before it reports who is left: only a process deep in the kernel lives
/// that long.
pub const KILL_WAIT_MAX_MS: u64 = 5_000;

/// How long a freeze by signals waits for the last process to stop: it is microseconds, unless the
/// machine is overloaded.
pub const STOP_WAIT_MAX_MS: u64 = 2_000;

/// The longest `/proc/PID/environ` that is searched for the cookie: what a kernel takes as
/// environment by default.
const ENVIRON_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Where the walk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// A living holder: everything below it, since it adopts the tree's orphans.
    Holder { pid: u32 },
    /// The holder is dead, its orphans belong to init: the child and everything below it, and
    /// whatever carries the cookie. Name the child only while its pidfd says that it lives.
    Lost { child: Option<u32> },
}

/// A task's process tree.
#[derive(Debug)]
pub struct Tree {
    root: Root,
    cookie: Vec<u8>,
    exclude: Vec<u32>,
    cgroup: Option<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    path: PathBuf,
    open: Cgroup,
}

/// What a freeze found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    pub by: Means,
    /// Processes that somebody else had stopped; give them to [`Tree::thaw`]. Empty with a cgroup.
    pub already_stopped: Vec<u32>,
}

impl Tree {
    /// The tree of a task. A cgroup that cannot be opened is gone with its processes: the walk does
    /// without.
    pub fn new(root: Root, task: &str, cgroup: Option<&Path>) -> Self {
        let leaf = cgroup
            .and_then(|path| Some(Leaf { path: path.to_owned(), open: Cgroup::open(path).ok()? }));
        let cookie = format!("AXIOM_TASK={task}").into_bytes();
        Self { root, cookie, exclude: Vec::new(), cgroup: leaf }
    }

    /// Names processes that are not the child's, with all below them: the worker. This process
    /// never is.
    pub fn exclude(&mut self, pids: Vec<u32>) {
        self.exclude = pids;
    }

    /// The processes that live, each once, by pid.
    pub fn list(&self) -> Result<Vec<Process>> {
        if self.is_surely_empty()? {
            return Ok(Vec::new());
        }
        let walk = self.walk()?;
        Ok(walk.into_processes())
    }

    /// Sends a signal to each process, and says to how many.
    pub fn signal(&self, signal: Signal) -> Result<usize> {
        let mut reached = 0;
        for process in self.list()? {
            reached += usize::from(signals::send(&process, signal)?);
        }
        Ok(reached)
    }

    /// Stops the whole tree from running.
    pub fn freeze(&self) -> Result<Frozen> {
        match &self.cgroup {
            Some(leaf) => {
                leaf.open.freeze()?;
                Ok(Frozen { by: Means::Cgroup, already_stopped: Vec::new() })
            }
            None => {
                let deadline = Deadline::in_ms(STOP_WAIT_MAX_MS);
                let already_stopped = signals::stop_all(|| self.list(), deadline)?;
                Ok(Frozen { by: Means::Signals, already_stopped })
            }
        }
    }

    /// Lets the tree run again, except those that a freeze found stopped.
    pub fn thaw(&self, keep_stopped: &[u32]) -> Result<()> {
        match &self.cgroup {
            Some(leaf) => leaf.open.thaw(),
            None => signals::resume_all(&self.list()?, keep_stopped),
        }
    }

    /// Kills every process, frozen or not, and waits until the kernel confirms it. Returns who
    /// would not die within [`KILL_WAIT_MAX_MS`]. Calls `reap` after each wait, so that a parent's
    /// own duties go on.
    pub fn kill(&self, reap: &mut dyn FnMut()) -> Result<Vec<Process>> {
        let deadline = Deadline::in_ms(KILL_WAIT_MAX_MS);
        if let Some(leaf) = &self.cgroup {
            // If the cgroup fails us, or is gone, the signals below do all of it.
            let _ = leaf.open.kill().and_then(|()| leaf.open.wait_empty(deadline));
            // Left frozen, it would freeze the next process to enter it.
            let _ = leaf.open.thaw();
            reap();
        }
        // With a cgroup too: a process that was allowed to may have left it.
        signals::kill_all(|| self.list(), deadline, reap)
    }

    /// Whether the tree has a cgroup of its own.
    pub fn has_cgroup(&self) -> bool {
        self.cgroup.is_some()
    }

    /// Removes the cgroup. `BUSY` while processes live in it.
    pub fn remove_cgroup(&self) -> Result<()> {
        self.cgroup.as_ref().map_or(Ok(()), |leaf| leaf::remove(&leaf.path))
    }

    /// Whether a holder's own tree is empty, without a look at all of `/proc`: that grows with every other task. A holder
    /// adopts its tree's orphans, so nobody is below it once its own children are the worker and the dead. False where that is not
    /// certain.
    fn is_surely_empty(&self) -> Result<bool> {
        if self.root != (Root::Holder { pid: std::process::id() }) {
            return Ok(false);
        }
        if let Some(leaf) = &self.cgroup
            && !leaf.open.processes()?.is_empty()
        {
            return Ok(false);
        }
        let Some(before) = walk::own_children() else { return Ok(false) };
        let lives = |pid: &u32| !self.exclude.contains(pid) && walk::read_process(*pid).is_some();
        if before.iter().any(lives) {
            return Ok(false);
        }
        // One that died between the two steps left its own children to us first.
        Ok(walk::own_children().is_some_and(|now| now.iter().all(|pid| before.contains(pid))))
    }

    fn walk(&self) -> Result<Walk> {
        let mut walk = Walk::read()?;
        match self.root {
            Root::Holder { pid } => walk.take_below(pid),
            Root::Lost { child } => {
                walk.take_carriers(&self.cookie, ENVIRON_BYTES_MAX)?;
                if let Some(child) = child {
                    walk.take_with_below(child);
                }
            }
        }
        if let Some(leaf) = &self.cgroup {
            for pid in leaf.open.processes()? {
                walk.take_with_below(pid);
            }
        }
        for pid in &self.exclude {
            walk.leave_with_below(*pid);
        }
        walk.leave(std::process::id());
        Ok(walk)
    }
}
