//! The hub as plain values: a bounded ring of a session's newest frames, and the cursors of its readers.
//! A frame is kept once, by reference count; a reader is nothing but the number of its next frame. So nothing is
//! queued for anybody, a slow reader holds nobody up, and there is neither a gap nor a double by construction.

mod ring;
mod subscriber;

pub use ring::{Place, PushError, Pushed, RING_BYTES_MAX, Ring, Take};
pub use subscriber::{OutOfOrder, Subscriber};
