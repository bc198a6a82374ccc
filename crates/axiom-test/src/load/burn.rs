//! `burn` and `silent`: a child that takes all of a processor, and one that takes nothing.

use std::thread;
use std::time::{Duration, Instant};

use super::LoadError;
use super::options::Options;

/// Rounds of arithmetic between two looks at the clock: well under a millisecond.
const ROUNDS: u64 = 100_000;

/// Computes until the time is over, or for ever.
pub(super) fn burn(options: &mut Options) -> Result<(), LoadError> {
    let seconds: Option<u64> = options.value("--seconds")?;
    let threads: u64 = options.value("--threads")?.unwrap_or(1);
    std::mem::take(options).end()?;
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| compute(until));
        }
        compute(until);
    });
    Ok(())
}

fn compute(until: Option<Instant>) {
    let mut value = 1u64;
    while until.is_none_or(|until| Instant::now() < until) {
        for round in 0..ROUNDS {
            value = value.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(round);
        }
        std::hint::black_box(value);
    }
}

/// Waits, and wakes for nothing but a signal or the end of its time.
pub(super) fn silent(options: &mut Options) -> Result<(), LoadError> {
    let seconds: Option<u64> = options.value("--seconds")?;
    std::mem::take(options).end()?;
    match seconds {
        Some(seconds) => thread::sleep(Duration::from_secs(seconds)),
        None => loop {
            thread::park();
        },
    }
    Ok(())
}
