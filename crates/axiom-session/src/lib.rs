//! One session's life as a plain state machine: commands, interventions, limits, endings.
//! No clock, no IO, no randomness: a worker carries out its effects, and a simulator can too.

mod effect;
mod ending;
mod flood;
mod gathering;
mod input;
mod interrupt;
mod keyframes;
mod opening;
mod peer;
mod session;
mod stop;
mod typing;

pub use effect::{Ask, Effect, Scope};
pub use flood::{Flood, HOLD, HOLD_BYTES_MAX};
pub use gathering::{GATHER, Gathering};
pub use input::{Input, Reply, Terminal};
pub use keyframes::Cadence;
pub use opening::{READ_BYTES_MAX, Writer, first_inputs, first_records};
pub use peer::{Peer, Said};
pub use session::Session;
pub use stop::{STOP_GRACE_INTERRUPT, STOP_GRACE_TERMINATE};
pub use typing::{INPUT_QUEUE_BYTES_MAX, LINE_BYTES_MAX, TYPE_WAIT};

/// How long output may stay open after the child's death before its holders are named.
pub const DRAIN_WAIT: u64 = 2_000_000;
