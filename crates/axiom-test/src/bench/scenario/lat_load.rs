//! `lat-load`: ten sessions beside tasks of the same server that burn every processor.
//! Says which means the server has to keep those down, and how the processors were divided. The reference is ten bare
//! terminals beside as many burners, with nobody keeping anything down.

use std::process::{Child, Command, Stdio};

use axiom_proto::id::TaskId;

use crate::bench::cpu;
use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::observation::{Look, Observation};
use crate::bench::stand::Stand;

const SESSIONS: u32 = 10;

/// Five seconds of lines in each. All are out before the first of them ends.
const PACE: [&str; 7] = ["trickle", "--per-second", "50", "--lines", "250", "--linger-ms", "500"];

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let burners = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut reference, mut ours, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let mut means = String::new();
    for _ in 0..rounds {
        reference.push(bare(stand, burners)?);
        let (seen, share, found) = whole(stand, burners)?;
        ours.push(seen);
        shares.push(share);
        means = found;
    }
    let at = |all: &[Observation], percent| -> Vec<f64> {
        all.iter().map(|seen| seen.percentile_ms(percent)).collect()
    };
    let middle = Figure::of("beside burning tasks: p50", "ms", Nature::Absolute);
    let split = Figure::of("processor time of the burning tasks", "%", Nature::Absolute);
    Ok(vec![
        promised("beside burning tasks: p99")
            .with(at(&ours, 99.0), at(&reference, 99.0))
            .note(means),
        middle.with(at(&ours, 50.0), at(&reference, 50.0)),
        split.with(shares, Vec::new()).note("of all processors, while the lines ran"),
    ])
}

fn bare(stand: &mut Stand, burners: usize) -> anyhow::Result<Observation> {
    let burning = (0..burners)
        .map(|_| Burner::start(&stand.program("axiom-test")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut gate = stand.gate()?;
    let line = paced(stand, gate.path());
    let gauges = (0..SESSIONS)
        .map(|_| stand.reference(Look::Stamps, &line))
        .collect::<anyhow::Result<Vec<_>>>()?;
    gate.open()?;
    let mut all = Observation::default();
    for gauge in gauges {
        all.streams.extend(gauge.finish()?.streams);
    }
    drop(burning);
    Ok(all)
}

/// What was seen, the burners' share of all processors in percent, and the means in force.
fn whole(stand: &mut Stand, burners: usize) -> anyhow::Result<(Observation, f64, String)> {
    let line = stand.load(&["burn"]);
    let burning = (0..burners).map(|_| stand.spawn(&line)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut gate = stand.gate()?;
    let line = paced(stand, gate.path());
    let quiet = stand.spawn_many(&line, SESSIONS)?;
    let gauge = stand.follower(Look::Stamps, "1", &quiet)?;
    let pids = pids(stand, &burning)?;
    let (before, since) = (burned_ns(&pids)?, std::time::Instant::now());
    gate.open()?;
    let seen = gauge.finish()?;
    let spent = burned_ns(&pids)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let share = spent as f64 / since.elapsed().as_nanos() as f64 / burners as f64 * 100.0;
    let means = pids.first().map_or_else(String::new, |pid| means_of(*pid));
    for task in burning.into_iter().chain(quiet) {
        stand.remove(task)?;
    }
    Ok((seen, share, means))
}

fn paced(stand: &Stand, gate: &std::path::Path) -> Vec<String> {
    let gate = gate.display().to_string();
    stand.load(&[&PACE[..], &["--gate", &gate]].concat())
}

fn pids(stand: &mut Stand, tasks: &[TaskId]) -> anyhow::Result<Vec<u32>> {
    let views = stand.until_all("running", tasks, |view| view.pid.is_some())?;
    Ok(views.iter().filter_map(|view| view.pid).collect())
}

fn burned_ns(pids: &[u32]) -> anyhow::Result<u64> {
    pids.iter().map(|pid| cpu::of_process_ns(*pid)).sum()
}

/// What keeps a task's processes below the server's, as the kernel tells it.
fn means_of(pid: u32) -> String {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let nice = read(format!("/proc/{pid}/stat"))
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split(' ').nth(17).map(str::to_owned))
        .unwrap_or_default();
    let group = read(format!("/proc/{pid}/autogroup"));
    let group = group.trim().split_once(' ').map_or("none", |(_, nice)| nice).to_owned();
    let cgroup = read(format!("/proc/{pid}/cgroup"));
    let folder = cgroup.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").to_owned();
    let weight = read(format!("/sys/fs/cgroup{folder}/cpu.weight"));
    let weight = if weight.is_empty() { "none".to_owned() } else { weight.trim().to_owned() };
    format!("in force: nice {nice}, autogroup {group}, cpu.weight {weight}")
}

/// A burning process that is nobody's task.
struct Burner(Child);

impl Burner {
    fn start(program: &str) -> anyhow::Result<Self> {
        let mut command = Command::new("setsid");
        command.args([program, "burn", "--seconds", "600"]).stdin(Stdio::null());
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _gone_already: std::io::Result<()> = self.0.kill();
        let _reaped_already = self.0.wait().is_ok();
    }
}
