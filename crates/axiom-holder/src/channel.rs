//! A connection that keeps packets whole and carries descriptors (`SOCK_SEQPACKET`, `SCM_RIGHTS`),
//! between holder and worker and on the control socket. Owner of addressing by folder descriptor,
//! so that no path is too long for a socket address. Refuses packets beyond [`PACKET_BYTES_MAX`]
//! and never raises `SIGPIPE`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    connect, recvmsg, sendmsg, socket_with, socketpair,
};

use crate::wire::{FDS_MAX, PACKET_BYTES_MAX};

/// The holder's control socket (`SOCK_SEQPACKET`) in a session's folder.
pub const HOLDER_SOCKET: &str = "holder.sock";

/// The worker's link socket (`SOCK_STREAM`) in a session's folder. The holder binds it, each worker
/// in turn accepts.
pub const LINK_SOCKET: &str = "link.sock";

/// The session's log, in its folder: what holder and worker say to operators.
pub const LOG_FILE: &str = "log";

/// One end of a packet connection.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What [`Channel::recv`] took.
#[derive(Debug)]
pub struct Received {
    /// The packet's length; zero means that the peer has closed.
    pub len: usize,
    /// The descriptors that came with it, close-on-exec.
    pub fds: Vec<OwnedFd>,
}

impl Channel {
    /// Two connected ends.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Dials a packet socket in a folder, however long the folder's path is.
    pub fn connect(folder: BorrowedFd<'_>, name: &str) -> io::Result<Self> {
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        retry_on_intr(|| connect(&socket, &address(folder, name)?))?;
        Ok(Self(socket))
    }

    /// The end that a worker finds as its standard input, which becomes `/dev/null`.
    pub fn inherited() -> io::Result<Self> {
        let stdin = rustix::stdio::stdin();
        let channel = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        rustix::stdio::dup2_stdin(&null)?;
        Ok(Self(channel))
    }

    /// Wraps a connected packet socket.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends one packet, whole or not at all. `WouldBlock` if the peer does not read and this end
    /// is non-blocking.
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.is_empty() || bytes.len() > PACKET_BYTES_MAX || fds.len() > FDS_MAX {
            return Err(Errno::MSGSIZE.into());
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            let pushed = control.push(SendAncillaryMessage::ScmRights(fds));
            assert!(pushed, "the buffer has room for FDS_MAX descriptors");
        }
        let iov = [IoSlice::new(bytes)];
        retry_on_intr(|| sendmsg(&self.0, &iov, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Takes one packet. A packet longer than the buffer, or with too many descriptors, is an error
    /// and is gone.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            let mut iov = [IoSliceMut::new(buffer)];
            match recvmsg(&self.0, &mut iov, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(got) => break got,
            }
        };
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        if got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(Errno::MSGSIZE.into());
        }
        Ok(Received { len: got.bytes, fds })
    }

    /// Makes sends and receives return `WouldBlock` in place of waiting. Touches this end only.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.0, on)?)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// A path to a socket in a folder that fits every socket address. Good while the folder stays open
/// in this process.
pub fn socket_path(folder: BorrowedFd<'_>, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// The same as a socket address.
pub(crate) fn address(folder: BorrowedFd<'_>, name: &str) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new(socket_path(folder, name))
}
