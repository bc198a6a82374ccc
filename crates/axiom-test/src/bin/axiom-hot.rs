//! `axiom-hot`: the hot path by itself, for valgrind. See [`axiom_test::instructions`].

#![expect(clippy::print_stderr, reason = "the place where the program says why it ended")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match axiom_test::instructions::run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axiom-hot: {error:#}");
            ExitCode::FAILURE
        }
    }
}
