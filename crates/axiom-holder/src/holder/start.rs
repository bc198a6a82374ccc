//! Starting a process exactly as asked: fork, a few system calls, exec, with no helper in between.
//! Owner of what a new process inherits: three descriptors, default signal actions, an empty mask,
//! and nothing else. Says at which stage a start failed.
#![expect(unsafe_code, reason = "between fork and exec only bare system calls are allowed")]

mod fork;

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use crate::cgroup::leaf::Entrance;
use crate::wire::Stage;

use fork::{Forked, fork};

/// What to start, and in which surroundings.
pub(super) struct Start<'a> {
    /// The paths to try, in order.
    pub(super) programs: &'a [CString],
    pub(super) args: &'a [CString],
    pub(super) env: &'a [CString],
    /// None: the holder's own.
    pub(super) cwd: Option<CString>,
    pub(super) umask: Option<u32>,
    /// Standard input, output and error. Each is above 2, or is in its own place already.
    pub(super) stdio: [BorrowedFd<'a>; 3],
    pub(super) session: NewSession,
    /// Added to the nice value.
    pub(super) nice: i32,
    /// The cgroup to be in.
    pub(super) cgroup: Option<&'a Entrance>,
}

/// A process that has been made and has not said yet whether it could become the program.
#[derive(Debug)]
#[must_use = "until it is waited for, nobody knows whether it runs"]
pub(super) struct Starting {
    pid: Pid,
    from_child: OwnedFd,
}

/// Whether the process leads a session of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewSession {
    No,
    Yes,
    /// With its standard input as controlling terminal.
    WithTerminal,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) pid: u32,
    pub(super) pidfd: OwnedFd,
    /// It runs outside of the cgroup that was asked for.
    pub(super) cgroup_refused: Option<i32>,
}

/// Why none runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) stage: Stage,
    pub(super) errno: i32,
}

impl Refusal {
    /// For `map_err`: a system call failed at this stage.
    pub(super) fn at(stage: Stage) -> impl FnOnce(Errno) -> Self {
        move |errno| Self { stage, errno: errno.raw_os_error() }
    }
}

/// What a new process says of itself before it executes: a stage, three zero bytes, an error
/// number.
const NOTE_BYTES: usize = 8;

/// Linux has this many signals.
const SIGNALS: libc::c_int = 64;

/// The size of the kernel's signal set: a bit each.
const SIGSET_BYTES: usize = 8;

/// Closes every descriptor but the first three.
pub(super) fn close_inherited() -> Result<(), Errno> {
    // SAFETY: called before anything here has opened a descriptor; those closed belong to nobody.
    match unsafe { libc::close_range(3, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _failed => Err(Errno::from_raw_os_error(errno())),
    }
}

/// Starts a process and waits until it executes the program or says why not. Only from a single
/// thread: the new process begins as a copy of this one.
pub(super) fn start(start: &Start<'_>) -> Result<Started, Refusal> {
    begin(start)?.finish()
}

/// The first half of [`start`]: several processes can be on their way to their programs at once.
pub(super) fn begin(start: &Start<'_>) -> Result<Starting, Refusal> {
    for (place, fd) in (0..).zip(&start.stdio) {
        assert!(fd.as_raw_fd() > 2 || fd.as_raw_fd() == place, "stdio would be overwritten");
    }
    let argv = pointers(start.args);
    let envp = pointers(start.env);
    let (from_child, to_parent) =
        pipe_with(PipeFlags::CLOEXEC).map_err(Refusal::at(Stage::Fork))?;
    let cgroup = start.cgroup.map(AsFd::as_fd);
    // SAFETY: this process has one thread, so no lock is held by another; the child only makes
    // system calls on memory prepared above, and executes or exits.
    let pid = match unsafe { fork(cgroup) }.map_err(Refusal::at(Stage::Fork))? {
        Forked::Parent { pid } => pid,
        Forked::Child { entered } => {
            let entrance = start.cgroup.filter(|_| !entered);
            // SAFETY: we are the child of that fork.
            unsafe { become_program(start, entrance, &argv, &envp, to_parent.as_raw_fd()) }
        }
    };
    let pid = Pid::from_raw(pid).expect("a fork's result is a pid");
    Ok(Starting { pid, from_child })
}

impl Starting {
    /// The second half: waits until it executes the program or says why not.
    pub(super) fn finish(self) -> Result<Started, Refusal> {
        let pid = self.pid;
        let mut cgroup_refused = None;
        for note in read_notes(&self.from_child) {
            match note.stage {
                Stage::Cgroup => cgroup_refused = Some(note.errno),
                Stage::Pty | Stage::Cwd | Stage::Exec | Stage::Fork => {
                    wait_for(pid);
                    return Err(note);
                }
            }
        }
        // Ours and not reaped, so the pid is still this process'.
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(Refusal::at(Stage::Fork));
        let pidfd = pidfd.inspect_err(|_| {
            // One that cannot be named for sure cannot be fenced: it must not run.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            wait_for(pid);
        })?;
        Ok(Started { pid: pid.as_raw_nonzero().get().cast_unsigned(), pidfd, cgroup_refused })
    }
}

fn wait_for(pid: Pid) {
    // It exits by itself at once; the only error would be that somebody else reaped it.
    let _ = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
}

/// Reads the notes of a new process until it executes or exits, which closes its end.
fn read_notes(from_child: &OwnedFd) -> Vec<Refusal> {
    let mut notes = Vec::new();
    let mut note = [0; NOTE_BYTES];
    // Notes are shorter than a pipe's atomic size, so each is read whole.
    while let Ok(NOTE_BYTES) = rustix::io::retry_on_intr(|| rustix::io::read(from_child, &mut note))
    {
        let [stage, _, _, _, errno @ ..] = note;
        let stage = Stage::from_code(stage).unwrap_or(Stage::Fork);
        notes.push(Refusal { stage, errno: i32::from_le_bytes(errno) });
    }
    notes
}

/// The array of pointers that `execve` takes, with the null at its end.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Turns the forked copy into the program.
///
/// # Safety Only in a process just forked from a single-threaded one. Makes system calls only: no
/// allocation, no lock, no panic.
unsafe fn become_program(
    start: &Start<'_>,
    entrance: Option<&Entrance>,
    argv: &[*const libc::c_char],
    envp: &[*const libc::c_char],
    notes: libc::c_int,
) -> ! {
    // SAFETY: every pointer is to memory of `start`, `argv` and `envp`, which this copy owns.
    unsafe {
        reset_signals();
        if let Err(stage) = surround(start, entrance, notes) {
            tell(notes, stage, errno());
            libc::_exit(127);
        }
        let mut denied = false;
        let mut last = libc::ENOENT;
        for program in start.programs {
            libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr());
            last = errno();
            match last {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _other => break,
            }
        }
        // As a shell would say: there is one, but it may not be executed.
        let missing = matches!(last, libc::ENOENT | libc::ENOTDIR | libc::EACCES);
        tell(notes, Stage::Exec, if denied && missing { libc::EACCES } else { last });
        libc::_exit(127)
    }
}

/// Makes the surroundings in order: session, descriptors, terminal, cgroup, umask, directory. On
/// failure `errno` says why.
unsafe fn surround(
    start: &Start<'_>,
    entrance: Option<&Entrance>,
    notes: libc::c_int,
) -> Result<(), Stage> {
    // SAFETY: system calls on descriptors and strings that live in `start`.
    unsafe {
        if start.session != NewSession::No && libc::setsid() < 0 {
            return Err(Stage::Fork);
        }
        for (place, fd) in (0..).zip(&start.stdio) {
            if libc::dup2(fd.as_raw_fd(), place) < 0 {
                return Err(Stage::Pty);
            }
        }
        if start.session == NewSession::WithTerminal && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
            return Err(Stage::Pty);
        }
        if let Some(entrance) = entrance {
            let zero: [u8; 1] = *b"0";
            if libc::write(entrance.procs().as_raw_fd(), zero.as_ptr().cast(), zero.len()) < 0 {
                tell(notes, Stage::Cgroup, errno());
            }
        }
        // Every descriptor of ours is close-on-exec already; this also covers one that a later
        // change forgets.
        libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
        if start.nice != 0 {
            // To be nicer is never refused.
            libc::nice(start.nice);
        }
        if let Some(umask) = start.umask {
            libc::umask(umask);
        }
        match &start.cwd {
            Some(cwd) if libc::chdir(cwd.as_ptr()) < 0 => Err(Stage::Cwd),
            _entered => Ok(()),
        }
    }
}

/// Default actions and an empty mask: execution would pass ignored and blocked signals on.
unsafe fn reset_signals() {
    // SAFETY: default actions run no code; the set is initialised before it is read.
    unsafe {
        // The kernel's call, not the C library's: that one keeps two signals to itself, and a
        // caller may have left them ignored. Zero in every field of the kernel's structure, on
        // every architecture, is the default action. Fails for SIGKILL and SIGSTOP only.
        let default = [0_u64; 4];
        for signal in 1..=SIGNALS {
            let none = ptr::null::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SIGSET_BYTES);
        }
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

unsafe fn tell(notes: libc::c_int, stage: Stage, errno: i32) {
    let [a, b, c, d] = errno.to_le_bytes();
    let note: [u8; NOTE_BYTES] = [stage.code(), 0, 0, 0, a, b, c, d];
    // SAFETY: the array lives through the call.
    unsafe { libc::write(notes, note.as_ptr().cast(), note.len()) };
}

fn errno() -> i32 {
    // SAFETY: the C library's pointer to this thread's error number is always valid.
    unsafe { *libc::__errno_location() }
}
