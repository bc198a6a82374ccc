//! Where the events of a recording come from: a task's frames, by way of its server, or a file.
//! Either is read piece by piece; nobody here waits for an event's time.

mod file;
mod jump;
mod search;
mod task;

pub(crate) use file::{CastError, CastFile, FilePoint};
pub(crate) use jump::{Jump, Landing, Place};
pub(crate) use task::{Cut, TaskEvents};
