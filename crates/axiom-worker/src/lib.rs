//! The worker: one session's hot loop between terminal, journal and link.
//! Standard library and system calls only; one thread reads, journals, shows and acts; beside it one syncs the disk,
//! and one makes the screen.
//! It takes everything from its holder's grant and leaves the session to the next worker at any instant.

mod asks;
mod child_end;
mod clock;
mod disk;
mod ends;
mod links;
mod notes;
mod opening;
mod picture;
mod recorder;
mod run;
mod syncing;
mod sys;

use std::process::ExitCode;

/// The program: serves one session until it is over, or until the holder wants the next worker in.
/// Its standard input is the holder's channel.
#[must_use]
pub fn main() -> ExitCode {
    sys::ignore_file_size_signal();
    match opening::open().and_then(run::Worker::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            notes::note(&format!("worker ends: {error}"));
            ExitCode::FAILURE
        }
    }
}
