//! Writes asciicasts of versions 2 and 3: a header, then an event a line. Pure; it holds the bytes of a cut character.
//! The lines are JSON in which nothing can act on a terminal: controls of both sets are escaped.

use std::fmt::Write as _;

use axiom_proto::frame::Micros;
use axiom_proto::json;
use axiom_proto::task::{Mode, Size};
use serde::Serialize;

use crate::utf8::Joiner;
use crate::{Broken, Event, What};

/// Which version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Times since the start.
    Two,
    /// Times since the event before.
    Three,
}

/// What the head of a recording tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// The terminal's size at the start.
    pub size: Size,
    /// When it began, in seconds since 1970.
    pub timestamp: Option<u64>,
    /// What ran, as people would type it.
    pub command: String,
    /// Its name.
    pub title: Option<String>,
    /// What it took its terminal for.
    pub term: Option<String>,
    /// The shell of whoever started it.
    pub shell: Option<String>,
}

/// The first line of version 2. The version stands first, where programs look for it.
#[derive(Debug, Serialize)]
struct HeadOfTwo<'a> {
    version: u8,
    width: u16,
    height: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Environment::is_empty")]
    env: Environment<'a>,
}

/// The first line of version 3.
#[derive(Debug, Serialize)]
struct HeadOfThree<'a> {
    version: u8,
    term: Term<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Environment::is_empty")]
    env: Environment<'a>,
}

/// The terminal, in version 3.
#[derive(Debug, Serialize)]
struct Term<'a> {
    cols: u16,
    rows: u16,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

/// Of the environment what asciinema keeps too.
#[derive(Debug, Serialize)]
struct Environment<'a> {
    #[serde(rename = "SHELL", skip_serializing_if = "Option::is_none")]
    shell: Option<&'a str>,
    #[serde(rename = "TERM", skip_serializing_if = "Option::is_none")]
    term: Option<&'a str>,
}

impl Environment<'_> {
    fn is_empty(&self) -> bool {
        self.shell.is_none() && self.term.is_none()
    }
}

/// Writes one recording.
#[derive(Debug)]
pub struct Writer {
    form: Form,
    /// On pipes no terminal has made a return and a newline of each newline yet, and a player would draw stairs.
    mode: Mode,
    before: Micros,
    exited: Option<(Micros, i32)>,
    output: Stream,
    error_output: Stream,
    input: Stream,
    broken_output: Broken,
    broken_input: Broken,
}

/// One stream of bytes, as far as it was written.
#[derive(Debug, Default)]
struct Stream {
    joiner: Joiner,
    offset: u64,
}

impl Writer {
    /// Begins.
    #[must_use]
    pub fn new(form: Form, mode: Mode) -> Self {
        Self {
            form,
            mode,
            before: Micros(0),
            exited: None,
            output: Stream::default(),
            error_output: Stream::default(),
            input: Stream::default(),
            broken_output: Broken::default(),
            broken_input: Broken::default(),
        }
    }

    /// The first line.
    pub fn header(&self, opening: &Opening, lines: &mut String) {
        let Size { cols, rows } = opening.size;
        let (timestamp, command) = (opening.timestamp, opening.command.as_str());
        let (title, shell) = (opening.title.as_deref(), opening.shell.as_deref());
        let kind = opening.term.as_deref();
        let head = match self.form {
            Form::Two => {
                let (width, height, env) = (cols, rows, Environment { shell, term: kind });
                let head = HeadOfTwo { version: 2, width, height, timestamp, command, title, env };
                serde_json::to_string(&head)
            }
            Form::Three => {
                let term = Term { cols, rows, kind };
                // Here the terminal has a place of its own.
                let env = Environment { shell, term: None };
                let head = HeadOfThree { version: 3, term, timestamp, command, title, env };
                serde_json::to_string(&head)
            }
        };
        lines.push_str(&json::printable(head.expect("a head is always JSON")));
        lines.push('\n');
    }

    /// The lines of an event: none where it brought only the beginning of a character. Events come in order.
    pub fn event(&mut self, event: &Event, lines: &mut String) {
        match &event.what {
            What::Output(bytes) => {
                let text = text_of(&mut self.output, bytes, &mut self.broken_output);
                self.printed(event.at, &text, lines);
            }
            What::ErrorOutput(bytes) => {
                let text = text_of(&mut self.error_output, bytes, &mut self.broken_output);
                self.printed(event.at, &text, lines);
            }
            What::Input(bytes) => {
                let text = text_of(&mut self.input, bytes, &mut self.broken_input);
                self.line(event.at, "i", &text, lines);
            }
            What::Resized(size) => {
                self.line(event.at, "r", &format!("{}x{}", size.cols, size.rows), lines);
            }
            What::Marker(label) => self.line(event.at, "m", label, lines),
            // Its last output may have been read after it, and a player may stop there.
            What::Exited(status) => self.exited = Some((event.at, *status)),
        }
    }

    /// The last lines: characters that were begun and never ended, and the exit.
    pub fn finish(&mut self, lines: &mut String) {
        let mut texts = [String::new(), String::new(), String::new()];
        let [output, error_output, input] = &mut texts;
        self.output.joiner.finish(output, &mut self.broken_output);
        self.error_output.joiner.finish(error_output, &mut self.broken_output);
        self.input.joiner.finish(input, &mut self.broken_input);
        let [output, error_output, input] = texts;
        self.printed(self.before, &output, lines);
        self.printed(self.before, &error_output, lines);
        self.line(self.before, "i", &input, lines);
        let Some((at, status)) = self.exited.take() else { return };
        let at = at.max(self.before);
        match self.form {
            Form::Three => self.line(at, "x", &status.to_string(), lines),
            // Version 2 has no such event; a marker says it to people.
            Form::Two => self.line(at, "m", &format!("exit {status}"), lines),
        }
    }

    /// What was no UTF-8: in the output, in the input.
    #[must_use]
    pub fn broken(&self) -> [&Broken; 2] {
        [&self.broken_output, &self.broken_input]
    }

    fn printed(&mut self, at: Micros, text: &str, lines: &mut String) {
        match self.mode {
            Mode::Terminal => self.line(at, "o", text, lines),
            Mode::Pipes => self.line(at, "o", &text.replace('\n', "\r\n"), lines),
        }
    }

    fn line(&mut self, at: Micros, code: &str, text: &str, lines: &mut String) {
        if text.is_empty() && code != "m" {
            return;
        }
        let time = match self.form {
            Form::Two => at.0,
            Form::Three => at.0.saturating_sub(self.before.0),
        };
        self.before = at;
        write!(lines, "[{}.{:06}, \"{code}\", ", time / 1_000_000, time % 1_000_000)
            .expect("a string takes everything");
        lines.push_str(&json::to_string(&text));
        lines.push_str("]\n");
    }
}

fn text_of(stream: &mut Stream, bytes: &[u8], broken: &mut Broken) -> String {
    let mut text = String::with_capacity(bytes.len());
    stream.joiner.push(stream.offset, bytes, &mut text, broken);
    stream.offset += bytes.len() as u64;
    text
}

#[cfg(test)]
mod tests;
