//! A holder that is loaded and waits for a specification, so that the next start need not wait for it to be loaded. Owner of
//! the one that is kept. Gives none whose program has been replaced since, or that is dead.
//!
//! It costs a sleeping process. Its standard input is a pipe of ours: it leaves when we do, however that happens.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::{Child, Command};

/// Variables that a holder gets; the child's come in the specification.
const HOLDER_ENV: [&str; 3] = ["PATH", "AXIOM_LOG", "RUST_BACKTRACE"];

/// The place for one holder.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Loaded>>);

#[derive(Debug)]
struct Loaded {
    holder: Child,
    program: Option<Identity>,
}

/// Which file a program is: another one has another number, or was changed at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Spare {
    /// A holder of this program: the one that waits, or a new one.
    pub(super) fn take(&self, program: &Path, open_files: Rlimit) -> io::Result<Child> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Loaded { mut holder, program: loaded }) = waiting
            && loaded.is_some()
            && loaded == identity(program)
            && matches!(holder.try_wait(), Ok(None))
        {
            return Ok(holder);
        }
        spawn(program, open_files)
    }

    /// Puts a new one in the place, if it is empty.
    pub(super) fn refill(&self, program: &Path, open_files: Rlimit) -> io::Result<()> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            // First, so that a program that is replaced meanwhile is seen as another one.
            let identity = identity(program);
            *place = Some(Loaded { holder: spawn(program, open_files)?, program: identity });
        }
        Ok(())
    }

    /// Lets the one that waits go.
    pub(crate) fn let_go(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn identity(program: &Path) -> Option<Identity> {
    let meta = fs::metadata(program).ok()?;
    let changed = (meta.ctime(), meta.ctime_nsec());
    Some(Identity { device: meta.dev(), inode: meta.ino(), changed })
}

/// Starts a holder, which waits for its specification. What it says before it has one goes where our own words go.
fn spawn(program: &Path, open_files: Rlimit) -> io::Result<Child> {
    let env = HOLDER_ENV.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let holder = Command::new(program)
        .env_clear()
        .envs(env)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    // The limit that we raised for ourselves; the holder starts nothing before it has read its specification.
    let pid = holder.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Err(errno) = prlimit(pid, Resource::Nofile, open_files) {
        tracing::warn!(%errno, "a child gets the server's limit of open files");
    }
    Ok(holder)
}
