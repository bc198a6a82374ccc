//! Asks a session's holder something over its control socket, each time over a connection of its own, with a deadline.
//! Blocking: called beside the runtime. The words are the holder's.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use axiom_holder::channel::{Channel, HOLDER_SOCKET, socket_path};
use axiom_holder::wire::{Control, ControlReply, PACKET_BYTES_MAX, WireError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use thiserror::Error;

/// Why a holder gave no answer.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
    #[error("failed to reach the holder")]
    Reach(#[source] io::Error),
    #[error("the holder gave no answer within {} ms", wait.as_millis())]
    Silent { wait: Duration },
    #[error("the holder closed the connection")]
    HungUp,
    #[error("the holder's answer is not understood")]
    Answer(#[from] WireError),
}

/// Asks, and waits for the answer.
pub(crate) fn ask(
    folder: &Path,
    control: &Control,
    wait: Duration,
) -> Result<ControlReply, ControlError> {
    let deadline = Instant::now() + wait;
    let channel = dial(folder).map_err(ControlError::Reach)?;
    channel.send(&control.encode(), &[]).map_err(ControlError::Reach)?;
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ControlError::Silent { wait });
        }
        let left = Timespec::try_from(left).map_err(|_| ControlError::Silent { wait })?;
        let mut fds = [PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN)];
        retry_on_intr(|| poll(&mut fds, Some(&left)))
            .map_err(|errno| ControlError::Reach(errno.into()))?;
        match channel.recv(&mut buffer) {
            Ok(received) if received.len == 0 => return Err(ControlError::HungUp),
            Ok(received) => return Ok(ControlReply::decode(&buffer[..received.len])?),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(ControlError::Reach(error)),
        }
    }
}

/// Dials without ever waiting: a holder that does not accept refuses at once.
fn dial(folder: &Path) -> io::Result<Channel> {
    let folder = File::open(folder)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    let address = SocketAddrUnix::new(socket_path(folder.as_fd(), HOLDER_SOCKET))?;
    match connect(&socket, &address) {
        Ok(()) => Ok(Channel::from_fd(socket)),
        Err(Errno::AGAIN) => Err(io::ErrorKind::ResourceBusy.into()),
        Err(errno) => Err(errno.into()),
    }
}
