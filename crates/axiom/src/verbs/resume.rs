//! `axiom resume`: lets suspended tasks run again.

use clap::Args;

use super::connect;
use super::settled::Settled;
use super::suspend::Plain;
use crate::failure::Failure;
use crate::here::Here;

/// `axiom resume`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) plain: Plain,
}

impl Resume {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let mut settled = Settled::new(self.plain.json);
        for id in &self.plain.ids {
            settled.take(("resumed", id), connection.resume(id).await)?;
        }
        settled.finish()
    }
}
