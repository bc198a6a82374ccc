//! `axiom shutdown`: ends the server in order, and returns when its process is gone. Tasks run on, or are stopped first.

use std::time::Duration;

use axiom_client::{ClientError, Connection, DialError, StartError};
use axiom_proto::api::{ShutdownAnswer, ShutdownRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use clap::Args;

use super::connect;
use crate::failure::Failure;
use crate::here::Here;
use crate::printing::{print, print_json};
use crate::processes::Process;

/// How long a server may take to leave once it has answered: it says goodbye to its clients.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(15);

/// `axiom shutdown`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Shutdown {
    /// Stop every task first.
    #[arg(long)]
    stop_tasks: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Shutdown {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let answer = match self.connect(here).await? {
            Some(mut connection) => shut_down(&mut connection, self.stop_tasks).await?,
            None => {
                if !self.json {
                    print("no server runs")?;
                    return Ok(0);
                }
                ShutdownAnswer { running: 0, stopped: 0, left: Vec::new() }
            }
        };
        if self.json {
            print_json(&answer)?;
        } else if self.stop_tasks {
            print(&format!("the server has ended; tasks stopped: {}", answer.stopped))?;
        } else {
            print(&format!("the server has ended; tasks that run on: {}", answer.running))?;
        }
        if self.stop_tasks && answer.running > 0 {
            let message = format!("tasks that could not be stopped and run on: {}", answer.running);
            let hint = format!("axiom stop {}", named(&answer.left));
            return Err(Fault::new(ErrorCode::Unavailable, message, hint).into());
        }
        Ok(0)
    }

    /// To stop tasks a server is needed, even if it must be started for that; else one that does not run is fine.
    async fn connect(&self, here: &Here) -> Result<Option<Connection>, Failure> {
        if self.stop_tasks {
            return connect(here).await.map(Some);
        }
        match Connection::open(here.place_to_look_at()).await {
            Ok(connection) => Ok(Some(connection)),
            Err(ClientError::Start(StartError::Dial(DialError::NoServer { .. }))) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// As many ids as fit on a line.
fn named(tasks: &[TaskId]) -> String {
    const SHOWN_MAX: usize = 8;
    let shown: Vec<&str> = tasks.iter().take(SHOWN_MAX).map(TaskId::short).collect();
    let more = if tasks.len() > SHOWN_MAX { " …: axiom ps tells all of them" } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// Ends a server and waits for its process's end.
pub(super) async fn shut_down(
    connection: &mut Connection,
    stop_tasks: bool,
) -> Result<ShutdownAnswer, Failure> {
    let pid = connection.status().await?.pid;
    let server = Process::open(pid)
        .map_err(|error| Failure::own(format!("watch process {pid}: {error}"), ""))?;
    let answer = connection.shutdown(&ShutdownRequest { stop_tasks }).await?;
    if !server.ends_within(LEAVE_WAIT_MAX).await {
        let message = format!("the server (pid {pid}) has not left after its goodbye");
        let hint = format!("kill {pid} harms no task");
        return Err(Fault::new(ErrorCode::Internal, message, hint).into());
    }
    Ok(answer)
}
