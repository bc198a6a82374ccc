//! `axiom stop`: interrupt, terminate, kill, each with its grace, for the whole tree; answers once the kernel confirms.
//! Of several tasks those that wait leave the queue first.

use std::cmp::Reverse;
use std::time::Duration;

use axiom_client::ClientError;
use axiom_proto::api::StopRequest;
use axiom_proto::fault::ErrorCode;
use axiom_proto::task::{Status, TaskView};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use super::settled::Settled;
use crate::failure::{Failure, note};
use crate::here::Here;
use crate::quantities::duration;

/// `axiom stop`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Stop {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,
    /// Time between interrupt, terminate and kill; 0s kills at once.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    grace: Option<Duration>,
    /// Also everything that was spawned from within it; nothing can be spawned there meanwhile.
    #[arg(long)]
    subtree: bool,
    /// Why, for the task's history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    cause: String,
    /// Print the answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Stop {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let grace_ms = self.grace.map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        let mut settled = Settled::new(self.json);
        let (cause, subtree) = (self.cause.clone(), self.subtree);
        let request = StopRequest { grace_ms, cause, id: None, subtree };
        let mut connection = connect(here).await?;
        let mut answers = Vec::with_capacity(self.ids.len());
        let mut known: Vec<(usize, TaskView)> = Vec::with_capacity(self.ids.len());
        for (place, id) in self.ids.iter().enumerate() {
            match connection.show(id).await {
                // A task that was named twice is stopped, and told of, once.
                Ok(shown) if known.iter().any(|(_, task)| task.id == shown.task.id) => {}
                Ok(shown) => known.push((place, shown.task)),
                Err(error) => answers.push((place, Err(error))),
            }
        }
        // Those that wait leave the queue before a running one gives its place free, the newest first.
        let (mut waiting, running): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|(_, task)| task.status == Status::Queued);
        waiting.sort_by_key(|(_, task)| (Reverse(task.created_at_ms), Reverse(task.index)));
        for (place, task) in waiting {
            answers.push((place, connection.stop(task.id.as_str(), request.clone()).await));
        }
        drop(connection);
        // All at once: each takes its graces, and nobody should wait for their sum.
        let mut stops = tokio::task::JoinSet::new();
        for (place, task) in running {
            let (mut connection, request) = (connect(here).await?, request.clone());
            stops.spawn(async move { (place, connection.stop(task.id.as_str(), request).await) });
        }
        answers.extend(stops.join_all().await);
        answers.sort_by_key(|(place, _)| *place);
        for (place, answer) in answers {
            match answer {
                // What was wanted is so: nothing of it runs.
                Err(ClientError::Fault(fault)) if fault.code == ErrorCode::TaskEnded => {
                    note(&format!("{} had ended already", self.ids[place]));
                }
                answer => settled.take(("stopped", &self.ids[place]), answer)?,
            }
        }
        settled.finish()
    }
}
