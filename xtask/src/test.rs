//! `cargo xtask test`: everything that can be tested on this machine, in one call; with `--agents`, real agents too.
//! Provisions, builds all binaries (the tests run them), then doc tests, fuzzing and tests; `CI=true` adds the gates.
//! A failed gate does not hide the tests; a failed build does, for there is nothing to run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::check;
use crate::fuzz;
use crate::instructions;
use crate::provision;
use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// The target that has neither files nor sockets nor clocks: what builds for it is free of them.
const PURE_TARGET: &str = "wasm32-unknown-unknown";

/// What the names of tests with real agents begin with.
const AGENTS_TESTS: &str = "agents::";

/// Runs all of it. The tests come last, so that the output ends with their runner's closing line.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let with_agents = provision::wants_agents(arguments)?;
    let mut failed = Failed::default();
    failed.note("provision", provision::run(workspace));
    if with_agents {
        failed.note("provision agents", provision::agents(workspace));
    }
    if workspace.is_continuous() {
        gates(workspace, &mut failed)?;
    }
    step::run("build all binaries", &mut workspace.building(&["build", "--workspace", "--bins"]))?;
    failed.step("doc tests", &mut workspace.building(&["test", "--workspace", "--doc", "--quiet"]));
    failed.note("instructions of the hot path", instructions::run(workspace, &[]));
    failed.note("fuzzing", fuzz::run(workspace, &[]));
    failed.step("tests", &mut tests(workspace, with_agents));
    failed.into_result()
}

/// What only continuous integration asks for.
fn gates(workspace: &Workspace, failed: &mut Failed) -> Result<(), StepError> {
    failed.step("format", &mut check::format(workspace));
    failed.step("lints", &mut check::lints(workspace));
    if step::succeeds(&mut workspace.cargo(&["deny", "--version"])) {
        let verb = &["deny", "--workspace", "--all-features", "check"];
        failed.step("licences, bans and advisories", &mut workspace.cargo(verb));
    } else {
        step::say("skipped: licences, bans and advisories (cargo-deny is not installed)");
    }
    if !has_pure_target(workspace) {
        step::say(&format!("skipped: pure crates for {PURE_TARGET} (the target is not installed)"));
        return Ok(());
    }
    let mut build = workspace.building(&["build", "--lib", "--target", PURE_TARGET]);
    for name in workspace.pure_crates()? {
        build.args(["-p", &name]);
    }
    failed.step("the pure crates, where there is no IO", &mut build);
    Ok(())
}

/// Every test of the workspace: by nextest where it is installed, else by cargo's own runner.
fn tests(workspace: &Workspace, with_agents: bool) -> Command {
    if step::succeeds(&mut workspace.cargo(&["nextest", "--version"])) {
        let mut run = workspace.building(&["nextest", "run", "--workspace", "--no-fail-fast"]);
        if !with_agents {
            run.args(["--filterset", &format!("not test(/^{AGENTS_TESTS}/)")]);
        }
        return run;
    }
    let mut run = workspace.building(&["test", "--workspace", "--lib", "--bins", "--tests"]);
    run.arg("--no-fail-fast");
    if !with_agents {
        run.args(["--", "--skip", AGENTS_TESTS]);
    }
    run
}

fn has_pure_target(workspace: &Workspace) -> bool {
    // Asked in the root, where a toolchain file would be heeded.
    let mut rustc = Command::new(rustc());
    rustc.current_dir(workspace.path("")).args(["--print", "sysroot"]);
    let Ok(output) = rustc.output() else {
        return false;
    };
    let sysroot = String::from_utf8_lossy(&output.stdout);
    Path::new(sysroot.trim()).join("lib/rustlib").join(PURE_TARGET).join("lib").is_dir()
}

fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

/// The steps that failed so far, each by its headline.
#[derive(Default)]
struct Failed(Vec<String>);

impl Failed {
    fn step(&mut self, headline: &str, command: &mut Command) {
        self.note(headline, step::run(headline, command));
    }

    fn note(&mut self, headline: &str, result: Result<(), StepError>) {
        if let Err(error) = result {
            self.0.push(format!("{headline} ({error})"));
        }
    }

    fn into_result(self) -> Result<(), StepError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(StepError::Several { headlines: self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_kept_until_the_end() {
        let mut failed = Failed::default();
        failed.step("first", Command::new("sh").args(["-c", "exit 1"]));
        failed.step("second", Command::new("sh").args(["-c", "exit 0"]));
        let error = failed.into_result().unwrap_err();
        let said = "these steps failed: first (`sh -c exit 1` ended with exit status: 1)";
        assert_eq!(error.to_string(), said);
    }
}
