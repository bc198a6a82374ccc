//! `axiom interrupt`: what Ctrl-C does; and then, once the task is quiet, a text and Enter.

use axiom_proto::api::InterruptRequest;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use super::settled::Settled;
use crate::failure::Failure;
use crate::here::Here;

/// `axiom interrupt`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Interrupt {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,
    /// What to type once it is quiet; Enter follows.
    #[arg(long, value_name = "TEXT")]
    then: Option<String>,
    /// Print the answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Interrupt {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let mut settled = Settled::new(self.json);
        for id in &self.ids {
            let request = InterruptRequest { then: self.then.clone(), ..Default::default() };
            settled.take(("interrupted", id), connection.interrupt(id, request).await)?;
        }
        settled.finish()
    }
}
