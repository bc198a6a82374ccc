//! `axiom rm`: removes ended tasks and all that is kept of them.

use axiom_proto::api::RemoveAnswer;
use clap::Args;

use super::connect;
use crate::failure::{Audience, Failure};
use crate::here::Here;
use crate::printing::{print, print_json};
use crate::quantities::shown_bytes;

/// `axiom rm`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Rm {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID")]
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
                    if let Some(before) = failed.replace(error.into()) {
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
