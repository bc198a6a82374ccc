//! `cargo xtask bench [SCENARIO…] [--rounds N] [--json FILE]`: the release binaries, then the bench in this process's place.
//! A run of every scenario renews the table in docs/performance.md; a run of some leaves it alone.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Options of the bench that take a value: what is neither such a pair nor alone is a scenario.
const WITH_VALUE: &[&str] = &["--rounds", "--json", "--markdown"];

/// Builds, then becomes the bench.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--release", "--bins"]);
    build.args(["-p", "axiom", "-p", "axiom-test"]);
    // Named, so that a cargo configuration elsewhere cannot put the binaries where we do not look.
    step::run("build for release", build.arg("--target-dir").arg(&target))?;
    let program = target.join("release").join("axiom-bench");
    let mut bench = Command::new(&program);
    bench.args(arguments);
    if names_no_scenario(arguments) {
        bench.arg("--markdown").arg(workspace.path("docs/performance.md"));
    }
    let source = bench.exec();
    Err(StepError::Start { line: program.display().to_string(), source })
}

fn names_no_scenario(arguments: &[OsString]) -> bool {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if !WITH_VALUE.iter().any(|option| argument == option) || rest.next().is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &[&str]) -> bool {
        names_no_scenario(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn only_a_run_of_everything_renews_the_table() {
        assert!(all(&[]));
        assert!(all(&["--rounds", "7", "--json", "thr"]));
        assert!(!all(&["thr"]));
        assert!(!all(&["--rounds", "7", "lat"]));
    }
}
