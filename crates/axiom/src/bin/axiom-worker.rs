//! The worker: hosts one session. Everything is in its own library.

use std::process::ExitCode;

fn main() -> ExitCode {
    if axiom::says_version("axiom-worker") {
        return ExitCode::SUCCESS;
    }
    axiom_worker::main()
}
