//! A gauge from the side of who waits for it: started, ready, and read to its end, all within a bound.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::bench::observation::Observation;

/// The longest that one gauge may take: a run that takes longer measures a fault, not a speed.
const GAUGE_WAIT_MAX: Duration = Duration::from_secs(180);

/// A process that observes, and tells at its end what it saw.
#[derive(Debug)]
pub(in crate::bench) struct Gauge {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Gauge {
    pub(super) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.context("start a gauge")?;
        let told = BufReader::new(child.stdout.take().context("its output is piped")?);
        Ok(Self { child, told })
    }

    pub(super) fn wait_ready(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        self.within_bound(|gauge| gauge.told.read_line(&mut line))??;
        if line == "ready\n" { Ok(()) } else { bail!("a gauge said `{}`", line.trim_end()) }
    }

    /// What it saw, once it has seen all.
    pub(in crate::bench) fn finish(mut self) -> anyhow::Result<Observation> {
        let mut text = String::new();
        self.within_bound(|gauge| gauge.told.read_to_string(&mut text))??;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("a gauge ended with {status}");
        }
        serde_json::from_str(&text).context("read what a gauge tells")
    }

    /// Does something that ends with the gauge at the latest, which is killed if that takes too long.
    fn within_bound<T>(&mut self, wait: impl FnOnce(&mut Self) -> T) -> anyhow::Result<T> {
        let (over, is_over) = mpsc::channel::<()>();
        let process = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let watch = thread::spawn(move || {
            let late = is_over.recv_timeout(GAUGE_WAIT_MAX).is_err();
            if let (true, Some(process)) = (late, process) {
                // Not waited for yet, so the number is still its own.
                let _gone = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }
            late
        });
        let result = wait(self);
        let _watch_is_over_first = over.send(());
        match watch.join() {
            Ok(false) => Ok(result),
            Ok(true) => bail!("a gauge took longer than {} s", GAUGE_WAIT_MAX.as_secs()),
            Err(_) => bail!("the watch over a gauge broke"),
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        let _ended_already: std::io::Result<()> = self.child.kill();
        let _reaped_already = self.child.wait().is_ok();
    }
}
