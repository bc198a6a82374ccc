//! The workspace: where it lies, which crates are pure, and how cargo is called in it.
//! Owns the environment that tests run under: none of Axiom's own variables leaks into them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::StepError;

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
    cargo: PathBuf,
    continuous: bool,
}

impl Workspace {
    /// Finds the workspace by what cargo tells the programs that it runs.
    pub(crate) fn find() -> Result<Self, StepError> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").ok_or(StepError::NotUnderCargo)?;
        let root = Path::new(&manifest).parent().ok_or(StepError::NotUnderCargo)?.to_path_buf();
        let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let continuous = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        Ok(Self { root, cargo, continuous })
    }

    /// True under continuous integration, where nothing may be skipped in silence.
    pub(crate) fn is_continuous(&self) -> bool {
        self.continuous
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// Where cargo puts what it builds. A relative name is taken from the root, where cargo is called.
    pub(crate) fn target(&self) -> PathBuf {
        let chosen = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        self.root.join(chosen)
    }

    /// A call of cargo in the root, with an environment free of Axiom's own variables.
    pub(crate) fn cargo(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.root).args(verb);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_leak) {
                command.env_remove(name);
            }
        }
        command
    }

    /// The same, for a verb that builds: under continuous integration the lock file must be right.
    pub(crate) fn building(&self, verb: &[&str]) -> Command {
        let mut command = self.cargo(verb);
        if self.continuous {
            command.arg("--locked");
        }
        command
    }

    /// The crates without IO, clock and runtime: those that carry bans of their own in a `clippy.toml`.
    pub(crate) fn pure_crates(&self) -> Result<Vec<String>, StepError> {
        let folder = self.path("crates");
        let entries = fs::read_dir(&folder)
            .map_err(|source| StepError::Read { path: "crates".to_owned(), source })?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("clippy.toml").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }
}

/// True for a variable that would point a test at the caller's own home or task.
/// What starts with `AXIOM_TEST_` is addressed to the tests (a seed, for instance) and stays.
fn is_leak(name: &str) -> bool {
    name.starts_with("AXIOM_") && !name.starts_with("AXIOM_TEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_see_the_callers_home_or_task() {
        for name in
            ["AXIOM_HOME", "AXIOM_TASK", "AXIOM_TASK_TOKEN", "AXIOM_NETWORK_PORT", "AXIOM_LOG"]
        {
            assert!(is_leak(name), "{name}");
        }
    }

    #[test]
    fn what_is_addressed_to_the_tests_stays() {
        assert!(!is_leak("AXIOM_TEST_SEED"));
        assert!(!is_leak("PATH"));
    }
}
