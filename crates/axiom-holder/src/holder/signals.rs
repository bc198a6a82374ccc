//! The holder's signals: deaf to those that end a process by default, and a descriptor for deaths.
//! Owner of the process' signal mask and actions.
#![expect(unsafe_code, reason = "signal actions and signalfd have no safe wrapper here")]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

/// What others may send to stop a process. A session ends by its own rules only.
const IGNORED: [libc::c_int; 14] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGXFSZ,
    libc::SIGVTALRM,
    libc::SIGIO,
];

/// Becomes deaf. Children are not: see `start`.
pub(super) fn ignore_all() {
    for signal in IGNORED {
        // SAFETY: sets an action that runs no code; the signals exist.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // SAFETY: the default action of SIGCHLD runs no code. Ignored, as a parent may have left it,
    // the kernel would reap the child itself and its status were lost.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Blocks `SIGCHLD` and nothing else, and makes a descriptor that is readable when a child has
/// died.
pub(super) fn watch_children() -> Result<OwnedFd, Errno> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set, which the other calls then read; it lives through
    // them. The new descriptor is nobody else's.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) != 0 {
            return Err(last_error());
        }
        match libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            fd if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
            _failed => Err(last_error()),
        }
    }
}

/// Takes what the descriptor holds, so that it is readable at the next death again.
pub(super) fn drain(signals: impl AsFd) {
    let mut taken = [0; 16 * size_of::<libc::signalfd_siginfo>()];
    while rustix::io::read(&signals, &mut taken).is_ok_and(|len| len > 0) {}
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
