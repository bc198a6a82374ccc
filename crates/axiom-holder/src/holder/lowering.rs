//! The child's autogroup below others: its nice value, which the kernel lets ordinary users change ten times a second, all
//! of them together. Owner of the few further tries; a child that cannot be lowered in them runs as it is.

use std::fs::OpenOptions;
use std::io::{self, Write};

use crate::priority::NICE_STEPS;

/// With the pauses below this is about a minute: as long as a thousand children take that start at once.
const TRIES_MAX: u32 = 14;

/// The pause after the first try; the kernel wants a tenth of a second between any two.
const PAUSE_US: u64 = 100_000;

/// The longest pause.
const PAUSE_MAX_US: u64 = 8_000_000;

/// A child that is still to be lowered.
#[derive(Debug)]
pub(super) struct Lowering {
    pid: u32,
    tries: u32,
    due_us: u64,
}

impl Lowering {
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, tries: 0, due_us: 0 }
    }

    /// When to try, on the monotonic clock in microseconds.
    pub(super) fn due_us(&self) -> u64 {
        self.due_us
    }

    /// Tries, if it is time. What is left is None when it is done or given up. Only while the child is not reaped, so that the pid is its
    /// own.
    pub(super) fn attempt(mut self, now_us: u64) -> (Option<Self>, Result<(), io::Error>) {
        if now_us < self.due_us {
            return (Some(self), Ok(()));
        }
        self.tries += 1;
        match lower(self.pid) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.tries < TRIES_MAX => {
                self.due_us = now_us + pause_us(self.tries, self.pid);
                (Some(self), Ok(()))
            }
            other => (None, other),
        }
    }
}

fn lower(pid: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(format!("/proc/{pid}/autogroup"))?;
    file.write_all(NICE_STEPS.to_string().as_bytes())
}

/// Longer each time, and different for neighbours, who would meet again otherwise.
fn pause_us(tries: u32, pid: u32) -> u64 {
    let doubled = PAUSE_US.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX_US);
    let spread = u64::from(pid.wrapping_mul(0x9e37_79b9) >> 16) * doubled / (1 << 16);
    doubled / 2 + spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tries_are_over_within_two_minutes_and_pauses_differ() {
        for pid in [1, 2, 4711, u32::MAX] {
            let all: u64 = (1..TRIES_MAX).map(|tries| pause_us(tries, pid)).sum();
            assert!(all < 120_000_000, "{pid}: {all} µs");
            assert!((1..TRIES_MAX).all(|tries| pause_us(tries, pid) >= PAUSE_US), "{pid}");
        }
        assert_ne!(pause_us(3, 100), pause_us(3, 101));
    }

    #[test]
    fn a_child_that_is_gone_ends_the_tries() {
        let (left, result) = Lowering::of(u32::MAX).attempt(0);
        assert!(left.is_none() && result.is_err());
    }
}
