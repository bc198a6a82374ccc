//! `thr-many`: ten floods at once, each journaled and all read by one client, beside ten bare terminals.
//! Each journal is compared with its source by SHA-256: what a terminal shows of it, to the byte.

use std::path::{Path, PathBuf};

use anyhow::Context;
use axiom_journal::Reader;
use axiom_proto::frame::Frame;
use axiom_proto::id::TaskId;
use sha2::{Digest, Sha256};

use super::thr::ratios;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation};
use crate::bench::stand::Stand;

const TASKS: usize = 10;
const BYTES: &str = "30000000";

/// Journal bytes hashed at once.
const READ_BYTES: usize = 256 * 1024;

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut reference, mut ours, mut unlike, mut fair) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        reference.push(bare(stand)?.mb_per_second());
        let (seen, differing) = whole(stand)?;
        ours.push(seen.mb_per_second());
        fair.push(fairness(&seen));
        unlike.push(differing);
    }
    Ok(vec![
        promised("ten: total ÷ reference total").with(ratios(&ours, &reference), reference.clone()),
        promised("ten: journals unlike their source").with(unlike, Vec::new()),
        promised("ten: slowest ÷ fastest").with(fair, Vec::new()),
        Figure::of("ten: total", "MB/s", Nature::Absolute).with(ours, reference),
    ])
}

fn flood(stand: &Stand, index: usize, gate: &Path) -> Vec<String> {
    let (gate, sum) = (gate.display().to_string(), sum_file(stand, index).display().to_string());
    let seed = index.to_string();
    stand.load(&["flood", "--bytes", BYTES, "--seed", &seed, "--gate", &gate, "--sum", &sum])
}

fn sum_file(stand: &Stand, index: usize) -> PathBuf {
    stand.file(&format!("sum-{index}"))
}

fn bare(stand: &mut Stand) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let gauges = (0..TASKS)
        .map(|index| stand.reference(Look::Bytes, &flood(stand, index, gate.path())))
        .collect::<anyhow::Result<Vec<_>>>()?;
    gate.open()?;
    let mut all = Observation::default();
    for gauge in gauges {
        let seen = gauge.finish()?;
        all.streams.extend(seen.streams);
    }
    Ok(all)
}

/// What was seen, and how many journals are unlike their source.
fn whole(stand: &mut Stand) -> anyhow::Result<(Observation, f64)> {
    let mut gate = stand.gate()?;
    let tasks = (0..TASKS)
        .map(|index| {
            let line = flood(stand, index, gate.path());
            stand.spawn(&line)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let gauge = stand.follower(Look::Bytes, "1", &tasks)?;
    gate.open()?;
    let seen = gauge.finish()?;
    let mut unlike = 0.0;
    for (index, task) in tasks.iter().enumerate() {
        stand.end(*task)?;
        let source = std::fs::read_to_string(sum_file(stand, index))?;
        if journal_sum(stand, *task)? != source {
            unlike += 1.0;
        }
        stand.remove(*task)?;
    }
    Ok((seen, unlike))
}

/// In the form in which `flood` keeps its own.
pub(super) fn journal_sum(stand: &mut Stand, task: TaskId) -> anyhow::Result<String> {
    let folder = stand.home().join("tasks").join(task.to_string()).join("1");
    let mut reader = Reader::open(&folder)?;
    let (mut hash, mut seen) = (Sha256::new(), 0u64);
    loop {
        let bytes = reader.read(READ_BYTES, None)?;
        if bytes.is_empty() {
            break;
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let frame = Frame::decode(rest).context("read the journal's frames")?;
            if frame.header.kind.is_output() {
                hash.update(frame.payload);
                seen += frame.payload.len() as u64;
            }
            rest = &rest[frame.header.frame_bytes()..];
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{hex} {seen} terminal\n"))
}

/// The slowest session's speed by the fastest's, all from the same moment on.
fn fairness(seen: &Observation) -> f64 {
    let first = seen.streams.iter().map(|stream| stream.first_ns).min().unwrap_or(0);
    let taken = || seen.streams.iter().map(|stream| stream.last_ns.saturating_sub(first).max(1));
    #[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 2^52 ns")]
    let share = taken().min().unwrap_or(1) as f64 / taken().max().unwrap_or(1) as f64;
    share
}
