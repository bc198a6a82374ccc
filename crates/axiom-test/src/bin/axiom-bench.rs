//! `axiom-bench`: the bench. See [`axiom_test::bench`]; `cargo xtask bench` builds what it needs and runs it.

#![expect(clippy::print_stderr, reason = "the place where the program says why it ended")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match axiom_test::bench::run(std::env::args_os().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axiom-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
