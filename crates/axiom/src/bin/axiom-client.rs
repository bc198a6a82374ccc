//! The client of remote servers, which are not built yet: it says so. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    axiom::client_main()
}
