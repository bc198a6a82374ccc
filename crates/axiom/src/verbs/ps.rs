//! `axiom ps`: tasks as a table. Without `--all` those that have not ended, and those that ended in the last hour.

use std::time::{SystemTime, UNIX_EPOCH};

use axiom_client::Connection;
use axiom_proto::api::{ListRequest, TaskList};
use axiom_proto::task::TaskView;
use clap::Args;

use super::connect;
use crate::failure::Failure;
use crate::here::{Here, Terminals, terminal_size};
use crate::lines::one_line;
use crate::printing::{print, print_json};
use crate::quantities::{shown_bytes, shown_duration};
use crate::table::{cut, table};

/// So long an ended task is shown without `--all`.
const RECENT_MS: u64 = 3_600_000;

/// The longest name that is shown whole.
const NAME_CHARS_MAX: usize = 24;

/// `axiom ps`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Ps {
    /// Also tasks that ended more than an hour ago.
    #[arg(short, long)]
    all: bool,
    /// Only with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only these, by comma: running,failed…
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Print the tasks as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Ps {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let request = ListRequest {
            status: self.status.clone(),
            tag: self.tag.clone(),
            ..ListRequest::default()
        };
        let mut tasks = all(&mut connect(here).await?, request).await?;
        if !self.all && self.status.is_none() {
            let since = now_ms().saturating_sub(RECENT_MS);
            tasks.retain(|task| task.ended_at_ms.is_none_or(|ended| ended >= since));
        }
        if self.json {
            print_json(&TaskList { tasks, after: None })?;
        } else if tasks.is_empty() {
            print("no tasks: axiom run -- COMMAND")?;
        } else {
            print(&shown(&tasks))?;
        }
        Ok(0)
    }
}

/// Every task, page after page.
pub(super) async fn all(
    connection: &mut Connection,
    mut request: ListRequest,
) -> Result<Vec<TaskView>, Failure> {
    let mut tasks = Vec::new();
    loop {
        let page = connection.list(&request).await?;
        tasks.extend(page.tasks);
        if page.after.is_none() || page.after == request.after {
            return Ok(tasks);
        }
        request.after = page.after;
    }
}

/// A table of tasks.
pub(super) fn shown(tasks: &[TaskView]) -> String {
    let now = now_ms();
    let rows: Vec<[String; 6]> = tasks.iter().map(|task| row(task, now)).collect();
    let width = Terminals::of_process().output.then(terminal_size).flatten();
    let headings = ["ID", "NAME", "STATUS", "AGE", "OUTPUT", "COMMAND"];
    table(headings, &rows, width.map(|size| size.cols))
}

fn row(task: &TaskView, now: u64) -> [String; 6] {
    let name = task.name.as_deref().map(one_line).unwrap_or_default();
    let mut status = task.status.word().to_owned();
    if task.paused.is_some() {
        status.push_str(" (paused)");
    }
    if !task.guarded && !task.status.is_ended() {
        status.push_str(" (unguarded)");
    }
    [
        task.id.short().to_owned(),
        cut(&name, NAME_CHARS_MAX),
        status,
        shown_duration(now.saturating_sub(task.created_at_ms)),
        shown_bytes(task.bytes.0),
        one_line(&task.command),
    ]
}

/// Now, in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
