//! The session's clock: microseconds since the holder started, the same for each of its workers.

use axiom_proto::frame::Micros;
use rustix::time::{ClockId, clock_gettime};

const NANOS: u64 = 1_000_000_000;

/// Reads the monotonic clock against the session's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started_ns: u64,
}

impl Clock {
    /// `started_ns`: what the monotonic clock showed when the session started.
    pub(crate) fn new(started_ns: u64) -> Self {
        Self { started_ns }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Micros {
        let now = clock_gettime(ClockId::Monotonic);
        let (secs, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        Micros((secs * NANOS + nanos).saturating_sub(self.started_ns) / 1000)
    }
}
