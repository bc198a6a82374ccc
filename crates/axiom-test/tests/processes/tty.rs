//! `axiom run` in a terminal: as if the program ran there by itself.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::lab::{EVENT_WAIT, Lab, kill};

/// A terminal with a program in it, and a person in front of it.
pub(crate) struct Seat {
    master: File,
    slave: OwnedFd,
    pub(crate) child: Child,
    /// The terminal's modes before the program was started.
    pub(crate) before: Termios,
    seen: Vec<u8>,
}

impl Seat {
    pub(crate) fn open(command: Command) -> Self {
        Self::open_sized(command, 80, 24)
    }

    pub(crate) fn open_sized(mut command: Command, cols: u16, rows: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
        let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        command.env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end());
        #[expect(unsafe_code, reason = "a terminal of its own needs calls between fork and exec")]
        // SAFETY: both calls are async-signal-safe and touch nothing of the parent.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let before = tcgetattr(&slave).unwrap();
        let child = command.spawn().unwrap();
        Self { master: File::from(master), slave, child, before, seen: Vec::new() }
    }

    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).unwrap();
    }

    /// All that the terminal got.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads what comes until then. False if nothing came.
    pub(crate) fn read_until(&mut self, until: Instant) -> bool {
        self.read_some(until)
    }

    /// Reads for as long as there is something, at most until `until`. False if nothing came.
    fn read_some(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let timeout =
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        match self.master.read(&mut buffer) {
            Ok(len) => self.seen.extend_from_slice(&buffer[..len]),
            Err(_) => return false,
        }
        true
    }

    /// Waits until the terminal shows anything more.
    pub(crate) fn wait_for_more(&mut self, what: &str) {
        let came = self.read_some(Instant::now() + EVENT_WAIT);
        assert!(came, "waited in vain for {what}; the terminal shows {:?}", self.text());
    }

    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + EVENT_WAIT;
        while !self.text().contains(text) {
            let came = self.read_some(deadline);
            assert!(
                came,
                "waited in vain for {text:?} on the terminal; it shows {:?}",
                self.text()
            );
        }
    }

    pub(crate) fn wait_for_exit(&mut self) -> i32 {
        let deadline = Instant::now() + EVENT_WAIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // Its last words may still be on the way through the terminal.
                while self.read_some(Instant::now() + Duration::from_millis(20)) {}
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "it does not end; it shows {:?}", self.text());
            let _more: bool = self.read_some(Instant::now() + Duration::from_millis(20));
        }
    }
}

#[test]
fn the_terminal_is_passed_straight_through_and_restored() {
    let lab = Lab::new();
    let line = "stty size; printf 'exact\\033[31mbytes'; read word; echo got:$word; exit 3";
    let mut seat = Seat::open(lab.command(&["run", "--", "sh", "-c", line]));
    let before = seat.before.clone();
    seat.wait_for("exact\u{1b}[31mbytes");
    assert!(seat.text().contains("24 80"), "{:?}", seat.text());
    seat.type_text("hello\r");
    seat.wait_for("got:hello");
    assert_eq!(seat.wait_for_exit(), 3);
    let after = seat.modes();
    assert_eq!(before.local_modes, after.local_modes);
    assert_eq!((before.input_modes, before.output_modes), (after.input_modes, after.output_modes));
    lab.shut_down();
}

#[test]
fn the_detach_key_is_shown_and_leaves_the_task_running() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&[
        "run",
        "-n",
        "stays",
        "--",
        "sh",
        "-c",
        "echo up; read go; exit 5",
    ]));
    seat.wait_for("detach");
    seat.wait_for("up");
    seat.type_text("\u{1d}d");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_eq!(lab.status_of("stays"), "running");
    lab.axiom(&["send", "stays", ""]).ok();
    assert_eq!(lab.wait(&["stays"]).code(), 5);
    lab.shut_down();
}

#[test]
fn closing_the_terminal_leaves_the_task_running() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&[
        "run",
        "-n",
        "stays",
        "--",
        "sh",
        "-c",
        "echo up; read go; exit 5",
    ]));
    seat.wait_for("up");
    let Seat { master, slave, mut child, .. } = seat;
    drop((master, slave));
    let _status = child.wait().unwrap();
    assert_eq!(lab.status_of("stays"), "running");
    lab.axiom(&["send", "stays", ""]).ok();
    assert_eq!(lab.wait(&["stays"]).code(), 5);
    lab.shut_down();
}

#[test]
fn a_resized_terminal_resizes_the_task() {
    let lab = Lab::new();
    let line = "trap 'stty size; exit' WINCH; echo ready; while :; do read x; done";
    let mut seat = Seat::open(lab.command(&["run", "--", "sh", "-c", line]));
    seat.wait_for("ready");
    seat.resize(101, 33);
    seat.wait_for("33 101");
    seat.wait_for_exit();
    lab.shut_down();
}

#[test]
fn ctrl_c_reaches_the_program_and_not_the_client() {
    let lab = Lab::new();
    let line = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 5; done";
    let mut seat = Seat::open(lab.command(&["run", "--", "sh", "-c", line]));
    seat.wait_for("ready");
    seat.type_text("\u{3}");
    seat.wait_for("caught");
    assert_eq!(seat.wait_for_exit(), 9);
    lab.shut_down();
}

#[test]
fn ctrl_c_gets_past_a_paste_that_nobody_reads() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&["run", "--", "sleep", "600"]));
    seat.wait_for("detach");
    for _ in 0..150 {
        seat.type_text(&format!("{}\r", "x".repeat(1000)));
        while seat.read_some(Instant::now()) {}
    }
    seat.type_text("\u{3}");
    assert_eq!(seat.wait_for_exit(), 130);
    lab.shut_down();
}

#[test]
fn vim_edits_a_file_as_without_us() {
    let lab = Lab::new();
    if !std::path::Path::new("/usr/bin/vim").exists() {
        eprintln!("skipped: vim is not installed");
        return;
    }
    let file = lab.home().join("note.txt");
    let path = file.to_str().unwrap();
    let mut seat = Seat::open(lab.command(&["run", "--", "vim", "-u", "NONE", "-N", path]));
    seat.wait_for("note.txt");
    seat.type_text("iwritten in vim\u{1b}");
    seat.wait_for("written in vim");
    seat.type_text(":wq\r");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "written in vim\n");
    lab.shut_down();
}

/// Where it is installed, how it is run, and what is typed once it shows what.
type Program<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);

#[test]
fn less_pages_and_htop_draws_as_without_us() {
    let lab = Lab::new();
    let file = lab.home().join("long.txt");
    let lines: String = (0..500).map(|i| format!("line {i} of many\n")).collect();
    std::fs::write(&file, lines).unwrap();
    let less = ["run", "--", "less", file.to_str().unwrap()];
    let programs: [Program<'_>; 2] = [
        ("/usr/bin/less", &less, &[("line 0 of many", "G"), ("line 499 of many", "q")]),
        ("/usr/bin/htop", &["run", "--", "htop"], &[("Quit", "q")]),
    ];
    for (program, args, steps) in programs {
        if !std::path::Path::new(program).exists() {
            eprintln!("skipped: {program} is not installed");
            continue;
        }
        let mut seat = Seat::open(lab.command(args));
        for (shown, key) in steps {
            seat.wait_for(shown);
            seat.type_text(key);
        }
        assert_eq!(seat.wait_for_exit(), 0, "{program}");
    }
    lab.shut_down();
}

#[test]
fn python_reads_lines_as_without_us() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&["run", "--", "python3", "-q", "-i"]));
    seat.wait_for(">>> ");
    seat.type_text("print(6 * 7)\r");
    seat.wait_for("42");
    seat.type_text("exit(4)\r");
    assert_eq!(seat.wait_for_exit(), 4);
    lab.shut_down();
}

#[test]
fn a_killed_server_is_not_noticed_at_the_terminal() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&[
        "run",
        "--",
        "sh",
        "-c",
        "echo one; read go; echo two; read end; exit 6",
    ]));
    seat.wait_for("one");
    lab.kill_server();
    seat.type_text("\r");
    seat.wait_for("two");
    assert_eq!(seat.text().matches("one").count(), 1, "{:?}", seat.text());
    seat.type_text("\r");
    assert_eq!(seat.wait_for_exit(), 6);
    lab.shut_down();
}

#[test]
fn a_killed_client_gives_the_terminal_back_to_nobody_and_the_task_runs_on() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&[
        "run",
        "-n",
        "stays",
        "--",
        "sh",
        "-c",
        "echo up; read go; exit 5",
    ]));
    seat.wait_for("up");
    kill(seat.child.id(), libc::SIGKILL);
    seat.child.wait().unwrap();
    assert_eq!(lab.status_of("stays"), "running");
    lab.axiom(&["stop", "stays"]).ok();
    lab.shut_down();
}
