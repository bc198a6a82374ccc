//! The programs of Axiom: those that are installed, and those that run. One that was replaced while it ran goes on as what it
//! was; it is asked for its version itself, through /proc, and named with its remedy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axiom_client::sibling;
use axiom_proto::api::ListRequest;
use axiom_proto::task::TaskView;
use rustix::fs::{Access, access};
use tokio::process::Command;
use tokio::time::timeout;

use super::Finding;
use crate::here::Here;

const WHAT: &str = "programs";

/// How long a program may take to say its version.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);

/// Processes of one kind that are named; more are counted.
const NAMED_MAX: usize = 5;

/// The most that is read of an answer: a name and a version.
const ANSWER_CHARS_MAX: usize = 40;

/// What is to be said of a kind of program.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What becomes of a process that is ended, and who takes its place.
    remedy: &'static str,
    pid: fn(&TaskView) -> Option<u32>,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "axiom-holder",
        remedy: "nothing need be done: a holder of any version goes on until its task ends",
        pid: |task| task.holder_pid,
    },
    Kind {
        name: "axiom-worker",
        remedy: "nothing need be done while it is linked; kill -9 it, and its holder starts the new one (at most 4 KiB of \
                 output may be lost, and are declared)",
        pid: |task| task.worker_pid,
    },
];

/// What is installed, and what runs of it.
pub(super) async fn look(here: &Here, server_runs: bool) -> Vec<Finding> {
    let tasks = if server_runs { live(here).await } else { Vec::new() };
    let mut findings = vec![Finding::good(WHAT, concat!("axiom ", env!("CARGO_PKG_VERSION")))];
    for kind in KINDS {
        findings.extend(look_at(kind, &tasks).await);
    }
    findings
}

async fn live(here: &Here) -> Vec<TaskView> {
    let list = async {
        let mut connection = axiom_client::Connection::open(here.place_to_look_at()).await.ok()?;
        crate::verbs::all_tasks(&mut connection, ListRequest::default()).await.ok()
    };
    // What cannot be had is said by the findings about the server.
    timeout(ANSWER_WAIT_MAX, list).await.ok().flatten().unwrap_or_default()
}

async fn look_at(kind: Kind, tasks: &[TaskView]) -> Vec<Finding> {
    const REMEDY: &str = "put the programs of Axiom into one folder";
    let path = match sibling(kind.name) {
        Ok(path) => path,
        Err(error) => {
            let text = format!("{}: {error}", kind.name);
            return vec![Finding::problem(WHAT, text, "is /proc mounted?")];
        }
    };
    if let Err(errno) = access(&path, Access::EXEC_OK) {
        return vec![Finding::problem(WHAT, format!("{}: {errno}", path.display()), REMEDY)];
    }
    let pids: Vec<u32> = tasks.iter().filter_map(kind.pid).collect();
    let others: Vec<u32> = pids.iter().copied().filter(|pid| runs_another(*pid, &path)).collect();
    let installed = match version_of(&path).await {
        Some(version) if version.ends_with(env!("CARGO_PKG_VERSION")) => {
            let text = format!("{version} in {}; running: {}", path.display(), pids.len());
            Finding::good(WHAT, text)
        }
        Some(version) => {
            let text = format!("{version} in {}, beside another version", path.display());
            Finding::problem(WHAT, text, "install all programs of Axiom anew, into one folder")
        }
        None => {
            let text =
                format!("{} does not say its version: it is of another time", path.display());
            Finding::problem(WHAT, text, "install all programs of Axiom anew, into one folder")
        }
    };
    let mut findings = vec![installed];
    if !others.is_empty() {
        findings.push(replaced(kind, &others).await);
    }
    findings
}

/// Processes whose program was replaced since they were started.
async fn replaced(kind: Kind, pids: &[u32]) -> Finding {
    let mut named = Vec::new();
    for pid in pids.iter().take(NAMED_MAX) {
        let version = version_of(&program_of(*pid)).await;
        named.push(match version {
            Some(version) => format!("{pid} ({version})"),
            None => format!("{pid} (of an older version)"),
        });
    }
    if pids.len() > NAMED_MAX {
        named.push(format!("{} more", pids.len() - NAMED_MAX));
    }
    let text = format!("replaced since they were started: {} {}", kind.name, named.join(", "));
    Finding::note(WHAT, text, kind.remedy)
}

fn program_of(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/exe"))
}

/// True if the process runs another file than this one. One that has ended meanwhile runs none.
fn runs_another(pid: u32, installed: &Path) -> bool {
    let file = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    match (file(&program_of(pid)), file(installed)) {
        (Some(runs), Some(installed)) => runs != installed,
        (None, _) | (_, None) => false,
    }
}

/// What the program says of itself, if it is one that does.
async fn version_of(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true);
    let output = timeout(ANSWER_WAIT_MAX, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line: String = text.lines().next()?.chars().take(ANSWER_CHARS_MAX).collect();
    (output.status.success() && line.starts_with("axiom-")).then_some(line)
}
