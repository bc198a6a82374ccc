//! The worker: hosts one session. Everything is in its own library.

use std::process::ExitCode;

fn main() -> ExitCode {
    axiom_worker::main()
}
