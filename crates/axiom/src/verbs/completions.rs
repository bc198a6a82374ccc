//! `axiom completions`: what a shell's start-up file must hold, so that the tab key knows verbs, flags and tasks.

use clap::Args;

use crate::completion::write_registration;
use crate::failure::Failure;
use crate::printing::print_bytes;

/// How to use it, below the script's own comments.
const MORE: &str = "\
Put one of these into your shell's start-up file:
  bash  source <(axiom completions bash)
  zsh   source <(axiom completions zsh)
  fish  axiom completions fish | source";

/// `axiom completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = MORE)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

impl Completions {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let mut script = Vec::new();
        write_registration(&self.shell, &mut script)
            .map_err(|error| Failure::own(format!("write completions: {error}"), ""))?;
        print_bytes(&script)?;
        Ok(0)
    }
}
