//! The command line and the server. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    axiom::main()
}
