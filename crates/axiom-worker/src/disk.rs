//! Free space on the journal's disk. Below the session's bound, or when an append finds none, reading pauses:
//! the child then waits in its own write, and nothing is lost.

use std::os::fd::OwnedFd;

use axiom_proto::frame::Micros;

/// The disk is asked again after so many appended bytes: 4 MiB cannot eat up the bound of a gigabyte unseen.
const ASK_BYTES: u64 = 4 << 20;

/// … or after so long, if anything was appended.
const ASK_EVERY: u64 = 1_000_000;

/// While reading is paused, the disk is asked again this often: no event tells of freed space.
pub(crate) const ASK_AGAIN: u64 = 250_000;

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
