//! `journal`: what an append costs whoever waits for it, how long recovery and a jump to an offset take in a gigabyte.
//! The journal crate by itself, in this process; the file's pages are in the kernel's memory, as after a crash of ours.

mod packed;

use std::path::Path;
use std::time::Instant;

use axiom_journal::{Reader, SeekTo, Writer};
use axiom_proto::frame::{FrameKind, Micros, Offset};
use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::record::Record;
use axiom_proto::summary::Summary;

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::stand::Stand;
use crate::bench::statistics::percentile;

/// What a terminal gives at once.
const PAYLOAD_BYTES: usize = 4096;

/// A gigabyte of them.
const FRAMES: u64 = 250_000;

/// Places that are jumped to in a round.
const JUMPS: u64 = 50;

/// What is read there: a screenful and more, and as much as lies between two keyframes.
const NEAR_BYTES: usize = 64 * 1024;
const FAR_BYTES: usize = 4 << 20;

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut middle, mut late) = (Vec::new(), Vec::new());
    let (mut recovered, mut jumped, mut jumped_middle) = (Vec::new(), Vec::new(), Vec::new());
    let mut far = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        let folder = stand.file(&format!("journal-{round}"));
        std::fs::create_dir(&folder)?;
        let appends = written(&folder)?;
        middle.push(us(percentile(&appends, 50.0)));
        late.push(us(percentile(&appends, 99.0)));
        let begun = Instant::now();
        let (writer, _recovered) = Writer::recover(&folder)?;
        recovered.push(begun.elapsed().as_secs_f64() * 1e3);
        drop(writer);
        far[0].push(us(percentile(&jumps(&folder, FAR_BYTES)?, 99.0)) / 1e3);
        let jumps = jumps(&folder, NEAR_BYTES)?;
        jumped.push(us(percentile(&jumps, 99.0)) / 1e3);
        jumped_middle.push(us(percentile(&jumps, 50.0)) / 1e3);
        std::fs::remove_dir_all(&folder)?;
        far[1].push(packed::jumps(&folder)?);
    }
    let [far, far_packed] = far;
    let mut figures = vec![
        promised("append: p99").with(late, Vec::new()).note("4 KiB, no sync"),
        Figure::of("append: p50", "µs", Nature::Absolute).with(middle, Vec::new()),
        promised("recovery of 1 GB").with(recovered, Vec::new()),
        promised("read back by offset").with(jumped, Vec::new()).note("p99, 64 KiB each"),
        Figure::of("read back by offset: p50", "ms", Nature::Absolute)
            .with(jumped_middle, Vec::new()),
        promised("jump and read 4 MiB").with(far, Vec::new()).note("p99"),
        promised("jump and read 4 MiB, packed")
            .with(far_packed, Vec::new())
            .note("p99, a gigabyte of plain log"),
    ];
    figures.extend(packed::stored(stand)?);
    Ok(figures)
}

/// Nanoseconds of each append.
fn written(folder: &Path) -> anyhow::Result<Vec<u64>> {
    let payload = [b'x'; PAYLOAD_BYTES];
    appended(folder, (0..FRAMES).map(|_| &payload[..]))
}

/// A journal of these payloads. A full segment is followed by one that begins with a summary, as a worker does it.
fn appended<'a>(
    folder: &Path,
    payloads: impl Iterator<Item = &'a [u8]>,
) -> anyhow::Result<Vec<u64>> {
    let task = TaskId::from_random([7; 10]);
    let mut writer = Writer::create(folder, SessionId { task, number: 1 }, 0)?;
    let summary = Record::Summary(Box::<Summary>::default()).encode();
    let mut times = Vec::new();
    for (time, payload) in (0..).zip(payloads) {
        let begun = Instant::now();
        if writer.segment_is_full() {
            writer.rotate()?;
            writer.append(FrameKind::Record, Micros(time), &summary)?;
        }
        writer.append(FrameKind::Output, Micros(time), payload)?;
        times.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    Ok(times)
}

/// Nanoseconds of each jump, and of the read of so much there.
fn jumps(folder: &Path, read_bytes: usize) -> anyhow::Result<Vec<u64>> {
    let end = FRAMES * PAYLOAD_BYTES as u64;
    let mut times = Vec::new();
    for jump in 0..JUMPS {
        // Spread over the whole, in no order that a read-ahead could use.
        let offset = Offset(jump * 7_919_000_017 % end);
        let begun = Instant::now();
        let mut reader = Reader::open(folder)?;
        reader.seek(SeekTo::Offset(offset))?;
        let mut read = 0;
        while read < read_bytes {
            let bytes = reader.read(read_bytes - read, None)?;
            anyhow::ensure!(read > 0 || !bytes.is_empty(), "nothing lies at offset {offset}");
            if bytes.is_empty() {
                break;
            }
            read += bytes.len();
        }
        times.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    Ok(times)
}

fn us(ns: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let us = ns as f64 / 1e3;
    us
}
