//! `axiom.db`: the views of ended tasks, so that a restarted server lists them without reading old journals.
//! Everything in it is derived and stamped with the journal it came from: delete it, or break it, and it is rebuilt.
//! It is never asked for what is true now.

mod index;
mod stamp;

pub use index::{Entry, Index, IndexError, OpenedAs};
pub use stamp::Stamp;
