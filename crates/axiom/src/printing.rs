//! Standard output of verbs that print answers: whole texts and JSON. A reader that hangs up ends the verb, quietly.

use std::io::{self, Write};

use axiom_proto::json;
use serde::Serialize;

use crate::failure::{Failure, of_output};
use crate::here::{Terminals, terminal_size};
use crate::wrapping::page;

/// Prints a text as it is, with a newline at its end.
///
/// # Errors
/// [`Failure::ReaderGone`] when nobody reads it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut bytes = text.as_bytes().to_vec();
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    print_bytes(&bytes)
}

/// Prints our own words, in rows of whole words where standard output is a narrow terminal.
///
/// # Errors
/// [`Failure::ReaderGone`] when nobody reads it.
pub(crate) fn print_words(text: &str) -> Result<(), Failure> {
    let columns = Terminals::of_process().output.then(terminal_size).flatten();
    match columns {
        Some(size) => print(&page(text, size.cols.into())),
        None => print(text),
    }
}

/// Prints bytes as they are.
///
/// # Errors
/// [`Failure::ReaderGone`] when nobody reads them.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| of_output(&error))
}

/// Prints an answer as one line of JSON.
///
/// # Errors
/// [`Failure::ReaderGone`] when nobody reads it.
pub(crate) fn print_json(answer: &impl Serialize) -> Result<(), Failure> {
    print(&json::to_string(answer))
}
