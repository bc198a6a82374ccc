//! Asciicast: the recordings that asciinema defined, in their versions 1 to 3, and a session's frames as such events.
//! Values and text only: it opens no file, waits for nothing and prints nothing. What is wrong with a recording is told
//! with its line.
//!
//! - [`Reader`] takes lines of versions 2 and 3; [`events_of_whole`] takes a file of version 1.
//! - [`Writer`] gives lines of versions 2 and 3, and counts what they cannot hold ([`Broken`]).
//! - [`Journaled`] makes events of a session's frames.

mod journaled;
#[cfg(test)]
mod properties;
mod read;
mod utf8;
mod whole;
mod write;

use axiom_proto::frame::Micros;
use axiom_proto::task::Size;
use bytes::Bytes;

pub use journaled::Journaled;
pub use read::{BadLine, LINE_BYTES_MAX, LineFault, Reader};
pub use utf8::Broken;
pub use whole::events_of_whole;
pub use write::{Form, Opening, Writer};

/// One thing that a recording tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, since the recording's start.
    pub at: Micros,
    /// What.
    pub what: What,
}

/// What a recording tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The program printed.
    Output(Bytes),
    /// It printed on its standard error, which is apart only on pipes.
    ErrorOutput(Bytes),
    /// Somebody typed.
    Input(Bytes),
    /// The terminal has another size.
    Resized(Size),
    /// A place worth finding.
    Marker(String),
    /// The program ended, with what a shell reports of it.
    Exited(i32),
}

/// What the head of a recording says, as far as playing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The terminal's size at the start.
    pub size: Size,
    /// Longer pauses are to be shortened to this.
    pub idle_max: Option<Micros>,
}
