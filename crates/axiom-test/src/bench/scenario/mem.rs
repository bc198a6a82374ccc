//! `mem`: what idle tasks cost in memory, and whether printing makes a task larger.
//! Counted are server, holders and workers; the children are the user's own.

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::memory::Memory;
use crate::bench::stand::Stand;

const FEW: u32 = 10;
const PRINTED: u64 = 50_000_000;

pub(super) fn run(stand: &mut Stand, _rounds: usize) -> anyhow::Result<Vec<Figure>> {
    // Nothing here varies from round to round: one is enough.
    let mut figures = few(stand)?;
    figures.extend(many(stand)?);
    figures.extend(printed(stand)?);
    Ok(figures)
}

fn few(stand: &mut Stand) -> anyhow::Result<Vec<Figure>> {
    let line = stand.load(&["silent"]);
    let tasks = stand.spawn_many(&line, FEW)?;
    let views = linked(stand, &tasks)?;
    let all = Memory::of(stand.server()?)?.plus(of_tasks(&views)?);
    let private = Figure::of("ten idle tasks, server and all: private dirty", "MB", ABSOLUTE);
    for task in tasks {
        stand.remove(task)?;
    }
    Ok(vec![
        promised("ten idle tasks, server and all: PSS").with(vec![mb(all.pss_kb)], Vec::new()),
        private.with(vec![mb(all.private_dirty_kb)], Vec::new()),
    ])
}

fn printed(stand: &mut Stand) -> anyhow::Result<Vec<Figure>> {
    let mut gate = stand.gate()?;
    let (shut, bytes) = (gate.path().display().to_string(), PRINTED.to_string());
    let line = stand.load(&["flood", "--bytes", &bytes, "--gate", &shut, "--stay", "true"]);
    let tasks = stand.spawn_many(&line, FEW)?;
    let views = linked(stand, &tasks)?;
    let (tasks_before, server_before) = (of_tasks(&views)?, Memory::of(stand.server()?)?);
    gate.open()?;
    // A terminal returns each newline: there are more than were printed.
    stand.until_all("done", &tasks, |view| view.bytes.0 > PRINTED)?;
    let (tasks_after, server_after) = (of_tasks(&views)?, Memory::of(stand.server()?)?);
    for task in tasks {
        stand.remove(task)?;
    }
    let each = (mb(tasks_after.pss_kb) - mb(tasks_before.pss_kb)) / f64::from(FEW);
    let server = mb(server_after.pss_kb) - mb(server_before.pss_kb);
    let all = mb(server_after.pss_kb) + mb(tasks_after.pss_kb);
    Ok(vec![
        promised("ten after 50 MB each: server and all").with(vec![all], Vec::new()),
        promised("ten after 50 MB each: growth of a task")
            .with(vec![each], Vec::new())
            .note("worker and holder; that of one task, once"),
        promised("ten after 50 MB each: growth of the server")
            .with(vec![server], Vec::new())
            .note("its rings hold 1 MiB of each"),
    ])
}

fn many(stand: &mut Stand) -> anyhow::Result<Vec<Figure>> {
    let line = stand.load(&["silent"]);
    let tasks = stand.spawn_many(&line, stand.many)?;
    let views = linked(stand, &tasks)?;
    let each = mb(of_tasks(&views)?.pss_kb) / f64::from(stand.many);
    let private = mb(of_tasks(&views)?.private_dirty_kb) / f64::from(stand.many);
    let server = mb(Memory::of(stand.server()?)?.pss_kb);
    for task in tasks {
        stand.remove(task)?;
    }
    let note = format!("worker and holder, {} tasks", stand.many);
    Ok(vec![
        promised("one idle task at many: PSS").with(vec![each], Vec::new()).note(&note),
        Figure::of("one idle task at many: private dirty", "MB", ABSOLUTE)
            .with(vec![private], Vec::new())
            .note(note),
        promised("server at many: PSS")
            .with(vec![server], Vec::new())
            .note(format!("{} tasks", stand.many)),
    ])
}

const ABSOLUTE: Nature = Nature::Absolute;

/// Their views, once all run and are linked.
pub(super) fn linked(stand: &mut Stand, tasks: &[TaskId]) -> anyhow::Result<Vec<TaskView>> {
    stand.until_all("running and linked", tasks, |view| {
        view.pid.is_some() && view.worker_pid.is_some() && view.holder_pid.is_some()
    })
}

/// Workers and holders of these.
fn of_tasks(views: &[TaskView]) -> anyhow::Result<Memory> {
    let pids = views.iter().flat_map(|view| [view.worker_pid, view.holder_pid]).flatten();
    pids.map(Memory::of).try_fold(Memory::default(), |sum, memory| Ok(sum.plus(memory?)))
}

pub(super) fn mb(kb: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mb = kb as f64 / 1024.0;
    mb
}
