//! `axiom dist-docs`: manual pages, completions and docs/cli.md for whoever packs or documents Axiom.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::reference;

/// `axiom dist-docs`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DistDocs {
    /// Where to write them.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl DistDocs {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        reference::write_all(&self.folder).map_err(|error| {
            Failure::own(format!("write to {}: {error}", self.folder.display()), "")
        })?;
        Ok(0)
    }
}
