//! A copy of this process, made inside a cgroup where the kernel can do that. To be born there costs nothing; to move
//! there afterwards waits for every processor of the machine, 5 to 10 ms (`synchronize_rcu` below the write to `cgroup.procs`).
#![expect(unsafe_code, reason = "the C library has no call for clone3")]

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// The kernel's flag; the C binding's constant of that name does not fit its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// What a fork made, as each of the two sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forked {
    Parent {
        pid: libc::pid_t,
    },
    /// The new process, and whether it is in the cgroup already.
    Child {
        entered: bool,
    },
}

/// Forks, into the cgroup if there is one and the kernel and its guards let us; else plainly.
///
/// # Safety
/// Only from a process with one thread. The child may make system calls only, until it executes or exits.
pub(super) unsafe fn fork(cgroup: Option<BorrowedFd<'_>>) -> Result<Forked, Errno> {
    if let Some(cgroup) = cgroup {
        // SAFETY: the caller's promise.
        match unsafe { fork_into(cgroup) } {
            -1 => {}
            0 => return Ok(Forked::Child { entered: true }),
            pid => return Ok(Forked::Parent { pid: i32::try_from(pid).expect("a pid") }),
        }
        // Before Linux 5.7 there is no such call, containers may forbid it, and a cgroup may refuse: the one who
        // moves in afterwards is told why.
    }
    // SAFETY: the caller's promise.
    match unsafe { libc::fork() } {
        -1 => Err(Errno::from_raw_os_error(super::errno())),
        0 => Ok(Forked::Child { entered: false }),
        pid => Ok(Forked::Parent { pid }),
    }
}

/// As `fork(2)` returns: -1, 0 in the child, its pid in the parent.
unsafe fn fork_into(cgroup: BorrowedFd<'_>) -> libc::c_long {
    let args = libc::clone_args {
        flags: CLONE_INTO_CGROUP,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: u64::from(libc::SIGCHLD.cast_unsigned()),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: u64::from(cgroup.as_raw_fd().cast_unsigned()),
    };
    // SAFETY: the structure is whole and lives through the call; without a shared memory flag the child is a copy, as
    // after a fork. The C library's own records of the thread are stale in it, and it makes no call that reads them.
    unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) }
}
