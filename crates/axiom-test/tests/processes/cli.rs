//! The command line from outside: one test's programs, their output and their exit codes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{EVENT_WAIT, Lab, binary, kill, wait_for_death};

/// What a finished program gave.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts success.
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.success(), "{self:?}");
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Lab {
    /// The command line, for this home, with a plain environment.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new(binary("axiom"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AXIOM_") {
                command.env_remove(name);
            }
        }
        command.env("AXIOM_HOME", self.home()).env("AXIOM_DISK_MIN_FREE", "0").args(args);
        command
    }

    /// Runs to the end, with nothing on standard input.
    pub(crate) fn axiom<A: AsRef<OsStr>>(&self, args: &[A]) -> Finished {
        self.axiom_with_input(args, b"")
    }

    /// Runs to the end, fed with these bytes.
    pub(crate) fn axiom_with_input<A: AsRef<OsStr>>(&self, args: &[A], input: &[u8]) -> Finished {
        finish(&mut self.command(args), input)
    }

    /// Spawns one task and gives its id.
    pub(crate) fn spawn(&self, args: &[&str]) -> String {
        let answer = self.axiom(&[&["spawn", "--json"], args].concat()).ok().json();
        answer["tasks"][0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn spawn_shell(&self, line: &str) -> String {
        self.spawn(&["--", "sh", "-c", line])
    }

    /// A task as `show --json` tells it.
    pub(crate) fn show(&self, id: &str) -> Value {
        self.axiom(&["show", "--json", id]).ok().json()
    }

    pub(crate) fn status_of(&self, id: &str) -> String {
        self.show(id)["task"]["status"].as_str().unwrap().to_owned()
    }

    /// Waits for the end of these tasks.
    pub(crate) fn wait(&self, ids: &[&str]) -> Finished {
        self.axiom(&[&["wait", "--timeout", "60s"], ids].concat())
    }

    /// The whole output as it was printed.
    pub(crate) fn raw_output(&self, id: &str) -> Vec<u8> {
        self.axiom(&["logs", "--view", "raw", id]).ok().stdout
    }

    pub(crate) fn server_pid(&self) -> Option<u32> {
        let note = std::fs::read(self.home().join("run/server.json")).ok()?;
        let note: Value = serde_json::from_slice(&note).ok()?;
        Some(u32::try_from(note["pid"].as_u64()?).unwrap())
    }

    /// Kills the server, and waits for its death.
    pub(crate) fn kill_server(&self) -> u32 {
        let pid = self.server_pid().expect("a server runs");
        kill(pid, libc::SIGKILL);
        assert!(wait_for_death(pid, EVENT_WAIT), "the server did not die");
        pid
    }

    /// Stops every task and the server. Every test with a server ends with it.
    pub(crate) fn shut_down(&self) {
        let _answer: Finished = self.axiom(&["shutdown", "--stop-tasks"]).ok();
    }

    /// Starts a program whose output is followed while it runs.
    pub(crate) fn follow(&self, args: &[&str]) -> Followed {
        Followed::start(self.command(args))
    }
}

/// Runs a program to its end.
pub(crate) fn finish(command: &mut Command, input: &[u8]) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        let _reader_may_be_gone = stdin.write_all(&input);
    });
    let watched = Watchdog::over(&child);
    let output = child.wait_with_output().unwrap();
    drop(watched);
    feeder.join().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Finished { status: output.status, stdout: output.stdout, stderr }
}

/// Kills a program that outlives every patience, so that its test fails instead of hanging.
#[derive(Debug)]
struct Watchdog {
    /// Dropped when the program has ended.
    _over: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    fn over(child: &Child) -> Self {
        let (over, ended) = channel::<()>();
        let pid = child.id();
        std::thread::spawn(move || {
            if ended.recv_timeout(EVENT_WAIT * 6) == Err(RecvTimeoutError::Timeout) {
                kill(pid, libc::SIGKILL);
            }
        });
        Self { _over: over }
    }
}

/// A program that runs beside the test.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
    stderr: Receiver<String>,
}

impl Followed {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        Self { child, stdin, lines, seen: Vec::new(), stderr }
    }

    /// Takes lines until one of them is what is waited for.
    pub(crate) fn wait_for_line(&mut self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + EVENT_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if is(&line) {
                        return line;
                    }
                }
                Err(error) => panic!(
                    "waited in vain for {what} ({error}); seen {:?}, stderr {:?}",
                    self.seen.iter().rev().take(5).collect::<Vec<_>>(),
                    self.stderr.try_iter().collect::<Vec<_>>()
                ),
            }
        }
    }

    /// Takes lines of standard error until one of them is what is waited for.
    pub(crate) fn wait_for_error(&mut self, what: &str, is: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + EVENT_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stderr.recv_timeout(left) {
                Ok(line) if is(&line) => return,
                Ok(_) => {}
                Err(error) => panic!("waited in vain for {what} ({error})"),
            }
        }
    }

    /// Takes everything to the program's end.
    pub(crate) fn finish(mut self, at_most: Duration) -> (ExitStatus, Vec<String>, String) {
        drop(self.stdin.take());
        let deadline = Instant::now() + at_most;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    kill(self.child.id(), libc::SIGKILL);
                    panic!("it did not end; last seen {:?}", self.seen.last());
                }
            }
        }
        let status = self.child.wait().unwrap();
        let stderr: Vec<String> = self.stderr.iter().collect();
        (status, std::mem::take(&mut self.seen), stderr.join("\n"))
    }
}

impl Drop for Followed {
    /// A client follows for as long as its task may still say something: a test that is done with it ends it.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone_already = self.child.kill();
            let _status_nobody_asks_for = self.child.wait();
        }
    }
}

fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (give, take) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            if give.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    take
}
