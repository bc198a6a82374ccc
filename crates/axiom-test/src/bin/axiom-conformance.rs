//! `axiom-conformance`: a server whose MCP is the fixtures of the protocol's own suite. See [`axiom_test::conformance`].

#![expect(clippy::print_stderr, reason = "the place where the program says why it ended")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match axiom_test::conformance::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axiom-conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}
