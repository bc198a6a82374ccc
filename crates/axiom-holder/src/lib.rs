//! The holder: the process that owns a session's terminal and child, and fences its workers. A
//! library of its words and means, so that servers and workers share them, and [`main`], which is
//! the program. Single-threaded; knows no network, no JSON and nothing of what the child prints.

pub mod cgroup;
pub mod channel;
mod clock;
pub mod exit;
pub mod grants;
mod holder;
pub mod priority;
pub mod tree;
pub mod wire;

pub use exit::{ExitNote, exit_of_pidfd, read_exit_file};
pub use holder::{EXIT_SETUP, EXIT_SPEC, EXIT_STARTED_ALREADY, main};
