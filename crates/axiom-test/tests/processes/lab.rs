//! The lab: a home of its own for one test, the built binaries, and the check that nothing is left alive.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for one event. Generous: the machine is shared; a test that waits so long has failed anyway.
pub(crate) const EVENT_WAIT: Duration = Duration::from_secs(60);

/// Longest wait for what works below everybody else: the other tests' processes go first, all of them.
pub(crate) const LOW_WAIT: Duration = Duration::from_secs(240);

/// After a test, dying processes get this long to be gone.
const GONE_WAIT: Duration = Duration::from_secs(30);

/// One test's home.
#[derive(Debug)]
pub(crate) struct Lab {
    home: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o700);
        let home = tempfile::Builder::new().prefix("axiom-lab-").permissions(private).tempdir();
        Self { home: home.unwrap() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Processes that carry this home in their environment, or hold something of it open: a worker's environment is
    /// empty, but its journal is open.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let mark = format!("AXIOM_HOME={}\0", self.home().display());
        let carries = |pid: &u32| {
            let mut environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.push(0);
            memmem(&environ, mark.as_bytes()) || holds_open(*pid, self.home())
        };
        let alive = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
        };
        let own = std::process::id();
        pids()
            .filter(|pid| *pid != own)
            .filter(carries)
            .filter(alive)
            .map(|pid| (pid, command_line(pid)))
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let deadline = Instant::now() + GONE_WAIT;
        let mut left = self.processes();
        while !left.is_empty() && Instant::now() < deadline {
            for (pid, _) in &left {
                wait_for_death(*pid, Duration::from_millis(200));
            }
            left = self.processes();
        }
        for (pid, _) in &left {
            kill(*pid, libc::SIGKILL);
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "the test left processes alive: {left:?}");
        }
    }
}

fn holds_open(pid: u32, home: &Path) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(home)))
}

fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
}

/// What a process was started with.
pub(crate) fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
}

/// A built binary, beside the test's own.
pub(crate) fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("AXIOM_TEST_BIN").map_or_else(
        || {
            let own = std::env::current_exe().unwrap();
            own.parent().and_then(Path::parent).unwrap().to_owned()
        },
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built: run cargo build -p axiom first", path.display());
    path
}

/// Sends a signal to a process that the test knows.
pub(crate) fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).unwrap();
    // SAFETY: plain system call on a process that belongs to this test.
    #[expect(unsafe_code, reason = "the one way to signal a process by number")]
    let _gone_already = unsafe { libc::kill(pid, signal) };
}

/// Stops a process, and waits until none of its threads runs.
pub(crate) fn freeze(pid: u32) {
    kill(pid, libc::SIGSTOP);
    let is_stopped = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    };
    let deadline = std::time::Instant::now() + EVENT_WAIT;
    while !std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().all(is_stopped) {
        assert!(std::time::Instant::now() < deadline, "{pid} does not stop");
    }
}

/// The kernel stops a process when it gets round to it, and tells nobody but its parent.
pub(crate) fn wait_until_stopped(pid: u32) {
    let deadline = Instant::now() + EVENT_WAIT;
    while state(pid) != 'T' {
        assert!(Instant::now() < deadline, "{pid} is not stopped but {}", state(pid));
        std::thread::yield_now();
    }
}

/// The letter of a process' state.
pub(crate) fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).unwrap_or('?')
}

/// True while the process runs (a zombie does not).
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| {
        let rest = rest.trim_start();
        !rest.is_empty() && !rest.starts_with(['Z', 'X'])
    })
}

/// Waits until the process is dead, by its pidfd. False if it lives on.
pub(crate) fn wait_for_death(pid: u32, at_most: Duration) -> bool {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return true };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
    let timeout = rustix::event::Timespec {
        tv_sec: at_most.as_secs().cast_signed(),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    rustix::event::poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// Waits until a folder has this entry, by inotify, or until `give_up` says that it never will.
pub(crate) fn wait_for_entry(path: &Path, give_up: &mut dyn FnMut() -> bool) {
    wait_long_for_entry(path, EVENT_WAIT, give_up);
}

/// The same, with another bound.
pub(crate) fn wait_long_for_entry(path: &Path, wait: Duration, give_up: &mut dyn FnMut() -> bool) {
    use rustix::fs::inotify;
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    let events = inotify::WatchFlags::CREATE
        | inotify::WatchFlags::MOVED_TO
        | inotify::WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&watch, path.parent().unwrap(), events).unwrap();
    let deadline = Instant::now() + wait;
    while !path.exists() && !give_up() {
        assert!(Instant::now() < deadline, "waited in vain for {}", path.display());
        let mut fds = [rustix::event::PollFd::new(&watch, rustix::event::PollFlags::IN)];
        // A look every so often: a process that dies makes no entry.
        let look = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        if rustix::event::poll(&mut fds, Some(&look)).is_ok_and(|ready| ready > 0) {
            let mut events = [0; 4096];
            let _read: usize = rustix::io::read(&watch, &mut events).unwrap();
        }
    }
}

/// Asserts that the process dies soon.
pub(crate) fn assert_dies(pid: u32, what: &str) {
    assert!(wait_for_death(pid, EVENT_WAIT), "{what} (process {pid}) did not die");
}
