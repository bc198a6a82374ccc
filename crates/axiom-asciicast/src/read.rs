//! Reads asciicasts of versions 2 and 3, line after line: a header, then events. Pure; one line is all it holds.
//! It refuses what it cannot be sure of, and names the line.

use axiom_proto::frame::Micros;
use axiom_proto::task::Size;
use serde_json::Value;
use thiserror::Error;

use crate::{Event, Header, What};

/// The longest line, and the largest file of version 1: the largest frame of input there is, with every byte escaped, fits
/// twice.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest side of a terminal, as everywhere on the command line.
const SIDE_MAX: u16 = 10_000;

/// The longest recording, and the longest pause in one: ten years, as for any duration. More is a slip.
const SECONDS_MAX: f64 = 3650.0 * 86_400.0;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct BadLine {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong.
    #[source]
    pub fault: LineFault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// Something else than a recording.
    #[error("this is no asciicast, which begins with a JSON object that has a version")]
    NoRecording,
    /// Of a later version.
    #[error("an asciicast of version {found}, and 1, 2 and 3 are the known ones")]
    Future {
        /// Its version.
        found: String,
    },
    /// The header lacks something, or has it in a form that cannot be.
    #[error("the header's {field} is {found}, and should be {wanted}")]
    Header {
        /// Which part.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Not an event.
    #[error("not an event, which is [seconds, code, data]: {reason}")]
    NoEvent {
        /// Why not.
        reason: String,
    },
    /// The file ends inside a line.
    #[error("the file ends inside it: the recording is cut off")]
    Cut,
    /// A time that cannot be.
    #[error("{found} is no time: seconds from 0 on, ten years at most")]
    Time {
        /// What stands there.
        found: String,
    },
    /// Earlier than the event before.
    #[error("its time, {found} s, is before that of the event before it, {before} s")]
    Backwards {
        /// Its time.
        found: String,
        /// The one before.
        before: String,
    },
    /// A terminal that cannot be.
    #[error("{found} is no terminal's size: from 1x1 to {SIDE_MAX}x{SIDE_MAX}")]
    Size {
        /// What stands there.
        found: String,
    },
    /// Longer than any line should be, or than a file without lines.
    #[error("longer than {} MiB", LINE_BYTES_MAX >> 20)]
    TooLong,
}

/// How an event's number is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// Seconds since the start: version 2.
    Absolute,
    /// Seconds since the event before: version 3.
    Intervals,
}

/// Takes lines, gives events. A copy goes on from the same line.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    state: State,
    line: u64,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Begin,
    Events {
        header: Header,
        times: Times,
        before: Micros,
    },
}

impl Reader {
    /// What the head says, once its line was taken.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        match &self.state {
            State::Begin => None,
            State::Events { header, .. } => Some(*header),
        }
    }

    /// The number of the line that comes next.
    #[must_use]
    pub fn next_line(&self) -> u64 {
        self.line + 1
    }

    /// Takes the next line, without its end. Gives no event for the header, for an empty line, for a comment and for an
    /// event of a kind that is not known.
    ///
    /// # Errors
    /// [`BadLine`]; nothing after it can be trusted.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Event>, BadLine> {
        self.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let taken = match self.state {
            State::Begin => self.begin(line).map(|()| None),
            State::Events { times, before, header } => self.event(line, (header, times, before)),
        };
        taken.map_err(|fault| BadLine { line: self.line, fault })
    }

    fn begin(&mut self, line: &[u8]) -> Result<(), LineFault> {
        let Ok(Value::Object(head)) = serde_json::from_slice(line) else {
            return Err(LineFault::NoRecording);
        };
        let (times, sides) = match version(head.get("version"))? {
            2 => (Times::Absolute, [head.get("width"), head.get("height")]),
            3 => {
                let term = head.get("term").and_then(Value::as_object);
                (Times::Intervals, ["cols", "rows"].map(|side| term?.get(side)))
            }
            // Version 1 is one object and no lines: it is read by whoever has the whole file.
            _one => return Err(LineFault::NoRecording),
        };
        let idle_max = idle_max(head.get("idle_time_limit"))?;
        let header = Header { size: size_of(sides)?, idle_max };
        self.state = State::Events { header, times, before: Micros(0) };
        Ok(())
    }

    fn event(
        &mut self,
        line: &[u8],
        (header, times, before): (Header, Times, Micros),
    ) -> Result<Option<Event>, LineFault> {
        if line.is_empty() || (times == Times::Intervals && line.starts_with(b"#")) {
            return Ok(None);
        }
        let (seconds, code, data) = serde_json::from_slice::<(f64, String, Value)>(line)
            .map_err(|error| LineFault::NoEvent { reason: reason(&error) })?;
        let time = micros(seconds)?;
        let at = match times {
            Times::Absolute if time < before => {
                let (found, before) = (seconds_of(time), seconds_of(before));
                return Err(LineFault::Backwards { found, before });
            }
            Times::Absolute => time,
            Times::Intervals => before.plus(time.0),
        };
        self.state = State::Events { header, times, before: at };
        Ok(what(&code, &data)?.map(|what| Event { at, what }))
    }
}

/// The version of a recording's head.
pub(super) fn version(said: Option<&Value>) -> Result<u64, LineFault> {
    match said {
        None => Err(LineFault::NoRecording),
        Some(version) => match version.as_u64() {
            Some(known @ 1..=3) => Ok(known),
            Some(_) | None => Err(LineFault::Future { found: shown(version) }),
        },
    }
}

/// A terminal's size of its two sides.
pub(super) fn size_of(sides: [Option<&Value>; 2]) -> Result<Size, LineFault> {
    let found = || sides.map(|side| side.map_or_else(|| "nothing".to_owned(), shown)).join("x");
    let side = |value: Option<&Value>| {
        let side = u16::try_from(value?.as_u64()?).ok()?;
        (1..=SIDE_MAX).contains(&side).then_some(side)
    };
    let size = side(sides[0]).zip(side(sides[1])).map(|(cols, rows)| Size { cols, rows });
    size.ok_or_else(|| LineFault::Size { found: found() })
}

/// What the head says of pauses.
pub(super) fn idle_max(said: Option<&Value>) -> Result<Option<Micros>, LineFault> {
    match said {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let limit = value.as_f64().and_then(|seconds| micros(seconds).ok());
            limit.map(Some).ok_or_else(|| LineFault::Header {
                field: "idle_time_limit",
                found: shown(value),
                wanted: "a number of seconds",
            })
        }
    }
}

/// Seconds as microseconds. A number that is none of JSON's has been refused before.
pub(super) fn micros(seconds: f64) -> Result<Micros, LineFault> {
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(LineFault::Time { found: seconds.to_string() });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive and far below what 64 bits hold"
    )]
    Ok(Micros((seconds * 1e6).round() as u64))
}

/// What an event says; nothing where its kind is not known, as the format asks of readers.
fn what(code: &str, data: &Value) -> Result<Option<What>, LineFault> {
    let known = matches!(code, "o" | "i" | "r" | "m" | "x");
    let Value::String(text) = data else {
        let reason = format!("the data of {code:?} is no text");
        return if known { Err(LineFault::NoEvent { reason }) } else { Ok(None) };
    };
    Ok(match code {
        "o" => Some(What::Output(text.clone().into())),
        "i" => Some(What::Input(text.clone().into())),
        "m" => Some(What::Marker(text.clone())),
        "r" => Some(What::Resized(resized(text)?)),
        "x" => Some(What::Exited(exit_of(text)?)),
        _other => None,
    })
}

fn resized(text: &str) -> Result<Size, LineFault> {
    let sides = text.split_once('x');
    let number = |side: &str| side.parse::<u64>().ok().map(Value::from);
    let sides = sides.map(|(cols, rows)| (number(cols), number(rows)));
    match sides {
        Some((Some(cols), Some(rows))) => size_of([Some(&cols), Some(&rows)]),
        Some(_) | None => Err(LineFault::Size { found: cut(text) }),
    }
}

fn exit_of(text: &str) -> Result<i32, LineFault> {
    let reason = || format!("{:?} is no exit status", cut(text));
    text.parse().map_err(|_| LineFault::NoEvent { reason: reason() })
}

/// Characters of a reason: the library repeats the whole text that it did not want.
const REASON_CHARS_MAX: usize = 120;

/// What is wrong with JSON, without the library's own count of lines: ours is the file's.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    let mut short: String = reason.chars().take(REASON_CHARS_MAX).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    format!("{short} at column {}", error.column())
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

fn seconds_of(time: Micros) -> String {
    format!("{}.{:06}", time.0 / 1_000_000, time.0 % 1_000_000)
}

#[cfg(test)]
mod tests;
