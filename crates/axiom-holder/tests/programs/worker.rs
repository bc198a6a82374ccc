//! A worker without a mind of its own: shows everything it gets from its holder, descriptors too,
//! to the test whose socket the options name, and does what the test says. So a test plays the
//! worker through a real process. `worker --call FOLDER` asks the holder of a folder for its status
//! instead, for tests of who may.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use axiom_holder::channel::{Channel, HOLDER_SOCKET};
use axiom_holder::wire::{Ask, Control, PACKET_BYTES_MAX, ToHolder, ToWorker};
use rustix::event::{PollFd, PollFlags, poll};

/// Pass the rest on to the other side.
const PASS: u8 = b'P';
/// Exit with the code that follows.
const EXIT: u8 = b'X';
/// Ask the holder until it does not listen any more, and read no answer.
const FLOOD: u8 = b'F';

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    if let [_, verb, folder] = &args[..]
        && verb == "--call"
    {
        return call(&PathBuf::from(folder));
    }
    let holder = Channel::inherited()?;
    let mut buffer = vec![0; PACKET_BYTES_MAX + 1];
    let first = holder.recv(&mut buffer)?;
    let ToWorker::Grant(grant) = ToWorker::decode(&buffer[..first.len])? else {
        return Err("the first packet is no grant".into());
    };
    let folder = File::open(String::from_utf8(grant.options.clone())?)?;
    let stage = Channel::connect(folder.as_fd(), "stage.sock")?;
    let fds: Vec<BorrowedFd<'_>> = first.fds.iter().map(AsFd::as_fd).collect();
    stage.send(&[&[PASS], &buffer[..first.len]].concat(), &fds)?;
    drop(fds);
    drop(first.fds);
    relay(&holder, &stage, &mut buffer)
}

fn relay(holder: &Channel, stage: &Channel, buffer: &mut [u8]) -> Result<ExitCode, Box<dyn Error>> {
    loop {
        let mut fds = [PollFd::new(holder, PollFlags::IN), PollFd::new(stage, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
        let (from_holder, from_stage) =
            (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if from_holder {
            let len = holder.recv(buffer)?.len;
            if len == 0 {
                return Ok(ExitCode::FAILURE);
            }
            stage.send(&[&[PASS], &buffer[..len]].concat(), &[])?;
        }
        if from_stage {
            let len = stage.recv(buffer)?.len;
            match &buffer[..len] {
                [PASS, packet @ ..] => holder.send(packet, &[])?,
                [EXIT, code] => return Ok(ExitCode::from(*code)),
                [FLOOD] => flood(holder)?,
                _other => return Ok(ExitCode::FAILURE),
            }
        }
    }
}

fn flood(holder: &Channel) -> io::Result<()> {
    for request in 0.. {
        holder.send(&ToHolder::Ask { request, ask: Ask::CloseInput }.encode(), &[])?;
    }
    Ok(())
}

/// Succeeds if the holder answers.
fn call(folder: &PathBuf) -> Result<ExitCode, Box<dyn Error>> {
    let folder = File::open(folder)?;
    let holder = Channel::connect(folder.as_fd(), HOLDER_SOCKET)?;
    let mut buffer = [0; 256];
    let answered = match holder.send(&Control::Status.encode(), &[]) {
        Ok(()) => holder.recv(&mut buffer).is_ok_and(|answer| answer.len > 0),
        Err(_hung_up) => false,
    };
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
