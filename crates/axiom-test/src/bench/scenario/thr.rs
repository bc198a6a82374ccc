//! `thr`: one flooding task, its journal and a raw client over both hops, beside the bare terminal.
//! Throughput from the first byte seen to the last; processor time of everything that took part.

use crate::bench::cpu;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation};
use crate::bench::stand::Stand;

/// Long enough that ten milliseconds of a tick are below two percent.
const BYTES: &str = "60000000";

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for style in ["plain", "colour", "escape"] {
        let (mut reference, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            reference.push(bare(stand, style)?);
            ours.push(whole(stand, style)?);
        }
        figures.extend(compared(style, &ours, &reference));
    }
    Ok(figures)
}

fn bare(stand: &mut Stand, style: &str) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let gauge = stand.reference(Look::Bytes, &flood(stand, style, gate.path()))?;
    gate.open()?;
    gauge.finish()
}

/// The same through holder, worker, journal and server; the processor time is of all of them, child and client.
fn whole(stand: &mut Stand, style: &str) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let server = stand.server()?;
    let before = cpu::with_waited_for_us(server)?;
    let task = stand.spawn(&flood(stand, style, gate.path()))?;
    let gauge = stand.follower(Look::Bytes, "1", &[task])?;
    gate.open()?;
    let mut seen = gauge.finish()?;
    stand.end(task)?;
    seen.cpu_us += cpu::with_waited_for_us(server)?.saturating_sub(before);
    stand.remove(task)?;
    Ok(seen)
}

fn flood(stand: &Stand, style: &str, gate: &std::path::Path) -> Vec<String> {
    let gate = gate.display().to_string();
    stand.load(&["flood", "--bytes", BYTES, "--style", style, "--gate", &gate])
}

fn compared(style: &str, ours: &[Observation], reference: &[Observation]) -> Vec<Figure> {
    let speeds = |all: &[Observation]| all.iter().map(Observation::mb_per_second).collect();
    let (our_speeds, their_speeds): (Vec<f64>, Vec<f64>) = (speeds(ours), speeds(reference));
    let costs = |all: &[Observation]| all.iter().map(ms_per_mb).collect();
    let (our_costs, their_costs): (Vec<f64>, Vec<f64>) = (costs(ours), costs(reference));
    let speed = promised(&format!("throughput ÷ reference, {style}"));
    let cost = promised(&format!("CPU of all ÷ reference, {style}"));
    let (plain, told) = (format!("throughput, {style}"), format!("CPU of all, {style}"));
    vec![
        speed.with(ratios(&our_speeds, &their_speeds), their_speeds.clone()),
        cost.with(ratios(&our_costs, &their_costs), their_costs.clone()),
        Figure::of(plain, "MB/s", Nature::Absolute).with(our_speeds, their_speeds),
        Figure::of(told, "ms/MB", Nature::Absolute).with(our_costs, their_costs),
    ]
}

fn ms_per_mb(seen: &Observation) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (cpu_us, bytes) =
        (seen.cpu_us as f64, seen.streams.iter().map(|stream| stream.bytes).sum::<u64>() as f64);
    cpu_us / 1e3 / (bytes / 1e6)
}

/// Round by round: each beside the one of its own minute.
pub(super) fn ratios(ours: &[f64], reference: &[f64]) -> Vec<f64> {
    ours.iter().zip(reference).map(|(ours, theirs)| ours / theirs).collect()
}
