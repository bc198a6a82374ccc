//! The holder: owns a session's terminal and child, and fences its workers. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    if axiom::says_version("axiom-holder") {
        return ExitCode::SUCCESS;
    }
    axiom_holder::main()
}
