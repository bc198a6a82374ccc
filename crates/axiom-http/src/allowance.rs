//! How often somebody may ask: so many at once, and so many in a second after that. Knows no clock.
//! One number holds it all: the time at which everything spent so far is earned again.

use std::time::Duration;

/// What is spent, and what may be.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// Earned in this time: one.
    interval: Duration,
    /// Spent ahead at most.
    burst: Duration,
    even_at: Duration,
}

impl Allowance {
    /// `burst` at once, then `per_second`.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, burst: interval * burst, even_at: Duration::ZERO }
    }

    /// Spends one, or says how long to wait. `now` counts from any start, and never goes back.
    pub(crate) fn spend(&mut self, now: Duration) -> Result<(), Duration> {
        let even_at = self.even_at.max(now) + self.interval;
        match even_at.checked_sub(now + self.burst) {
            None | Some(Duration::ZERO) => {
                self.even_at = even_at;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_is_spent_at_once_and_earned_again_one_by_one() {
        let mut allowance = Allowance::new(10, 3);
        let start = Duration::from_secs(100);
        for _ in 0..3 {
            assert_eq!(allowance.spend(start), Ok(()));
        }
        assert_eq!(allowance.spend(start), Err(100 * MS));
        assert_eq!(allowance.spend(start + 40 * MS), Err(60 * MS));
        assert_eq!(allowance.spend(start + 100 * MS), Ok(()));
        assert_eq!(allowance.spend(start + 199 * MS), Err(MS));
        // However long the rest was, no more than a burst is kept.
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| allowance.spend(later).is_ok()).count(), 3);
    }

    #[test]
    fn over_any_time_no_more_is_given_than_burst_and_rate() {
        for step_ms in [1, 7, 50, 99, 100, 101, 1000] {
            let mut allowance = Allowance::new(10, 5);
            let given = (0..1000_u32).filter(|turn| allowance.spend(MS * step_ms * *turn).is_ok());
            let most = 5 + (999 * step_ms / 100) + 1;
            let given = u32::try_from(given.count()).unwrap();
            assert!(
                given <= most && given >= most.min(1000) - 1,
                "{step_ms} ms: {given} of {most}"
            );
        }
    }
}
