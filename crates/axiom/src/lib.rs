//! The command line: verbs that ask a server, and the views that people see. All decisions are behind the operations;
//! what is decided here is only what a terminal, a pipe or an exit code needs.

mod arguments;
mod attach;
mod completion;
mod conclusion;
mod failure;
mod foreground;
mod here;
mod lines;
mod looks;
mod mcp;
mod printing;
mod processes;
mod quantities;
mod recording;
mod reference;
mod replay;
mod signals;
mod spec;
mod stdio;
mod stream;
mod table;
mod terminal;
mod verbs;
mod wrapping;

use std::env;
use std::process::ExitCode;

use failure::Failure;

/// The program `axiom`.
#[must_use]
pub fn main() -> ExitCode {
    completion::answer_shell();
    let arguments = match arguments::read(env::args_os()) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let audience =
        arguments.verb.as_ref().map_or(failure::Audience::Person, arguments::Verb::audience);
    match verbs::run(arguments.verb) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.tell(audience),
    }
}

/// True if `--version` was asked for, and nothing else: then it was said. For the programs that have no command line.
#[must_use]
pub fn says_version(program: &str) -> bool {
    let asked = env::args_os().skip(1).eq(["--version"]);
    if asked {
        // Who hung up does not want to know.
        drop(printing::print(&format!("{program} {}", env!("CARGO_PKG_VERSION"))));
    }
    asked
}

/// The program `axiom-client`: its one purpose comes with servers that are reached over a network.
#[must_use]
pub fn client_main() -> ExitCode {
    use axiom_proto::fault::{ErrorCode, Fault};
    let fault = Fault::new(
        ErrorCode::NotSupported,
        "axiom-client talks to remote servers, and this version has none",
        "for the server of this machine use `axiom run -- COMMAND`",
    );
    Failure::from(fault).tell(failure::Audience::Person)
}
