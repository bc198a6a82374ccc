//! `trickle` and `burst`: lines at a set pace, each with the moment at which it was written.
//! The pace is kept by absolute moments, so that a late line does not delay those after it.

use std::path::PathBuf;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec};

use super::LoadError;
use super::options::Options;
use super::text::Dice;
use super::writing::{now_ns, pass, write};

/// What a stamped line begins with, so that a reader knows it from everything else on a terminal.
pub(crate) const STAMP: &str = "T ";

const SECOND_NS: u64 = 1_000_000_000;

/// The script's options.
#[derive(Debug)]
pub(super) struct Paced {
    times: u64,
    lines: u64,
    every_ns: u64,
    gate: Option<PathBuf>,
    /// How long it lives on after its last line: so that ends do not disturb the others' last lines.
    linger_ms: u64,
}

impl Paced {
    pub(super) fn trickle(options: &mut Options) -> Result<Self, LoadError> {
        let per_second: u64 = options.needed("--per-second")?;
        let every_ns = SECOND_NS / per_second.clamp(1, SECOND_NS);
        let times = options.needed("--lines")?;
        let linger_ms = options.value("--linger-ms")?.unwrap_or(0);
        Ok(Self { times, lines: 1, every_ns, gate: options.path("--gate"), linger_ms })
    }

    pub(super) fn burst(options: &mut Options) -> Result<Self, LoadError> {
        let every_ms: u64 = options.needed("--every-ms")?;
        let (lines, times) = (options.needed("--lines")?, options.needed("--times")?);
        let every_ns = every_ms.saturating_mul(1_000_000);
        let linger_ms = options.value("--linger-ms")?.unwrap_or(0);
        Ok(Self { times, lines, every_ns, gate: options.path("--gate"), linger_ms })
    }
}

pub(super) fn run(paced: &Paced, rest: Options) -> Result<(), LoadError> {
    rest.end()?;
    if paced.gate.is_some() {
        // Whoever sees this line is there when the gate opens.
        write(b"ready\n")?;
    }
    pass(paced.gate.as_deref())?;
    let mut due = now_ns() + phase_ns(paced.every_ns);
    for _ in 0..paced.times {
        sleep_until(due);
        for _ in 0..paced.lines {
            write(format!("{STAMP}{}\n", now_ns()).as_bytes())?;
        }
        due = due.saturating_add(paced.every_ns);
    }
    sleep_until(now_ns().saturating_add(paced.linger_ms.saturating_mul(1_000_000)));
    Ok(())
}

/// Each process begins at its own moment of the period: many that are let go at once shall not tick together.
fn phase_ns(every_ns: u64) -> u64 {
    Dice::of(u64::from(std::process::id())).below(every_ns.max(1))
}

/// Sleeps until CLOCK_MONOTONIC shows that moment.
pub(super) fn sleep_until(due_ns: u64) {
    let due = Timespec {
        tv_sec: (due_ns / SECOND_NS).cast_signed(),
        tv_nsec: (due_ns % SECOND_NS).cast_signed(),
    };
    // A signal that does not end us only wakes us early: sleep on.
    while clock_nanosleep_absolute(ClockId::Monotonic, &due).is_err() && now_ns() < due_ns {}
}
