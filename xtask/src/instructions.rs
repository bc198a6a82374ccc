//! `cargo xtask instructions [--keep]`: the hot path's instructions under valgrind, in a release build, beside the kept figures.
//! With `--keep` the figures are renewed. A part of `cargo xtask test`; where valgrind cannot be had, it says so.

use std::ffi::OsString;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// The kept figures.
const FIGURES: &str = "crates/axiom-test/instructions.txt";

/// Counts and compares, or counts and keeps.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    match arguments {
        [] => count(workspace, "check"),
        [keep] if keep == "--keep" => count(workspace, "keep"),
        [other, ..] => Err(StepError::Arguments { given: other.to_string_lossy().into_owned() }),
    }
}

fn count(workspace: &Workspace, verb: &str) -> Result<(), StepError> {
    if !step::succeeds(Command::new("valgrind").arg("--version")) {
        step::say("skipped: instructions of the hot path (valgrind is not installed)");
        return Ok(());
    }
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--release", "-p", "axiom-test"]);
    build.args(["--bin", "axiom-hot", "--target-dir"]).arg(&target);
    step::run("build the hot path for release", &mut build)?;
    let mut hot = Command::new(target.join("release").join("axiom-hot"));
    step::run("instructions of the hot path", hot.arg(verb).arg(workspace.path(FIGURES)))
}
