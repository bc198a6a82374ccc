//! The two clocks and the one kind of deadline. Owner of the readings; the deciding parts get them
//! as numbers.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The monotonic clock in nanoseconds.
pub(crate) fn mono_ns() -> u64 {
    total_ns(clock_gettime(ClockId::Monotonic))
}

/// The monotonic clock in microseconds.
pub(crate) fn mono_us() -> u64 {
    mono_ns() / 1_000
}

/// The wall clock in microseconds.
pub(crate) fn unix_us() -> u64 {
    total_ns(clock_gettime(ClockId::Realtime)) / 1_000
}

/// A span as system calls take it.
pub(crate) fn span_us(us: u64) -> Timespec {
    let seconds = i64::try_from(us / 1_000_000).unwrap_or(i64::MAX);
    let rest = i64::try_from((us % 1_000_000) * 1_000).expect("less than a second");
    Timespec { tv_sec: seconds, tv_nsec: rest }
}

fn total_ns(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// A moment on the monotonic clock that ends a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at_us: u64,
}

impl Deadline {
    pub(crate) fn in_ms(ms: u64) -> Self {
        Self { at_us: mono_us().saturating_add(ms.saturating_mul(1_000)) }
    }

    /// What is left of it; None when it has passed.
    pub(crate) fn left(self) -> Option<Timespec> {
        match self.at_us.saturating_sub(mono_us()) {
            0 => None,
            us => Some(span_us(us)),
        }
    }
}
