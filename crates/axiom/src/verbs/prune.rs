//! `axiom prune`: removes all ended tasks, or the older ones.

use std::time::Duration;

use axiom_proto::api::PruneRequest;
use clap::Args;

use super::{connect, rm};
use crate::failure::Failure;
use crate::here::Here;
use crate::quantities::duration;

/// `axiom prune`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Prune {
    /// Only those that ended longer ago than this.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    older_than: Option<Duration>,
    /// Only those with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Prune {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let older_than_ms =
            self.older_than.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let request = PruneRequest { older_than_ms, tag: self.tag.clone() };
        let answer = connect(here).await?.prune(&request).await?;
        rm::tell(&answer, self.json)?;
        Ok(0)
    }
}
