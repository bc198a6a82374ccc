//! `axiom mcp`: tools for agents on the standard streams; and what their hosts must be told to use it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::{Failure, note};
use crate::here::Here;
use crate::mcp::hosts::{self, Host};
use crate::printing::print;

/// `axiom mcp`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Mcp {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Print what a host's configuration needs, or write it there
    Install(Install),
}

/// `axiom mcp install`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Install {
    /// Whose configuration.
    host: Host,
    /// Put it into the host's file, and leave the rest as it is.
    #[arg(long)]
    write: bool,
    /// The file, where it is not the usual one.
    #[arg(long, value_name = "FILE", requires = "write")]
    file: Option<PathBuf>,
}

impl Mcp {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        match &self.what {
            None => crate::mcp::serve(here).await,
            Some(What::Install(install)) => install.run(here),
        }
    }
}

impl Install {
    fn run(&self, here: &Here) -> Result<u8, Failure> {
        let entry = hosts::entry(here)?;
        if !self.write {
            print(hosts::shown(self.host, &entry).trim_end())?;
            return Ok(0);
        }
        let file = match &self.file {
            Some(file) => file.clone(),
            None => hosts::usual_file(self.host)?,
        };
        hosts::write(self.host, &file, &entry)?;
        note(&format!("{} has the server `axiom` now; start the host anew", file.display()));
        Ok(0)
    }
}
