//! `lat-100`: a hundred sessions of ten lines a second each, all in one client; the worst session counts.

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation, Stream};
use crate::bench::stand::Stand;

const SESSIONS: u32 = 100;

/// Six seconds of lines. All are out before the first of the hundred ends: an end costs more than a line.
const PACE: [&str; 7] = ["trickle", "--per-second", "10", "--lines", "60", "--linger-ms", "500"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reference.push(bare(stand)?);
        ours.push(whole(stand)?);
    }
    let worst = |all: &[Observation]| all.iter().map(worst_p99).collect::<Vec<_>>();
    let middle = |all: &[Observation]| all.iter().map(|seen| seen.percentile_ms(50.0)).collect();
    let (ours_middle, middle): (Vec<f64>, Vec<f64>) = (middle(&ours), middle(&reference));
    Ok(vec![
        promised("100 × 10 lines/s: worst session's p99").with(worst(&ours), worst(&reference)),
        Figure::of("100 × 10 lines/s: p50 of all", "ms", Nature::Absolute)
            .with(ours_middle, middle),
    ])
}

fn worst_p99(seen: &Observation) -> f64 {
    seen.streams.iter().map(|stream| stream.percentile_ms(99.0)).fold(0.0, f64::max)
}

fn bare(stand: &mut Stand) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let line = stand.load(&[&PACE[..], &["--gate", &shut]].concat());
    let gauges = (0..SESSIONS)
        .map(|_| stand.reference(Look::Stamps, &line))
        .collect::<anyhow::Result<Vec<_>>>()?;
    gate.open()?;
    let mut all = Observation::default();
    for gauge in gauges {
        all.streams.extend(gauge.finish()?.streams);
    }
    complete(all)
}

fn whole(stand: &mut Stand) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let line = stand.load(&[&PACE[..], &["--gate", &shut]].concat());
    let tasks = stand.spawn_many(&line, SESSIONS)?;
    let gauge = stand.follower(Look::Stamps, "1", &tasks)?;
    gate.open()?;
    let seen = gauge.finish()?;
    for task in tasks {
        stand.remove(task)?;
    }
    complete(seen)
}

fn complete(seen: Observation) -> anyhow::Result<Observation> {
    let whole = |stream: &&Stream| stream.late_ns.len() == 60;
    let count = seen.streams.iter().filter(whole).count();
    anyhow::ensure!(count == SESSIONS as usize, "{count} of {SESSIONS} streams came whole");
    Ok(seen)
}
