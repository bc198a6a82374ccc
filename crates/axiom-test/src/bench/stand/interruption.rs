//! What happens when somebody interrupts a measurement: the tasks and the server end, the folder goes, then we do.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What a shell would say of SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// Watches while it lives.
#[derive(Debug)]
pub(super) struct Interruption {
    _over: oneshot::Sender<()>,
}

impl Interruption {
    pub(super) fn watch(axiom: PathBuf, folder: PathBuf) -> anyhow::Result<Self> {
        let (sender, over) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            let wish = |kind| signal(kind).context("watch for an interruption");
            (wish(SignalKind::interrupt())?, wish(SignalKind::terminate())?)
        };
        let _detached = thread::spawn(move || {
            let interrupted = runtime.block_on(async {
                tokio::select! {
                    _ = over => false,
                    _ = interrupt.recv() => true,
                    _ = terminate.recv() => true,
                }
            });
            if interrupted {
                let mut end = Command::new(axiom);
                end.args(["shutdown", "--stop-tasks"]).env("AXIOM_HOME", folder.join("home"));
                // Whatever these say: there is nobody left to tell.
                let _ended = end.stdin(Stdio::null()).stdout(Stdio::null()).status();
                let _removed: std::io::Result<()> = std::fs::remove_dir_all(&folder);
                std::process::exit(EXIT_INTERRUPTED);
            }
        });
        Ok(Self { _over: sender })
    }
}
