//! `axiom wait`: until tasks have ended, across servers' deaths.

use std::collections::BTreeMap;
use std::time::Duration;

use axiom_client::{Event, Feed};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use tokio::time::timeout;

use super::connect;
use crate::conclusion::Conclusion;
use crate::failure::Failure;
use crate::here::Here;
use crate::printing::{print, print_json};
use crate::quantities::{duration, shown_duration};

/// `axiom wait`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,
    /// Until one of them has ended.
    #[arg(long)]
    any: bool,
    /// No longer than this; then the exit code is 124.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Print the tasks as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `--json`.
#[derive(Debug, Serialize)]
struct Ended<'a> {
    tasks: Vec<&'a TaskView>,
}

impl Wait {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let mut views = BTreeMap::new();
        let mut order = Vec::new();
        for id in &self.ids {
            let task = connection.show(id).await?.task;
            if !order.contains(&task.id) {
                order.push(task.id);
            }
            views.insert(task.id, task);
        }
        drop(connection);
        let ended = self.until_ended(here, &mut views);
        let in_time = match self.timeout {
            Some(wait) => timeout(wait, ended).await.unwrap_or_else(|_| Err(late(wait))),
            None => ended.await,
        };
        // What has ended is told either way.
        self.tell(&order, &views)?;
        in_time?;
        Ok(exit_code(&order, &views))
    }

    async fn until_ended(
        &self,
        here: &Here,
        views: &mut BTreeMap<TaskId, TaskView>,
    ) -> Result<(), Failure> {
        let mut feed = Feed::new(here.place()?);
        feed.watch(views.keys().copied().collect());
        while !self.is_enough(views) {
            match feed.next().await? {
                Event::Task(view) => {
                    views.insert(view.id, *view);
                }
                Event::Refused(error) => return Err(error.into()),
                Event::Connected { .. }
                | Event::Away { .. }
                | Event::Silent
                | Event::Gone(..)
                | Event::Answers
                | Event::Removed(_)
                | Event::Frame { .. }
                | Event::Ended(_)
                | Event::Outcome(..)
                | Event::CommandRefused { .. }
                | Event::SubscriptionRefused { .. } => {}
            }
        }
        Ok(())
    }

    fn is_enough(&self, views: &BTreeMap<TaskId, TaskView>) -> bool {
        let mut ended = views.values().map(|view| view.status.is_ended());
        if self.any { ended.any(|ended| ended) } else { ended.all(|ended| ended) }
    }

    fn tell(&self, order: &[TaskId], views: &BTreeMap<TaskId, TaskView>) -> Result<(), Failure> {
        let tasks: Vec<&TaskView> = order.iter().map(|task| &views[task]).collect();
        if self.json {
            return print_json(&Ended { tasks });
        }
        for task in tasks {
            if let Some(conclusion) = Conclusion::of_view(task) {
                print(&format!(
                    "{}  {}",
                    task.id.short(),
                    crate::lines::one_line(&conclusion.shown())
                ))?;
            }
        }
        Ok(())
    }
}

fn late(wait: Duration) -> Failure {
    let wait = shown_duration(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let message = format!("not all have ended within {wait}");
    Fault::new(ErrorCode::Timeout, message, "the tasks run on").into()
}

/// One task's own code; of several, whether all that ended succeeded.
fn exit_code(order: &[TaskId], views: &BTreeMap<TaskId, TaskView>) -> u8 {
    let ended = order.iter().filter_map(|task| Conclusion::of_view(&views[task]));
    let ended: Vec<Conclusion> = ended.collect();
    match (order, &ended[..]) {
        ([_one], [conclusion]) => conclusion.exit_code(),
        _ => u8::from(!ended.iter().all(Conclusion::succeeded)),
    }
}
