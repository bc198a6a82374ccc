//! `axiom demo`: five real tasks in a home of their own, a summary, and nothing left behind: no process, no file.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axiom_client::{
    ClientError, Connection, DialError, Home, Place, Start, StartError, new_command_id,
};
use axiom_holder::cgroup;
use axiom_proto::api::ListRequest;
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskView;
use clap::Args;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{ps, shutdown};
use crate::conclusion::Conclusion;
use crate::failure::{Failure, note};
use crate::here::Here;
use crate::line_view::{LineView, Member, OnSignal, Viewed};
use crate::printing::print;
use crate::quantities::{shown_bytes, shown_duration};
use crate::spec::named_line;
use crate::table::table;

/// Name, command, and the exit code that it should have.
const TASKS: &[(&str, &str, u8)] = &[
    ("count", "for i in 1 2 3 4 5; do echo \"line $i of 5\"; sleep 0.4; done", 0),
    (
        "redraw",
        "for p in 0 25 50 75 100; do printf '\\r\\033[32mdone: %3d%%\\033[0m' $p; sleep 0.4; done; echo",
        0,
    ),
    ("fail", "echo 'this one fails'; sleep 1; echo 'and says why' >&2; exit 3", 3),
    ("silent", "sleep 2", 0),
    ("work", "echo \"a terminal: $(tty)\"; seq 1 200000 | cksum", 0),
];

/// How long the last process of a task may take to leave once its journal is closed.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(5);

/// The exit code where a task did not end as it should.
const EXIT_UNEXPECTED: u8 = 1;

/// `axiom demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let folder = std::env::temp_dir().join(format!("axiom-demo-{}", new_command_id().short()));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failure::own(format!("make {}: {error}", folder.display()), ""))?;
        let home = Home::at(folder.clone())?;
        // A home of its own, which ends before we do: that we may be inside a task does not matter.
        let place = Place { home, start: here.starting()? };
        let shown = show(&place).await;
        let left = leave(&place).await;
        let removed = fs::remove_dir_all(&folder)
            .map_err(|error| Failure::own(format!("remove {}: {error}", folder.display()), ""));
        let code = shown?;
        left?;
        removed?;
        Ok(code)
    }
}

async fn show(place: &Place) -> Result<u8, Failure> {
    note("five tasks, each on a terminal of its own; their output as marked lines");
    let mut connection = Connection::open(place.clone()).await?;
    let mut members = Vec::with_capacity(TASKS.len());
    for (name, line, _) in TASKS {
        let answer = connection.spawn(&named_line(name, line)).await?;
        members.extend(answer.tasks.iter().map(|task| Member {
            task: task.id,
            label: (*name).to_owned(),
            start: StartAt::Start,
        }));
    }
    drop(connection);
    let ended = LineView::new(place.clone(), members, OnSignal::InterruptThenLeave).run().await?;
    let conclusions = match ended {
        Viewed::Ended(conclusions) => conclusions,
        Viewed::Left(_) => {
            note("left early");
            return Ok(EXIT_UNEXPECTED);
        }
    };
    let mut connection = Connection::open(place.clone()).await?;
    let tasks = ps::all(&mut connection, ListRequest::default()).await?;
    print(&summary(&tasks))?;
    let expected = TASKS.iter().map(|(_, _, code)| *code);
    let as_expected = conclusions.iter().map(Conclusion::exit_code).eq(expected);
    if !as_expected {
        note("not every task ended as it should have");
    }
    Ok(if as_expected { 0 } else { EXIT_UNEXPECTED })
}

fn summary(tasks: &[TaskView]) -> String {
    let row = |task: &TaskView| {
        let took = match (task.started_at_ms, task.ended_at_ms) {
            (Some(started), Some(ended)) => shown_duration(ended.saturating_sub(started)),
            (None, _) | (_, None) => String::new(),
        };
        let how = Conclusion::of_view(task).map(|conclusion| conclusion.shown());
        [
            task.name.clone().unwrap_or_default(),
            how.unwrap_or_else(|| task.status.word().to_owned()),
            took,
            task.lines.to_string(),
            shown_bytes(task.bytes.0),
        ]
    };
    let rows: Vec<[String; 5]> = tasks.iter().map(row).collect();
    format!("\n{}", table(["TASK", "HOW IT ENDED", "TIME", "LINES", "OUTPUT"], &rows, None))
}

/// Ends everything that was started here, and waits for it.
async fn leave(place: &Place) -> Result<(), Failure> {
    let look = Place { start: Start::Never, ..place.clone() };
    match Connection::open(look).await {
        Ok(mut connection) => {
            shutdown::shut_down(&mut connection, true).await?;
        }
        // It never came to that.
        Err(ClientError::Start(StartError::Dial(DialError::NoServer { .. }))) => {}
        Err(error) => return Err(error.into()),
    }
    let deadline = Instant::now() + LEAVE_WAIT_MAX;
    for lock in holder_locks(place.home.path()) {
        let left = timeout_at(deadline, released(&lock)).await;
        if !matches!(left, Ok(Ok(()))) {
            let message = format!("a task's holder has not left: {}", lock.display());
            return Err(Failure::own(message, "see `ps`"));
        }
    }
    // The home's own cgroup is empty now, where there was one; nobody else would remove it.
    if let Ok(root) = cgroup::find(place.home.path()) {
        drop(fs::remove_dir(root.path()));
    }
    Ok(())
}

/// The files that holders keep locked while they live.
fn holder_locks(home: &Path) -> Vec<PathBuf> {
    let folders = |path: PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let sessions = folders(home.join("tasks")).into_iter().flat_map(folders);
    sessions.map(|session| session.join("holder")).filter(|lock| lock.exists()).collect()
}

/// Waits until the holder of this lock is dead: in a thread, because the kernel lets one wait for a lock in no other way.
async fn released(lock: &Path) -> io::Result<()> {
    let file = File::open(lock)?;
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let locked = flock(&file, FlockOperation::LockShared).map_err(io::Error::from);
        // Who gave up waiting does not want to know.
        drop(tell.send(locked));
    });
    told.await.unwrap_or_else(|_| Err(io::Error::other("the waiting thread panicked")))
}
