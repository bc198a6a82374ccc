//! A bare terminal: a program on it, and the least loop that reads it.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal gives about 4 KiB at once, whatever is asked for.
const READ_BYTES: usize = 64 * 1024;

/// Starts a program on a terminal of its own.
pub(super) fn start(program: &str, arguments: &[String]) -> anyhow::Result<(OwnedFd, Child)> {
    // Closed in the child: one that kept this end open would read on for ever after a killed reader.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).context("open a terminal")?;
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).context("unlock the terminal")?;
    let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).context("size the terminal")?;
    let end = ioctl_tiocgptpeer(&terminal, flags)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(end.try_clone()?))
        .stdout(Stdio::from(end.try_clone()?))
        .stderr(Stdio::from(end))
        .spawn()
        .with_context(|| format!("start {program}"))?;
    Ok((terminal, child))
}

/// Reads to the end.
pub(super) fn read_all(
    source: impl AsFd,
    mut see: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match rustix::io::read(&source, &mut buffer) {
            // The last writer has closed it.
            Ok(0) | Err(Errno::IO) => return Ok(()),
            Ok(count) => see(&buffer[..count])?,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("read the terminal"),
        }
    }
}
