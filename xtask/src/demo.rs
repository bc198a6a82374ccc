//! `cargo xtask demo`: the release binaries, then `axiom demo` in this process's place.
//! Owns nothing of the demonstration itself; arguments are passed on.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Builds, then becomes the demonstration.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--release", "-p", "axiom", "--bins"]);
    // Named, so that a cargo configuration elsewhere cannot put the binaries where we do not look.
    step::run("build for release", build.arg("--target-dir").arg(&target))?;
    let program = target.join("release").join("axiom");
    let source = Command::new(&program).arg("demo").args(arguments).exec();
    Err(StepError::Start { line: format!("{} demo", program.display()), source })
}
