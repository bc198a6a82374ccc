//! `axiom rm`: removes ended tasks and all that is kept of them.

use axiom_client::ClientError;
use axiom_proto::api::RemoveAnswer;
use axiom_proto::fault::{ErrorCode, Fault};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use crate::failure::{Audience, Failure};
use crate::here::Here;
use crate::printing::{print, print_json};
use crate::quantities::shown_bytes;

/// `axiom rm`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Rm {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Rm {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let audience = if self.json { Audience::Program } else { Audience::Person };
        let mut connection = connect(here).await?;
        let mut all = RemoveAnswer { removed: Vec::new(), freed_bytes: 0 };
        let mut failed: Option<Failure> = None;
        for id in &self.ids {
            match connection.remove(id).await {
                Ok(answer) => {
                    all.removed.extend(answer.removed);
                    all.freed_bytes += answer.freed_bytes;
                }
                Err(error) => {
                    if let Some(before) = failed.replace(of_removal(id, error)) {
                        let _: std::process::ExitCode = before.tell(audience);
                    }
                }
            }
        }
        if failed.is_none() || !all.removed.is_empty() {
            tell(&all, self.json)?;
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(0),
        }
    }
}

/// A task that is not there may have been removed before: that is said, and is a failure still, as it may be a slip.
fn of_removal(id: &str, error: ClientError) -> Failure {
    let fault = error.to_fault();
    if fault.code == ErrorCode::TaskNotFound {
        let message = format!("there is no task {id}: removed already, perhaps");
        return Fault { message, hint: "axiom ps --all".to_owned(), ..fault }.into();
    }
    error.into()
}

/// Says what was removed.
pub(super) fn tell(answer: &RemoveAnswer, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(answer);
    }
    let freed = shown_bytes(answer.freed_bytes);
    match answer.removed.len() {
        0 => print("nothing was removed"),
        1 => print(&format!("removed {}, {freed}", answer.removed[0].short())),
        count => print(&format!("removed {count} tasks, {freed}")),
    }
}
