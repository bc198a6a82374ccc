//! This test program run again as another process, to be killed, or to hold a lock.
//! It talks in lines on its standard error; every wait has a deadline and says what it waited for.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Generous: only a hang meets it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Tells a child's body its folder, and that it is one.
pub(crate) const FOLDER: &str = "AXIOM_JOURNAL_TEST_FOLDER";

/// The folder, in a child; `None` in a plain run of such a test.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// A running child. Killed and waited for when dropped.
pub(crate) struct Running {
    child: Child,
    said: ChildStderr,
    unread: Vec<u8>,
    deadline: Instant,
}

/// The command that runs one test of this program alone.
pub(crate) fn command(test: &str) -> Command {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(arguments(test));
    command
}

/// What makes this program run one test alone.
pub(crate) fn arguments(test: &str) -> [&str; 4] {
    ["--exact", test, "--nocapture", "--quiet"]
}

impl Running {
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        Self::from(command(test).env(FOLDER, folder).stdin(Stdio::piped()))
    }

    pub(crate) fn from(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start the child");
        let said = child.stderr.take().expect("piped");
        Self { child, said, unread: Vec::new(), deadline: Instant::now() + DEADLINE }
    }

    /// The next line; `None` when the child has closed its standard error.
    pub(crate) fn line(&mut self, what: &str) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.read_more(what) == 0 {
                return None;
            }
        }
    }

    fn read_more(&mut self, what: &str) -> usize {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).expect("a minute fits");
        let ready = poll(&mut [PollFd::new(&self.said, PollFlags::IN)], Some(&left)).expect("poll");
        assert!(ready > 0, "waited {DEADLINE:?} for {what}");
        let mut bytes = [0; 4096];
        let count = self.said.read(&mut bytes).expect("read");
        self.unread.extend_from_slice(&bytes[..count]);
        count
    }

    /// Kills the child at once; gives the whole lines it had still said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        std::iter::from_fn(|| self.line("the killed child's last lines")).collect()
    }

    /// Closes the child's standard input, and waits for its end.
    pub(crate) fn finish(mut self, what: &str) -> (ExitStatus, Vec<String>) {
        drop(self.child.stdin.take());
        let lines = std::iter::from_fn(|| self.line(what)).collect();
        (self.child.wait().expect("wait"), lines)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ended: std::io::Result<()> = self.child.kill();
        let _ended: std::io::Result<ExitStatus> = self.child.wait();
    }
}
