//! What a user does with tasks from the command line.

use serde_json::json;

use crate::lab::{Lab, is_alive};

#[test]
fn spawn_answers_with_ids_and_the_task_is_there() {
    let lab = Lab::new();
    let answer = lab.axiom(&["spawn", "--json", "--", "sh", "-c", "echo hi"]).ok().json();
    let id = answer["tasks"][0]["id"].as_str().unwrap().to_owned();
    let status = answer["tasks"][0]["status"].clone();
    assert_eq!(answer, json!({"tasks": [{"id": id, "status": status}]}));
    assert_eq!(lab.wait(&[&id]).code(), 0);
    assert_eq!(lab.raw_output(&id), b"hi\r\n");
    assert_eq!(lab.status_of(&id), "succeeded");
    let words = lab.axiom(&["spawn", "--", "true"]).ok().text();
    for next in ["axiom logs", "axiom send", "axiom stop", "axiom wait"] {
        assert!(words.contains(next), "no word of {next:?} in {words:?}");
    }
    lab.shut_down();
}

#[test]
fn run_ends_with_the_childs_code() {
    let lab = Lab::new();
    let script = lab.home().join("script");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let script = script.to_str().unwrap().to_owned();
    let cases: [(&[&str], i32); 7] = [
        (&["true"], 0),
        (&["sh", "-c", "exit 3"], 3),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["/no/such/program"], 127),
        (&["no-such-program-on-the-path"], 127),
        (&[&script], 126),
        (&["/"], 126),
    ];
    for (command, code) in cases {
        let finished = lab.axiom(&[&["run", "--"], command].concat());
        assert_eq!(finished.code(), code, "{command:?}: {finished:?}");
        assert_eq!(finished.stderr.is_empty(), code < 126 || code == 137, "{finished:?}");
    }
    lab.shut_down();
}

#[test]
fn run_in_a_pipeline_is_a_pipe() {
    let lab = Lab::new();
    let finished = lab.axiom_with_input(&["run", "--", "cat"], b"x\n\x00\xff\x1b[31m");
    assert_eq!(finished.ok().stdout, b"x\n\x00\xff\x1b[31m");
    let apart = lab.axiom(&["run", "--no-pty", "--", "sh", "-c", "echo out; echo err >&2"]).ok();
    assert_eq!((apart.text(), apart.stderr.as_str()), ("out\n".to_owned(), "err\n"));
    let tty = lab.axiom(&["run", "--pty", "--", "sh", "-c", "test -t 0 && test -t 1 && echo tty"]);
    assert_eq!(tty.ok().text(), "tty\r\n");
    let large = vec![b'z'; 3_000_000];
    assert!(lab.axiom_with_input(&["run", "--", "cat"], &large).ok().stdout == large);
    lab.shut_down();
}

#[test]
fn input_waits_for_a_task_that_does_not_read_yet() {
    let lab = Lab::new();
    let input: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let slow = ["run", "--", "sh", "-c", "sleep 2; cat"];
    assert!(lab.axiom_with_input(&slow, &input).ok().stdout == input, "a paused reader");
    let unfinished = lab.axiom_with_input(&["run", "--pty", "--", "cat"], b"no newline").ok();
    assert!(unfinished.text().contains("no newline"), "{unfinished:?}");
    // A queued task gets its input when its turn comes.
    let first = lab.spawn_shell("echo up; read go");
    let lines = lab.home().join("lines");
    std::fs::write(&lines, "some\nlines\n").unwrap();
    let line = format!(
        "{} run --max-tasks 1 -- wc -l < {}",
        crate::lab::binary("axiom").display(),
        lines.display()
    );
    let mut shell = std::process::Command::new("sh");
    let plain = lab.command(&["ps"]);
    shell
        .args(["-c", &line])
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let waiting = std::thread::spawn(move || crate::cli::finish(&mut shell, b""));
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    while lab.axiom(&["ps", "--json"]).ok().json()["tasks"].as_array().unwrap().len() < 2 {
        assert!(std::time::Instant::now() < deadline, "waited in vain for the queued task");
    }
    lab.axiom(&["send", &first, ""]).ok();
    assert_eq!(waiting.join().unwrap().ok().text().trim(), "2");
    lab.shut_down();
}

#[test]
fn a_shutdown_whose_asker_dies_is_finished() {
    let lab = Lab::new();
    let id = lab.spawn_shell("trap '' INT TERM HUP; echo up; while :; do sleep 1; done");
    lab.follow(&["logs", "-f", &id]).wait_for_line("up", |line| line == "up");
    let server = lab.server_pid().unwrap();
    let shutdown = lab.follow(&["shutdown", "--stop-tasks"]);
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    while lab.status_of(&id) != "stopping" {
        assert!(std::time::Instant::now() < deadline, "waited in vain for the stop");
    }
    crate::lab::kill(shutdown.child.id(), libc::SIGKILL);
    crate::lab::assert_dies(server, "the server that was asked to end");
    lab.axiom(&["run", "--", "true"]).ok();
    assert_eq!(lab.status_of(&id), "stopped");
    lab.shut_down();
}

#[test]
fn run_each_prefixes_lines_and_fails_if_one_fails() {
    let lab = Lab::new();
    let good = lab.axiom(&["run", "--each", "echo one", "echo two"]).ok();
    let text = good.text();
    let (said, printed): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("== "));
    let mut words: Vec<String> = printed
        .iter()
        .filter_map(|line| line.split_once("] ").map(|(_, text)| text.to_owned()))
        .collect();
    words.sort();
    assert_eq!(words, ["one", "two"], "{good:?}");
    assert!(printed.iter().all(|line| line.starts_with('[')), "{good:?}");
    assert_eq!(said.iter().filter(|line| line.contains("[COMPLETED] in")).count(), 2, "{good:?}");
    let bad = lab.axiom(&["run", "--each", "echo one", "exit 4", "true"]);
    assert_eq!(bad.code(), 4, "{bad:?}");
    lab.shut_down();
}

#[test]
fn the_text_view_lets_no_escape_reach_the_viewer() {
    let lab = Lab::new();
    let line =
        r"printf '\033[31mred\033[0m \033]0;title\007\033]52;c;aGk=\007\302\2335n\200ok\r\n'";
    let id = lab.spawn_shell(line);
    lab.wait(&[&id]);
    let text = lab.axiom(&["logs", &id]).ok().stdout;
    let shown = String::from_utf8(text).unwrap();
    assert!(shown.starts_with("red ") && shown.contains("ok"), "{shown:?}");
    let dangerous = |c: char| c.is_control() && c != '\n';
    assert!(!shown.chars().any(dangerous), "{shown:?}");
    assert!(!shown.contains("title") && !shown.contains("aGk"), "{shown:?}");
    lab.shut_down();
}

#[test]
fn logs_follow_tail_and_resume_from_a_cursor() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo a; echo b; echo c; read go; echo d");
    let mut follow = lab.follow(&["logs", "-f", &id]);
    follow.wait_for_line("c", |line| line == "c");
    assert_eq!(lab.axiom(&["logs", "--tail", "2", &id]).ok().text(), "b\nc\n");
    let cursor = lab.show(&id)["task"]["cursor"].as_str().unwrap().to_owned();
    lab.axiom(&["send", &id, ""]).ok();
    follow.wait_for_line("d", |line| line == "d");
    let (status, _, _) = follow.finish(crate::lab::EVENT_WAIT);
    assert!(status.success());
    let rest = lab.axiom(&["logs", "--from", &cursor, &id]).ok().text();
    assert!(rest.ends_with("d\n") && !rest.contains('c'), "{rest:?}");
    lab.shut_down();
}

#[test]
fn keys_and_text_reach_the_task() {
    let lab = Lab::new();
    let id = lab.spawn_shell("read a; echo got:$a; cat; echo over");
    lab.axiom(&["send", &id, "some words"]).ok();
    // What is typed before the line was taken would be echoed between it and the answer.
    lab.follow(&["logs", "-f", &id]).wait_for_line("got", |line| line == "got:some words");
    lab.axiom(&["send", &id, "no enter", "--no-enter"]).ok();
    lab.axiom(&["send", &id, "--key", "enter,ctrl-d"]).ok();
    lab.wait(&[&id]);
    let text = lab.axiom(&["logs", &id]).ok().text();
    assert!(
        text.contains("got:some words") && text.contains("no enter\nno enter\nover"),
        "{text:?}"
    );
    lab.shut_down();
}

#[test]
fn stop_suspend_resume_and_interrupt_do_what_they_say() {
    let lab = Lab::new();
    let id = lab.spawn(&["--", "sleep", "600"]);
    lab.axiom(&["suspend", &id]).ok();
    assert_eq!(lab.status_of(&id), "suspended");
    lab.axiom(&["resume", &id]).ok();
    assert_eq!(lab.status_of(&id), "running");
    let pid = u32::try_from(lab.show(&id)["task"]["pid"].as_u64().unwrap()).unwrap();
    lab.axiom(&["stop", &id]).ok();
    assert!(!is_alive(pid), "it lives after a stop");
    assert_eq!(lab.status_of(&id), "stopped");
    let again = lab.axiom(&["stop", &id]);
    assert!(again.stderr.contains("ended") || again.status.success(), "{again:?}");
    let id =
        lab.spawn_shell("trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 5; done");
    lab.follow(&["logs", "-f", &id]).wait_for_line("ready", |line| line == "ready");
    lab.axiom(&["interrupt", &id]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 6);
    lab.shut_down();
}

#[test]
fn wait_knows_any_all_and_timeout() {
    let lab = Lab::new();
    let quick = lab.spawn_shell("exit 2");
    let slow = lab.spawn_shell("read go");
    assert_eq!(lab.axiom(&["wait", &quick]).code(), 2);
    assert_eq!(lab.axiom(&["wait", "--timeout", "100ms", &slow]).code(), 124);
    assert_ne!(lab.axiom(&["wait", "--any", "--timeout", "20s", &quick, &slow]).code(), 124);
    assert_eq!(lab.axiom(&["wait", "--timeout", "100ms", &quick, &slow]).code(), 124);
    lab.axiom(&["send", &slow, ""]).ok();
    assert_eq!(lab.axiom(&["wait", "--timeout", "20s", &quick, &slow]).code(), 1);
    lab.shut_down();
}

#[test]
fn ids_go_by_unique_prefix_and_name() {
    let lab = Lab::new();
    let first = lab.spawn(&["-n", "builder", "--", "true"]);
    lab.wait(&[&first]);
    assert_eq!(lab.show("builder")["task"]["id"], json!(first));
    assert_eq!(lab.show(&first[..8])["task"]["id"], json!(first));
    let nothing = lab.axiom(&["show", "zzzzzzzzzzzz"]);
    assert_eq!(nothing.code(), 125);
    assert!(nothing.stderr.contains("zzzzzzzzzzzz"), "{nothing:?}");
    // Thirty-three ids cannot all begin differently.
    let many = lab.axiom(&["spawn", "--json", "--count", "40", "--", "true"]).ok().json();
    let ids: Vec<&str> =
        many["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    let (id, twin) = ids
        .iter()
        .find_map(|id| {
            Some((*id, ids.iter().find(|other| **other != *id && other[..1] == id[..1])?))
        })
        .unwrap();
    let ambiguous = lab.axiom(&["show", &id[..1]]);
    assert_eq!(ambiguous.code(), 125);
    assert!(
        ambiguous.stderr.contains(&id[..8]) || ambiguous.stderr.contains(&twin[..8]),
        "{ambiguous:?}"
    );
    lab.shut_down();
}

#[test]
fn a_task_gets_the_callers_surroundings() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let line = "pwd; umask; echo $COLOUR; echo $TERM; echo $AXIOM_TASK; ps -o tty= -p $$";
    let mut command =
        lab.command(&["run", "--pty", "--env", "COLOUR=blue", "--", "sh", "-c", line]);
    command.current_dir(folder.path()).env("TERM", "vt220");
    let finished = crate::cli::finish(&mut command, b"").ok().text();
    let lines: Vec<&str> = finished.lines().map(str::trim).collect();
    assert_eq!(lines[0], folder.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(lines[2..4], ["blue", "vt220"], "{lines:?}");
    assert_eq!(lines[4].len(), 16, "{lines:?}");
    assert!(lines[5].starts_with("pts/"), "a controlling terminal: {lines:?}");
    let bare = lab.axiom(&["run", "--clear-env", "--env", "A=b", "--", "/usr/bin/env"]).ok().text();
    let names: Vec<&str> = bare.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains(&"A") && !names.contains(&"PATH"), "{bare:?}");
    let elsewhere = lab.axiom(&["run", "--cwd", "/usr", "--", "pwd"]).ok().text();
    assert_eq!(elsewhere, "/usr\n");
    lab.shut_down();
}

#[test]
fn a_command_that_cannot_start_is_a_failed_task_with_its_reason() {
    let lab = Lab::new();
    let cases = [
        (&["--", "/no/such"][..], "not found"),
        (&["--", "/etc/passwd"][..], "not executable"),
        (&["--cwd", "/no/such/folder", "--", "true"][..], "working directory"),
    ];
    for (args, reason) in cases {
        let id = lab.spawn(args);
        lab.wait(&[&id]);
        let task = lab.show(&id)["task"].clone();
        assert_eq!(task["status"], "failed", "{task}");
        assert!(task["cause"].as_str().unwrap().contains(reason), "{task}");
    }
    lab.shut_down();
}

/// Runs its arguments where a single terminal exists, and holds that one.
const WITHOUT_TERMINALS: &str = "mount -t devpts -o newinstance,ptmxmode=0666,max=1 devpts /dev/pts \
     && mount --bind /dev/pts/ptmx /dev/ptmx \
     && exec python3 -c 'import os, subprocess, sys; os.openpty(); sys.exit(subprocess.call(sys.argv[1:]))' \"$@\"";

#[test]
fn a_machine_without_a_free_terminal_is_named_and_pipes_still_work() {
    let lab = Lab::new();
    let axiom = |args: &[&str]| {
        let plain = lab.command(args);
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "sh", "-c", WITHOUT_TERMINALS, "sh"]);
        command.arg(plain.get_program()).args(args);
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        crate::cli::finish(&mut command, b"")
    };
    if !axiom(&["help"]).status.success() {
        eprintln!("skipped: a terminal file system of our own needs root");
        return;
    }
    // The first command starts the server, which so lives where no terminal is free.
    let failed = axiom(&["run", "--pty", "--", "true"]);
    assert_eq!(failed.code(), 126, "{failed:?}");
    assert!(failed.stderr.contains("no terminal could be had"), "{failed:?}");
    let list = lab.axiom(&["ps", "--all", "--json"]).ok().json();
    assert_eq!(list["tasks"][0]["status"], "failed", "{list}");
    assert_eq!(lab.axiom(&["run", "--", "echo", "pipes"]).ok().text(), "pipes\n");
    lab.shut_down();
}

#[test]
fn more_tasks_than_may_run_wait_as_queued() {
    let lab = Lab::new();
    let first = lab.spawn(&["--max-tasks", "1", "--", "sh", "-c", "read go"]);
    let second = lab.spawn(&["--max-tasks", "1", "--", "sh", "-c", "echo second"]);
    assert_eq!(lab.status_of(&second), "queued");
    lab.kill_server();
    assert_eq!(lab.status_of(&second), "queued", "a queue survives its server");
    lab.axiom(&["send", &first, ""]).ok();
    assert_eq!(lab.wait(&[&second]).code(), 0);
    let third = lab.spawn_shell("echo up; read go");
    lab.follow(&["logs", "-f", &third]).wait_for_line("the third to run", |line| line == "up");
    let fourth = lab.spawn(&["--max-tasks", "1", "--", "true"]);
    lab.axiom(&["interrupt", &fourth]).ok();
    assert_eq!(
        (lab.status_of(&third), lab.status_of(&fourth)),
        ("running".into(), "stopped".into())
    );
    assert_eq!(lab.show(&fourth)["task"]["session"], 0, "it never ran");
    lab.shut_down();
}

#[test]
fn limits_end_a_task_and_are_named() {
    let lab = Lab::new();
    let slow = lab.spawn(&["--timeout", "200ms", "--", "sleep", "600"]);
    let loud = lab.spawn(&["--max-output", "50k", "--", "yes"]);
    lab.wait(&[&slow, &loud]);
    for (id, limit) in [(slow, "timeout"), (loud, "output")] {
        let task = lab.show(&id)["task"].clone();
        assert_eq!(task["limit"], limit, "{task}");
        assert!(task["cause"].as_str().unwrap().contains(limit), "{task}");
    }
    lab.shut_down();
}

#[test]
fn a_prune_of_many_tasks_leaves_nothing_to_complain_of() {
    let lab = Lab::new();
    let spawned = lab.axiom(&["spawn", "--json", "--count", "60", "--", "true"]).ok().json();
    let ids = spawned["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap());
    lab.wait(&ids.collect::<Vec<_>>()).ok();
    let pruned = lab.axiom(&["prune", "--json"]).ok().json();
    let status = lab.axiom(&["status", "--json"]).ok().json();
    assert_eq!(pruned["removed"].as_array().unwrap().len(), 60);
    assert!(!status["problems"].to_string().contains("axiom.db"), "{status}");
    lab.shut_down();
}

#[test]
fn a_task_that_ends_over_its_limit_of_output_is_not_said_to_be_stopped_and_to_have_succeeded() {
    let lab = Lab::new();
    for _either_may_be_first in 0..5 {
        let run = lab.axiom(&["run", "--max-output", "1", "--", "sh", "-c", "echo abc; exit 0"]);
        let killed = run.stderr.contains("stopped: its limit of output is reached");
        let ended = run.stderr.contains("its limit of output was reached as it ended");
        assert_eq!((killed, ended), (run.code() == 137, run.code() == 0), "{run:?}");
        let all = lab.axiom(&["ps", "--all", "--json"]).ok().json();
        let task = all["tasks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(task["limit"], "output", "{task}");
        assert_eq!(task["status"], if killed { "failed" } else { "succeeded" }, "{task}");
    }
    let none = lab.axiom(&["run", "--max-output", "0", "--", "true"]);
    assert_eq!(none.code(), 125);
    assert!(none.stderr.contains("output_bytes_max: must be at least 1"), "{none:?}");
    lab.shut_down();
}

#[test]
fn a_shutdown_that_stops_tasks_starts_none_of_those_that_waited() {
    let lab = Lab::new();
    let mark = lab.home().join("started");
    let limit = ["--max-tasks", "1", "--"];
    let first = lab.spawn(&[&limit[..], &["sh", "-c", "read go"]].concat());
    let next = ["touch", mark.to_str().unwrap()];
    let waiting: Vec<String> = (0..4).map(|_| lab.spawn(&[&limit[..], &next].concat())).collect();
    lab.axiom(&["shutdown", "--stop-tasks"]).ok();
    lab.axiom(&["ps"]).ok();
    assert_eq!(lab.status_of(&first), "stopped");
    for id in &waiting {
        let task = lab.show(id)["task"].clone();
        assert_eq!((&task["status"], &task["session"]), (&json!("stopped"), &json!(0)), "{task}");
        assert_eq!((task.get("exit"), lab.wait(&[id]).code()), (None, 130), "{task}");
    }
    assert!(!mark.exists(), "one was started");
    lab.shut_down();
}

#[test]
fn rm_and_prune_remove_ended_tasks_only() {
    let lab = Lab::new();
    let ended = lab.spawn(&["--", "true"]);
    let other = lab.spawn(&["--", "true"]);
    let running = lab.spawn_shell("read go");
    lab.wait(&[&ended, &other]);
    assert_eq!(lab.axiom(&["rm", &running]).code(), 125);
    lab.axiom(&["rm", &ended]).ok();
    assert!(!lab.home().join("tasks").join(&ended).exists());
    lab.axiom(&["prune"]).ok();
    assert!(!lab.home().join("tasks").join(&other).exists());
    assert_eq!(lab.status_of(&running), "running");
    lab.shut_down();
}

#[test]
fn what_outlived_a_task_is_listed_and_a_stop_ends_it() {
    let lab = Lab::new();
    let line = "trap '' HUP; sleep 600 </dev/null >/dev/null 2>&1 & echo $!; exit 3";
    let id = lab.spawn_shell(line);
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let text = lab.axiom(&["logs", "-f", &id]).ok().text();
    let kept: u32 = text.trim().parse().unwrap();
    let listed = lab.show(&id)["leftovers"][0]["pid"].clone();
    assert_eq!(listed, json!(kept));
    lab.axiom(&["stop", &id]).ok();
    assert!(!is_alive(kept), "it outlived the stop too");
    assert_eq!(lab.status_of(&id), "failed", "how the task ended stays said");
    lab.shut_down();
}

#[test]
fn bad_input_gets_a_clear_error_and_leaves_nothing() {
    let lab = Lab::new();
    let cases: [&[&str]; 9] = [
        &["frobnicate"],
        &["spawn", "--frobnicate", "--", "true"],
        &["spawn"],
        &["run", "--timeout", "soon", "--", "true"],
        &["spawn", "--max-output", "much", "--", "true"],
        &["logs", "--from", "nonsense", "0000"],
        &["send", "0000", "--key", "hyperspace"],
        &["wait"],
        &["spawn", "--env", "NOVALUE", "--", "true"],
    ];
    for args in cases {
        let finished = lab.axiom(args);
        assert_eq!(finished.code(), 125, "{args:?}: {finished:?}");
        assert!(!finished.stderr.trim().is_empty(), "{args:?} says nothing");
        assert!(!finished.stderr.contains("panicked"), "{args:?}: {finished:?}");
    }
    let tasks = std::fs::read_dir(lab.home().join("tasks")).map_or(0, Iterator::count);
    assert_eq!(tasks, 0, "something half-made stayed behind");
    lab.shut_down();
}

#[test]
fn status_and_doctor_tell_how_things_stand() {
    let lab = Lab::new();
    let id = lab.spawn_shell("read go");
    let status = lab.axiom(&["status", "--json"]).ok().json();
    assert_eq!(
        status["tasks"]["running"].as_u64().unwrap_or(0)
            + status["tasks"]["starting"].as_u64().unwrap_or(0),
        1,
        "{status}"
    );
    let doctor = lab.axiom(&["doctor"]);
    assert!(doctor.text().contains("mistakes"), "the boundary is named: {doctor:?}");
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}
