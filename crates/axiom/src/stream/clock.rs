//! The wall clock as it was at the start, and the time since then: it never jumps.

use std::time::Duration;

use tokio::time::Instant;

use super::Millis;

/// The clock of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    began_unix_ms: Millis,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), began_unix_ms: crate::verbs::now_ms() }
    }

    pub(super) fn now(&self) -> Millis {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.began_unix_ms.saturating_add(since)
    }

    pub(super) fn instant(&self, moment: Millis) -> Instant {
        self.began + Duration::from_millis(moment.saturating_sub(self.began_unix_ms))
    }
}
