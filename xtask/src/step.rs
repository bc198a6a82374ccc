//! One step of a verb: a program that is run to its end, its headline said first.
//! Owns how a failed step reads. It never hides a program's own output.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::process::{Command, ExitStatus};

/// Why a verb did not succeed.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The program could not be started.
    Start { line: String, source: io::Error },
    /// The program ended with something else than success.
    Failed { line: String, status: ExitStatus },
    /// Some steps of several failed; each has said why above.
    Several { headlines: Vec<String> },
    /// A file or folder of the workspace could not be read.
    Read { path: String, source: io::Error },
    /// A line of the package list has another form.
    PackageList { number: usize },
    /// A registry did not give what the tests need.
    Registry { names: String, source: Box<Self> },
    /// A program that is needed is not there.
    Missing { program: &'static str, package: &'static str },
    /// Not started by cargo, so the workspace is unknown.
    NotUnderCargo,
    /// A verb was given arguments that it does not take.
    Arguments { given: String },
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { line, source } => write!(f, "start `{line}`: {source}"),
            Self::Failed { line, status } => write!(f, "`{line}` ended with {status}"),
            Self::Several { headlines } => {
                write!(f, "these steps failed: {}", headlines.join("; "))
            }
            Self::Read { path, source } => write!(f, "read {path}: {source}"),
            Self::PackageList { number } => {
                write!(
                    f,
                    "xtask/packages.txt:{number}: write `package program # why` or `registry library version # why`"
                )
            }
            Self::Registry { names, source } => write!(
                f,
                "fetch {names}: {source}; the tests need them, so see that the registry is reached, and call `cargo xtask provision` again"
            ),
            Self::Missing { program, package } => {
                write!(f, "{program} is not installed: it is in the package {package}")
            }
            Self::NotUnderCargo => write!(f, "start this by `cargo xtask`, inside the workspace"),
            Self::Arguments { given } => write!(f, "takes no arguments, was given `{given}`"),
        }
    }
}

/// Says the headline, then runs the program with our own standard streams.
pub(crate) fn run(headline: &str, command: &mut Command) -> Result<(), StepError> {
    say(headline);
    let line = line_of(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(StepError::Failed { line, status }),
        Err(source) => Err(StepError::Start { line, source }),
    }
}

/// True if the program can be started and says that all is well; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Tells the person what happens now. On stderr, so that it keeps its place among the compiler's lines.
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Gives what was asked for, on stdout.
#[expect(clippy::print_stdout, reason = "what was asked for")]
pub(crate) fn print(text: &str) {
    print!("{text}");
}

/// Refuses what a verb without arguments was given.
pub(crate) fn no_arguments(arguments: &[OsString]) -> Result<(), StepError> {
    let Some(first) = arguments.first() else {
        return Ok(());
    };
    Err(StepError::Arguments { given: first.to_string_lossy().into_owned() })
}

/// The command as a person would type it, without its full path.
fn line_of(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut line =
        program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_its_command_and_its_status() {
        let error =
            run("a step that fails", Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` ended with exit status: 3");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_and_not_a_panic() {
        let error =
            run("a missing program", &mut Command::new("axiom-no-such-program")).unwrap_err();
        assert!(error.to_string().starts_with("start `axiom-no-such-program`: "), "{error}");
    }
}
