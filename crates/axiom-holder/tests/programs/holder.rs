//! The holder, as this crate's own tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    axiom_holder::main()
}
