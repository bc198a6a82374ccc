//! `cargo xtask bench [SCENARIO…] [--rounds N] [--json FILE]`: the release binaries, then the bench in this process's place.
//! A run of every scenario renews the table in docs/performance.md; a run of some leaves it alone.
//! `--profile SCENARIO` runs one round of it under perf instead, and says which process spent its time where.

mod profile;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::provision;
use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// Debian's peers. Those of other registries are named below, for the bench alone: tests never fetch them.
const PEERS: &str = "xtask/peers.txt";

/// A terminal in a browser, as most are made. Not in the tests' list: node-pty compiles itself when it is installed.
const FROM_NPM: &[&str] = &["node-pty@1.1.0", "ws@8.23.0"];

/// A program from crates.io, which its own build takes a minute or two for; no library beyond the machine's own.
const FROM_CRATES: [&str; 2] = ["shpool", "=0.11.5"];

/// Options of the bench that take a value: what is neither such a pair nor alone is a scenario.
const WITH_VALUE: &[&str] = &["--rounds", "--many", "--json", "--markdown", "--peers"];

/// Builds, then becomes the bench.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let target = workspace.target();
    let mut build = workspace.building(&["build", "--release", "--bins"]);
    build.args(["-p", "axiom", "-p", "axiom-test"]);
    // Named, so that a cargo configuration elsewhere cannot put the binaries where we do not look.
    step::run("build for release", build.arg("--target-dir").arg(&target))?;
    let program = target.join("release").join("axiom-bench");
    if let [option, scenario] = arguments
        && option == "--profile"
    {
        let scenario = scenario.to_string_lossy();
        return profile::run(&program, &scenario, &target.join("bench-profile"));
    }
    let mut bench = Command::new(&program);
    bench.args(arguments);
    if names_no_scenario(arguments) || arguments.iter().any(|word| word == "peers") {
        bench.arg("--peers").arg(peers(workspace)?);
    }
    if names_no_scenario(arguments) {
        bench.arg("--markdown").arg(workspace.path("docs/performance.md"));
    }
    let source = bench.exec();
    Err(StepError::Start { line: program.display().to_string(), source })
}

/// Installs the peers that Debian, npm and crates.io have, as far as this user may; gives the folder of those of the last two.
fn peers(workspace: &Workspace) -> Result<PathBuf, StepError> {
    let folder = workspace.target().join("bench-peers");
    std::fs::create_dir_all(&folder)
        .map_err(|source| StepError::Read { path: folder.display().to_string(), source })?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder);
    let [program, version] = FROM_CRATES;
    // What is there in this version stays.
    let mut cargo = workspace.cargo(&["install", program, "--version", version, "--locked"]);
    cargo.arg("--root").arg(&folder).arg("--target-dir").arg(folder.join("build"));
    let fetched = [
        provision::programs_of(workspace, PEERS),
        step::run("fetch the peers from npm", npm.args(FROM_NPM)),
        step::run("build the peer from crates.io", &mut cargo),
    ];
    for error in fetched.into_iter().filter_map(Result::err) {
        // The bench measures those that are there and names the others.
        step::say(&format!("some peers are missing: {error}"));
    }
    Ok(folder)
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
