//! `axiom suspend`: freezes every process of tasks.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use super::settled::Settled;
use crate::failure::Failure;
use crate::here::Here;

/// Tasks, and nothing more to say.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plain {
    /// Tasks: beginnings of ids, or names.
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) ids: Vec<String>,
    /// Print the answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `axiom suspend`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Suspend {
    #[command(flatten)]
    pub(crate) plain: Plain,
}

impl Suspend {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let mut settled = Settled::new(self.plain.json);
        for id in &self.plain.ids {
            settled.take(("suspended", id), connection.suspend(id).await)?;
        }
        settled.finish()
    }
}
