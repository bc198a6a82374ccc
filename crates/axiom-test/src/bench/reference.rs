//! The reference: the least that anything can do that reads a terminal, in a process of its own.
//! `axiom-bench reference LOOK COMMAND…` starts the command on a bare terminal, reads it to its end and tells what it saw.

use std::io::Write as _;

use anyhow::{Context, bail};

use super::cpu;
use super::observation::{Observation, Watcher};
use super::terminal;
use crate::load::now_ns;

pub(super) fn run(command: &[String]) -> anyhow::Result<()> {
    let [look, program, arguments @ ..] = command else { bail!("reference LOOK COMMAND…") };
    // So a profile tells it from the bench's other processes.
    rustix::thread::set_name(c"reference")?;
    let (terminal, mut child) = terminal::start(program, arguments)?;
    let mut watcher = Watcher::new(look.parse()?);
    terminal::read_all(&terminal, |bytes| {
        watcher.see(bytes, now_ns());
        Ok(())
    })?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    let seen = Observation { streams: vec![watcher.finish()], cpu_us: cpu::own_us() };
    serde_json::to_writer(std::io::stdout(), &seen)?;
    std::io::stdout().flush().context("tell what was seen")
}
