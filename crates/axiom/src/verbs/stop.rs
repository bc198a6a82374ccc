//! `axiom stop`: interrupt, terminate, kill, each with its grace, for the whole tree; answers once the kernel confirms.

use std::time::Duration;

use axiom_client::{ClientError, Connection};
use axiom_proto::api::StopRequest;
use axiom_proto::fault::ErrorCode;
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
        // All at once: each takes its graces, and nobody should wait for their sum.
        let mut stops = tokio::task::JoinSet::new();
        for (place, id) in self.ids.iter().cloned().enumerate() {
            let mut connection: Connection = connect(here).await?;
            let request = StopRequest { grace_ms, cause: self.cause.clone(), id: None };
            stops.spawn(async move { (place, connection.stop(&id, request).await) });
        }
        let mut answers = stops.join_all().await;
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
