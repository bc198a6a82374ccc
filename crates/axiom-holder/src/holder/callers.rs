//! Those who dialled the control socket. Owner of their number and of the rule that nobody makes
//! the holder wait: who does not take an answer is hung up on. Refuses other users.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{SocketFlags, accept_with, sockopt::socket_peercred};

use crate::channel::Channel;
use crate::wire::ControlReply;

/// Connections at once: a server, its successor, a doctor and a few tools.
const CALLERS_MAX: usize = 8;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Callers(Vec<Caller>);

#[derive(Debug)]
struct Caller {
    channel: Channel,
    /// It asked for a replacement and waits.
    replacing: bool,
    /// It hung up, or did not take an answer: leaves the list at the end of the turn, so that
    /// places stay.
    gone: bool,
}

impl Callers {
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|caller| caller.channel.as_fd())
    }

    /// Takes in one who dialled. One too many is told `EBUSY`.
    pub(super) fn accept(&mut self, listener: &OwnedFd) {
        // It may have hung up meanwhile.
        let Ok(fd) = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) else {
            return;
        };
        let ours = rustix::process::geteuid();
        if !socket_peercred(&fd).is_ok_and(|peer| peer.uid == ours) {
            return;
        }
        let caller = Caller { channel: Channel::from_fd(fd), replacing: false, gone: false };
        if self.0.len() < CALLERS_MAX {
            self.0.push(caller);
        } else {
            let refused = ControlReply::Refused { errno: libc::EBUSY };
            // It is hung up on in any case.
            drop(caller.channel.send(&refused.encode(), &[]));
        }
    }

    /// Takes one packet of a caller; None if there is none now or no more.
    pub(super) fn receive(&mut self, index: usize, buffer: &mut [u8]) -> Option<usize> {
        let caller = &mut self.0[index];
        match caller.channel.recv(buffer) {
            Ok(received) if received.len > 0 => Some(received.len),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Ok(_) | Err(_) => {
                caller.gone = true;
                None
            }
        }
    }

    /// Answers a caller, or gives it up.
    pub(super) fn send(&mut self, index: usize, reply: &ControlReply) {
        self.0[index].send(reply);
    }

    /// Remembers that a caller waits for a replacement.
    pub(super) fn await_replacement(&mut self, index: usize) {
        self.0[index].replacing = true;
    }

    /// Answers all who wait for a replacement.
    pub(super) fn tell_replaced(&mut self, epoch: u64) {
        for caller in &mut self.0 {
            if std::mem::take(&mut caller.replacing) {
                caller.send(&ControlReply::Replaced { epoch });
            }
        }
    }

    /// Hangs up on those that are gone. Places change.
    pub(super) fn sweep(&mut self) {
        self.0.retain(|caller| !caller.gone);
    }
}

impl Caller {
    fn send(&mut self, reply: &ControlReply) {
        self.gone |= self.channel.send(&reply.encode(), &[]).is_err();
    }
}
