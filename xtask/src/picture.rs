//! `cargo xtask picture`: the picture of the demonstration in docs/, made anew from a real run.

use std::ffi::OsString;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Where the picture lies: README shows it.
const PICTURE: &str = "docs/demo.svg";

/// Builds what is needed, and makes it.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    step::no_arguments(arguments)?;
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--bins", "-p", "axiom", "-p", "axiom-test"]);
    // Named, so that a cargo configuration elsewhere cannot put the binaries where we do not look.
    step::run("build", build.arg("--target-dir").arg(&target))?;
    let mut picture = Command::new(target.join("debug").join("axiom-picture"));
    step::run("run the demonstration and draw it", picture.arg(workspace.path(PICTURE)))
}
