//! What a task is called in the stream: the label before its lines, and what it runs.

/// A task's name and command, as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) label: String,
    pub(super) command: String,
}
