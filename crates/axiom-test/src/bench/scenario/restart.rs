//! `restart`: the server is killed while tasks run. How long until the next one answers, how long from there until every
//! worker is linked again, and whether readers who were there the whole time lost or doubled a line.

use std::time::Instant;

use anyhow::Context;
use axiom_proto::task::LinkView;
use rustix::process::{Pid, Signal, kill_process};

use super::mem::linked;
use crate::bench::ending::until_gone;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::Look;
use crate::bench::stand::Stand;

const HUNDRED: u32 = 100;

/// Tasks that print while the server dies, and what each prints in four seconds.
const READ: u32 = 10;
const LINES: usize = 400;
const PACE: [&str; 5] = ["trickle", "--per-second", "100", "--lines", "400"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let line = stand.load(&["silent"]);
    let mut wrong = Vec::new();
    for _ in 0..rounds {
        wrong.push(read_through(stand)?);
    }
    let mut figures = vec![promised("lost or doubled").with(wrong, Vec::new())];
    let hundred = stand.spawn_many(&line, HUNDRED)?;
    figures.extend(killed(stand, HUNDRED, rounds)?);
    for task in hundred {
        stand.remove(task)?;
    }
    let _many = stand.spawn_many(&line, stand.many)?;
    figures.extend(killed(stand, stand.many, rounds.min(3))?);
    Ok(figures)
}

fn killed(stand: &mut Stand, tasks: u32, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut answered, mut all) = (Vec::new(), Vec::new());
    let ids: Vec<_> = stand.list()?.iter().map(|view| view.id).collect();
    for _ in 0..rounds {
        linked(stand, &ids)?;
        let at = kill_server(stand)?;
        // The next call starts the next server.
        let _server: u32 = stand.server()?;
        let listening = Instant::now();
        stand.until_all("linked again", &ids, |view| view.link == LinkView::Connected)?;
        answered.push((listening - at).as_secs_f64());
        all.push(listening.elapsed().as_secs_f64());
    }
    let name = if tasks == HUNDRED { "100" } else { "many" };
    Ok(vec![
        promised(&format!("server killed, {name} tasks: all linked"))
            .with(all, Vec::new())
            .note(format!("{tasks} tasks, from the first answer on")),
        Figure::of(format!("server killed, {name} tasks: next one answers"), "s", Nature::Absolute)
            .with(answered, Vec::new())
            .note("the next server's start included"),
    ])
}

/// The moment at which it was dead.
fn kill_server(stand: &mut Stand) -> anyhow::Result<Instant> {
    let server = stand.server()?;
    let pid = i32::try_from(server).ok().and_then(Pid::from_raw).context("a pid is positive")?;
    kill_process(pid, Signal::KILL)?;
    let at = Instant::now();
    stand.hang_up();
    until_gone(server)?;
    Ok(at)
}

/// Lines too few or too many at a reader that was there before, during and after.
fn read_through(stand: &mut Stand) -> anyhow::Result<f64> {
    let mut gate = stand.gate()?;
    let shut = gate.path().display().to_string();
    let line = stand.load(&[&PACE[..], &["--gate", &shut]].concat());
    let tasks = stand.spawn_many(&line, READ)?;
    let gauge = stand.follower(Look::Stamps, "1", &tasks)?;
    gate.open()?;
    kill_server(stand)?;
    // A reader does not start a server here; the next call does.
    let _server: u32 = stand.server()?;
    let seen = gauge.finish()?;
    for task in tasks {
        stand.remove(task)?;
    }
    let wrong: usize = seen.streams.iter().map(|stream| stream.late_ns.len().abs_diff(LINES)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a count of lines")]
    let wrong = (wrong + seen.streams.len().abs_diff(READ as usize)) as f64;
    Ok(wrong)
}
