//! The wall clock, read at the edge only. What decides takes moments as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970; 0 on a clock before that.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    now_us() / 1000
}
