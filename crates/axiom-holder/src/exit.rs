//! The child's exit status, where it survives: a file in the session's folder, and the kernel's
//! memory of a pidfd. Owner of the file's format. Refuses to guess: a status is known, or there is
//! none.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The file's name in the session's folder.
pub const EXIT_FILE: &str = "exit";

/// Where the next exit file is prepared, with its room on the disk taken at the session's start.
pub const EXIT_FILE_NEW: &str = "exit.new";

const FORMAT: &str = "1";

/// The longest exit file. The holder takes this much disk before the child starts, so that a full
/// disk later cannot lose the status.
pub const EXIT_FILE_BYTES_MAX: usize = 64;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitNote {
    /// The raw wait status.
    pub status: i32,
    /// When the holder reaped it.
    pub unix_us: u64,
}

impl ExitNote {
    /// The file's content.
    pub fn encode(&self) -> String {
        format!("{FORMAT} {} {}\n", self.status, self.unix_us)
    }

    /// Reads a file's content; None if it is not one, or torn.
    pub fn decode(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        if words.next()? != FORMAT {
            return None;
        }
        let note =
            Self { status: words.next()?.parse().ok()?, unix_us: words.next()?.parse().ok()? };
        Some(note)
    }
}

/// Reads the exit file of a session. `Ok(None)` if the child has not been reaped, or has never
/// started.
pub fn read_exit_file(folder: &Path) -> io::Result<Option<ExitNote>> {
    let file = match File::open(folder.join(EXIT_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(EXIT_FILE_BYTES_MAX as u64).read_to_string(&mut text)?;
    match ExitNote::decode(&text) {
        Some(note) => Ok(Some(note)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the exit file is not one")),
    }
}

/// The exit file to be: written in place, then renamed.
#[derive(Debug)]
pub(crate) struct ExitFile {
    file: OwnedFd,
}

impl ExitFile {
    /// Takes the disk room for the note.
    pub(crate) fn reserve(folder: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(folder, EXIT_FILE_NEW, flags, mode)?;
        write_whole(&file, &[b' '; EXIT_FILE_BYTES_MAX])?;
        Ok(Self { file })
    }

    /// Writes the note and gives it its name, so that a reader sees all of it or none. May be
    /// called again if it fails.
    pub(crate) fn publish(
        &self,
        folder: BorrowedFd<'_>,
        note: &ExitNote,
    ) -> rustix::io::Result<()> {
        let text = note.encode();
        write_whole(&self.file, text.as_bytes())?;
        rustix::fs::ftruncate(&self.file, text.len() as u64)?;
        rustix::fs::renameat(folder, EXIT_FILE_NEW, folder, EXIT_FILE)
    }

    /// Gives the room back: the child has never started.
    pub(crate) fn discard(folder: BorrowedFd<'_>) -> rustix::io::Result<()> {
        rustix::fs::unlinkat(folder, EXIT_FILE_NEW, rustix::fs::AtFlags::empty())
    }
}

fn write_whole(file: &OwnedFd, bytes: &[u8]) -> rustix::io::Result<()> {
    match rustix::io::pwrite(file, bytes, 0)? {
        count if count == bytes.len() => Ok(()),
        _short => Err(Errno::NOSPC),
    }
}

/// `struct pidfd_info` of the kernel's interface, in its first published size.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    /// Real, effective, saved and file system ids of user and group.
    ids: [u32; 8],
    exit_code: i32,
}

/// Asks for, and confirms, the exit code.
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// `_IOWR(0xff, 11, struct pidfd_info)`.
const PIDFD_GET_INFO: libc::c_ulong =
    (3 << 30) | ((size_of::<PidfdInfo>() as libc::c_ulong) << 16) | (0xff << 8) | 11;

/// The raw wait status of a process that somebody else has reaped. `Ok(None)` while it runs or is
/// not reaped, and where the kernel does not keep it (before 6.15). The descriptor must be older
/// than the reaping; it polls `POLLIN` from the process' death on, and `POLLHUP` once it is reaped.
#[expect(unsafe_code, reason = "no safe wrapper has this request")]
pub fn exit_of_pidfd(pidfd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request's size field says how large the structure is, which lives through the
    // call.
    let done = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    if done == 0 {
        return Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // An older kernel knows no such request, or forgets a process when it is reaped.
        Some(libc::ENOTTY | libc::EINVAL | libc::ESRCH) => Ok(None),
        _other => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_exit_file_is_no_exit_file() {
        let note = ExitNote { status: -1, unix_us: u64::MAX };
        let text = note.encode();
        assert!(text.len() <= EXIT_FILE_BYTES_MAX, "{text:?}");
        assert_eq!(ExitNote::decode(&text), Some(note));
        for len in 0..text.len() {
            assert_eq!(ExitNote::decode(&text[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn the_kernel_remembers_the_exit_of_a_process_that_was_reaped() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read line; exit 7"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        assert_eq!(exit_of_pidfd(pidfd.as_fd()).unwrap(), None, "while it runs");
        drop(child.stdin.take());
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(7));
        let kept = exit_of_pidfd(pidfd.as_fd()).unwrap();
        assert!(kept == Some(7 << 8) || !kernel_keeps_exits(), "{kept:?}");
    }

    /// Kernels keep the exit of a reaped process from 6.15 on.
    fn kernel_keeps_exits() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split('.').map_while(|part| part.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(15))
    }
}
