//! Bare chains: what handing bytes on costs, with nothing done to them. Each process reads and writes, and no more: the first a
//! terminal, those behind it a unix stream. No frames, no journal, no rules; what a product adds is what it takes beyond these.
//! `axiom-bench chain N COMMAND…` is N processes, the last of which writes to our standard output.

use std::io::IsTerminal as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::observation::Look;
use super::offspring::Offspring;
use super::onlooker::Onlooker;
use super::terminal;
use crate::load::now_ns;

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [count, command @ ..] = arguments else { bail!("chain N COMMAND…") };
    let count: u32 = count.parse().context("N is a number")?;
    let stdout = rustix::stdio::stdout();
    if std::io::stdout().is_terminal() {
        // As every program does that draws what another printed: it is to come out as it went in.
        let mut modes = tcgetattr(stdout)?;
        modes.make_raw();
        tcsetattr(stdout, OptionalActions::Now, &modes)?;
    }
    let (source, mut before) = begun(count, command)?;
    terminal::read_all(source, |mut bytes| {
        while !bytes.is_empty() {
            let count = rustix::io::retry_on_intr(|| rustix::io::write(stdout, bytes))?;
            bytes = &bytes[count..];
        }
        Ok(())
    })?;
    well(&before.wait()?)
}

/// `axiom-bench relayed LOOK N COMMAND…`: the last of N processes is a gauge, and there is no terminal behind it.
pub(super) fn run_relayed(arguments: &[String]) -> anyhow::Result<()> {
    let [look, count, command @ ..] = arguments else { bail!("relayed LOOK N COMMAND…") };
    let (look, count): (Look, u32) = (look.parse()?, count.parse().context("N is a number")?);
    let offspring = Offspring::gathered()?;
    let (source, mut before) = begun(count, command)?;
    let mut onlooker = Onlooker::new(look, offspring);
    terminal::read_all(source, |bytes| onlooker.see(bytes, now_ns()))?;
    well(&before.wait()?)?;
    onlooker.tell()
}

/// What the last process of a chain reads, and the one before it.
fn begun(count: u32, command: &[String]) -> anyhow::Result<(OwnedFd, Child)> {
    if count <= 1 {
        let [program, arguments @ ..] = command else { bail!("a chain needs a command") };
        return terminal::start(program, arguments);
    }
    let (ours, theirs) = UnixStream::pair()?;
    let own = std::env::current_exe().context("find the bench's own program")?;
    let mut before = Command::new(own);
    before.arg("chain").arg((count - 1).to_string()).args(command);
    before.stdin(Stdio::null()).stdout(OwnedFd::from(theirs));
    Ok((ours.into(), before.spawn().context("start a process of a chain")?))
}

fn well(status: &std::process::ExitStatus) -> anyhow::Result<()> {
    if status.success() { Ok(()) } else { bail!("what a chain reads ended with {status}") }
}
