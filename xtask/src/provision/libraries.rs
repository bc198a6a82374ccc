//! Python and Node libraries for the tests' clients, and agents: by name and version, in `.cache/`, never in the machine's own
//! places.
//! What is there stays until the list changes; a half-made folder is made again.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;

const CONSTRAINTS: &str = "xtask/python-constraints.txt";

/// Where a registry's libraries lie. The tests look there.
const PYTHON_FOLDER: &str = ".cache/python";
const NODE_FOLDER: &str = ".cache/node";
const AGENTS_FOLDER: &str = ".cache/agents";

/// How long one question to a registry may take, and how often it is asked again: without a network this fails within a
/// minute or two, instead of hanging.
const ANSWER_SECS: u32 = 30;
const ASKED_AGAIN: u32 = 2;

/// What Node packages bring along is none newer than this day, on which all was tried: as python-constraints.txt, in one line.
const NODE_DAY: &str = "2026-11-21";

/// Written last: what the folder was made from.
const STAMP: &str = "made-from";

/// Who gives a library out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    Pypi,
    Npm,
}

impl Registry {
    pub(super) const ALL: [Self; 2] = [Self::Pypi, Self::Npm];

    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "pypi" => Some(Self::Pypi),
            "npm" => Some(Self::Npm),
            _other => None,
        }
    }

    /// The library as the registry's own client is asked for it.
    fn spelled(self, library: &Library) -> String {
        let Library { name, version, .. } = library;
        match self {
            Self::Pypi => format!("{name}=={version}"),
            Self::Npm => format!("{name}@{version}"),
        }
    }

    fn installer(self, folder: &Path, constraints: &Path) -> Command {
        let mut command;
        match self {
            Self::Pypi => {
                command = Command::new("python3");
                command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
                command
                    .args([format!("--timeout={ANSWER_SECS}"), format!("--retries={ASKED_AGAIN}")]);
                command.arg("--target").arg(folder).arg("--constraint").arg(constraints);
            }
            Self::Npm => {
                command = Command::new("npm");
                // No program of a package runs here.
                command.args(["install", "--silent", "--no-save", "--ignore-scripts"]);
                command.arg(format!("--fetch-timeout={}", ANSWER_SECS * 1000));
                command.arg(format!("--fetch-retries={ASKED_AGAIN}"));
                command.arg("--fetch-retry-maxtimeout=10000");
                command.arg(format!("--before={NODE_DAY}"));
                command.args(["--no-package-lock", "--prefix"]).arg(folder);
            }
        }
        command
    }
}

/// Whom libraries are for; each lies apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Tests,
    Agents,
}

impl Shelf {
    fn folder(self, registry: Registry) -> &'static str {
        match (self, registry) {
            (Self::Tests, Registry::Pypi) => PYTHON_FOLDER,
            (Self::Tests, Registry::Npm) => NODE_FOLDER,
            (Self::Agents, Registry::Pypi | Registry::Npm) => AGENTS_FOLDER,
        }
    }
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    pub(super) registry: Registry,
    pub(super) name: String,
    pub(super) version: String,
}

/// Installs what is not there yet.
pub(super) fn install(
    workspace: &Workspace,
    shelf: Shelf,
    libraries: &[Library],
) -> Result<(), StepError> {
    let constraints = workspace.path(CONSTRAINTS);
    let pinned = fs::read_to_string(&constraints).map_err(unread(CONSTRAINTS))?;
    for registry in Registry::ALL {
        let wanted: Vec<String> = libraries
            .iter()
            .filter(|library| library.registry == registry)
            .map(|library| registry.spelled(library))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let place = shelf.folder(registry);
        let stamp = stamp(
            &wanted,
            match registry {
                Registry::Pypi => &pinned,
                Registry::Npm => NODE_DAY,
            },
        );
        let folder = workspace.path(place);
        let made_from = folder.join(STAMP);
        if fs::read_to_string(&made_from).is_ok_and(|found| found == stamp) {
            continue;
        }
        remove(&folder).map_err(unread(place))?;
        fs::create_dir_all(&folder).map_err(unread(place))?;
        let headline = format!("fetch {}", wanted.join(", "));
        step::run(&headline, registry.installer(&folder, &constraints).args(&wanted)).map_err(
            |source| StepError::Registry { names: wanted.join(", "), source: Box::new(source) },
        )?;
        fs::write(&made_from, stamp).map_err(unread(place))?;
    }
    Ok(())
}

fn stamp(wanted: &[String], pinned: &str) -> String {
    format!("{}\n{pinned}", wanted.join("\n"))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn unread(path: &str) -> impl Fn(io::Error) -> StepError {
    let path = path.to_owned();
    move |source| StepError::Read { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_spelled_as_its_registry_spells_it() {
        let library =
            |registry| Library { registry, name: "a".to_owned(), version: "1.2".to_owned() };
        let spelled = Registry::ALL.map(|registry| registry.spelled(&library(registry)));
        assert_eq!(spelled, ["a==1.2", "a@1.2"]);
    }

    #[test]
    fn another_version_or_another_pin_is_another_stamp() {
        let wanted = ["a==1".to_owned()];
        let stamps = [
            stamp(&wanted, "b==1"),
            stamp(&wanted, "b==2"),
            stamp(&["a==2".to_owned()], "b==1"),
            stamp(&wanted, ""),
        ];
        for (place, one) in stamps.iter().enumerate() {
            assert!(stamps[place + 1..].iter().all(|other| other != one), "{one:?}");
        }
    }
}
