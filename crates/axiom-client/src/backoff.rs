//! How long to pause before the next try: doubling, bounded, with jitter so that many clients do not come at once.
//! Pure: the caller brings the random number and does the waiting.

use std::time::Duration;

/// The first pause: a server that was killed is back in about this time.
const FIRST: Duration = Duration::from_millis(20);

/// The longest pause: a person who repaired something should not wait longer.
const LONGEST: Duration = Duration::from_secs(2);

/// Failures in a row after which a caller is told.
pub(crate) const FAILURES_MAX: u32 = 8;

/// What is left of the count when somebody answers: pauses of a few hundred milliseconds at most.
const FAILURES_ANSWERED: u32 = 4;

/// Counts failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Another try failed.
    pub(crate) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Somebody answered. Giving up is far again; but one that dies soon after each answer is still not dialled without a pause.
    pub(crate) fn answered(&mut self) {
        self.failures = self.failures.min(FAILURES_ANSWERED);
    }

    /// It works again.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// True if trying on makes no sense without telling somebody.
    pub(crate) fn is_spent(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// The pause before the next try: none before the first, then between half and all of a doubling span.
    pub(crate) fn pause(&self, random: u32) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let whole = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        let half = whole / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_is_at_once_and_no_pause_leaves_its_bounds() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(u32::MAX), Duration::ZERO);
        let mut last = Duration::ZERO;
        for failures in 1..=FAILURES_MAX {
            backoff.failed();
            assert_eq!(backoff.is_spent(), failures == FAILURES_MAX);
            let (least, most) = (backoff.pause(0), backoff.pause(u32::MAX));
            assert!(least * 2 <= most + Duration::from_nanos(2) && most <= LONGEST && last <= most);
            last = most;
        }
        backoff.succeeded();
        assert_eq!(backoff.pause(0), Duration::ZERO);
    }

    #[test]
    fn counting_on_forever_overflows_nothing() {
        let mut backoff = Backoff { failures: u32::MAX };
        backoff.failed();
        assert_eq!(backoff.pause(u32::MAX), LONGEST);
    }
}
