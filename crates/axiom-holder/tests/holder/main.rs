//! The holder as its neighbours see it: real holders, workers, children and terminals. The test
//! itself plays the server, and through `programs/worker.rs` the worker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod control;
mod fence;
mod launch;
mod stage;
mod trees;
