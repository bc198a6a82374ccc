//! `fanout`: many viewers of one task, one of them frozen. What the others get must not change by it.
//! The viewers are connections of their own, all in one process.

use super::thr::ratios;
use crate::bench::figure::{Figure, Nature};
use crate::bench::follower::FROZEN;
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation};
use crate::bench::stand::Stand;

/// How many viewers, and how much the task prints: what all of them get together stays within seconds.
const STEPS: [(u32, &str); 4] =
    [(1, "40000000"), (10, "40000000"), (100, "10000000"), (1000, "2000000")];

/// Three seconds of lines, for viewers who want to know how late they are.
const PACE: [&str; 5] = ["trickle", "--per-second", "50", "--lines", "150"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let most = stand.many;
    let mut figures = Vec::new();
    for step in STEPS.iter().filter(|(viewers, _)| *viewers <= most) {
        figures.extend(measured(stand, step, rounds)?);
    }
    Ok(figures)
}

fn measured(
    stand: &mut Stand,
    (viewers, bytes): &(u32, &str),
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let flood = ["flood", "--bytes", bytes];
    let (mut free, mut with_frozen) = (Vec::new(), Vec::new());
    let (mut free_p99, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        free.push(view(stand, &flood, *viewers, Frozen::None)?.mb_per_second());
        with_frozen.push(view(stand, &flood, *viewers, Frozen::One)?.mb_per_second());
        free_p99.push(view(stand, &PACE, *viewers, Frozen::None)?.percentile_ms(99.0));
        p99.push(view(stand, &PACE, *viewers, Frozen::One)?.percentile_ms(99.0));
    }
    let note = format!("{viewers} viewer(s)");
    let beside = format!("{note}; reference: none frozen");
    let told = |name: &str, unit| Figure::of(name, unit, Nature::Absolute).note(&beside);
    Ok(vec![
        promised("throughput with one frozen ÷ none")
            .with(ratios(&with_frozen, &free), free.clone())
            .note(&note),
        told("to all viewers together, one frozen", "MB/s").with(with_frozen, free),
        told("p99 of the others, one frozen", "ms").with(p99, free_p99),
    ])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frozen {
    None,
    One,
}

fn view(
    stand: &mut Stand,
    script: &[&str],
    viewers: u32,
    frozen: Frozen,
) -> anyhow::Result<Observation> {
    let look = if script == PACE { Look::Stamps } else { Look::Bytes };
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let line = stand.load(&[script, &["--gate", &shut]].concat());
    let task = stand.spawn(&line)?;
    let stuck = match frozen {
        Frozen::One => Some(stand.follower(Look::Bytes, FROZEN, &[task])?),
        Frozen::None => None,
    };
    let gauge = stand.follower(look, &viewers.to_string(), &[task])?;
    gate.open()?;
    let seen = gauge.finish()?;
    drop(stuck);
    stand.remove(task)?;
    Ok(seen)
}
