//! One session's cgroup: list, freeze, thaw, kill, remove. Owner of the waits for the kernel's
//! word: it counts as frozen or empty only when `cgroup.events` says so. Refuses to wait longer
//! than its named bounds.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdir, openat, unlinkat};
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Deadline;

/// How long the kernel may take to freeze a tree. It is microseconds, unless a process is deep in a
/// device or a network file system; then the freeze is taken back and reported as failed.
pub const FREEZE_WAIT_MAX_MS: u64 = 2_000;

/// How often the directory above a leaf is made again. Each time another session must have ended in between.
const MAKE_TRIES_MAX: u32 = 16;

/// How deep cgroups below a leaf are followed: a child may make its own, but hardly a tower of
/// them.
const DEPTH_MAX: usize = 16;

/// The longest `cgroup.procs` that is read: every process that a kernel can have, seven digits
/// each.
const PROCS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// An open cgroup directory.
#[derive(Debug)]
pub struct Cgroup {
    folder: OwnedFd,
}

/// The two ways into a cgroup: to be made in it, or to move in.
#[derive(Debug)]
pub(crate) struct Entrance {
    folder: OwnedFd,
    procs: OwnedFd,
}

impl Entrance {
    /// A descriptor of `cgroup.procs`: a process that writes `0` to it moves in.
    pub(crate) fn procs(&self) -> BorrowedFd<'_> {
        self.procs.as_fd()
    }
}

/// The cgroup's directory, as the kernel wants it from one who makes a process in it.
impl AsFd for Entrance {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl Cgroup {
    /// Makes a leaf, or takes the one that is there, and opens it. Makes the directory above it
    /// too, which the last session before us took along, and perhaps takes along again meanwhile.
    pub fn make(path: &Path) -> Result<Self> {
        for _ in 0..MAKE_TRIES_MAX {
            match make_one(path) {
                Err(Errno::NOENT) => make_one(path.parent().ok_or(Errno::NOENT)?)?,
                other => return other.and_then(|()| Self::open(path)),
            }
        }
        Err(Errno::NOENT)
    }

    pub fn open(path: &Path) -> Result<Self> {
        let folder = rustix::fs::open(path, folder_flags(), Mode::empty())?;
        Ok(Self { folder })
    }

    /// The way in for a new process.
    pub(crate) fn entrance(self) -> Result<Entrance> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let procs = openat(&self.folder, "cgroup.procs", flags, Mode::empty())?;
        Ok(Entrance { folder: self.folder, procs })
    }

    /// Every process in the leaf and in cgroups below it. A cgroup that was removed has none.
    pub fn processes(&self) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        match collect(&self.folder, DEPTH_MAX, &mut pids) {
            Ok(()) | Err(Errno::NOENT | Errno::NODEV) => Ok(pids),
            Err(error) => Err(error),
        }
    }

    /// Freezes and waits until nothing runs. What cannot be frozen in time is thawed again:
    /// `TIMEDOUT`.
    pub fn freeze(&self) -> Result<()> {
        self.write("cgroup.freeze", b"1")?;
        let frozen = self.wait_for(b"frozen 1", Deadline::in_ms(FREEZE_WAIT_MAX_MS));
        if frozen.is_err() {
            self.write("cgroup.freeze", b"0")?;
        }
        frozen
    }

    /// Lets it run again. A process that is stopped by a signal as well stays so.
    pub fn thaw(&self) -> Result<()> {
        self.write("cgroup.freeze", b"0")?;
        self.wait_for(b"frozen 0", Deadline::in_ms(FREEZE_WAIT_MAX_MS))
    }

    /// Kills everything in it, frozen or not.
    pub(crate) fn kill(&self) -> Result<()> {
        match self.write("cgroup.kill", b"1") {
            // Before 5.14 there is no such file: one by one, and the caller looks for those that
            // were missed.
            Err(Errno::NOENT) => {
                for pid in self.processes()? {
                    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                        ignore_gone(kill_process(pid, Signal::KILL))?;
                    }
                }
                // Frozen processes die where a freezer is older than the kill file only after they
                // are thawed.
                self.write("cgroup.freeze", b"0")
            }
            other => other,
        }
    }

    /// Waits until no process lives in it; zombies do not count.
    pub(crate) fn wait_empty(&self, deadline: Deadline) -> Result<()> {
        self.wait_for(b"populated 0", deadline)
    }

    /// Removes cgroups that the child's tree made below the leaf, so that the leaf itself can be
    /// removed. Those that still have processes stay.
    pub(crate) fn clear(&self) -> Result<()> {
        clear(&self.folder, DEPTH_MAX)
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let file = openat(&self.folder, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, text)?;
        Ok(())
    }

    /// Waits for a line of `cgroup.events`; the kernel raises POLLPRI whenever one changes.
    fn wait_for(&self, line: &[u8], deadline: Deadline) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let events = openat(&self.folder, "cgroup.events", flags, Mode::empty())?;
        loop {
            let mut text = [0; 256];
            let len = rustix::io::pread(&events, &mut text, 0)?;
            if text[..len].split(|byte| *byte == b'\n').any(|found| found == line) {
                return Ok(());
            }
            let left = deadline.left().ok_or(Errno::TIMEDOUT)?;
            let mut fds = [PollFd::new(&events, PollFlags::PRI)];
            retry_on_intr(|| poll(&mut fds, Some(&left)))?;
        }
    }
}

fn make_one(path: &Path) -> Result<()> {
    match mkdir(path, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// Removes a leaf and what is below it; says whether it is gone. Processes that still live in it
/// keep it.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let cgroup = match Cgroup::open(path) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    cgroup.clear()?;
    match rustix::fs::rmdir(path) {
        Err(Errno::NOENT) => {}
        other => other?,
    }
    // The server may be gone for good: the last session takes the directory of all of them along.
    match path.parent().map(rustix::fs::rmdir) {
        None | Some(Ok(()) | Err(Errno::NOENT | Errno::BUSY | Errno::NOTEMPTY)) => Ok(()),
        Some(other) => other,
    }
}

fn ignore_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(Errno::SRCH) => Ok(()),
        other => other,
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW
}

fn collect(folder: &OwnedFd, depth: usize, pids: &mut Vec<u32>) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat(folder, "cgroup.procs", flags, Mode::empty())?;
    let text = read_all(&file)?;
    let lines = text.split(|byte| *byte == b'\n');
    pids.extend(lines.filter_map(|line| std::str::from_utf8(line).ok()?.parse::<u32>().ok()));
    each_below(folder, depth, |below, _name, depth| collect(below, depth, pids))
}

fn clear(folder: &OwnedFd, depth: usize) -> Result<()> {
    each_below(folder, depth, |below, name, depth| {
        clear(below, depth)?;
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            Err(Errno::BUSY | Errno::NOENT) => Ok(()),
            other => other,
        }
    })
}

/// Visits the directories in a cgroup; one that goes away meanwhile is passed over.
fn each_below(
    folder: &OwnedFd,
    depth: usize,
    mut visit: impl FnMut(&OwnedFd, &std::ffi::CStr, usize) -> Result<()>,
) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type() != FileType::Directory || matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let visited = openat(folder, name, folder_flags(), Mode::empty())
            .and_then(|below| visit(&below, name, depth));
        match visited {
            Ok(()) | Err(Errno::NOENT | Errno::NODEV) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn read_all(file: &OwnedFd) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match rustix::io::read(file, &mut chunk)? {
            0 => return Ok(text),
            _ if text.len() > PROCS_BYTES_MAX => return Err(Errno::TOOBIG),
            len => text.extend_from_slice(&chunk[..len]),
        }
    }
}
