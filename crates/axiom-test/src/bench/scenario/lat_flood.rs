//! `lat-flood`: a quiet session beside one that floods, each with a client of its own.

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Stream};
use crate::bench::stand::Stand;

/// Four seconds of lines.
const PACE: [&str; 5] = ["trickle", "--per-second", "100", "--lines", "400"];

/// More than any machine prints meanwhile: it is ended when the quiet one is over.
const ENDLESS: &str = "100000000000";

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reference.push(bare(stand)?);
        ours.push(whole(stand)?);
    }
    let at = |all: &[Stream], percent| -> Vec<f64> {
        all.iter().map(|seen| seen.percentile_ms(percent)).collect()
    };
    let middle = Figure::of("beside a flood: p50", "ms", Nature::Absolute);
    Ok(vec![
        promised("beside a flood: p99").with(at(&ours, 99.0), at(&reference, 99.0)),
        middle.with(at(&ours, 50.0), at(&reference, 50.0)),
    ])
}

fn bare(stand: &mut Stand) -> anyhow::Result<Stream> {
    let flooding = stand.reference(Look::Bytes, &stand.load(&["flood", "--bytes", ENDLESS]))?;
    let mut gate = stand.gate()?;
    let quiet = stand.reference(Look::Stamps, &paced(stand, gate.path()))?;
    gate.open()?;
    let seen = quiet.finish()?;
    // Its child's terminal closes with it.
    drop(flooding);
    only(seen.streams)
}

fn whole(stand: &mut Stand) -> anyhow::Result<Stream> {
    let line = stand.load(&["flood", "--bytes", ENDLESS]);
    let flooding = stand.spawn(&line)?;
    let viewer = stand.follower(Look::Bytes, "1", &[flooding])?;
    let mut gate = stand.gate()?;
    let line = paced(stand, gate.path());
    let quiet = stand.spawn(&line)?;
    let gauge = stand.follower(Look::Stamps, "1", &[quiet])?;
    gate.open()?;
    let seen = gauge.finish()?;
    drop(viewer);
    stand.remove(flooding)?;
    stand.remove(quiet)?;
    only(seen.streams)
}

fn paced(stand: &Stand, gate: &std::path::Path) -> Vec<String> {
    let gate = gate.display().to_string();
    stand.load(&[&PACE[..], &["--gate", &gate]].concat())
}

fn only(streams: Vec<Stream>) -> anyhow::Result<Stream> {
    let stream = streams.into_iter().next().unwrap_or_default();
    anyhow::ensure!(stream.late_ns.len() == 400, "{} of 400 lines came", stream.late_ns.len());
    Ok(stream)
}
