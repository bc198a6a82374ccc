//! `fanout`: many viewers of one task, one of them frozen. What the others get must not change by it.
//! The viewers are connections of their own, all in one process.

use super::thr::ratios;
use crate::bench::cpu;
use crate::bench::figure::{Figure, Nature};
use crate::bench::follower::FROZEN;
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation};
use crate::bench::stand::Stand;

/// How many viewers, and how much the task prints: what all of them get together stays within seconds.
const STEPS: [(u32, &str); 4] =
    [(1, "120000000"), (10, "80000000"), (100, "25000000"), (1000, "4000000")];

/// With few viewers a round is short, and lies on one side of two: viewers keep pace, or they fall behind and read the journal,
/// with a frozen one or without. More rounds than elsewhere tell a ratio close to one.
const FEW: u32 = 10;
const ROUNDS_OF_FEW: usize = 7;

/// The floods of one round, one right after the other: what the machine gains or loses meanwhile falls on both sides alike.
const THERE_AND_BACK: [Frozen; 4] = [Frozen::None, Frozen::One, Frozen::One, Frozen::None];

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
    let (mut speeds, mut costs, mut lates) = <(Sides, Sides, Sides)>::default();
    // The server's first round with so many viewers makes room for all of them: it is nobody's.
    view(stand, &flood, *viewers, Frozen::None)?;
    let rounds = if *viewers <= FEW { rounds.max(ROUNDS_OF_FEW) } else { rounds };
    for _ in 0..rounds {
        let mut both = [Side::default(), Side::default()];
        for frozen in THERE_AND_BACK {
            let (seen, cpu_us) = view(stand, &flood, *viewers, frozen)?;
            both[frozen as usize].add(&seen, cpu_us);
        }
        speeds.push(both.map(|side| side.mb_per_second()));
        costs.push(both.map(|side| side.cpu_ms_per_mb()));
        let late = |frozen| view(stand, &PACE, *viewers, frozen);
        let pair = [Frozen::None, Frozen::One].map(late);
        let [free, with_frozen] = pair;
        lates.push([free?.0.percentile_ms(99.0), with_frozen?.0.percentile_ms(99.0)]);
    }
    let note = format!("{viewers} viewer(s)");
    let beside = format!("{note}; reference: none frozen");
    let told = |name: &str, unit| Figure::of(name, unit, Nature::Absolute).note(&beside);
    Ok(vec![
        promised("throughput with one frozen ÷ none")
            .with(ratios(&speeds.with_frozen, &speeds.free), speeds.free.clone())
            .note(&note),
        Figure::of("server's and task's CPU with one frozen ÷ none", "", Nature::Ratio)
            .with(ratios(&costs.with_frozen, &costs.free), costs.free)
            .note(format!("{note}; reference: ms/MB of the source, none frozen")),
        told("to all viewers together, one frozen", "MB/s").with(speeds.with_frozen, speeds.free),
        told("p99 of the others, one frozen", "ms").with(lates.with_frozen, lates.free),
    ])
}

/// What the rounds gave without and with a frozen viewer.
#[derive(Default)]
struct Sides {
    free: Vec<f64>,
    with_frozen: Vec<f64>,
}

impl Sides {
    fn push(&mut self, [free, with_frozen]: [f64; 2]) {
        self.free.push(free);
        self.with_frozen.push(with_frozen);
    }
}

/// The floods of one round on one side.
#[derive(Clone, Copy, Default)]
struct Side {
    /// To all viewers together.
    mb: f64,
    seconds: f64,
    source_mb: f64,
    cpu_ms: f64,
}

impl Side {
    fn add(&mut self, seen: &Observation, cpu_us: u64) {
        self.mb += seen.mb_per_second() * seen.seconds();
        self.seconds += seen.seconds();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (source, cpu) =
            (seen.streams.first().map_or(0, |stream| stream.bytes) as f64, cpu_us as f64);
        self.source_mb += source / 1e6;
        self.cpu_ms += cpu / 1e3;
    }

    fn mb_per_second(self) -> f64 {
        self.mb / self.seconds
    }

    fn cpu_ms_per_mb(self) -> f64 {
        self.cpu_ms / self.source_mb
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frozen {
    None,
    One,
}

/// What was seen, and the processor time of the server and of what is below it.
fn view(
    stand: &mut Stand,
    script: &[&str],
    viewers: u32,
    frozen: Frozen,
) -> anyhow::Result<(Observation, u64)> {
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
    let server = stand.server()?;
    let before = cpu::with_below_us(server)?;
    gate.open()?;
    let seen = gauge.finish()?;
    drop(stuck);
    // The times of holder, worker and child are whole once they were waited for.
    stand.end(task)?;
    let spent_us = cpu::with_below_us(server)?.saturating_sub(before);
    stand.remove(task)?;
    Ok((seen, spent_us))
}
