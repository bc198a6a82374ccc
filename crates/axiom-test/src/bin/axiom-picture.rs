//! `axiom-picture`: draws the demonstration. See [`axiom_test::picture`]; `cargo xtask picture` builds it and runs it.

#![expect(clippy::print_stderr, reason = "the place where the program says why it ended")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match axiom_test::picture::run(std::env::args_os().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axiom-picture: {error:#}");
            ExitCode::FAILURE
        }
    }
}
