//! `axiom demo`: six real tasks in a home of their own, a summary, and nothing left behind: no process, no file.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axiom_client::{
    ClientError, Connection, DialError, Home, Place, Start, StartError, new_command_id,
};
use axiom_holder::cgroup;
use axiom_proto::api::{InputRequest, InterruptRequest};
use axiom_proto::live::StartAt;
use clap::Args;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::shutdown;
use crate::conclusion::Conclusion;
use crate::failure::{Failure, note};
use crate::here::Here;
use crate::printing::print_words;
use crate::spec::named_line;
use crate::stream::{
    ColorChoice, Extent, Face, Layout, Member, Newcomers, OnSignal, Options, Stream, Viewed,
};

/// One task of the demonstration.
struct Part {
    name: &'static str,
    line: &'static str,
    /// The exit code that it should have.
    code: u8,
}

/// Six real tasks: one reports its progress, one redraws its line, one fails, one is silent, one is interrupted, one asks.
const PARTS: &[Part] = &[
    Part {
        name: "build",
        line: "n=0; for f in proto session hub journal index holder worker server http client; do \
               n=$((n+10)); printf '\\033]9;4;1;%d\\007' $n; echo \"   Compiling $f v0.1.0\"; sleep 0.7; done; \
               printf '\\033]9;4;0;\\007'; echo '   Finished in 7 s'",
        code: 0,
    },
    Part {
        name: "tests",
        line: "i=0; while [ $i -lt 60 ]; do i=$((i+1)); printf '\\rrunning test %d of 60' $i; sleep 0.1; done; \
               printf '\\r\\033[K60 tests passed\\n'",
        code: 0,
    },
    Part {
        name: "lint",
        line: "echo 'checking 214 files'; sleep 2; echo 'src/main.rs:7: unused variable: x' >&2; exit 3",
        code: 3,
    },
    Part { name: "quiet", line: "sleep 6", code: 0 },
    Part {
        name: "serve",
        line: "trap 'echo \"interrupted: closing 3 connections\"; exit 0' INT; echo 'listening on port 8080'; \
               n=0; while :; do n=$((n+1)); echo \"GET /page/$n 200\"; sleep 0.8; done",
        code: 0,
    },
    Part {
        name: "deploy",
        line: "printf 'Deploy to production? [y/N] '; read answer; echo \"you said: $answer\"; sleep 0.5; echo deployed",
        code: 0,
    },
];

/// What is done to them meanwhile: after so long, to whom, what.
const STEPS: &[(Duration, &str, Step)] = &[
    (Duration::from_millis(4_000), "deploy", Step::Answer("y\r")),
    (Duration::from_millis(1_500), "serve", Step::Interrupt),
];

/// A step of the demonstration.
#[derive(Debug, Clone, Copy)]
enum Step {
    Answer(&'static str),
    Interrupt,
}

/// A silence of this length is said: short, so that one is seen.
const IDLE_AFTER: Duration = Duration::from_secs(4);

/// What to type next.
const NEXT: &str = "
That was six real tasks, each on a terminal of its own; everything they printed was kept.
Try it on your own commands:

  axiom run --each 'make' 'npm test'      this view, over what you like
  axiom run -- COMMAND                    one command, as if without Axiom
  axiom spawn -n work -- COMMAND          start it and go on; then: axiom logs -f work
  axiom ps -w                             all that runs, live
";

/// How long the last process of a task may take to leave once its journal is closed.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(5);

/// The exit code where a task did not end as it should.
const EXIT_UNEXPECTED: u8 = 1;

/// `axiom demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// When to colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

impl Demo {
    fn face(&self) -> Face {
        Face::Text(Layout::of_process(self.color, false))
    }

    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let folder = std::env::temp_dir().join(format!("axiom-demo-{}", new_command_id().short()));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failure::own(format!("make {}: {error}", folder.display()), ""))?;
        let home = Home::at(folder.clone())?;
        // A home of its own, which ends before we do: that we may be inside a task does not matter.
        let place = Place { home, start: here.starting()? };
        let shown = show(&place, self.face()).await;
        let left = leave(&place).await;
        let removed = fs::remove_dir_all(&folder)
            .map_err(|error| Failure::own(format!("remove {}: {error}", folder.display()), ""));
        let code = shown?;
        left?;
        removed?;
        Ok(code)
    }
}

async fn show(place: &Place, face: Face) -> Result<u8, Failure> {
    let mut connection = Connection::open(place.clone()).await?;
    let mut members = Vec::with_capacity(PARTS.len());
    for part in PARTS {
        let answer = connection.spawn(&named_line(part.name, part.line)).await?;
        for task in answer.tasks {
            let view = connection.show(task.id.as_str()).await?.task;
            members.push(Member { view, start: StartAt::Start, place: None });
        }
    }
    let options = Options {
        banner: "the demonstration: six tasks, in parallel; Ctrl-C asks them to stop".to_owned(),
        face,
        idle_after: IDLE_AFTER,
        on_signal: OnSignal::AskThenLeave,
        newcomers: Newcomers::None,
        child_mark: None,
        extent: Extent::End,
    };
    let steps = tokio::spawn(take_steps(connection));
    let ended = Stream::new(place.clone(), members, options).run().await;
    steps.abort();
    let Viewed::Ended(conclusions) = ended? else {
        note("left early");
        return Ok(EXIT_UNEXPECTED);
    };
    let expected = PARTS.iter().map(|part| part.code);
    if conclusions.iter().map(Conclusion::exit_code).eq(expected) {
        print_words(NEXT)?;
        return Ok(0);
    }
    note("not every task ended as it should have");
    Ok(EXIT_UNEXPECTED)
}

/// Does what a person would do meanwhile. What goes wrong here is seen in how the tasks end.
async fn take_steps(mut connection: Connection) {
    for (pause, name, step) in STEPS {
        sleep(*pause).await;
        match step {
            Step::Answer(text) => {
                let request = InputRequest { data: (*text).into(), ..InputRequest::default() };
                drop(connection.input(name, request).await);
            }
            Step::Interrupt => {
                drop(connection.interrupt(name, InterruptRequest::default()).await);
            }
        }
    }
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
