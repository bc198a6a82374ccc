//! `axiom.db`: the views of ended tasks, so that a restarted server lists them without reading old journals, and the event
//! log. Everything in it is derived: delete it, or break it, and it is rebuilt; a log is begun anew, under another name.
//! It is never asked for what is true now.

mod events;
mod file;
mod index;
mod stamp;

pub use events::{EVENTS_KEPT_MAX, EventBatch, EventReader, EventStore, FoundLog, LogState};
pub use file::{IndexError, OpenedAs};
pub use index::{Entry, Index};
pub use stamp::Stamp;
