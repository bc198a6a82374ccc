//! The session's folder as the holder uses it: the lock that makes a session start once, and the
//! two sockets. Owner of these files. Refuses a folder whose lock is held or used up.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use crate::channel::{HOLDER_SOCKET, LINK_SOCKET, LOG_FILE, address};

use super::SetupError;

/// Locked for the holder's life, and never empty again.
const HOLDER_FILE: &str = "holder";

/// Connections that may wait to be accepted: a server and a few tools.
const BACKLOG: i32 = 64;

/// A folder whose session is this holder's to start.
pub(super) struct Claim {
    fd: OwnedFd,
    lock: OwnedFd,
}

/// The folder of a session that can be dialled.
pub(super) struct Folder {
    fd: OwnedFd,
    /// Holds the lock. Never read.
    _lock: OwnedFd,
    /// Accepted by the worker; `SOCK_STREAM`.
    pub(super) link: OwnedFd,
    /// Accepted here; `SOCK_SEQPACKET`.
    pub(super) control: OwnedFd,
}

impl Claim {
    /// Takes the session, once and for all.
    pub(super) fn take(path: &Path, started_unix_us: u64) -> Result<Self, SetupError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(SetupError::during("open the session's folder"))?;
        use_log(fd.as_fd()).map_err(SetupError::during("open the session's log"))?;
        let lock = lock(fd.as_fd(), started_unix_us)?;
        Ok(Self { fd, lock })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Makes the sockets, both or none: from here on others see the session.
    pub(super) fn open(self) -> Result<Folder, SetupError> {
        let listener = |name, kind| {
            socket(self.fd.as_fd(), name, kind)
                .inspect_err(|_| remove_sockets(self.fd.as_fd()))
                .map_err(SetupError::during("make the session's sockets"))
        };
        let link = listener(LINK_SOCKET, SocketType::STREAM)?;
        let control = listener(HOLDER_SOCKET, SocketType::SEQPACKET)?;
        Ok(Folder { fd: self.fd, _lock: self.lock, link, control })
    }
}

impl Folder {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Removes the sockets: nobody is to dial a session that has ended.
    pub(super) fn remove_sockets(&self) {
        remove_sockets(self.fd.as_fd());
    }
}

fn remove_sockets(folder: BorrowedFd<'_>) {
    for name in [LINK_SOCKET, HOLDER_SOCKET] {
        // Whoever removed it first did the same work.
        let _ = unlinkat(folder, name, AtFlags::empty());
    }
}

/// From here on the session's log is our standard error.
fn use_log(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags =
        OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let log = openat(folder, LOG_FILE, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::stdio::dup2_stderr(&log)
}

fn lock(folder: BorrowedFd<'_>, started_unix_us: u64) -> Result<OwnedFd, SetupError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, HOLDER_FILE, flags, Mode::RUSR | Mode::WUSR)
        .map_err(SetupError::during("open the session's lock"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(SetupError::StartedAlready),
        Err(source) => return Err(SetupError::System { what: "lock the session", source }),
    }
    let during = "write the session's lock";
    if fstat(&file).map_err(SetupError::during(during))?.st_size != 0 {
        return Err(SetupError::StartedAlready);
    }
    let pid = std::process::id();
    let text = format!("axiom-holder 1\npid {pid}\nstarted_unix_us {started_unix_us}\n");
    match rustix::io::write(&file, text.as_bytes()) {
        Ok(len) if len == text.len() => Ok(file),
        Ok(_short) => Err(SetupError::System { what: during, source: Errno::NOSPC }),
        Err(source) => Err(SetupError::System { what: during, source }),
    }
}

/// A listening socket, bound through the folder's descriptor: socket addresses are short, homes may
/// be long.
fn socket(folder: BorrowedFd<'_>, name: &str, kind: SocketType) -> Result<OwnedFd, Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    bind(&socket, &address(folder, name)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}
