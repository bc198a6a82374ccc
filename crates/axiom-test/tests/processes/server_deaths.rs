//! The server may die at any instant, and takes nothing with it.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::cli::finish;
use crate::lab::{EVENT_WAIT, Lab, assert_dies, freeze, is_alive, kill, wait_for_death};

/// Tasks and lines of the great test.
const TASKS: usize = 10;
const LINES: usize = 100_000;

/// How often the server is killed meanwhile.
const SERVER_KILLS: u64 = 20;

/// Prints numbered lines, and at the end their hash, made by the child itself.
const HASHED: &str = r"
import hashlib, sys
name, lines = sys.argv[1], int(sys.argv[2])
hash = hashlib.sha256()
for first in range(0, lines, 50):
    block = b''.join(b'%s line %06d\n' % (name.encode(), i) for i in range(first, first + 50))
    hash.update(block)
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
print('hash', name, hash.hexdigest())
";

/// A number stream from a seed, so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

#[test]
fn no_line_of_ten_tasks_is_lost_or_doubled_while_the_server_is_killed_twenty_times() {
    let lab = Lab::new();
    let script = lab.home().join("hashed.py");
    std::fs::create_dir_all(lab.home()).unwrap();
    std::fs::write(&script, HASHED).unwrap();
    let commands: Vec<String> = (0..TASKS)
        .map(|task| format!("exec python3 {} t{task} {LINES}", script.display()))
        .collect();
    let mut args = vec!["run", "--each"];
    args.extend(commands.iter().map(String::as_str));
    let mut run = lab.follow(&args);
    run.wait_for_line("a first line", |_| true);
    let seed = 0xa810;
    let mut seeded = Seeded(seed);
    let mut killed = 0;
    let total = (TASKS * LINES) as u64;
    while killed < SERVER_KILLS {
        // Somewhere in the next stretch of output.
        let lines = 1 + seeded.next(total / (SERVER_KILLS * 3));
        for _ in 0..lines {
            run.wait_for_line("output to go on", |_| true);
        }
        let _dead: u32 = lab.kill_server();
        killed += 1;
        // The waiting client starts the next one by itself.
        run.wait_for_line("output from the next server", |_| true);
    }
    let (status, lines, stderr) = run.finish(Duration::from_secs(240));
    assert!(status.success(), "seed {seed}: {stderr}");
    check_lines(&lines);
    eprintln!("seed {seed:#x}: {killed} servers killed, {} lines seen", lines.len());
    lab.shut_down();
}

/// Each task's lines as it printed them: without labels and notices, and pieces of one line joined.
fn printed(lines: &[String]) -> Vec<String> {
    let mut by_label: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.starts_with("== ")) {
        let (label, text) = line.split_once(']').expect("a label before each line");
        let own = by_label.entry(label).or_default();
        match text.strip_prefix("+ ") {
            Some(rest) => own.last_mut().expect("a line before its rest").push_str(rest),
            None => own.push(text[1..].to_owned()),
        }
    }
    by_label.into_values().flatten().collect()
}

fn check_lines(lines: &[String]) {
    let printed = printed(lines);
    for task in 0..TASKS {
        let name = format!("t{task}");
        let own: Vec<&str> = printed
            .iter()
            .map(String::as_str)
            .filter(|text| text.split_whitespace().any(|word| word == name))
            .collect();
        let mut hash = Sha256::new();
        let mut counted = 0;
        for line in own.iter().filter(|line| !line.starts_with("hash")) {
            assert_eq!(*line, format!("{name} line {counted:06}"), "line by line, in order");
            hash.update(line.as_bytes());
            hash.update(b"\n");
            counted += 1;
        }
        assert_eq!(counted, LINES, "{name}: lines seen");
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = format!("hash {name} {hex}");
        assert!(own.contains(&expected.as_str()), "{name}: the child's own hash");
    }
}

#[test]
fn children_are_untouched_and_the_next_command_finds_all() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo up; read go; echo after");
    lab.follow(&["logs", "-f", &id]).wait_for_line("up", |line| line == "up");
    let before = lab.show(&id)["task"].clone();
    lab.kill_server();
    let after = lab.show(&id)["task"].clone();
    for same in ["pid", "worker_pid", "holder_pid", "status", "created_at_ms"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["link"]["state"], "connected");
    lab.axiom(&["send", &id, ""]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 0);
    lab.shut_down();
}

#[test]
fn wait_and_logs_go_on_over_a_killed_server() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo one; read go; echo two; exit 5");
    let mut logs = lab.follow(&["logs", "-f", &id]);
    let wait = lab.follow(&["wait", &id]);
    logs.wait_for_line("one", |line| line == "one");
    lab.kill_server();
    lab.axiom(&["send", &id, ""]).ok();
    logs.wait_for_line("two", |line| line == "two");
    let (_, lines, _) = logs.finish(EVENT_WAIT);
    assert_eq!(lines.iter().filter(|line| *line == "one").count(), 1, "{lines:?}");
    let (status, _, _) = wait.finish(EVENT_WAIT);
    assert_eq!(status.code(), Some(5));
    lab.shut_down();
}

#[test]
fn what_is_printed_while_no_server_lives_is_there_afterwards() {
    let lab = Lab::new();
    let flag = lab.home().join("printed");
    let line = format!(
        "read go; i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done; touch {}; read end",
        flag.display()
    );
    let id = lab.spawn_shell(&line);
    lab.axiom(&["send", &id, ""]).ok();
    lab.kill_server();
    crate::lab::wait_for_entry(&flag, &mut || false);
    let text = lab.axiom(&["logs", &id]).ok().text();
    let numbers: Vec<&str> = text.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
    let expected: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    assert_eq!(numbers, expected);
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}

#[test]
fn a_server_killed_around_a_spawn_leaves_exactly_one_task() {
    for round in 0..12 {
        let lab = Lab::new();
        lab.axiom(&["ps"]).ok();
        let server = lab.server_pid().unwrap();
        let marks = lab.home().join("marks");
        let line = format!("echo x >> {}; read go", marks.display());
        let spawn = lab.follow(&["spawn", "--json", "--", "sh", "-c", &line]);
        // Earlier each round: from after the answer down to before the request.
        if round < 6 {
            let tasks = lab.home().join("tasks");
            crate::lab::wait_for_entry(&tasks.join("any"), &mut || {
                std::fs::read_dir(&tasks).is_ok_and(|entries| entries.count() > 0)
            });
        }
        kill(server, libc::SIGKILL);
        assert_dies(server, "the server");
        let (status, lines, stderr) = spawn.finish(EVENT_WAIT);
        assert!(status.success(), "round {round}: {stderr}");
        let answer: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap();
        let id = answer["tasks"][0]["id"].as_str().unwrap().to_owned();
        let list = lab.axiom(&["ps", "--all", "--json"]).ok().json();
        assert_eq!(list["tasks"].as_array().unwrap().len(), 1, "round {round}: {list}");
        crate::lab::wait_for_entry(&marks, &mut || false);
        lab.axiom(&["send", &id, ""]).ok();
        lab.wait(&[&id]);
        assert_eq!(std::fs::read(&marks).unwrap(), b"x\n", "round {round}: started once");
        lab.shut_down();
    }
}

#[test]
fn a_deleted_index_changes_nothing() {
    let lab = Lab::new();
    let ended = lab.spawn_shell("exit 3");
    let running = lab.spawn_shell("read go");
    lab.wait(&[&ended]);
    // The end of its stream is the end of its journal: from then on nothing of the view changes.
    lab.axiom(&["logs", "-f", &ended]).ok();
    let before = lab.show(&ended)["task"].clone();
    for file in ["axiom.db", "axiom.db-wal", "axiom.db-shm"] {
        let _absent = std::fs::remove_file(lab.home().join(file));
    }
    assert_eq!(lab.status_of(&running), "running");
    lab.kill_server();
    for file in ["axiom.db", "axiom.db-wal", "axiom.db-shm"] {
        let _absent = std::fs::remove_file(lab.home().join(file));
    }
    assert_eq!(lab.show(&ended)["task"], before);
    let task = lab.show(&running)["task"].clone();
    assert_eq!(
        (task["status"].as_str(), task["link"]["state"].as_str()),
        (Some("running"), Some("connected"))
    );
    lab.shut_down();
}

#[test]
fn a_worker_killed_while_the_server_is_dead_is_replaced() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo one; read go; echo two");
    lab.follow(&["logs", "-f", &id]).wait_for_line("one", |line| line == "one");
    let task = lab.show(&id)["task"].clone();
    let worker = u32::try_from(task["worker_pid"].as_u64().unwrap()).unwrap();
    lab.kill_server();
    kill(worker, libc::SIGKILL);
    assert_dies(worker, "the worker");
    lab.axiom(&["send", &id, ""]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 0);
    let text = lab.axiom(&["logs", &id]).ok().text();
    assert!(text.contains("one") && text.contains("two"), "{text:?}");
    assert_eq!(lab.show(&id)["task"]["gaps"], 1);
    lab.shut_down();
}

fn pids_of(lab: &Lab, id: &str) -> (u32, u32, u32) {
    let task = lab.show(id)["task"].clone();
    let pid = |name: &str| u32::try_from(task[name].as_u64().unwrap()).unwrap();
    (pid("holder_pid"), pid("worker_pid"), pid("pid"))
}

#[test]
fn a_task_whose_holder_and_worker_are_dead_is_lost_and_its_tree_emptied() {
    let lab = Lab::new();
    let id = lab.spawn_shell("setsid sleep 600 & echo one; exec sleep 600");
    lab.follow(&["logs", "-f", &id]).wait_for_line("one", |line| line == "one");
    let (holder, worker, child) = pids_of(&lab, &id);
    freeze(holder);
    kill(worker, libc::SIGKILL);
    kill(holder, libc::SIGKILL);
    let waited = lab.axiom(&["wait", "--timeout", "20s", &id]);
    assert_ne!(waited.code(), 124, "{waited:?}");
    let detail = lab.show(&id);
    assert_eq!(detail["task"]["status"], "lost", "{detail}");
    // Said as soon as it is known; the tree is emptied right after.
    assert_dies(child, "the child");
    lab.shut_down();
}

#[test]
fn a_stop_gets_through_to_a_task_whose_holder_or_worker_somebody_froze() {
    for frozen in ["holder", "worker"] {
        let lab = Lab::new();
        let id = lab.spawn_shell("echo one; exec sleep 600");
        lab.follow(&["logs", "-f", &id]).wait_for_line("one", |line| line == "one");
        let (holder, worker, child) = pids_of(&lab, &id);
        kill(if frozen == "holder" { holder } else { worker }, libc::SIGSTOP);
        lab.axiom(&["stop", &id]).ok();
        assert_eq!(lab.status_of(&id), "stopped", "with a frozen {frozen}");
        assert!(!is_alive(child));
        lab.shut_down();
    }
}

#[test]
fn a_socket_that_somebody_removed_is_put_back_by_the_server_that_lives() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let first = lab.server_pid().unwrap();
    for _ in 0..5 {
        std::fs::remove_file(lab.home().join("run/axiom.sock")).unwrap();
        lab.axiom(&["ps"]).ok();
        assert_eq!(lab.server_pid(), Some(first));
    }
    lab.shut_down();
}

#[test]
fn an_emptied_run_folder_never_makes_two_servers() {
    let lab = Lab::new();
    let id = lab.spawn_shell("read go; exit 3");
    let run = lab.home().join("run");
    let ways: [&dyn Fn(); 3] = [
        &|| {
            for file in ["server.lock", ".axiom.sock", "axiom.sock"] {
                std::fs::remove_file(run.join(file)).unwrap();
            }
        },
        &|| std::fs::remove_dir_all(&run).unwrap(),
        &|| std::fs::rename(&run, lab.home().join("ran")).unwrap(),
    ];
    for empty in ways {
        let before = lab.server_pid().unwrap();
        // Stopped, it cannot put back one name by the other meanwhile.
        freeze(before);
        empty();
        let second = lab.axiom(&["serve"]);
        assert!(second.code() == 125 && second.stderr.contains("already runs"), "{second:?}");
        kill(before, libc::SIGCONT);
        // It gives the home up by itself; only then can the next one have it.
        assert_dies(before, "the server without a name");
        lab.axiom(&["ps"]).ok();
        assert_ne!(lab.server_pid(), Some(before));
    }
    lab.axiom(&["send", &id, ""]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    lab.shut_down();
}

#[test]
fn a_task_lost_while_no_server_lived_is_closed_by_the_next_one() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo one; exec sleep 600");
    lab.follow(&["logs", "-f", &id]).wait_for_line("one", |line| line == "one");
    let (holder, worker, child) = pids_of(&lab, &id);
    lab.kill_server();
    freeze(holder);
    kill(worker, libc::SIGKILL);
    kill(holder, libc::SIGKILL);
    assert_dies(holder, "the holder");
    lab.wait(&[&id]);
    assert_eq!(lab.status_of(&id), "lost");
    assert!(wait_for_death(child, EVENT_WAIT), "the tree is emptied");
    assert_eq!(lab.raw_output(&id), b"one\r\n");
    lab.shut_down();
}

#[test]
fn a_holder_killed_alone_leaves_the_task_running_unguarded() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo one; read go; echo two; exit 4");
    lab.follow(&["logs", "-f", &id]).wait_for_line("one", |line| line == "one");
    let (holder, _, _) = pids_of(&lab, &id);
    kill(holder, libc::SIGKILL);
    assert_dies(holder, "the holder");
    lab.axiom(&["send", &id, ""]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 4);
    assert_eq!(lab.show(&id)["task"]["guarded"], false);
    lab.shut_down();
}

#[test]
fn two_racing_starts_give_one_server() {
    let lab = Lab::new();
    let clients: Vec<_> = (0..8).map(|_| lab.follow(&["spawn", "--json", "--", "true"])).collect();
    for client in clients {
        let (status, _, stderr) = client.finish(EVENT_WAIT);
        assert!(status.success(), "{stderr}");
    }
    let winner = lab.server_pid().expect("one of them serves");
    let servers: Vec<_> =
        lab.processes().into_iter().filter(|(_, line)| line.contains(" serve")).collect();
    assert!(servers.iter().any(|(pid, _)| *pid == winner), "{winner} is not among {servers:?}");
    // A loser may still be on its way out: its client was answered by the winner meanwhile.
    for (loser, _) in servers.iter().filter(|(pid, _)| *pid != winner) {
        assert_dies(*loser, "the loser of the race");
    }
    let list = lab.axiom(&["ps", "--all", "--json"]).ok().json();
    assert_eq!(list["tasks"].as_array().unwrap().len(), 8);
    let second = lab.axiom(&["serve"]);
    assert_eq!(second.code(), 125);
    assert!(second.stderr.contains(&winner.to_string()), "{second:?}");
    lab.shut_down();
}

#[test]
fn after_a_shutdown_tasks_run_on_and_only_a_request_starts_a_server() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo up; read go; exit 2");
    let mut logs = lab.follow(&["logs", "-f", &id]);
    logs.wait_for_line("up", |line| line == "up");
    let server = lab.server_pid().unwrap();
    lab.axiom(&["shutdown"]).ok();
    assert_dies(server, "the server");
    let servers =
        || lab.processes().into_iter().filter(|(_, line)| line.contains(" serve")).count();
    assert_eq!(servers(), 0, "the waiting client started one");
    assert!(logs.child.try_wait().unwrap().is_none(), "it waits on");
    lab.axiom(&["send", &id, ""]).ok();
    let (status, lines, _) = logs.finish(EVENT_WAIT);
    assert!(status.success());
    assert_eq!(lines.iter().filter(|line| *line == "up").count(), 1, "{lines:?}");
    lab.shut_down();
}

#[test]
fn a_home_path_of_two_hundred_bytes_works() {
    let lab = Lab::new();
    let deep = lab.home().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&deep).unwrap();
    let axiom = |args: &[&str]| finish(lab.command(args).env("AXIOM_HOME", &deep), b"");
    assert_eq!(axiom(&["run", "--", "sh", "-c", "echo far; exit 3"]).code(), 3);
    let kill_me: serde_json::Value =
        serde_json::from_slice(&std::fs::read(deep.join("run/server.json")).unwrap()).unwrap();
    kill(u32::try_from(kill_me["pid"].as_u64().unwrap()).unwrap(), libc::SIGKILL);
    assert_eq!(axiom(&["ps", "--all", "--json"]).ok().json()["tasks"].as_array().unwrap().len(), 1);
    axiom(&["shutdown", "--stop-tasks"]).ok();
}

#[test]
fn a_home_that_cannot_be_used_is_named() {
    let lab = Lab::new();
    let file = lab.home().join("file");
    std::fs::write(&file, "").unwrap();
    for home in [file.to_str().unwrap(), "/proc/no"] {
        let finished = finish(lab.command(&["spawn", "--", "true"]).env("AXIOM_HOME", home), b"");
        assert_eq!(finished.code(), 125, "{home}: {finished:?}");
        assert!(
            !finished.stderr.is_empty() && !finished.stderr.contains("panicked"),
            "{finished:?}"
        );
    }
}
