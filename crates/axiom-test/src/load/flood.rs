//! `flood`: so many bytes as fast as they are taken.
//! The sum is made after the last byte is out, so that it costs the measured stretch nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::LoadError;
use super::burn::silent;
use super::options::Options;
use super::text::{Style, Text};
use super::writing::{Newline, pass, write};

/// What programs with a buffered standard output write at once.
const WRITE_BYTES: usize = 4096;

/// The script's options.
#[derive(Debug)]
pub(super) struct Flood {
    bytes: u64,
    style: Style,
    seed: u64,
    write_bytes: usize,
    sum: Option<PathBuf>,
    gate: Option<PathBuf>,
    /// Whether it says so before it waits at the gate.
    ready: bool,
    /// Whether it lives on, silent, when all is out.
    stay: bool,
}

impl Flood {
    pub(super) fn of(options: &mut Options) -> Result<Self, LoadError> {
        Ok(Self {
            bytes: options.needed("--bytes")?,
            style: options.value("--style")?.unwrap_or(Style::Plain),
            seed: options.value("--seed")?.unwrap_or(1),
            write_bytes: options.value("--write-bytes")?.unwrap_or(WRITE_BYTES).max(1),
            sum: options.path("--sum"),
            gate: options.path("--gate"),
            ready: options.value("--ready")?.unwrap_or(false),
            stay: options.value("--stay")?.unwrap_or(false),
        })
    }

    fn text(&self) -> Text {
        Text::of(self.style, self.seed)
    }
}

pub(super) fn run(flood: &Flood, rest: Options) -> Result<(), LoadError> {
    rest.end()?;
    let mut text = flood.text();
    if flood.ready {
        // Beside the sum, which is of what comes through the gate.
        write(b"ready\n")?;
    }
    pass(flood.gate.as_deref())?;
    let newline = Newline::of_stdout();
    let mut left = flood.bytes;
    while left > 0 {
        let bytes = text.next(most(flood.write_bytes, left));
        write(bytes)?;
        left -= bytes.len() as u64;
    }
    if let Some(path) = &flood.sum {
        keep_sum(path, &summed(flood.text(), flood.bytes, newline))?;
    }
    if flood.stay { silent(&mut Options::default()) } else { Ok(()) }
}

fn most(chunk: usize, left: u64) -> usize {
    usize::try_from(left).map_or(chunk, |left| left.min(chunk))
}

/// The line of the sum file: hash, bytes that a reader sees, and whether newlines were returned.
fn summed(mut text: Text, bytes: u64, newline: Newline) -> String {
    let (mut hash, mut seen, mut left) = (Sha256::new(), 0u64, bytes);
    let mut returned = Vec::new();
    while left > 0 {
        let bytes = text.next(most(WRITE_BYTES, left));
        left -= bytes.len() as u64;
        let shown = match newline {
            Newline::Raw => bytes,
            Newline::Returned => {
                returned.clear();
                for byte in bytes {
                    if *byte == b'\n' {
                        returned.push(b'\r');
                    }
                    returned.push(*byte);
                }
                &returned
            }
        };
        hash.update(shown);
        seen += shown.len() as u64;
    }
    let mut line = String::new();
    for byte in hash.finalize() {
        write!(line, "{byte:02x}").expect("a string takes every text");
    }
    let word = match newline {
        Newline::Returned => "terminal",
        Newline::Raw => "raw",
    };
    line.push_str(&format!(" {seen} {word}\n"));
    line
}

fn keep_sum(path: &Path, line: &str) -> Result<(), LoadError> {
    std::fs::write(path, line).map_err(|source| LoadError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(newline: Newline, text: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(text);
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let word = if newline == Newline::Raw { "raw" } else { "terminal" };
        format!("{hex} {} {word}\n", text.len())
    }

    #[test]
    fn the_sum_is_of_what_a_reader_sees() {
        let mut text = Text::of(Style::Plain, 5);
        let mut plain = Vec::new();
        while plain.len() < 200_000 {
            let left = 200_000 - plain.len();
            plain.extend_from_slice(text.next(left));
        }
        let returned: Vec<u8> = plain
            .iter()
            .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
            .collect();
        let made = |newline| summed(Text::of(Style::Plain, 5), 200_000, newline);
        assert_eq!(made(Newline::Raw), sum(Newline::Raw, &plain));
        assert_eq!(made(Newline::Returned), sum(Newline::Returned, &returned));
    }
}
