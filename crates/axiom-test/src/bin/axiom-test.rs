//! `axiom-test`: scripted children. See [`axiom_test::load`].

#![expect(clippy::print_stderr, reason = "the place where the program says why it ended")]
#![expect(clippy::print_stdout, reason = "the list of scripts is what was asked for")]

use std::process::ExitCode;

use axiom_test::load;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_none_or(|first| first == "--help" || first == "help") {
        print!("{}", load::USAGE);
        return ExitCode::SUCCESS;
    }
    match load::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axiom-test: {error}");
            ExitCode::FAILURE
        }
    }
}
