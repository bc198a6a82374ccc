//! `peers`: programs that do a part of what Axiom does, with the same children, as far as they are installed.
//! Each is read where its user would read it: a terminal's client on a bare terminal, a pipe, a WebSocket. Throughput is the
//! source's bytes by the time from the first byte seen to the last: a peer that skips what nobody would see is not punished.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use super::thr::ratios;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised_if_any;
use crate::bench::observation::{Look, Observation, seconds};
use crate::bench::stand::{Gauge, Stand};

const FLOOD_BYTES: u64 = 20_000_000;

/// Two seconds of lines.
const LINES: usize = 400;
const PACE: [&str; 5] = ["trickle", "--per-second", "200", "--lines", "400"];

/// A peer that has no word for "ready" gets so long to be there before the child begins.
const SETTLING: std::time::Duration = std::time::Duration::from_millis(700);

/// Programs of this module's own folder, which Node runs.
const NODE_SERVER: &str = include_str!("../peers/node-pty-ws.js");

/// A way of running a child and reading it.
struct Peer {
    name: &'static str,
    /// The program that must be installed.
    program: &'static str,
    /// The command line that a gauge runs on a terminal; `{child}`, `{file}` and `{node}` are filled in.
    line: &'static [&'static str],
}

const PEERS: &[Peer] = &[
    Peer { name: "script", program: "script", line: &["script", "-qfc", "{child}", "{file}"] },
    Peer {
        name: "dtach",
        program: "dtach",
        line: &["dtach", "-A", "{file}", "sh", "-c", "{child}"],
    },
    Peer {
        name: "tmux attached",
        program: "tmux",
        line: &["tmux", "-L", "{tag}", "-f", "/dev/null", "new-session", "{child}"],
    },
    Peer {
        name: "tmux -C",
        program: "tmux",
        line: &["tmux", "-L", "{tag}", "-f", "/dev/null", "-C", "new-session", "{child}"],
    },
    Peer {
        name: "tmux pipe-pane",
        program: "tmux",
        line: &[
            "sh",
            "-c",
            "mkfifo {file} && tmux -L {tag} -f /dev/null new-session -d '{child}' \
             && tmux -L {tag} pipe-pane 'cat > {file}' && cat {file}",
        ],
    },
    Peer {
        name: "asciinema",
        program: "asciinema",
        line: &["asciinema", "rec", "-q", "-c", "{child}", "{file}"],
    },
    Peer {
        name: "shpool",
        program: "shpool",
        line: &["shpool", "--socket", "{file}", "--daemonize", "attach", "-c", "{child}", "{tag}"],
    },
];

/// What a round of one way gave.
#[derive(Debug, Clone, Copy)]
struct Seen {
    mb_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let installed: Vec<&Peer> = PEERS.iter().filter(|peer| is_installed(peer.program)).collect();
    let node = stand.peers.as_ref().is_some_and(|folder| folder.join("node_modules/ws").is_dir());
    let mut names: Vec<&str> =
        installed.iter().map(|peer| peer.name).chain(node.then_some(NODE)).collect();
    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    let mut theirs: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
    let missing = PEERS.iter().map(|peer| peer.name).chain([NODE]);
    let mut without: Vec<String> =
        missing.filter(|name| !names.contains(name)).map(str::to_owned).collect();
    for _ in 0..rounds {
        reference.push(both(stand, |stand, look, line| stand.reference(look, line))?);
        ours.push(followed(stand)?);
        names.retain(|name| {
            let peer = installed.iter().find(|peer| peer.name == *name);
            let measured = both(stand, |stand, look, line| match peer {
                Some(peer) => on_terminal(stand, peer, look, line),
                None => in_node(stand, look, line),
            });
            match measured {
                Ok(seen) => theirs.entry(name).or_default().push(seen),
                // One that cannot be measured here does not keep us from the others.
                Err(error) => without.push(format!("{name} ({error:#})")),
            }
            !without.last().is_some_and(|failed| failed.starts_with(*name))
        });
    }
    let mut figures = vec![told("Axiom", &ours, &reference)];
    for name in names {
        let seen = theirs.get(name).map_or(&[][..], Vec::as_slice);
        figures.push(told(name, seen, &reference));
        figures.extend(compared(name, &ours, seen, &reference));
    }
    if !without.is_empty() {
        let none = Figure::of("peers that are not here", "", Nature::Count);
        figures.push(none.note(without.join(", ")));
    }
    Ok(figures)
}

const NODE: &str = "node-pty + ws";

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

type Start<'a> = &'a dyn Fn(&mut Stand, Look, &[String]) -> anyhow::Result<Gauge>;

/// A flood and a trickle.
fn both(
    stand: &mut Stand,
    start: impl Fn(&mut Stand, Look, &[String]) -> anyhow::Result<Gauge>,
) -> anyhow::Result<Seen> {
    let flood = once(stand, &flood(), Look::Bytes, &start)?;
    let trickle = once(stand, &PACE.map(str::to_owned), Look::Stamps, &start)?;
    seen(&flood, &trickle)
}

fn flood() -> [String; 3] {
    ["flood".to_owned(), "--bytes".to_owned(), FLOOD_BYTES.to_string()]
}

fn seen(flood: &Observation, trickle: &Observation) -> anyhow::Result<Seen> {
    let stream = flood.streams.first().context("a gauge tells of a stream")?;
    let lines = trickle.streams.first().map_or(0, |stream| stream.late_ns.len());
    // A peer may not draw every line, but one that draws few is not measured.
    anyhow::ensure!(lines > LINES * 9 / 10, "{lines} of {LINES} lines came");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mb = FLOOD_BYTES as f64 / 1e6;
    Ok(Seen {
        mb_per_second: mb / seconds(stream.last_ns.saturating_sub(stream.first_ns)).max(1e-9),
        p50_ms: trickle.percentile_ms(50.0),
        p99_ms: trickle.percentile_ms(99.0),
    })
}

fn once(
    stand: &mut Stand,
    script: &[String],
    look: Look,
    start: Start<'_>,
) -> anyhow::Result<Observation> {
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let words: Vec<&str> = script.iter().map(String::as_str).chain(["--gate", &shut]).collect();
    let line = stand.load(&words);
    let gauge = start(stand, look, &line)?;
    std::thread::sleep(SETTLING);
    gate.open()?;
    gauge.finish()
}

fn followed(stand: &mut Stand) -> anyhow::Result<Seen> {
    both(stand, |stand, look, line| {
        let task = stand.spawn(line)?;
        stand.follower(look, "1", &[task])
    })
}

fn on_terminal(
    stand: &mut Stand,
    peer: &Peer,
    look: Look,
    child: &[String],
) -> anyhow::Result<Gauge> {
    let (file, tag) = stand.fresh("peer");
    let (file, child) = (file.display().to_string(), child.join(" "));
    let fill = |word: &&str| {
        word.replace("{child}", &child).replace("{file}", &file).replace("{tag}", &tag)
    };
    // Some open /dev/tty, so the terminal must be theirs.
    let line: Vec<String> = ["setsid", "-c", "-w"].iter().chain(peer.line).map(fill).collect();
    stand.reference(look, &line)
}

fn in_node(stand: &mut Stand, look: Look, child: &[String]) -> anyhow::Result<Gauge> {
    let folder = stand.peers.clone().context("the folder of the peers from npm")?;
    let program = folder.join("node-pty-ws.js");
    std::fs::write(&program, NODE_SERVER)?;
    let (file, _tag) = stand.fresh("socket");
    let words = [path(&program), look.word().to_owned(), path(&file)];
    stand.foreign("node", words.into_iter().chain(child.iter().cloned()))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn speeds(all: &[Seen]) -> Vec<f64> {
    all.iter().map(|seen| seen.mb_per_second).collect()
}

fn told(name: &str, seen: &[Seen], reference: &[Seen]) -> Figure {
    let middle = |of: fn(&Seen) -> f64| {
        let values: Vec<f64> = seen.iter().map(of).collect();
        crate::bench::statistics::Rounds::of(&values).map_or(0.0, |rounds| rounds.median)
    };
    let (p50, p99) = (middle(|seen| seen.p50_ms), middle(|seen| seen.p99_ms));
    Figure::of(format!("{name}: throughput"), "MB/s", Nature::Absolute)
        .with(speeds(seen), speeds(reference))
        .note(format!("p50 {p50:.3} ms, p99 {p99:.3} ms"))
}

fn compared(name: &str, ours: &[Seen], theirs: &[Seen], reference: &[Seen]) -> Vec<Figure> {
    let by = |of: fn(&Seen) -> f64| -> Vec<f64> {
        ratios(&ours.iter().map(of).collect::<Vec<_>>(), &theirs.iter().map(of).collect::<Vec<_>>())
    };
    let rows = [
        (promised_if_any(&format!("throughput ÷ {name}")), by(|seen| seen.mb_per_second)),
        (promised_if_any(&format!("p50 ÷ {name}")), by(|seen| seen.p50_ms)),
        (promised_if_any(&format!("p99 ÷ {name}")), by(|seen| seen.p99_ms)),
    ];
    rows.into_iter()
        .filter_map(|(figure, rounds)| Some(figure?.with(rounds, speeds(reference))))
        .collect()
}
