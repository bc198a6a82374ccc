//! `peers`: programs that do a part of what Axiom does, with the same children, as far as they are installed; and bare chains,
//! which do nothing but hand bytes on. Each is read where its user would read it: a terminal's client on a bare terminal, a pipe,
//! a WebSocket. Throughput is the source's bytes by the time from the first byte seen, once the child could begin, to the last: a
//! peer that skips what nobody would see is not punished.

mod ways;

use anyhow::Context;

use super::thr::ratios;
use crate::bench::cpu;
use crate::bench::ending::until_gone;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::{promised, promised_if_any};
use crate::bench::observation::{Look, Observation, seconds};
use crate::bench::stand::Stand;
use crate::bench::statistics::Rounds;
use ways::{
    BARE, CHAIN_OF_THREE, CHAIN_ON_TERMINAL, COMMAND_LINE, LIBRARY, OTHERS, Way, is_installed,
};

/// As much as in `thr`: what a start costs is below a tenth of it.
const FLOOD_BYTES: u64 = 60_000_000;

/// Five seconds of lines: a p99 stands on ten of them.
const LINES: usize = 1000;
const PACE: [&str; 5] = ["trickle", "--per-second", "200", "--lines", "1000"];

/// Whose floods are compared once more where most bytes are sequences: it draws them.
const DRAWS: &str = "tmux attached";

/// What a round of one way gave.
#[derive(Debug, Clone, Copy)]
struct Seen {
    mb_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_ms_per_mb: f64,
}

/// A way with its rounds.
struct Measured {
    name: &'static str,
    rounds: Vec<Seen>,
}

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (here, gone): (Vec<&Way>, Vec<&Way>) =
        OTHERS.iter().partition(|way| is_installed(stand, way));
    let mut without: Vec<String> = gone.iter().map(|way| way.name.to_owned()).collect();
    let mut ways: Vec<(Way, Vec<Seen>)> = here.into_iter().map(|way| (*way, Vec::new())).collect();
    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reference.push(round(stand, BARE)?);
        ours.push(round(stand, LIBRARY)?);
        let mut failed = Vec::new();
        for (way, seen) in &mut ways {
            match round(stand, *way) {
                Ok(one) => seen.push(one),
                // One that cannot be measured here does not keep us from the others.
                Err(error) => failed.push((way.name, format!("{} ({error:#})", way.name))),
            }
        }
        ways.retain(|(way, _)| failed.iter().all(|(name, _)| *name != way.name));
        without.extend(failed.into_iter().map(|(_, told)| told));
    }
    let others: Vec<Measured> =
        ways.into_iter().map(|(way, rounds)| Measured { name: way.name, rounds }).collect();
    let mut figures = vec![told(LIBRARY.name, &ours, &reference)];
    for other in &others {
        figures.push(told(other.name, &other.rounds, &reference));
        figures.extend(compared(other, &ours, &reference));
    }
    figures.extend(beyond_a_chain(&ours, &others, &reference));
    if let Some(drawing) = OTHERS.iter().find(|way| way.name == DRAWS && is_installed(stand, way)) {
        figures.push(escapes(stand, *drawing, rounds)?);
    }
    if !without.is_empty() {
        let none = Figure::of("peers that are not here", "", Nature::Count);
        figures.push(none.note(without.join(", ")));
    }
    Ok(figures)
}

/// A flood and a trickle.
fn round(stand: &mut Stand, way: Way) -> anyhow::Result<Seen> {
    let flood = flood(stand, way, "plain")?;
    let trickle = once(stand, way, Look::Stamps, &PACE)?;
    seen(&flood, &trickle)
}

fn flood(stand: &mut Stand, way: Way, style: &str) -> anyhow::Result<Observation> {
    let (bytes, ready) = (FLOOD_BYTES.to_string(), way.kind.hears_ready().to_string());
    let script = ["flood", "--bytes", &bytes, "--style", style, "--ready", &ready];
    once(stand, way, Look::Bytes, &script)
}

/// Floods of sequences, ours and theirs in turn.
fn escapes(stand: &mut Stand, drawing: Way, rounds: usize) -> anyhow::Result<Figure> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(speed(&flood(stand, LIBRARY, "escape")?)?);
        theirs.push(speed(&flood(stand, drawing, "escape")?)?);
    }
    let row = promised(&format!("throughput ÷ {}, escape", drawing.name));
    Ok(row.with(ratios(&ours, &theirs), theirs))
}

/// The source's bytes by the time from the first byte seen to the last.
fn speed(flood: &Observation) -> anyhow::Result<f64> {
    let stream = flood.streams.first().context("a gauge tells of a stream")?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mb = FLOOD_BYTES as f64 / 1e6;
    Ok(mb / seconds(stream.last_ns.saturating_sub(stream.first_ns)).max(1e-9))
}

/// What was seen, and the processor time of all that took part since the gate was opened, but not of the terminal behind it.
fn once(stand: &mut Stand, way: Way, look: Look, script: &[&str]) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let line = stand.load(&[script, &["--gate", &shut]].concat());
    let gauge = ways::start(stand, way, look, &line)?;
    let server = way.kind.is_ours().then(|| stand.server()).transpose()?;
    let before = server.map_or(Ok(0), cpu::with_below_us)?;
    gate.open()?;
    let mut seen = gauge.finish()?;
    if let Some(server) = server {
        for view in stand.list()? {
            view.holder_pid.map_or(Ok(()), until_gone)?;
            stand.remove(view.id)?;
        }
        seen.cpu_us += cpu::with_below_us(server)?.saturating_sub(before);
    }
    Ok(seen)
}

fn seen(flood: &Observation, trickle: &Observation) -> anyhow::Result<Seen> {
    let lines = trickle.streams.first().map_or(0, |stream| stream.late_ns.len());
    // A peer may not draw every line, but one that draws few is not measured.
    anyhow::ensure!(lines > LINES * 9 / 10, "{lines} of {LINES} lines came");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (mb, cpu_ms) = (FLOOD_BYTES as f64 / 1e6, flood.cpu_us as f64 / 1e3);
    Ok(Seen {
        mb_per_second: speed(flood)?,
        p50_ms: trickle.percentile_ms(50.0),
        p99_ms: trickle.percentile_ms(99.0),
        cpu_ms_per_mb: cpu_ms / mb,
    })
}

fn all(seen: &[Seen], of: fn(&Seen) -> f64) -> Vec<f64> {
    seen.iter().map(of).collect()
}

fn speeds(seen: &[Seen]) -> Vec<f64> {
    all(seen, |seen| seen.mb_per_second)
}

fn told(name: &str, seen: &[Seen], reference: &[Seen]) -> Figure {
    let middle = |of| Rounds::of(&all(seen, of)).map_or(0.0, |rounds| rounds.median);
    let (p50, p99) = (middle(|seen| seen.p50_ms), middle(|seen| seen.p99_ms));
    let cpu = middle(|seen| seen.cpu_ms_per_mb);
    Figure::of(format!("{name}: throughput"), "MB/s", Nature::Absolute)
        .with(speeds(seen), speeds(reference))
        .note(format!("p50 {p50:.3} ms, p99 {p99:.3} ms, CPU {cpu:.1} ms/MB"))
}

fn compared(other: &Measured, ours: &[Seen], reference: &[Seen]) -> Vec<Figure> {
    let by = |of| ratios(&all(ours, of), &all(&other.rounds, of));
    let name = other.name;
    let rows = [
        (promised_if_any(&format!("throughput ÷ {name}")), by(|seen| seen.mb_per_second)),
        (promised_if_any(&format!("p50 ÷ {name}")), by(|seen| seen.p50_ms)),
        (promised_if_any(&format!("p99 ÷ {name}")), by(|seen| seen.p99_ms)),
    ];
    rows.into_iter()
        .filter_map(|(figure, rounds)| Some(figure?.with(rounds, speeds(reference))))
        .collect()
}

/// What we take beyond as many processes that do nothing: the rest is the machine's price of a process.
fn beyond_a_chain(ours: &[Seen], others: &[Measured], reference: &[Seen]) -> Vec<Figure> {
    let named = |name| others.iter().find(|other| other.name == name).map(|other| &*other.rounds);
    let pairs = [
        ("Axiom", Some(ours), CHAIN_OF_THREE),
        (COMMAND_LINE, named(COMMAND_LINE), CHAIN_ON_TERMINAL),
    ];
    let mut figures = Vec::new();
    for (name, ours, chain) in pairs {
        let (Some(ours), Some(chain)) = (ours, named(chain)) else { continue };
        let row = |what: &str, of| {
            let name = format!("{name}: {what} ÷ a bare chain of as many processes");
            let rounds = ratios(&all(ours, of), &all(chain, of));
            Figure::of(name, "", Nature::Ratio).with(rounds, speeds(reference))
        };
        figures.push(row("p50", |seen| seen.p50_ms));
        figures.push(row("p99", |seen| seen.p99_ms));
    }
    figures
}
