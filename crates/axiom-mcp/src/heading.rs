//! Lines of ours in texts that hold a task's output. Each begins with `[axiom`, which no line of a task does.

use axiom_proto::cursor::Cursor;
use axiom_proto::id::ID_SHOWN_CHARS;
use axiom_proto::record::Exit;
use axiom_proto::task::{Status, TaskView};

use crate::plain::brief;

/// Characters of a name or a cause that are shown.
const WORDS_CHARS_MAX: usize = 80;

/// How a task stands, and what follows.
pub(crate) struct Heading {
    line: String,
}

impl Heading {
    /// Says which task it is, and how it stands.
    pub(crate) fn of(view: &TaskView) -> Self {
        let id = view.id.to_string();
        let mut heading = Self { line: format!("[axiom task={}", &id[..ID_SHOWN_CHARS]) };
        if let Some(name) = &view.name {
            heading.put("name", quoted(name));
        }
        heading.put("status", view.status.word());
        match view.exit {
            Some(Exit::Code(code)) => heading.put("exit", code),
            Some(Exit::Signal(signal)) => heading.put("signal", signal),
            Some(Exit::Unknown) => heading.put("exit", "unknown"),
            None => {}
        }
        // The cause of running is the start, that of most ends is the exit, which is told already.
        let says_more = match view.status {
            Status::Starting | Status::Running | Status::Succeeded => false,
            Status::Failed => view.exit.is_none() || view.limit.is_some(),
            Status::Queued
            | Status::Suspended
            | Status::Stopping
            | Status::Stopped
            | Status::Lost => true,
        };
        if says_more && !view.cause.is_empty() {
            heading.put("cause", quoted(&view.cause));
        }
        heading
    }

    /// Says one thing more.
    pub(crate) fn put(&mut self, field: &str, value: impl std::fmt::Display) {
        self.line.push_str(&format!(" {field}={value}"));
    }

    /// Says where to go on.
    pub(crate) fn next(mut self, cursor: Option<Cursor>) -> String {
        if let Some(cursor) = cursor {
            self.put("next", cursor);
        }
        self.line.push(']');
        self.line
    }
}

/// A word as it is, several in quotes.
pub(crate) fn quoted(text: &str) -> String {
    let text = brief(text, WORDS_CHARS_MAX);
    let is_word = !text.is_empty()
        && text.chars().all(|character| character.is_alphanumeric() || "-_./".contains(character));
    if is_word { text } else { format!("{text:?}") }
}
