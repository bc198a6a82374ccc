//! The output's edge: whole writes to standard output, the gate before them, and the clock inside them.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::termios::OutputModes;
use rustix::time::{ClockId, clock_gettime};

use super::LoadError;

/// Writes all of it to standard output, without a buffer of our own.
pub(super) fn write(mut bytes: &[u8]) -> Result<(), LoadError> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return Err(LoadError::Output(io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::Output(errno.into())),
        }
    }
    Ok(())
}

/// Waits until somebody opens the gate, a FIFO, for writing.
pub(super) fn pass(gate: Option<&Path>) -> Result<(), LoadError> {
    let Some(path) = gate else { return Ok(()) };
    match File::open(path) {
        Ok(_opened) => Ok(()),
        Err(source) => Err(LoadError::File { path: path.to_owned(), source }),
    }
}

/// What a reader sees for a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newline {
    /// A terminal writes a carriage return before it.
    Returned,
    /// The byte as it is.
    Raw,
}

impl Newline {
    /// What standard output does with it.
    pub(super) fn of_stdout() -> Self {
        let returned = OutputModes::OPOST | OutputModes::ONLCR;
        match rustix::termios::tcgetattr(rustix::stdio::stdout()) {
            Ok(modes) if modes.output_modes.contains(returned) => Self::Returned,
            Ok(_) | Err(_) => Self::Raw,
        }
    }
}

/// CLOCK_MONOTONIC, which every process of one machine shares, in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}
