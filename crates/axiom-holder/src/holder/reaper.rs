//! The dead: reaps everything that this process is a parent of, writes the child's status where it
//! lasts, and keeps workers' deaths for the fence. Owner of "the status is in the file before
//! anybody can learn it".

use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};
use std::os::fd::BorrowedFd;

use crate::clock;
use crate::exit::{ExitFile, ExitNote};

use super::log;

/// What is known of the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChildState {
    /// It did not start.
    Never,
    Living {
        pid: u32,
    },
    Reaped {
        status: i32,
    },
}

/// Who was reaped.
#[derive(Debug)]
pub(super) struct Reaper {
    exit_file: ExitFile,
    /// Not in the file yet: the disk refused it.
    unpublished: Option<ExitNote>,
    child: ChildState,
    worker: Option<u32>,
    /// The worker's status, until the fence takes it.
    worker_death: Option<i32>,
}

impl Reaper {
    pub(super) fn new(exit_file: ExitFile, child: Option<u32>) -> Self {
        let child = child.map_or(ChildState::Never, |pid| ChildState::Living { pid });
        Self { exit_file, unpublished: None, child, worker: None, worker_death: None }
    }

    pub(super) fn child(&self) -> ChildState {
        self.child
    }

    /// Tells which process is the worker now.
    pub(super) fn watch_worker(&mut self, pid: u32) {
        self.worker = Some(pid);
    }

    /// The raw wait status of a worker that has died, once.
    pub(super) fn take_worker_death(&mut self) -> Option<i32> {
        self.worker_death.take()
    }

    /// Reaps all that are dead. Adopted orphans are forgotten.
    pub(super) fn reap(&mut self, folder: BorrowedFd<'_>) {
        loop {
            let (pid, status) = match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => (pid.as_raw_nonzero().get(), status.as_raw()),
                Err(Errno::INTR) => continue,
                // Nobody is dead, or there is nobody.
                Ok(None) | Err(_) => return,
            };
            let pid = pid.cast_unsigned();
            if self.child == (ChildState::Living { pid }) {
                self.unpublished = Some(ExitNote { status, unix_us: clock::unix_us() });
                self.publish(folder);
                self.child = ChildState::Reaped { status };
            } else if self.worker == Some(pid) {
                self.worker = None;
                self.worker_death = Some(status);
            }
        }
    }

    /// Writes the exit file if it is owed. On failure it stays owed, and the worker is told all the
    /// same: its journal is the second place where the status lasts.
    pub(super) fn publish(&mut self, folder: BorrowedFd<'_>) {
        let Some(note) = self.unpublished else { return };
        match self.exit_file.publish(folder, &note) {
            Ok(()) => self.unpublished = None,
            Err(error) => log(&format!("write the exit file: {error}")),
        }
    }
}
