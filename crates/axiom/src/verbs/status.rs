//! `axiom status`: how the server stands. Looks only: where none runs, none is started.

use axiom_client::Connection;
use axiom_proto::api::ServerStatus;
use clap::Args;

use crate::failure::Failure;
use crate::here::Here;
use crate::lines::one_line;
use crate::printing::{print, print_json};
use crate::quantities::{shown_bytes, shown_duration};

/// `axiom status`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Status {
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Status {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let status = Connection::open(here.place_to_look_at()).await?.status().await?;
        if self.json {
            print_json(&status)?;
        } else {
            print(&shown(&status))?;
        }
        Ok(0)
    }
}

fn shown(status: &ServerStatus) -> String {
    let up = super::ps::now_ms().saturating_sub(status.started_at_ms);
    let tasks: Vec<String> =
        status.tasks.iter().map(|(status, count)| format!("{count} {}", status.word())).collect();
    let tasks = if tasks.is_empty() { "none".to_owned() } else { tasks.join(", ") };
    let mut lines = vec![
        format!("server   {}, pid {}, up {}", status.version, status.pid, shown_duration(up)),
        format!("home     {}", one_line(&status.home.to_shown())),
        format!("network  {}", status.url.as_deref().unwrap_or("off: only the home's socket")),
        format!("tasks    {tasks}"),
        format!("trees    {}", one_line(&status.tree)),
        format!("priority {}", one_line(&status.child_priority)),
        format!(
            "disk     {} free; tasks' output pauses below {}",
            shown_bytes(status.disk_free_bytes),
            shown_bytes(status.disk_min_free_bytes)
        ),
    ];
    lines.extend(status.problems.iter().map(|problem| format!("problem  {}", one_line(problem))));
    lines.join("\n")
}
