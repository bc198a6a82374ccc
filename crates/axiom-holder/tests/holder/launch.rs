//! Starting: what the child gets, what it does not, how often it starts, and how a failure is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use axiom_holder::priority::NICE_STEPS;
use axiom_holder::wire::{Ask, Launched, Mode, Priority, Reply, Stage};
use axiom_holder::{EXIT_SPEC, EXIT_STARTED_ALREADY, exit_of_pidfd, read_exit_file};
use rustix::termios::{InputModes, tcgetattr, tcgetwinsize};
use std::os::fd::AsFd;

use crate::stage::{HOLDER, Patience, Session, await_child, bytes, read_to_end, read_until};

#[test]
fn the_child_gets_exactly_the_arguments_environment_directory_and_umask_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let cwd = folder.path().canonicalize().unwrap();
    let session = Session::start(|spec| {
        spec.mode = Mode::Pipes;
        spec.cwd.clone_from(&cwd);
        spec.umask = 0o037;
        spec.args = bytes(&["sh", "-c", "printf '%s,' \"$@\"; pwd; umask; env", "$0", "a b", ""]);
        spec.env.push(b"ODD=\xff\n".to_vec());
    });
    let mut worker = session.ready_worker();
    let (_stdin, stdout, _stderr) = worker.take_pipes();
    let raw = read_to_end(stdout);
    let text = String::from_utf8_lossy(&raw);
    assert!(text.starts_with(&format!("a b,,{}\n0037\n", cwd.display())), "{text}");
    assert!(raw.windows(6).any(|part| part == b"ODD=\xff\n"), "{text}");
    assert!(!text.contains("HOME="), "{text}");
    session.finish(worker);
}

#[test]
fn an_environment_is_passed_as_it_is_even_with_doubles_and_without_names() {
    let session = Session::start(|spec| {
        spec.mode = Mode::Pipes;
        spec.args = bytes(&["/bin/cat", "/proc/self/environ"]);
        spec.env.extend(bytes(&["A=1", "A=2", "nameless"]));
    });
    let mut worker = session.ready_worker();
    let (_stdin, stdout, _stderr) = worker.take_pipes();
    let expected: Vec<u8> =
        session.spec.env.iter().flat_map(|entry| [entry, &b"\0"[..]].concat()).collect();
    assert_eq!(read_to_end(stdout), expected);
    session.finish(worker);
}

#[test]
fn the_child_has_default_signals_although_the_holder_was_started_deaf() {
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' INT QUIT TERM HUP CHLD USR1; exec \"$0\""]).arg(HOLDER);
    let session = Session::start_by(&mut deaf, |spec| {
        spec.mode = Mode::Pipes;
        spec.args = bytes(&["cat", "/proc/self/status"]);
    });
    let mut worker = session.ready_worker();
    let (_stdin, stdout, _stderr) = worker.take_pipes();
    let status = String::from_utf8(read_to_end(stdout)).unwrap();
    for line in ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"] {
        assert!(status.contains(line), "{status}");
    }
    session.finish(worker);
}

#[test]
fn no_descriptor_of_ours_or_our_callers_reaches_the_child() {
    let mut leaky = Command::new("sh");
    leaky.args(["-c", "exec 7</dev/null 9</etc/passwd; exec \"$0\""]).arg(HOLDER);
    let session = Session::start_by(&mut leaky, |spec| {
        spec.mode = Mode::Pipes;
        spec.args = bytes(&["ls", "/proc/self/fd"]);
    });
    let mut worker = session.ready_worker();
    let (_stdin, stdout, _stderr) = worker.take_pipes();
    // The fourth is the directory that it lists.
    assert_eq!(read_to_end(stdout), b"0\n1\n2\n3\n");
    session.finish(worker);
}

/// The nice value of a process, and that of its autogroup where it is in one.
fn nice_values(pid: u32) -> (i32, Option<String>) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_name, fields) = stat.rsplit_once(") ").unwrap();
    let nice = fields.split(' ').nth(16).unwrap().parse().unwrap();
    let group = fs::read_to_string(format!("/proc/{pid}/autogroup")).unwrap_or_default();
    (nice, group.trim().rsplit_once(' ').map(|(_, nice)| nice.to_owned()))
}

/// Whether a new session gets an autogroup. The one that the machine began with has none, and we may be in that.
fn sessions_are_grouped() -> bool {
    let fresh = Command::new("setsid").args(["cat", "/proc/self/autogroup"]).output();
    fresh.is_ok_and(|output| !output.stdout.is_empty())
}

#[test]
fn the_child_stands_below_others_as_it_was_asked() {
    let (own, grouped) = (nice_values(std::process::id()).0, sessions_are_grouped());
    let grouped = |nice: i32| grouped.then(|| nice.to_string());
    let cases = [
        (Priority::Same, (own, grouped(0))),
        (Priority::Nice, (own + NICE_STEPS, grouped(0))),
        (Priority::Autogroup, (own, grouped(NICE_STEPS))),
    ];
    for (priority, expected) in cases {
        let session = Session::start(|spec| spec.priority = priority);
        let worker = session.ready_worker();
        let child = worker.child_pid();
        // An answer says that the holder's loop has begun. One who may not set a group's value again within a tenth of a
        // second has it set by a later try.
        let patience = Patience::begin();
        while !matches!(worker.ask(Ask::Tree), Reply::Tree { .. }) || nice_values(child) != expected
        {
            patience.check(&format!("{priority:?}: {:?} to be {expected:?}", nice_values(child)));
        }
        assert_eq!(nice_values(worker.pid), (own, grouped(0)), "{priority:?}: the worker");
        rustix::io::write(worker.master(), b"\x04").unwrap();
        session.finish(worker);
    }
}

#[test]
fn the_child_leads_a_session_on_a_terminal_of_the_right_size() {
    let session = Session::start(|spec| {
        spec.mode = Mode::Terminal { cols: 132, rows: 43 };
        spec.args = bytes(&["sh", "-c", "cat /proc/$$/stat; stty size; tty; read line"]);
    });
    let worker = session.ready_worker();
    let text = read_until(worker.master(), "/dev/pts/");
    let fields: Vec<&str> = text.split_whitespace().collect();
    let pid = worker.child_pid().to_string();
    assert_eq!([fields[0], fields[4], fields[5]], [&pid; 3], "pid, group, session: {text}");
    assert_ne!(fields[6], "0", "a controlling terminal: {text}");
    assert!(text.contains("43 132"), "{text}");
    assert!(tcgetattr(worker.master()).unwrap().input_modes.contains(InputModes::IUTF8));
    let size = tcgetwinsize(worker.master()).unwrap();
    assert_eq!((size.ws_col, size.ws_row), (132, 43));
    rustix::io::write(worker.master(), b"\n").unwrap();
    session.finish(worker);
}

#[test]
fn pipes_keep_output_and_error_apart_and_input_ends_when_all_have_closed_it() {
    let session = Session::start(|spec| {
        spec.mode = Mode::Pipes;
        spec.args = bytes(&["sh", "-c", "cat; echo end >&2; tty"]);
    });
    let mut worker = session.ready_worker();
    let (stdin, stdout, stderr) = worker.take_pipes();
    rustix::io::write(stdin.as_ref().unwrap(), b"in and out\n").unwrap();
    read_until(&stdout, "in and out\n");
    assert_eq!(worker.ask(Ask::CloseInput), Reply::Done);
    drop(stdin);
    assert_eq!(read_to_end(stderr), b"end\n");
    assert_eq!(read_to_end(stdout), b"not a tty\n");
    assert_eq!(ExitStatus::from_raw(worker.await_exit()).code(), Some(1));
    worker.kill();
    let heir = session.ready_worker();
    assert!(!heir.grant.input_open, "closed input stays closed");
    session.finish(heir);
}

fn failure(change: impl FnOnce(&mut axiom_holder::wire::LaunchSpec)) -> (Stage, i32) {
    let session = Session::start(change);
    let worker = session.ready_worker();
    let Launched::Failed { stage, errno } = worker.grant.launched else {
        panic!("{:?}", worker.grant);
    };
    assert!(worker.granted.child.is_none());
    let folder = session.spec.folder.clone();
    session.finish(worker);
    assert_eq!(read_exit_file(&folder).ok().flatten(), None);
    (stage, errno)
}

#[test]
fn a_command_that_cannot_start_says_at_which_stage_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "echo never\n").unwrap();
    let plain_text = plain.to_str().unwrap().to_owned();
    let of = |name: &str| (bytes(&[name]), folder.path().to_owned());

    let (args, _) = of("no-such-command");
    assert_eq!(failure(|spec| spec.args = args), (Stage::Exec, libc::ENOENT));
    let (args, _) = of(&plain_text);
    assert_eq!(failure(|spec| spec.args = args), (Stage::Exec, libc::EACCES));
    let (args, path) = of("plain");
    let found = failure(|spec| {
        spec.args = args;
        spec.env = vec![format!("PATH=/nowhere:{}", path.display()).into_bytes()];
    });
    assert_eq!(found, (Stage::Exec, libc::EACCES), "found in PATH, not executable");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o755)).unwrap();
    let (args, _) = of(&plain_text);
    assert_eq!(failure(|spec| spec.args = args), (Stage::Exec, libc::ENOEXEC), "no helper shell");
    let found = failure(|spec| spec.cwd = PathBuf::from("/no/such/folder"));
    assert_eq!(found, (Stage::Cwd, libc::ENOENT));
    let found = failure(|spec| spec.cwd.clone_from(&plain));
    assert_eq!(found, (Stage::Cwd, libc::ENOTDIR));
}

#[test]
fn of_two_racing_holders_one_starts_the_session_and_later_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = format!("echo started >>{}; read line", count.display());
    let mut session = Session::of_script(&script);
    let mut rivals: Vec<_> = (0..4).map(|_| session.rival()).collect();
    let worker = session.ready_worker();
    let mut refused = 0;
    for rival in &mut rivals {
        if Some(rival.id()) != Some(worker.grant.holder_pid) {
            let code = await_child(rival, "a rival's exit");
            assert_eq!(code, Some(EXIT_STARTED_ALREADY.into()));
            refused += 1;
        }
    }
    if session.holder.id() != worker.grant.holder_pid {
        assert_eq!(session.holder_exit(), Some(EXIT_STARTED_ALREADY.into()));
        refused += 1;
        let place = rivals.iter().position(|rival| rival.id() == worker.grant.holder_pid);
        session.holder = rivals.swap_remove(place.unwrap());
    }
    assert_eq!(refused, 4);
    rustix::io::write(worker.master(), b"\n").unwrap();
    worker.await_exit();
    let mut late = session.rival();
    assert_eq!(await_child(&mut late, "a late one"), Some(EXIT_STARTED_ALREADY.into()));
    worker.say(&axiom_holder::wire::ToHolder::Done);
    worker.exit(0);
    assert_eq!(session.holder_exit(), Some(0));
    let mut later = session.rival();
    assert_eq!(await_child(&mut later, "a later one"), Some(EXIT_STARTED_ALREADY.into()));
    assert_eq!(fs::read_to_string(count).unwrap(), "started\n");
}

#[test]
fn a_torn_specification_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::start(|_| ());
    let mut spec = session.spec.clone();
    spec.folder = folder.path().to_owned();
    let whole = spec.encode().unwrap();
    let mut holder =
        Command::new(HOLDER).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &whole[..whole.len() - 1]).unwrap();
    drop(stdin);
    assert_eq!(await_child(&mut holder, "the refusal"), Some(EXIT_SPEC.into()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_holder_that_is_not_wanted_leaves_without_a_word() {
    let mut holder =
        Command::new(HOLDER).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(holder.stdin.take());
    assert_eq!(await_child(&mut holder, "its leave"), Some(0));
    assert_eq!(read_to_end(holder.stderr.take().unwrap()), b"");
}

#[test]
fn a_home_with_a_path_of_two_hundred_bytes_works() {
    let session = Session::start(|spec| {
        spec.folder = spec.folder.join("d".repeat(100)).join("e".repeat(120));
        spec.args = bytes(&["sh", "-c", "exit 3"]);
    });
    assert!(session.spec.folder.as_os_str().len() > 220);
    let worker = session.ready_worker();
    assert!(session.has("link.sock") && session.has("holder.sock"));
    session.finish(worker);
}

#[test]
fn the_status_is_in_the_exit_file_before_anybody_is_told() {
    for (script, expected) in [("exit 7", 7 << 8), ("kill -TERM $$", libc::SIGTERM)] {
        let session = Session::of_script(&format!("read line; {script}"));
        let worker = session.ready_worker();
        assert_eq!(read_exit_file(&session.spec.folder).unwrap(), None);
        rustix::io::write(worker.master(), b"\n").unwrap();
        let status = worker.await_exit();
        assert_eq!(status, expected, "{script}");
        let note = read_exit_file(&session.spec.folder).unwrap().unwrap();
        assert_eq!(note.status, expected);
        assert!(note.unix_us >= worker.grant.started_unix_us);
        let kept = exit_of_pidfd(worker.granted.child.as_ref().unwrap().pidfd.as_fd()).unwrap();
        assert!(kept.is_none_or(|kept| kept == expected), "the kernel says {kept:?}");
        worker.say(&axiom_holder::wire::ToHolder::Done);
        worker.exit(0);
    }
}

#[test]
fn a_holder_that_leaves_takes_its_sockets_along_and_keeps_the_files() {
    let session = Session::of_script("exit 0");
    let worker = session.ready_worker();
    let session = session.finish(worker);
    assert!(!session.has("link.sock") && !session.has("holder.sock"));
    assert!(session.has("exit") && session.has("holder") && !session.has("exit.new"));
}
