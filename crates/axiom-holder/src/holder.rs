//! The program: from a launch specification on standard input to a session that runs by itself.
//! Owner of the order in which things are made: lock, sockets, terminal, worker, child. Refuses to
//! start a session twice.

mod callers;
mod child;
mod family;
mod folder;
mod lowering;
mod reaper;
mod signals;
mod start;
mod watch;
mod worker;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;

use crate::clock;
use crate::exit::ExitFile;
use crate::wire::{LaunchSpec, SpecError};

use family::Family;
use folder::Claim;
use reaper::Reaper;
use watch::{Holder, Session, Watch};
use worker::{Coming, Program};

/// The specification was not one; nothing was made.
pub const EXIT_SPEC: u8 = 2;

/// The session has been started before, by this holder's twin or in the past; nothing was made.
pub const EXIT_STARTED_ALREADY: u8 = 3;

/// Folder, lock or sockets could not be made; nothing was started.
pub const EXIT_SETUP: u8 = 4;

/// Why a holder does not start its session.
#[derive(Debug, Error)]
enum SetupError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error("start the session: it was started before; each session starts once")]
    StartedAlready,
    #[error("{what}")]
    System {
        what: &'static str,
        #[source]
        source: Errno,
    },
}

impl SetupError {
    /// For `map_err`: a system call failed while doing this.
    fn during(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |source| Self::System { what, source }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Spec(_) => EXIT_SPEC,
            Self::StartedAlready => EXIT_STARTED_ALREADY,
            Self::System { .. } => EXIT_SETUP,
        }
    }
}

/// The holder's whole life. Reads the specification from standard input; returns when the session
/// is journaled to its end, when standard input ends before it has begun (nobody wants this holder), or with [`EXIT_SPEC`], [`EXIT_STARTED_ALREADY`] or [`EXIT_SETUP`] when
/// it could not begin.
pub fn main() -> ExitCode {
    match set_up() {
        Ok(Some(holder)) => {
            holder.run();
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            let source = std::error::Error::source(&error);
            let why = source.map(|source| format!(": {source}")).unwrap_or_default();
            log(&format!("{error}{why}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// A line for the session's log.
fn log(line: &str) {
    // A log that cannot be written must not stop the session.
    drop(writeln!(std::io::stderr(), "axiom-holder: {line}"));
}

fn set_up() -> Result<Option<Holder>, SetupError> {
    // Before the specification: whoever starts us may let us wait for it.
    detach()?;
    let mut stdin = std::io::stdin().lock();
    if stdin.fill_buf().is_ok_and(<[u8]>::is_empty) {
        return Ok(None);
    }
    let started_mono_ns = clock::mono_ns();
    let started_unix_us = clock::unix_us();
    let spec = LaunchSpec::read(stdin)?;
    let claim = Claim::take(&spec.folder, started_unix_us)?;
    let program = Program { path: spec.worker.clone(), task: spec.task.clone() };
    // Loaded while we make our files and start the child. Should one of these fail, it ends by itself: its holder is gone.
    let coming = program.begin();
    let exit_file =
        ExitFile::reserve(claim.fd()).map_err(SetupError::during("take room for the exit file"))?;
    let again = rustix::io::fcntl_dupfd_cloexec(claim.fd(), 3)
        .map_err(SetupError::during("open the session's folder again"))?;
    let sigchld = signals::watch_children().map_err(SetupError::during("watch for deaths"))?;
    let folder = claim.open()?;
    close_stdin();

    let child = child::launch(&spec);
    let first_worker = Some(coming.and_then(Coming::finish));
    let family = Family::new(&spec, child, |pid| Reaper::new(exit_file, pid), again);
    // The rest of the specification, with the environment in it, is dropped here.
    let session = Session {
        task: spec.task,
        mode: spec.mode,
        options: spec.options,
        cgroup: spec.cgroup.filter(|_| family.tree.has_cgroup()),
        started_mono_ns,
        started_unix_us,
    };
    let state = Watch::default();
    Ok(Some(Holder { session, folder, family, sigchld, program, first_worker, state }))
}

/// Leaves everything of the server's behind that could end or disturb the session.
fn detach() -> Result<(), SetupError> {
    // A process group's leader cannot make a session; then it leads one group already, which is as
    // good.
    match rustix::process::setsid() {
        Ok(_) | Err(Errno::PERM) => {}
        Err(source) => return Err(SetupError::System { what: "make a session", source }),
    }
    signals::ignore_all();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(SetupError::during("become the subreaper"))?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    start::close_inherited().map_err(SetupError::during("close inherited descriptors"))
}

/// Closes our end of the server's pipe, which tells it (by `POLLERR`) that the sockets can be
/// dialled.
fn close_stdin() {
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    if let Err(error) = null.and_then(|null| rustix::stdio::dup2_stdin(&null)) {
        // The session can do with the pipe as well; only the server learns nothing from it.
        log(&format!("close standard input: {error}"));
    }
}
