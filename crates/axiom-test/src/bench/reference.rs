//! The reference: the least that anything can do that reads a terminal, in a process of its own.
//! `axiom-bench reference LOOK COMMAND…` starts the command on a bare terminal, reads it to its end and tells what it saw.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::cpu;
use super::observation::{Observation, Watcher};
use crate::load::now_ns;

/// A terminal gives about 4 KiB at once, whatever is asked for.
const READ_BYTES: usize = 64 * 1024;

pub(super) fn run(command: &[String]) -> anyhow::Result<()> {
    let [look, program, arguments @ ..] = command else { bail!("reference LOOK COMMAND…") };
    // Closed in the child: one that kept this end open would read on for ever after a killed reader.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).context("open a terminal")?;
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).context("unlock the terminal")?;
    let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).context("size the terminal")?;
    let end = ioctl_tiocgptpeer(&terminal, flags)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(end.try_clone()?))
        .stdout(Stdio::from(end.try_clone()?))
        .stderr(Stdio::from(end))
        .spawn()
        .with_context(|| format!("start {program}"))?;
    let mut watcher = Watcher::new(look.parse()?);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match rustix::io::read(&terminal, &mut buffer) {
            // The last writer has closed it.
            Ok(0) | Err(Errno::IO) => break,
            Ok(count) => watcher.see(&buffer[..count], now_ns()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("read the terminal"),
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    let seen = Observation { streams: vec![watcher.finish()], cpu_us: cpu::own_us() };
    serde_json::to_writer(std::io::stdout(), &seen)?;
    std::io::stdout().flush().context("tell what was seen")
}
