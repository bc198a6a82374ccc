//! What the tests need beyond Rust: a list of Debian packages, installed as root only, and of Python and Node libraries.
//! Decides in values (`plan`), acts in `run`. It never replaces a program that is there, and never asks for a password:
//! who is not root is told the command, and the tests that need a missing program skip themselves.

mod libraries;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{self, StepError};
use crate::workspace::Workspace;
use libraries::{Library, Registry, Shelf};

/// What the tests need.
const LIST: &str = "xtask/packages.txt";

/// The agents that Axiom is tried with: large, and a tier of their own.
const AGENTS: &str = "xtask/agents.txt";

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    package: String,
    program: String,
}

/// The whole list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    programs: Vec<Need>,
    libraries: Vec<Library>,
}

/// What is to be done about the missing packages.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    Install(Vec<String>),
    Tell(Vec<String>),
}

/// Who and where we are, as far as installing goes.
#[derive(Debug, Clone, Copy)]
struct Powers {
    root: bool,
    apt: bool,
}

/// Asks for the agents as well.
const AGENTS_FLAG: &str = "--agents";

/// Takes the flag of the agents out of a verb's arguments. True if it is there; others are refused.
pub(crate) fn wants_agents(arguments: &[OsString]) -> Result<bool, StepError> {
    let is_flag = |argument: &&OsString| *argument == AGENTS_FLAG;
    let others: Vec<OsString> = arguments.iter().filter(|one| !is_flag(one)).cloned().collect();
    step::no_arguments(&others)?;
    Ok(arguments.iter().any(|one| is_flag(&one)))
}

/// `cargo xtask provision`.
pub(crate) fn verb(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let with_agents = wants_agents(arguments)?;
    run(workspace)?;
    if with_agents { agents(workspace) } else { Ok(()) }
}

/// Installs what the tests miss, or says how.
pub(crate) fn run(workspace: &Workspace) -> Result<(), StepError> {
    let needs = read(workspace, LIST)?;
    install_programs(needs.programs)?;
    libraries::install(workspace, Shelf::Tests, &needs.libraries)
}

/// Installs the agents.
pub(crate) fn agents(workspace: &Workspace) -> Result<(), StepError> {
    libraries::install(workspace, Shelf::Agents, &read(workspace, AGENTS)?.libraries)
}

/// The same for another list's programs.
pub(crate) fn programs_of(workspace: &Workspace, list: &str) -> Result<(), StepError> {
    install_programs(read(workspace, list)?.programs)
}

fn read(workspace: &Workspace, list: &str) -> Result<Needs, StepError> {
    let text = fs::read_to_string(workspace.path(list))
        .map_err(|source| StepError::Read { path: list.to_owned(), source })?;
    parse(&text)
}

fn install_programs(programs: Vec<Need>) -> Result<(), StepError> {
    let folders: Vec<PathBuf> =
        env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect());
    let missing: Vec<String> = programs
        .into_iter()
        .filter(|need| !is_installed(&need.program, &folders))
        .map(|need| need.package)
        .collect();
    let powers = Powers { root: is_root(), apt: is_installed("apt-get", &folders) };
    match plan(missing, powers) {
        Plan::Nothing => Ok(()),
        Plan::Install(packages) => install(&packages),
        Plan::Tell(packages) => {
            step::say(&advice(&packages));
            Ok(())
        }
    }
}

/// Reads the list: `package program # why` or `registry library version # why`, with empty lines and whole-line comments.
fn parse(text: &str) -> Result<Needs, StepError> {
    let mut needs = Needs::default();
    for (index, line) in text.lines().enumerate() {
        let said = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = said.split_whitespace().collect();
        match words[..] {
            [] => {}
            [package, program] => {
                let (package, program) = (package.to_owned(), program.to_owned());
                needs.programs.push(Need { package, program });
            }
            [registry, name, version] if let Some(registry) = Registry::of(registry) => {
                let (name, version) = (name.to_owned(), version.to_owned());
                needs.libraries.push(Library { registry, name, version });
            }
            _ => return Err(StepError::PackageList { number: index + 1 }),
        }
    }
    Ok(needs)
}

fn plan(missing: Vec<String>, powers: Powers) -> Plan {
    if missing.is_empty() {
        return Plan::Nothing;
    }
    if powers.root && powers.apt {
        return Plan::Install(missing);
    }
    Plan::Tell(missing)
}

fn install(packages: &[String]) -> Result<(), StepError> {
    let attempt = step::run("update the package lists", apt().arg("update")).and_then(|()| {
        let headline = format!("install {}", packages.join(", "));
        step::run(
            &headline,
            apt().args(["install", "-y", "--no-install-recommends"]).args(packages),
        )
    });
    if attempt.is_err() {
        step::say(&advice(packages));
    }
    attempt
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // Nobody is there to answer a question.
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    command
}

fn advice(packages: &[String]) -> String {
    let names = packages.join(" ");
    format!(
        "missing: {names}. The tests that need them will skip themselves. To have them, type:\n\
         \u{20}   sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"
    )
}

fn is_installed(program: &str, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The owner of our own entry in /proc is our effective user.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(package: &str, program: &str) -> Need {
        Need { package: package.to_owned(), program: program.to_owned() }
    }

    #[test]
    fn the_list_of_this_repository_can_be_read() {
        let needs = parse(include_str!("../packages.txt")).unwrap();
        assert!(needs.programs.contains(&need("procps", "ps")), "{needs:?}");
        assert!(needs.libraries.iter().any(|library| library.name == "websockets"), "{needs:?}");
    }

    #[test]
    fn the_flag_of_the_agents_is_the_only_argument() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert!(!wants_agents(&words(&[])).unwrap());
        assert!(wants_agents(&words(&["--agents"])).unwrap());
        let error = wants_agents(&words(&["--agents", "more"])).unwrap_err();
        assert_eq!(error.to_string(), "takes no arguments, was given `more`");
    }

    #[test]
    fn the_list_of_agents_can_be_read() {
        let agents = parse(include_str!("../agents.txt")).unwrap();
        assert_eq!((agents.programs.len(), agents.libraries.len()), (0, 3), "{agents:?}");
    }

    #[test]
    fn the_list_of_peers_can_be_read() {
        let needs = parse(include_str!("../peers.txt")).unwrap().programs;
        assert!(needs.contains(&need("tmux", "tmux")), "{needs:?}");
    }

    #[test]
    fn comments_and_empty_lines_are_no_packages() {
        let needs = parse("# a list\n\nless less # a pager\n  # the end\n").unwrap();
        assert_eq!(needs, Needs { programs: vec![need("less", "less")], libraries: Vec::new() });
    }

    #[test]
    fn a_library_has_a_registry_and_a_version() {
        let error = parse("cargo websockets 17.4\n").unwrap_err();
        assert!(error.to_string().starts_with("xtask/packages.txt:1: "), "{error}");
        assert_eq!(parse("npm npm\n").unwrap().programs, [need("npm", "npm")]);
        let needs = parse("pypi websockets 17.4 # a client\n").unwrap();
        let name = "websockets".to_owned();
        let library = Library { registry: Registry::Pypi, name, version: "17.4".to_owned() };
        assert_eq!(needs, Needs { programs: Vec::new(), libraries: vec![library] });
    }

    #[test]
    fn a_line_without_a_program_is_named_by_its_number() {
        let error = parse("less less\nvim\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "xtask/packages.txt:2: write `package program # why` or `registry library version # why`"
        );
    }

    #[test]
    fn nothing_missing_is_nothing_to_do() {
        assert_eq!(plan(Vec::new(), Powers { root: true, apt: true }), Plan::Nothing);
    }

    #[test]
    fn only_root_with_apt_installs() {
        let missing = vec!["htop".to_owned()];
        let install = plan(missing.clone(), Powers { root: true, apt: true });
        assert_eq!(install, Plan::Install(missing.clone()));
        for powers in [Powers { root: false, apt: true }, Powers { root: true, apt: false }] {
            assert_eq!(plan(missing.clone(), powers), Plan::Tell(missing.clone()));
        }
    }

    #[test]
    fn the_advice_is_a_line_that_can_be_typed() {
        let advice = advice(&["htop".to_owned(), "less".to_owned()]);
        assert!(advice.ends_with("install -y --no-install-recommends htop less"), "{advice}");
    }
}
