//! A terminal's screen as a plain value: output goes in as bytes, cut anywhere; out come the picture, what a terminal
//! would answer, and bytes that are harmless to a viewer. No IO, no clock, no runtime, and bounded memory whatever comes.
//!
//! # The boundary
//!
//! - [`Screen`]: [`Screen::feed`] takes output, [`Screen::resize`] reflows. The model is behind it; no type of it is seen.
//! - [`Answers`]: what the terminal itself says to the program, in order. docs/terminal.md has the whole list.
//! - [`Screen::dump`]: bytes that draw the same screen in a fresh terminal of the same size, modes and all.
//! - [`Screen::view`]: the picture as rows of text with their looks. [`Screen::revision`] and [`Screen::changed_rows`] say
//!   cheaply whether and where it changed.
//! - [`Screen::svg`]: the picture as a file that browsers show.
//! - [`Transcript`]: what a person would have read of the output, as numbered lines; [`CodeBlocks`] finds code in them.
//! - [`Sanitizer`]: a stream of output made harmless for a viewer's own terminal, by a list of what may pass; [`RESET`]
//!   takes back what it switched on.
//! - [`Painter`]: the newest screen on a viewer's own terminal, written anew from the model; between [`ENTER`] and [`LEAVE`].
//! - [`Questions`]: a stream of output as it is, but for what asks a terminal something. [`Replies`]: what a person types,
//!   but for what their terminal says by itself.
//!
//! # What holds
//!
//! - Splitting the output at any byte changes nothing.
//! - Feeding a dump into a fresh screen gives the same screen, and what follows has the same effect on both.
//! - Nothing that comes in makes memory grow beyond what size, history and the tables' limits allow.
//! - No answer repeats bytes that a program chose.

mod answers;
mod cell;
mod charset;
mod codeblocks;
mod color;
mod cursor;
mod dump;
mod grid;
#[cfg(test)]
mod judges;
mod keyboard;
mod link;
mod mark;
mod mode;
mod painter;
mod parser;
mod questions;
#[cfg(test)]
mod recordings;
mod replies;
mod roll;
mod row;
#[cfg(test)]
mod samples;
mod sanitizer;
mod screen;
mod sequence;
mod size;
mod style;
mod svg;
mod table;
mod tabs;
mod terminal;
mod title;
mod transcript;
mod unseen;
mod view;

pub use answers::{ANSWERS_BYTES_MAX, Answers, Rgb};
pub use codeblocks::{CodeBlock, CodeBlocks};
pub use color::Color;
pub use cursor::{CursorShape, CursorStyle};
pub use dump::RESET;
pub use mark::Mark;
pub use mode::{Mouse, MouseEncoding};
pub use painter::{ENTER, Input, LEAVE, Painter, Painting, Place};
pub use questions::Questions;
pub use replies::{Patience, Replies};
pub use sanitizer::Sanitizer;
pub use screen::{HISTORY_ROWS_MAX, Screen};
pub use size::{COLUMNS_MAX, ROWS_MAX, Size, SizeError};
pub use style::{Attributes, Style, Underline};
pub use transcript::{
    LINE_BYTES_MAX, Line, LineKind, QUIET, RESTING, SETTLE, StateError, Transcript,
};
pub use unseen::is_unseen;
pub use view::{InputModes, Run, View, ViewCursor, ViewRow};
