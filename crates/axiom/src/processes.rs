//! Other processes, waited for: the kernel says when one has ended, so that nobody looks again and again.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

/// A process that may end.
#[derive(Debug)]
pub(crate) struct Process {
    /// `None` where it had ended when we came.
    alive: Option<AsyncFd<OwnedFd>>,
}

impl Process {
    /// Takes hold of a process. Call inside of a runtime.
    ///
    /// # Errors
    /// When the kernel has no descriptors for processes, or none is left.
    #[expect(
        deprecated,
        reason = "its successor is unsafe; it asks for what an OwnedFd gives: one descriptor for life"
    )]
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let Some(number) = number else { return Ok(Self { alive: None }) };
        match pidfd_open(number, PidfdFlags::NONBLOCK) {
            Ok(fd) => Ok(Self { alive: Some(AsyncFd::new(fd)?) }),
            Err(Errno::SRCH) => Ok(Self { alive: None }),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits for its end. False where it still runs after this time.
    pub(crate) async fn ends_within(&self, wait: Duration) -> bool {
        let Some(alive) = &self.alive else { return true };
        timeout(wait, alive.readable()).await.is_ok()
    }
}
