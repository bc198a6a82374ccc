//! The load generator: scripted children for benches, tests and demonstrations, one subcommand each.
//! Deterministic where bytes matter; standard library and system calls only, so that its own start costs little.
//! It refuses what it does not know, and reads a terminal's input only for answers to its own questions.

mod ask;
mod burn;
mod flood;
mod hostile;
mod options;
mod paced;
mod redraw;
mod text;
mod writing;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use options::Options;
pub(crate) use paced::STAMP;
pub(crate) use text::{Style, unrepeated};
pub(crate) use writing::now_ns;

/// What `axiom-test` alone prints.
pub const USAGE: &str = "\
usage: axiom-test SCRIPT [OPTIONS]

  flood    --bytes N [--style plain|colour|escape] [--seed S] [--sum FILE] [--gate FIFO] [--ready true] [--stay true]
           prints N bytes as fast as it can; --sum writes the SHA-256 of what a reader must see;
           --ready prints a line before it waits at the gate, which is not in the sum
  trickle  --per-second R --lines N [--gate FIFO] [--linger-ms N]
           prints lines that each carry CLOCK_MONOTONIC in nanoseconds
  burst    --lines N --every-ms M --times T [--gate FIFO] [--linger-ms N]
           prints N such lines at once, and that T times
  redraw   --per-second R --frames N
           redraws a progress line and a small table in place
  silent   [--seconds N]
           prints nothing, and waits (for a signal, where no time is given)
  hostile  --bytes N [--seed S]
           prints bytes that no terminal should trust: broken escapes, forged lines, invalid UTF-8
  ask      --times N --file FILE [--flood true]
           asks where the cursor is, within a flood of its own or in the quiet, and notes the nanoseconds of each answer
  burn     [--seconds N] [--threads N]
           uses a processor and prints nothing
";

/// Why a script ended early.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is no such script.
    #[error("there is no script `{name}`; `axiom-test` alone lists them")]
    Script {
        /// What was asked for.
        name: String,
    },
    /// An option is missing, unknown, or not a value of its kind.
    #[error("option {option}: {problem}")]
    Option {
        /// Which.
        option: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The output is closed.
    #[error("write output: {0}")]
    Output(#[source] io::Error),
    /// The input is no terminal, or is closed.
    #[error("read input: {0}")]
    Input(#[source] io::Error),
    /// A file that an option names cannot be used.
    #[error("use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs the script that the arguments name, to its end.
///
/// # Errors
/// [`LoadError`] for wrong arguments, and when the output is closed under it.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<(), LoadError> {
    let name = arguments.next().unwrap_or_default();
    let name = name.to_string_lossy();
    let mut options = Options::of(arguments)?;
    match name.as_ref() {
        "flood" => flood::run(&flood::Flood::of(&mut options)?, options),
        "trickle" => paced::run(&paced::Paced::trickle(&mut options)?, options),
        "burst" => paced::run(&paced::Paced::burst(&mut options)?, options),
        "redraw" => redraw::run(&redraw::Redraw::of(&mut options)?, options),
        "silent" => burn::silent(&mut options),
        "hostile" => hostile::run(&hostile::Hostile::of(&mut options)?, options),
        "ask" => ask::run(&ask::Ask::of(&mut options)?, options),
        "burn" => burn::burn(&mut options),
        _ => Err(LoadError::Script { name: name.into_owned() }),
    }
}
