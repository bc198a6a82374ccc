//! The locks on a journal: the one that makes its writer the only one, and the one for whoever changes closed segments.
//! The kernel drops them with the process that holds them; the writer's file is never removed, because a removed
//! lock file can be held by two.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

/// The lock's file in a session's folder.
const LOCK_FILE: &str = "writer.lock";

/// The right to write a session's journal, as long as this lives.
#[derive(Debug)]
pub struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Closing is not enough: a process being started just now shares our descriptors until its exec.
        // Where unlocking fails, closing is what is left.
        let _unlocked: Result<(), Errno> = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why the lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another writer lives.
    #[error("another writer holds {}: it must end first", path.display())]
    Held {
        /// The lock's file.
        path: PathBuf,
    },
    /// The file cannot be opened or locked.
    #[error("failed to lock {}", path.display())]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WriterLock {
    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] while another writer lives.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let opened =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(source) => return Err(LockError::Io { path, source }),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Held { path }),
            Err(errno) => Err(LockError::Io { path, source: errno.into() }),
        }
    }
}

/// The right to pack, unpack or remove closed segments, as long as this lives: without it, what is removed could come back from
/// a packer. On the folder itself, so that there is no file to keep.
#[derive(Debug)]
pub(crate) struct SegmentsLock {
    folder: File,
}

impl Drop for SegmentsLock {
    fn drop(&mut self) {
        let _unlocked: Result<(), Errno> = flock(&self.folder, FlockOperation::Unlock);
    }
}

impl SegmentsLock {
    /// Waits until nobody else has it: as long as it takes to pack one segment.
    pub(crate) fn take(folder: &Path) -> Result<Self, LockError> {
        let refused = |source| LockError::Io { path: folder.to_owned(), source };
        let opened = File::open(folder).map_err(refused)?;
        loop {
            match flock(&opened, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { folder: opened }),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(refused(errno.into())),
            }
        }
    }
}
