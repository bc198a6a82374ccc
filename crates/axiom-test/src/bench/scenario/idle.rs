//! `idle`: the processor time of a server and many tasks in which nothing happens.

use std::time::{Duration, Instant};

use super::mem::linked;
use crate::bench::cpu;
use crate::bench::events::{Events, IDLE};
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::stand::Stand;

/// The last that a silent task has to tell is that it is idle, half a minute after its start; the rest is for a busy machine.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(180);

/// How long nothing happens in a round.
const STILLNESS: Duration = Duration::from_secs(10);

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let line = stand.load(&["silent"]);
    // Any call: the server must be there to be listened to.
    let _server: u32 = stand.server()?;
    let mut events = Events::listen(&stand.place().home)?;
    let tasks = stand.spawn_many(&line, stand.many)?;
    let views = linked(stand, &tasks)?;
    let server = stand.server()?;
    let of_tasks: Vec<u32> =
        views.iter().flat_map(|view| [view.worker_pid, view.holder_pid]).flatten().collect();
    events.until_each(IDLE, &tasks, IDLE_WAIT_MAX)?;
    // A listener is told every 15 s that it is still connected.
    drop(events);
    let (mut all, mut of_server) = (Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        let (before_tasks, before, since) =
            (sum_ns(&of_tasks)?, cpu::of_process_ns(server)?, Instant::now());
        std::thread::sleep(STILLNESS);
        let spent = cpu::of_process_ns(server)? - before;
        let spent_tasks = sum_ns(&of_tasks)? - before_tasks;
        let percent = |ns: u64| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let percent = ns as f64 / since.elapsed().as_nanos() as f64 * 100.0;
            percent
        };
        of_server.push(percent(spent));
        all.push(percent(spent + spent_tasks));
    }
    Ok(vec![
        promised("idle: CPU of server and tasks")
            .with(all, Vec::new())
            .note(format!("{} tasks", stand.many)),
        Figure::of("idle: CPU of the server alone", "% of a core", Nature::Absolute)
            .with(of_server, Vec::new()),
    ])
}

fn sum_ns(pids: &[u32]) -> anyhow::Result<u64> {
    pids.iter().map(|pid| cpu::of_process_ns(*pid)).sum()
}
