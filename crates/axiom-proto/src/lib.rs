//! The words on every wire: ids, frames, records, link messages, requests and answers.
//! Values and their encodings only: no IO, no clock, no runtime, no randomness.

pub mod api;
pub mod bytestring;
pub mod command;
pub mod cursor;
pub mod event;
pub mod fault;
pub mod frame;
pub mod id;
pub mod json;
pub mod keyframe;
pub mod keys;
pub mod link;
pub mod live;
pub mod mixed;
pub mod moment;
pub mod record;
#[cfg(feature = "schema")]
mod schema;
pub mod summary;
pub mod task;
