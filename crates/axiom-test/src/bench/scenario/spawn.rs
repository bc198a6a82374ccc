//! `spawn`: from the call to the id, to the child's first byte in a client, and to a thousand running tasks; then again from
//! a server that has grown. It grows by what it is for: each of many tasks fills its ring, which is a megabyte.
//! Ended tasks stay until all is measured: ext4 looks at each file that was deleted within the last minutes before it makes a
//! new one, so that a start becomes three times as slow after a thousand removals. Nobody removes a hundred tasks each second.

use std::time::Instant;

use anyhow::{Context, bail};
use axiom_client::{Connection, Event, Feed};
use axiom_proto::bytestring::ByteString;
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskSpec;

use super::mem::{linked, mb};
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::memory::Memory;
use crate::bench::observation::Look;
use crate::bench::stand::Stand;
use crate::bench::statistics::percentile;

/// Spawns of a round.
const SPAWNS: usize = 100;

/// A little more than a ring holds.
const RING_FILLING: &str = "1200000";

/// A child's output that begins at once.
const CHILD: [&str; 5] = ["trickle", "--per-second", "1000000", "--lines", "1"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut ids, mut bytes, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(bare_ms(stand)?);
        let (id_ms, byte_ms) = round(stand)?;
        ids.push(id_ms);
        bytes.push(byte_ms);
    }
    let mut figures = vec![
        promised("call → id: p99").with(ids, Vec::new()),
        promised("call → first byte: p50")
            .with(bytes, bare)
            .note("in a client; reference: a process's start to its end"),
    ];
    figures.push(all_started(stand)?);
    figures.extend(from_a_large_server(stand, rounds)?);
    Ok(figures)
}

/// p99 until the id and p50 until the first byte, in milliseconds. A task is over before the next is asked for: what its end takes
/// is none of a start's.
fn round(stand: &mut Stand) -> anyhow::Result<(f64, f64)> {
    let command = stand.load(&CHILD);
    let command = command.into_iter().map(|word| ByteString::from(word.into_bytes())).collect();
    let spec = TaskSpec { command, ..TaskSpec::default() };
    let place = stand.place();
    let (ids, bytes, tasks) = stand.wait(async {
        let mut connection = Connection::open(place.clone()).await?;
        let mut feed = Feed::new(place);
        let (mut ids, mut bytes, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SPAWNS {
            let called = Instant::now();
            let answer = connection.spawn(&spec).await?;
            ids.push(micros(called));
            let task = answer.tasks.first().context("a spawn gave no task")?.id;
            feed.subscribe(task, StartAt::Start);
            until(&mut feed, Sign::Output).await?;
            bytes.push(micros(called));
            until(&mut feed, Sign::End).await?;
            tasks.push(task);
        }
        anyhow::Ok((ids, bytes, tasks))
    })?;
    for task in tasks {
        stand.end(task)?;
    }
    Ok((ms(percentile(&ids, 99.0)), ms(percentile(&bytes, 50.0))))
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Output,
    End,
}

async fn until(feed: &mut Feed, sign: Sign) -> anyhow::Result<()> {
    loop {
        match feed.next().await? {
            Event::Frame { header, .. } if sign == Sign::Output && header.kind.is_output() => {
                return Ok(());
            }
            Event::Ended(_) if sign == Sign::End => return Ok(()),
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => bail!(error),
            Event::Frame { .. }
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Silent
            | Event::Gone(..)
            | Event::Answers
            | Event::Removed(_)
            | Event::Ended(_)
            | Event::Task(_)
            | Event::Outcome(..)
            | Event::CommandRefused { .. } => {}
        }
    }
}

/// The same child started by nobody but us, to its end, p50 in milliseconds: what the machine itself takes.
fn bare_ms(stand: &Stand) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..SPAWNS {
        let called = Instant::now();
        let gauge = stand.reference(Look::Bytes, &stand.load(&CHILD))?;
        let _seen = gauge.finish()?;
        times.push(micros(called));
    }
    Ok(ms(percentile(&times, 50.0)))
}

fn all_started(stand: &mut Stand) -> anyhow::Result<Figure> {
    let line = stand.load(&["silent"]);
    let called = Instant::now();
    let tasks = stand.spawn_many(&line, stand.many)?;
    linked(stand, &tasks)?;
    let seconds = called.elapsed().as_secs_f64();
    for task in tasks {
        stand.end(task)?;
    }
    let note = format!("{} tasks, every child running and every worker linked", stand.many);
    Ok(promised("many tasks all started").with(vec![seconds], Vec::new()).note(note))
}

fn from_a_large_server(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let line = stand.load(&["flood", "--bytes", RING_FILLING, "--stay", "true"]);
    let tasks = stand.spawn_many(&line, stand.many)?;
    stand.until_all("done", &tasks, |view| view.bytes.0 > 1_200_000)?;
    let size = mb(Memory::of(stand.server()?)?.pss_kb);
    let note = format!("from a server of {size:.0} MB with {} tasks", stand.many);
    let (mut ids, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (id_ms, byte_ms) = round(stand)?;
        ids.push(id_ms);
        bytes.push(byte_ms);
    }
    Ok(vec![
        promised("call → id: p99").with(ids, Vec::new()).note(&note),
        promised("call → first byte: p50").with(bytes, Vec::new()).note(note),
        Figure::of("server with many full rings: PSS", "MB", Nature::Absolute)
            .with(vec![size], Vec::new()),
    ])
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn ms(micros: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ms = micros as f64 / 1e3;
    ms
}
