//! Starts a session's holder: its folder, its specification, the process, and the wait for its sockets.
//! Starts nothing twice: the holder's own lock decides, however many servers try.

mod spare;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use axiom_holder::channel::{LINK_SOCKET, LOG_FILE};
use axiom_holder::priority::Means;
use axiom_holder::wire::{LaunchSpec, Mode as Ends, Priority, SpecError};
use axiom_proto::record::{Failure, Stage};
use axiom_proto::task::{Mode, SessionOptions, TaskRecord};
use thiserror::Error;
use tokio::io::{AsyncWriteExt, Interest, Ready};
use tokio::net::unix::pipe::Sender;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{AcquireError, SemaphorePermit};

use crate::background::beside;
use crate::fleet::Fleet;
use crate::home::{self, HomeError};
use crate::record::{self, RecordError};
use crate::session::Problem;
use crate::task::Task;

pub(crate) use spare::Spare;

/// Holders that are being started at once. More would only slow each other down.
pub(crate) const LAUNCHES_MAX: usize = 16;

/// How long a holder may take for its sockets before it is said that it takes long. It is waited for further: nobody else
/// may start the session meanwhile.
const LAUNCH_WAIT: Duration = Duration::from_secs(10);

/// What a holder exits with when another one has started the session.
const EXIT_STARTED_ALREADY: i32 = 3;

/// What it exits with when it has started nothing: a wrong specification; no lock, no sockets.
const EXIT_SPEC: i32 = 2;
const EXIT_SETUP: i32 = 4;

/// What `run` exits with where Axiom itself failed.
const EXIT_AXIOM: i32 = 125;

/// Why a holder was not started.
#[derive(Debug, Error)]
enum LaunchError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Folder(#[from] HomeError),
    #[error("the command cannot be started: {0}")]
    Spec(#[from] SpecError),
    #[error("failed to hand the command to the holder: {0}")]
    Pipe(#[source] io::Error),
    #[error("failed to start {}: {source}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
    #[error("the holder left before it had started anything ({status}); why is in {} or in the server's log", log.display())]
    Left { status: String, log: PathBuf },
}

impl LaunchError {
    fn failure(&self) -> Failure {
        let errno = match self {
            Self::Pipe(source) | Self::Spawn { source, .. } => source.raw_os_error(),
            Self::Record(_) | Self::Folder(_) | Self::Spec(_) | Self::Left { .. } => None,
        };
        let (stage, errno, message) = (Stage::Holder, errno.unwrap_or(0), self.to_string());
        Failure { stage, errno, message, exit_code: EXIT_AXIOM }
    }
}

/// Starts the session's holder and waits until it can be dialled, or is known to be served by another. The holder is our
/// child until we die; it is reaped when it leaves.
pub(crate) async fn launch(fleet: &Arc<Fleet>, task: &Arc<Task>) -> Result<(), Failure> {
    let started = start(fleet, task).await;
    started.map_err(|error| {
        tracing::error!(%error, "a session could not be started");
        error.failure()
    })
}

async fn start(fleet: &Arc<Fleet>, task: &Arc<Task>) -> Result<(), LaunchError> {
    let permit = fleet.launches.acquire().await;
    // Beside: it touches the disk, and a fork holds the calling thread until the program is found.
    let (spec, mut holder) = beside({
        let (fleet, task) = (fleet.clone(), task.clone());
        move || Ok::<_, LaunchError>((prepare(&fleet, &task)?, take_holder(&fleet)?))
    })
    .await?;
    let stdin = holder.stdin.take().expect("its standard input is piped");
    watched(task, permit, begin(task, stdin, &spec, &mut holder)).await?;
    fleet.reap(holder);
    fleet.background.spawn(refill(fleet.clone(), task.clone()));
    Ok(())
}

fn take_holder(fleet: &Fleet) -> Result<Child, LaunchError> {
    let program = &fleet.programs.holder;
    let taken = fleet.spare.take(program, fleet.surroundings.open_files);
    taken.map_err(|source| LaunchError::Spawn { program: program.clone(), source })
}

/// Keeps a holder ready for the next start, once the worker of this one has linked, till when the processors are its own, and no other
/// start is going on.
async fn refill(fleet: Arc<Fleet>, task: Arc<Task>) {
    let _open: bool = task.follow().wait_for(|now| now.is_known || now.over).await.is_ok();
    if fleet.launches.available_permits() < LAUNCHES_MAX || fleet.is_leaving() {
        return;
    }
    beside(move || {
        let open_files = fleet.surroundings.open_files;
        if let Err(error) = fleet.spare.refill(&fleet.programs.holder, open_files) {
            tracing::debug!(%error, "no holder is kept ready");
        }
    })
    .await;
}

/// Waits for a launch. When it takes long it is said, and the place is given to another one.
async fn watched<T>(
    task: &Task,
    permit: Result<SemaphorePermit<'_>, AcquireError>,
    launch: impl Future<Output = T>,
) -> T {
    tokio::pin!(launch);
    tokio::select! {
        launched = &mut launch => return launched,
        () = tokio::time::sleep(LAUNCH_WAIT) => drop(permit),
    }
    let text = "its holder is taking long to start: see the log in its folder";
    task.set_problem(Some(Problem::Other(text.to_owned())));
    launch.await
}

/// Hands the specification over and waits until the holder can be dialled, or has left.
async fn begin(
    task: &Task,
    stdin: ChildStdin,
    spec: &[u8],
    holder: &mut Child,
) -> Result<(), LaunchError> {
    let stdin = stdin.into_owned_fd().and_then(Sender::from_owned_fd).map_err(LaunchError::Pipe)?;
    let handed = async {
        let mut stdin = stdin;
        // A holder that leaves early takes no specification: its exit says why.
        let _written: io::Result<()> = stdin.write_all(spec).await;
        // A holder lets go of its standard input once both its sockets listen.
        let _let_go: io::Result<Ready> = stdin.ready(Interest::ERROR).await;
    };
    tokio::select! {
        biased;
        left = holder.wait() => return judge(left, task),
        () = handed => {}
    }
    if task.folder.join(LINK_SOCKET).exists() {
        return Ok(());
    }
    // It let go because it leaves.
    judge(holder.wait().await, task)
}

/// Makes the session's folder, and puts its specification together.
fn prepare(fleet: &Fleet, task: &Task) -> Result<Vec<u8>, LaunchError> {
    // From disk, which alone has the environment.
    let record = record::read(&fleet.home, task.id())?;
    home::make(&task.folder)?;
    Ok(spec(fleet, task, &record).encode()?)
}

/// The holder left before its sockets were seen.
fn judge(left: io::Result<ExitStatus>, task: &Task) -> Result<(), LaunchError> {
    let log = task.folder.join(LOG_FILE);
    let (code, status) = match left {
        Ok(status) => (status.code(), status.to_string()),
        Err(error) => (None, error.to_string()),
    };
    match code {
        // It has been very quick, or another one serves the session: dialling tells.
        Some(0 | EXIT_STARTED_ALREADY) => return Ok(()),
        Some(EXIT_SPEC | EXIT_SETUP) => return Err(LaunchError::Left { status, log }),
        Some(_) | None => {}
    }
    let note = std::fs::metadata(task.folder.join("holder"));
    if note.is_ok_and(|note| note.len() > 0) {
        // It had begun: what it left behind is judged like any dead session.
        return Ok(());
    }
    Err(LaunchError::Left { status, log })
}

fn spec(fleet: &Fleet, task: &Task, record: &TaskRecord) -> LaunchSpec {
    let asked = &record.spec;
    let args = match &asked.shell {
        Some(line) => vec![b"/bin/sh".to_vec(), b"-c".to_vec(), line.clone().into_bytes()],
        None => asked.command.iter().map(|word| word.0.clone()).collect(),
    };
    let cwd = asked.cwd.as_ref().map(|cwd| path_of(&cwd.0));
    let mode = match asked.mode {
        Mode::Terminal => {
            let size = asked.size.unwrap_or_default();
            Ends::Terminal { cols: size.cols, rows: size.rows }
        }
        Mode::Pipes => Ends::Pipes,
    };
    let options = SessionOptions {
        session: task.session(),
        limits: asked.limits,
        leftovers: asked.leftovers,
        disk_min_free_bytes: fleet.disk_min_free_bytes,
    };
    LaunchSpec {
        task: record.id.as_str().to_owned(),
        folder: task.folder.clone(),
        worker: fleet.programs.worker.clone(),
        args,
        env: fleet.surroundings.child_env(
            record,
            fleet.home.root(),
            &fleet.task_tokens.token_of(record.id),
        ),
        cwd: cwd.unwrap_or_else(|| fleet.surroundings.cwd.clone()),
        mode,
        umask: asked.umask.unwrap_or(fleet.surroundings.umask),
        cgroup: fleet.cgroup_of(task.session()),
        priority: fleet.priority.map_or(Priority::Same, Means::of_child),
        options: serde_json::to_vec(&options).expect("options are always JSON"),
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
