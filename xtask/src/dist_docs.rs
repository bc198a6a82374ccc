//! `cargo xtask dist-docs`: manual pages and completions into `target/dist-docs`, and docs/cli.md anew, all by the built program.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Written from the program's grammar; a test compares the two.
const PAGE: &str = "docs/cli.md";

/// Builds, writes, and copies the page.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    step::no_arguments(arguments)?;
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--bins", "-p", "axiom"]);
    // Named, so that a cargo configuration elsewhere cannot put the binaries where we do not look.
    step::run("build", build.arg("--target-dir").arg(&target))?;
    let folder = target.join("dist-docs");
    let mut write = Command::new(target.join("debug").join("axiom"));
    step::run("write manual pages and completions", write.arg("dist-docs").arg(&folder))?;
    fs::copy(folder.join("cli.md"), workspace.path(PAGE))
        .map_err(|source| StepError::Read { path: PAGE.to_owned(), source })?;
    step::say(&format!("written: {} and {PAGE}", folder.display()));
    Ok(())
}
