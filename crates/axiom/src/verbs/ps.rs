//! `axiom ps`: tasks as a table. Without `--all` those that have not ended, and those that ended in the last hour.

mod tree;
mod watching;

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
use tree::Entry;

/// So long an ended task is shown without `--all`.
const RECENT_MS: u64 = 3_600_000;

/// The longest name that is shown whole.
const NAME_CHARS_MAX: usize = 24;

const HEADINGS: [&str; 6] = ["ID", "NAME", "STATUS", "AGE", "OUTPUT", "COMMAND"];

/// `axiom ps`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Ps {
    /// Also tasks that ended more than an hour ago.
    #[arg(short, long)]
    all: bool,
    /// Only tasks that have not ended.
    #[arg(long, conflicts_with_all = ["all", "status"])]
    alive: bool,
    /// Only with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only these, by comma: running,failed…
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Show tasks under those that spawned them, and groups together.
    #[arg(long)]
    tree: bool,
    /// Go on showing how they stand, until Ctrl-C.
    #[arg(short, long, conflicts_with = "json")]
    watch: bool,
    /// Print the tasks as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Ps {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        if self.watch {
            return watching::run(self, here).await;
        }
        let request = ListRequest {
            status: self.status.clone(),
            tag: self.tag.clone(),
            ..ListRequest::default()
        };
        let mut tasks = all(&mut connect(here).await?, request).await?;
        if !self.all && self.status.is_none() {
            let now = now_ms();
            tasks.retain(|task| self.is_recent(task, now));
        }
        if self.json {
            print_json(&TaskList { tasks, after: None })?;
        } else if tasks.is_empty() {
            print("no tasks: axiom run -- COMMAND")?;
        } else {
            print(&self.laid_out(&tasks))?;
        }
        Ok(0)
    }

    fn laid_out(&self, tasks: &[TaskView]) -> String {
        if self.tree { shown_as_tree(tasks) } else { shown(tasks) }
    }

    /// True for a task that was not excluded: the server sorts out a list, and nobody a watch.
    fn wants(&self, task: &TaskView) -> bool {
        let tag = self.tag.as_ref().is_none_or(|tag| task.tags.contains(tag));
        let word = task.status.word();
        let named = |statuses: &String| statuses.split(',').any(|one| one.trim() == word);
        tag && self.status.as_ref().is_none_or(named)
    }

    fn is_recent(&self, task: &TaskView, now: u64) -> bool {
        if self.alive {
            return !task.status.is_ended();
        }
        let since = now.saturating_sub(RECENT_MS);
        self.all || self.status.is_some() || task.ended_at_ms.is_none_or(|ended| ended >= since)
    }
}

/// Every task, page after page.
pub(crate) async fn all(
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
    table(HEADINGS, &rows, width.map(|size| size.cols))
}

/// The same with children under their parents.
fn shown_as_tree(tasks: &[TaskView]) -> String {
    let now = now_ms();
    let row = |(depth, entry): &(usize, Entry<'_>)| {
        let indent = "  ".repeat(*depth);
        match entry {
            Entry::Task(task) => {
                let [id, rest @ ..] = row(task, now);
                let [name, status, age, output, command] = rest;
                [format!("{indent}{id}"), name, status, age, output, command]
            }
            Entry::Group(group) => {
                let empty = String::new;
                let standing = tree::standing(tasks, *group);
                [format!("{indent}group"), empty(), standing, empty(), empty(), empty()]
            }
        }
    };
    let rows: Vec<[String; 6]> = tree::tree(tasks).iter().map(row).collect();
    let width = Terminals::of_process().output.then(terminal_size).flatten();
    table(HEADINGS, &rows, width.map(|size| size.cols))
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
