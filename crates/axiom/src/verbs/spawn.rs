//! `axiom spawn`: starts commands and returns at once, with ids and what to type next.

use axiom_proto::api::{COUNT_MAX, SpawnAnswer, SpawnedTask};
use axiom_proto::task::{Mode, TaskSpec};
use clap::Args;

use super::connect;
use crate::failure::Failure;
use crate::here::Here;
use crate::lines::one_line;
use crate::printing::{print, print_json, print_words};
use crate::spec::{SpecArguments, not_spawned};

/// `axiom spawn`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Spawn {
    /// So many of it; each finds its place in AXIOM_INDEX, from 0, and the number in AXIOM_COUNT.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(COUNT_MAX)))]
    count: Option<u32>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    spec: SpecArguments,
}

impl Spawn {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let specs = self.spec.specs(here, self.spec.mode_or(Mode::Terminal))?;
        let mut connection = connect(here).await?;
        let mut tasks = Vec::new();
        let mut failed = None;
        for spec in specs {
            let spec = TaskSpec { count: self.count, ..spec };
            match connection.spawn(&spec).await {
                Ok(answer) => tasks.extend(answer.tasks),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        // What was started is said, whatever came after it.
        if failed.is_none() || !tasks.is_empty() {
            self.tell(tasks)?;
        }
        match failed {
            Some(error) => Err(not_spawned(error)),
            None => Ok(0),
        }
    }

    fn tell(&self, tasks: Vec<SpawnedTask>) -> Result<(), Failure> {
        if self.json {
            return print_json(&SpawnAnswer { tasks, replayed: false });
        }
        for task in &tasks {
            let name = task.name.as_deref().map(|name| format!("  {}", one_line(name)));
            print(&format!("{}  {}{}", task.id, task.status.word(), name.unwrap_or_default()))?;
        }
        match tasks.first() {
            Some(first) => print_words(&next_commands(first.id.short())),
            None => Ok(()),
        }
    }
}

fn next_commands(id: &str) -> String {
    format!(
        "\naxiom logs -f {id}      its output, live\naxiom send {id} TEXT    type into it\n\
         axiom wait {id}         until it has ended\naxiom stop {id}         end it and all it started\n"
    )
}
