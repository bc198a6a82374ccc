//! `lat`: how long a line takes from the child's write until a client has it, one line at a time on a quiet machine.
//! Lines carry the moment of their writing; the clock is the machine's own, shared by all its processes.

use std::io::Read as _;
use std::process::Stdio;

use anyhow::Context;

use super::thr::ratios;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Stream, Watcher};
use crate::bench::stand::Stand;
use crate::load::now_ns;

/// A line each three milliseconds: every one finds all processes asleep.
const PACE: [&str; 5] = ["trickle", "--per-second", "333", "--lines", "1000"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut reference, mut library, mut command_line) = (Vec::new(), Vec::new(), Vec::new());
    let (mut network, mut chain) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reference.push(bare(stand)?);
        chain.push(relayed(stand)?);
        library.push(followed(stand, Way::Socket)?);
        network.push(followed(stand, Way::Tcp)?);
        command_line.push(printed(stand)?);
    }
    let at = |streams: &[Stream], percent| -> Vec<f64> {
        streams.iter().map(|stream| stream.percentile_ms(percent)).collect()
    };
    // A p99 of a thousand lines is ten lines: whether the machine was steady is told by the p50.
    let told = |name: &str, percent| {
        let reference = at(&reference, percent);
        Figure::of(name, "ms", Nature::Absolute).with(at(&command_line, percent), reference)
    };
    let library_p50 = at(&library, 50.0);
    let by_chain = |percent| ratios(&at(&library, percent), &at(&chain, percent));
    let chain_row = |name: &str, unit, nature, rounds| {
        Figure::of(name, unit, nature).with(rounds, at(&reference, 50.0))
    };
    Ok(vec![
        promised("quiet: p50").with(library_p50.clone(), at(&reference, 50.0)),
        promised("quiet: p99")
            .with(at(&library, 99.0), at(&reference, 50.0))
            .note("reference: its p50"),
        promised("quiet, over TCP: p50 beyond the socket's")
            .with(beyond(&at(&network, 50.0), &library_p50), at(&reference, 50.0))
            .note("a WebSocket with the token"),
        chain_row("bare chain of three: p50", "ms", Nature::Absolute, at(&chain, 50.0))
            .note("three processes that only read and write"),
        chain_row("bare chain of three: p99", "ms", Nature::Absolute, at(&chain, 99.0)),
        chain_row("quiet: p50 ÷ a bare chain of three", "", Nature::Ratio, by_chain(50.0)),
        chain_row("quiet: p99 ÷ a bare chain of three", "", Nature::Ratio, by_chain(99.0)),
        told("quiet, `axiom logs -f` and its pipe: p50", 50.0),
        told("quiet, `axiom logs -f` and its pipe: p99", 99.0),
    ])
}

/// By how much each is later than its neighbour; not at all where it is earlier.
fn beyond(these: &[f64], those: &[f64]) -> Vec<f64> {
    these.iter().zip(those).map(|(this, that)| (this - that).max(0.0)).collect()
}

fn paced(stand: &Stand, gate: &std::path::Path) -> Vec<String> {
    let gate = gate.display().to_string();
    stand.load(&[&PACE[..], &["--gate", &gate]].concat())
}

fn only(mut streams: Vec<Stream>) -> anyhow::Result<Stream> {
    let stream = streams.pop().context("a gauge of one stream tells of one")?;
    anyhow::ensure!(stream.late_ns.len() == 1000, "{} of 1000 lines came", stream.late_ns.len());
    Ok(stream)
}

fn bare(stand: &mut Stand) -> anyhow::Result<Stream> {
    let mut gate = stand.gate()?;
    let gauge = stand.reference(Look::Stamps, &paced(stand, gate.path()))?;
    gate.open()?;
    only(gauge.finish()?.streams)
}

/// As many processes as ours, which hand every byte on and do nothing else.
fn relayed(stand: &mut Stand) -> anyhow::Result<Stream> {
    let mut gate = stand.gate()?;
    let words = ["relayed", Look::Stamps.word(), "3"].map(str::to_owned);
    let gauge = stand.onlooker(&[&words, &*paced(stand, gate.path())].concat())?;
    gate.open()?;
    only(gauge.finish()?.streams)
}

/// How a client comes to the server.
#[derive(Clone, Copy)]
enum Way {
    Socket,
    Tcp,
}

fn followed(stand: &mut Stand, way: Way) -> anyhow::Result<Stream> {
    let mut gate = stand.gate()?;
    let task = stand.spawn(&paced(stand, gate.path()))?;
    let gauge = match way {
        Way::Socket => stand.follower(Look::Stamps, "1", &[task])?,
        Way::Tcp => stand.browser(Look::Stamps, task)?,
    };
    gate.open()?;
    let seen = gauge.finish()?;
    stand.remove(task)?;
    only(seen.streams)
}

/// The command line's own client, whose output comes through a pipe: one hop more.
fn printed(stand: &mut Stand) -> anyhow::Result<Stream> {
    let mut gate = stand.gate()?;
    let task = stand.spawn(&paced(stand, gate.path()))?;
    let mut command = stand.axiom(&["logs", "-f", "--view", "raw", &task.to_string()]);
    let mut client = command.stdout(Stdio::piped()).spawn().context("start axiom logs")?;
    let mut output = client.stdout.take().context("its output is piped")?;
    let (mut watcher, mut buffer) = (Watcher::new(Look::Stamps), vec![0; 64 * 1024]);
    let mut opened = false;
    loop {
        let count = output.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        watcher.see(&buffer[..count], now_ns());
        if !opened {
            // It has printed the child's first line, so it follows.
            gate.open()?;
            opened = true;
        }
    }
    let status = client.wait()?;
    anyhow::ensure!(status.success(), "axiom logs ended with {status}");
    stand.remove(task)?;
    only(vec![watcher.finish()])
}
