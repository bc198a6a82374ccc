//! How the program fails: a fault for people or programs, and an exit code. The one place where both are decided.
//! A reader that has hung up is no failure to tell.

use std::io::{self, Write};
use std::process::ExitCode;

use axiom_client::{ClientError, FeedError, HomeError};
use axiom_proto::fault::{ErrorCode, Fault, FaultBody};

use crate::lines::one_line;
use crate::wrapping::{COLUMNS_MIN, rows};

/// Axiom's own error.
pub(crate) const EXIT_OWN: u8 = 125;

/// A wait timed out.
pub(crate) const EXIT_TIMEOUT: u8 = 124;

/// What a shell reports of a program that Ctrl-C ended: 128 and SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// What a shell reports of a program that was asked to end: 128 and SIGTERM.
pub(crate) const EXIT_TERMINATED: u8 = 143;

/// What a shell reports of a program whose reader hung up: 128 and SIGPIPE.
pub(crate) const EXIT_PIPE: u8 = 141;

/// Why a verb did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is told and the program exits with this code.
    Told(Fault, u8),
    /// Nobody reads our output any more.
    ReaderGone,
}

/// Whom errors are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A sentence and a hint.
    Person,
    /// JSON.
    Program,
}

impl Failure {
    /// What was typed is wrong.
    pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Fault::new(ErrorCode::InvalidArgument, message, hint).into()
    }

    /// Something about this machine is wrong.
    pub(crate) fn own(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Fault::new(ErrorCode::Internal, message, hint).into()
    }

    /// Tells it, and gives the exit code.
    pub(crate) fn tell(&self, audience: Audience) -> ExitCode {
        match self {
            Self::Told(fault, exit) => {
                tell_fault(fault, audience);
                ExitCode::from(*exit)
            }
            Self::ReaderGone => ExitCode::from(EXIT_PIPE),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let exit = if fault.code == ErrorCode::Timeout { EXIT_TIMEOUT } else { EXIT_OWN };
        Self::Told(fault, exit)
    }
}

impl From<ClientError> for Failure {
    /// A server that is silent is Axiom's own error, not a wait of the user's that timed out.
    fn from(error: ClientError) -> Self {
        Self::Told(error.to_fault(), EXIT_OWN)
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        Self::Told(error.to_fault(), EXIT_OWN)
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::invalid(error.to_string(), "set AXIOM_HOME to a folder of your own")
    }
}

/// A failure to write to standard output.
pub(crate) fn of_output(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::ReaderGone;
    }
    Failure::own(format!("write to standard output: {error}"), "")
}

/// Says something on standard error; that nobody may read it is no reason to fail.
pub(crate) fn note(text: &str) {
    say(&format!("axiom: {}", one_line(text)));
}

/// A line on standard error, in rows of whole words where that is a terminal.
fn say(line: &str) {
    let rows = match error_columns() {
        Some(columns) => rows(line, columns.max(COLUMNS_MIN), 0),
        None => vec![line.to_owned()],
    };
    // Once standard error is closed there is nowhere to say so.
    drop(writeln!(io::stderr().lock(), "{}", rows.join("\n")));
}

/// The columns of the terminal at standard error, if there is one that knows them.
pub(crate) fn error_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn tell_fault(fault: &Fault, audience: Audience) {
    match audience {
        Audience::Person => {
            note(&fault.message);
            if !fault.hint.is_empty() {
                say(&format!("  {}", one_line(&fault.hint)));
            }
        }
        Audience::Program => {
            let body = FaultBody { error: fault.clone() };
            let text = axiom_proto::json::to_string(&body);
            drop(writeln!(io::stderr().lock(), "{text}"));
        }
    }
}
