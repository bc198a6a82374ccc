//! `cargo xtask check`: the fast loop before a commit.
//! Format, lints of everything, the pure crates' tests and the tests of the house. Stops at the first failure.

use std::ffi::OsString;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Runs the loop.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    step::no_arguments(arguments)?;
    step::run("format", &mut format(workspace))?;
    step::run("lints", &mut lints(workspace))?;
    step::run("the pure crates", &mut pure_tests(workspace)?)?;
    step::run("the house", &mut workspace.building(&["test", "-p", "axiom-test", "--test", "tidy"]))
}

/// Is everything formatted?
pub(crate) fn format(workspace: &Workspace) -> Command {
    workspace.cargo(&["fmt", "--all", "--check"])
}

/// Is everything free of warnings?
pub(crate) fn lints(workspace: &Workspace) -> Command {
    let mut command = workspace.building(&["clippy", "--workspace", "--all-targets"]);
    command.args(["--", "-D", "warnings"]);
    command
}

fn pure_tests(workspace: &Workspace) -> Result<Command, StepError> {
    let mut command = workspace.building(&["test", "--lib", "--tests"]);
    for name in workspace.pure_crates()? {
        command.args(["-p", &name]);
    }
    Ok(command)
}
