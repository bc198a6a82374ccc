//! What is stopped together: whoever waits leaves the queue before a running one gives its place free, and each end is told.

use axiom_proto::event::{Event, Happening};

use crate::cli::Followed;
use crate::lab::{EVENT_WAIT, Lab, kill, wait_for_entry};

/// Six commands of which one runs at a time; each leaves a mark where it has begun. It waits in the shell itself: a shell that
/// is starting a program keeps an interrupt until that one has ended.
fn six_in_a_row(lab: &Lab) -> (Vec<String>, impl Fn() -> usize) {
    let folder = lab.home().to_owned();
    let line = |n: u32| format!("touch {}/begun-{n}; echo up; read line", folder.display());
    let lines = (1..=6).map(line).collect();
    let begun = move || {
        let entries = std::fs::read_dir(&folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("begun-")).count()
    };
    (lines, begun)
}

/// Begins six in a row under the stream, and waits until the first one has spoken.
fn stream_of_six(lab: &Lab, flags: &[&str], spoken: &str) -> (Followed, impl Fn() -> usize) {
    let (lines, begun) = six_in_a_row(lab);
    let mut args = [&["run"], flags, &["--max-parallel", "1", "--each"]].concat();
    args.extend(lines.iter().map(String::as_str));
    let mut run = lab.follow(&args);
    run.wait_for_line("the first one's output", |line| line.contains(spoken));
    (run, begun)
}

#[test]
fn ctrl_c_starts_nothing_that_was_queued_and_every_end_is_told_once() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let lab = Lab::new();
        let (run, begun) = stream_of_six(&lab, &[], "[1:touch] up");
        kill(run.child.id(), signal);
        let (status, lines, stderr) = run.finish(EVENT_WAIT);
        assert_eq!(status.code(), Some(130), "{stderr}");
        assert_eq!(begun(), 1, "{lines:?}");
        for number in 1..=6 {
            let notices = lines.iter().filter(|line| line.starts_with(&format!("== [{number}:")));
            let ends =
                notices.filter(|line| line.contains("as asked") && !line.contains("applied"));
            assert_eq!(ends.count(), 1, "{number} in {lines:?}");
        }
        lab.shut_down();
    }
}

#[test]
fn a_task_that_does_not_heed_ctrl_c_is_named_with_what_ends_it() {
    let lab = Lab::new();
    let mut run = lab.follow(&["run", "--each", "trap '' INT; echo up; read line", "read line"]);
    run.wait_for_line("the first one's line", |line| line == "[1:trap] up");
    kill(run.child.id(), libc::SIGINT);
    let told = "== 1 task still runs; what ends it: axiom ";
    let words = run.wait_for_line("who still runs", |line| line.starts_with(told));
    let command: Vec<&str> = words.split_once("axiom ").unwrap().1.split(' ').collect();
    lab.axiom(&command).ok();
    let (status, lines, stderr) = run.finish(EVENT_WAIT);
    assert_eq!(status.code(), Some(128 + libc::SIGTERM), "{stderr}");
    assert_eq!(lines.iter().filter(|line| line.starts_with(told)).count(), 1, "{lines:?}");
    lab.shut_down();
}

#[test]
fn every_task_that_events_told_of_has_its_end_also_where_it_never_started() {
    let lab = Lab::new();
    let (run, begun) = stream_of_six(&lab, &["--json"], "task.output");
    kill(run.child.id(), libc::SIGINT);
    let (status, lines, stderr) = run.finish(EVENT_WAIT);
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert_eq!(begun(), 1, "{lines:?}");
    let events: Vec<Event> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |wanted: fn(&Happening) -> bool| {
        let mut tasks: Vec<_> = events
            .iter()
            .filter(|event| wanted(&event.happening))
            .map(|event| event.task.unwrap())
            .collect();
        tasks.sort_unstable();
        tasks
    };
    let queued = of(|happening| matches!(happening, Happening::TaskQueued { .. }));
    assert_eq!(queued.len(), 6);
    assert_eq!(
        of(|happening| matches!(happening, Happening::TaskEnded { .. })),
        queued,
        "{lines:?}"
    );
    assert_eq!(events.last().unwrap().happening, Happening::TasksAllEnded { ended: 6 });
    lab.shut_down();
}

#[test]
fn a_shutdown_that_stops_the_tasks_tells_every_end_before_its_goodbye() {
    // Without the last words every second stream waits for ever.
    for round in 0..6 {
        let lab = Lab::new();
        let (run, begun) = stream_of_six(&lab, &[], "[1:touch] up");
        lab.axiom(&["shutdown", "--stop-tasks"]).ok();
        let (status, lines, stderr) = run.finish(EVENT_WAIT);
        assert_eq!(status.code(), Some(130), "round {round}: {stderr}");
        assert_eq!(begun(), 1, "{lines:?}");
        for number in 1..=6 {
            let notices = lines.iter().filter(|line| line.starts_with(&format!("== [{number}:")));
            let ends = notices.filter(|line| line.contains("[STOPPED]"));
            assert_eq!(ends.count(), 1, "{number} in {lines:?}");
        }
        lab.shut_down();
    }
}

#[test]
fn a_stream_whose_server_has_gone_says_so_and_leaves_when_it_is_ended() {
    for signals in [&[libc::SIGTERM][..], &[libc::SIGINT, libc::SIGINT]] {
        let lab = Lab::new();
        let mut run = lab.follow(&["run", "--each", "echo up; sleep 600", "sleep 600"]);
        run.wait_for_line("the first one's line", |line| line == "[1:echo] up");
        lab.axiom(&["shutdown"]).ok();
        run.wait_for_line("the goodbye", |line| line.contains("the server is away"));
        let [first @ .., last] = signals else { panic!("no signal") };
        for signal in first {
            kill(run.child.id(), *signal);
            run.wait_for_line("what it can do", |line| line.contains("no server is there"));
        }
        kill(run.child.id(), *last);
        let (status, _, stderr) = run.finish(EVENT_WAIT);
        assert!(stderr.contains("left 2 of 2 tasks running"), "{status:?} {stderr}");
        // The next command starts a server, which finds them.
        lab.axiom(&["ps"]).ok();
        lab.shut_down();
    }
}

#[test]
fn a_signal_while_commands_are_spawned_leaves_nothing_running() {
    let lab = Lab::new();
    let mark = lab.home().join("begun");
    let lines = format!("touch {0}; read line\n", mark.display()).repeat(200);
    std::fs::write(lab.home().join("lines"), lines).unwrap();
    let file = lab.home().join("lines").display().to_string();
    let run = lab.follow(&["run", "--max-parallel", "2", "--file", &file]);
    wait_for_entry(&mark, &mut || false);
    kill(run.child.id(), libc::SIGINT);
    let (status, lines, stderr) = run.finish(EVENT_WAIT);
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(lines.last().unwrap().starts_with("== "), "{lines:?}");
    let alive = lab.axiom(&["ps", "--json", "--status", "queued,starting,running,stopping"]).ok();
    assert_eq!(alive.json()["tasks"], serde_json::json!([]), "{stderr}");
    lab.shut_down();
}

#[test]
fn stop_of_several_takes_those_that_wait_first_and_tells_each_once() {
    let lab = Lab::new();
    let (lines, begun) = six_in_a_row(&lab);
    let mut args = vec!["spawn", "--json", "--max-parallel", "1", "--each"];
    args.extend(lines.iter().map(String::as_str));
    let answer = lab.axiom(&args).ok().json();
    let tasks = answer["tasks"].as_array().unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task["id"].as_str().unwrap()).collect();
    wait_for_entry(&lab.home().join("begun-1"), &mut || false);
    let twice = [&["stop"], &ids[..], &ids[5..]].concat();
    let stopped = lab.axiom(&twice).ok().text();
    let told = ids.iter().map(|id| format!("stopped {}: stopped", &id[..8]));
    assert_eq!(stopped.lines().collect::<Vec<_>>(), told.collect::<Vec<_>>());
    assert_eq!(begun(), 1);
    let waited = lab.wait(&ids[5..]);
    assert_eq!(waited.code(), 130, "stopped before it started: {waited:?}");
    lab.shut_down();
}

#[test]
fn the_end_of_a_followed_task_that_failed_is_said_beside_its_output() {
    let lab = Lab::new();
    lab.spawn(&["-n", "one", "--", "sh", "-c", "echo up; exit 3"]);
    let logs = lab.axiom(&["logs", "-f", "one"]).ok();
    assert_eq!(
        (logs.text().as_str(), logs.stderr.as_str()),
        ("up\n", "axiom: one failed: exit 3\n")
    );
    let alive = lab.axiom(&["ps", "--json", "--alive"]).ok();
    assert_eq!(alive.json()["tasks"], serde_json::json!([]));
    lab.shut_down();
}

#[test]
fn a_command_beside_a_file_of_commands_and_a_nameless_log_are_refused_with_what_to_do() {
    let lab = Lab::new();
    let run = lab.axiom_with_input(&["run", "--file", "-", "--", "echo", "x"], b"true\n");
    assert_eq!(run.code(), 125, "{run:?}");
    assert!(run.stderr.contains("echo stands beside --file"), "{run:?}");
    let logs = lab.axiom(&["logs", "-f"]);
    assert!(logs.code() == 125 && logs.stderr.contains("--all"), "{logs:?}");
    for number in ["x", "-1", "0"] {
        let run = lab.axiom(&["run", "--max-parallel", number, "--each", "true"]);
        assert!(run.stderr.contains("a whole number from 1 on"), "{run:?}");
    }
}
