//! Free space on the journal's disk. Below the session's bound, or when an append finds none, reading pauses:
//! the child then waits in its own write, and nothing is lost.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use axiom_proto::frame::Micros;
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, fallocate, openat, unlinkat};

/// The disk is asked again after so many appended bytes: 4 MiB cannot eat up the bound of a gigabyte unseen.
const ASK_BYTES: u64 = 4 << 20;

/// … or after so long, if anything was appended.
const ASK_EVERY: u64 = 1_000_000;

/// While reading is paused, the disk is asked again this often: no event tells of freed space.
pub(crate) const ASK_AGAIN: u64 = 250_000;

/// The room that is kept back: some fifty records, so that a task on a full disk can still be steered and can end.
const RESERVE_BYTES: u64 = 16 * 1024;

/// Its file in the session's folder.
const RESERVE_FILE: &str = "reserve";

/// Watches the free space.
#[derive(Debug)]
pub(crate) struct Disk {
    /// The session's folder. The journal's path goes through this descriptor too.
    folder: OwnedFd,
    min_free: u64,
    since_bytes: u64,
    since: Micros,
}

impl Disk {
    pub(crate) fn new(folder: OwnedFd, min_free: u64) -> Self {
        Self { folder, min_free, since_bytes: ASK_BYTES, since: Micros(0) }
    }

    /// Says why reading should pause, looking at the disk only now and then.
    pub(crate) fn shortage_after(&mut self, appended: usize, now: Micros) -> Option<String> {
        self.since_bytes += appended as u64;
        if self.since_bytes < ASK_BYTES && now < self.since.plus(ASK_EVERY) {
            return None;
        }
        (self.since_bytes, self.since) = (0, now);
        self.shortage()
    }

    /// Keeps some room back for records.
    pub(crate) fn reserve(&self) -> Option<Reserve> {
        Reserve::take(&self.folder)
    }

    /// Gives kept room up.
    pub(crate) fn give_up(&self, reserve: Reserve) {
        reserve.give_up(&self.folder);
    }

    /// A path through a descriptor, as people know it; the path itself where the kernel does not tell.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let known = std::fs::read_link(path).unwrap_or_else(|_| path.to_owned());
        known.display().to_string()
    }

    /// Says why reading should pause, looking at the disk.
    pub(crate) fn shortage(&self) -> Option<String> {
        let stat = rustix::fs::fstatvfs(&self.folder).ok()?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        (free < self.min_free).then(|| {
            let least = self.min_free;
            format!("disk_full: {free} bytes are free, {least} must stay so; free some space")
        })
    }
}

/// Room on the disk that is given up when the journal finds none.
#[derive(Debug)]
pub(crate) struct Reserve {
    _file: OwnedFd,
}

impl Reserve {
    /// Takes the room; none where there is none, or where the file system cannot promise it.
    pub(crate) fn take(folder: impl AsFd) -> Option<Self> {
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&folder, RESERVE_FILE, flags, Mode::RUSR | Mode::WUSR).ok()?;
        let taken = fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES);
        if taken.is_err() {
            Self { _file: file }.give_up(folder);
            return None;
        }
        Some(Self { _file: file })
    }

    /// Gives the room to whoever writes next.
    pub(crate) fn give_up(self, folder: impl AsFd) {
        let _gone_already: rustix::io::Result<()> =
            unlinkat(folder, RESERVE_FILE, AtFlags::empty());
    }
}
