//! Gets a server for a home: dials, and starts one where there is none and that is allowed.
//! Two clients that start at once get one server: its lock decides, and the loser leaves quietly.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::dial::{DialError, dial};
use crate::home::{Home, UnfitHome};
use crate::socket_watch::SocketWatch;

/// How long a server may take from its start until it listens: it dials every live session first.
const START_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long after a loser of the race has left until another is started: the winner may have been one that was just leaving.
const RACE_PAUSE: Duration = Duration::from_millis(200);

/// The log of started servers is begun anew above this size.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// As much of the log's end as is read to find out why a server did not start.
const LOG_TAIL_BYTES: u64 = 4096;

/// Whether a client may start a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Yes, with this program.
    With(PathBuf),
    /// No: it runs inside a task, and the server would be in that task's tree and die with it.
    InsideTask,
    /// No: it only wants to look.
    Never,
}

/// Which server, and whether it may be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The home.
    pub home: Home,
    /// Whether to start one.
    pub start: Start,
}

/// Why there is no server.
#[derive(Debug, Error)]
pub enum StartError {
    /// It cannot be dialled, and none may be started.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Inside a task none is started.
    #[error("no server runs for home {}, and none is started from inside a task", home.display())]
    InsideTask {
        /// The home.
        home: PathBuf,
    },
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] UnfitHome),
    /// The program cannot be run.
    #[error("start server {}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended at once.
    #[error("the server did not start ({status}): {last_words}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The last line of its log.
        last_words: String,
    },
    /// There is no room for what it must write before it listens.
    #[error("the disk of home {} is full: {free_bytes} bytes are free", home.display())]
    Full {
        /// The home.
        home: PathBuf,
        /// What is free.
        free_bytes: u64,
    },
    /// It did not listen in time.
    #[error("the server did not listen within {} s; its log is {}", START_WAIT_MAX.as_secs(), log.display())]
    Late {
        /// Its log.
        log: PathBuf,
    },
}

/// The program of this name beside the running one. Works as well after the running one was replaced.
///
/// # Errors
/// When /proc does not say what runs.
pub fn sibling(name: &str) -> io::Result<PathBuf> {
    std::fs::read_link("/proc/self/exe").map(|path| path.with_file_name(name))
}

/// What a server needs on disk before it listens: an index, a token, notes, and a few lines of log.
const START_BYTES_MIN: u64 = 256 * 1024;

/// A stream to the server, which is started if need be.
pub(crate) async fn reach(place: &Place) -> Result<UnixStream, StartError> {
    let home = &place.home;
    let no_server = match dial(home).await {
        Ok(stream) => return Ok(stream),
        Err(error @ DialError::NoServer { .. }) => error,
        Err(error @ (DialError::Foreign { .. } | DialError::Io { .. })) => return Err(error.into()),
    };
    match &place.start {
        Start::With(program) => start(home, program).await,
        Start::InsideTask => Err(StartError::InsideTask { home: home.path().to_owned() }),
        Start::Never => Err(no_server.into()),
    }
}

async fn start(home: &Home, program: &Path) -> Result<UnixStream, StartError> {
    home.prepare()?;
    let mut watch = SocketWatch::new(home).map_err(|source| unfit(home, source))?;
    let deadline = Instant::now() + START_WAIT_MAX;
    loop {
        // Again, now that the watch is there: another client's server may have come meanwhile.
        match dial(home).await {
            Ok(stream) => return Ok(stream),
            Err(DialError::NoServer { .. }) => {}
            Err(error @ (DialError::Foreign { .. } | DialError::Io { .. })) => {
                return Err(error.into());
            }
        }
        let server = launch(home, program)?;
        match timeout_at(deadline, listening(home, &mut watch, server)).await {
            Ok(Ok(Some(stream))) => return Ok(stream),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(StartError::Late { log: home.server_log() }),
        }
    }
}

/// Waits until a server listens; `None` when ours left because another has the home, and that one is not to be seen.
async fn listening(
    home: &Home,
    watch: &mut SocketWatch,
    mut server: Child,
) -> Result<Option<UnixStream>, StartError> {
    let failed = |source| unfit(home, source);
    let mut left_at = None;
    loop {
        tokio::select! {
            appeared = watch.appeared() => {
                appeared.map_err(failed)?;
                if let Ok(stream) = dial(home).await {
                    return Ok(Some(stream));
                }
            }
            status = server.wait(), if left_at.is_none() => {
                let status = status.map_err(failed)?;
                if !status.success() {
                    if let Some(free_bytes) = too_little(home) {
                        return Err(StartError::Full { home: home.path().to_owned(), free_bytes });
                    }
                    return Err(StartError::Ended { status, last_words: last_words(home) });
                }
                left_at = Some(Instant::now());
            }
            () = sleep_until(left_at.unwrap_or_else(Instant::now) + RACE_PAUSE), if left_at.is_some() => {
                return Ok(None);
            }
        }
    }
}

fn launch(home: &Home, program: &Path) -> Result<Child, StartError> {
    let log = open_log(home).map_err(|source| unfit(home, source))?;
    Command::new(program)
        .args(["serve", "--auto"])
        .env("AXIOM_HOME", home.path())
        .env_remove("AXIOM_TASK")
        .env_remove("AXIOM_TASK_TOKEN")
        // It outlives us: it must not keep a folder busy that is ours.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|source| StartError::Program { program: program.to_owned(), source })
}

/// What is free on the home's disk, if a server cannot even write its index and its log there.
fn too_little(home: &Home) -> Option<u64> {
    let disk = rustix::fs::statvfs(home.path()).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < START_BYTES_MIN).then_some(free)
}

fn unfit(home: &Home, source: io::Error) -> StartError {
    UnfitHome::Io { path: home.path().to_owned(), source }.into()
}

fn open_log(home: &Home) -> io::Result<File> {
    let log = File::options().append(true).create(true).mode(0o600).open(home.server_log())?;
    if log.metadata()?.len() > LOG_BYTES_MAX {
        log.set_len(0)?;
    }
    Ok(log)
}

/// The last thing that the server said: its own words are the best reason there is.
fn last_words(home: &Home) -> String {
    let read = || -> io::Result<String> {
        let mut log = File::open(home.server_log())?;
        let start = log.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
        log.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        log.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let said = text.lines().rev().find_map(|line| line.strip_prefix("axiom: "));
    let line = said.or_else(|| text.lines().rev().find(|line| !line.trim().is_empty()));
    line.map_or_else(|| "it said nothing".to_owned(), |line| line.trim().to_owned())
}
