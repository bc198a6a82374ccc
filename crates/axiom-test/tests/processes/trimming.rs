//! The beginning of a long recording goes where the home bounds what is kept of a session: of a task that runs too. Who asks for
//! it is told, in every way there is to ask.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::lab::{EVENT_WAIT, Lab, assert_dies, kill};
use crate::retention::LaterServer;

/// Numbered lines that fill two segments and a bit.
const LINES: usize = 4_500_000;

/// What they are in bytes.
const BYTES: usize = LINES * 8;

fn bounded(keep: &str) -> Lab {
    let lab = Lab::new();
    fs::write(lab.home().join("config.toml"), format!("pack_after = \"off\"\n[keep]\n{keep}\n"))
        .unwrap();
    lab
}

/// A task that prints numbered lines and then goes on for as long as nobody says otherwise. On pipes, so that no screen is made
/// of all that.
fn printing(lab: &Lab) -> String {
    let line = format!("seq -w 0 {}; read go; echo went on; exit 3", LINES - 1);
    lab.spawn(&["--no-pty", "--", "sh", "-c", &line])
}

fn wait_for(lab: &Lab, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut deadline = Instant::now() + EVENT_WAIT;
    let mut before = Value::Null;
    loop {
        let shown = lab.show(id);
        if is(&shown) {
            return shown;
        }
        // As long as it prints, it is not stuck: a busy machine takes its time.
        if before != shown["task"]["bytes"] {
            before = shown["task"]["bytes"].clone();
            deadline = Instant::now() + EVENT_WAIT;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}: {}", shown["stored"]);
    }
}

fn segments(shown: &Value) -> Vec<String> {
    let folder = PathBuf::from(shown["folder"].as_str().unwrap());
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.contains(".journal"));
    names.sort();
    names
}

/// The last bytes that were printed.
fn last(bytes: usize) -> Vec<u8> {
    let first = (BYTES - bytes) / 8;
    let mut printed = Vec::with_capacity(bytes + 8);
    for line in first..LINES {
        printed.extend_from_slice(format!("{line:07}\n").as_bytes());
    }
    printed.split_off(printed.len() - bytes)
}

#[test]
fn the_beginning_of_a_task_that_runs_goes_and_every_reader_is_told() {
    let lab = bounded("session_bytes = \"20M\"");
    let id = printing(&lab);
    let shown = wait_for(&lab, &id, "all of its output and the first to go", |shown| {
        shown["task"]["bytes"] == BYTES && shown["stored"]["gone"].as_u64() > Some(15 << 20)
    });
    assert_eq!(shown["task"]["status"], "running");
    assert!(shown["stored"]["bytes"].as_u64().unwrap() < 20 << 20, "20M: {shown}");
    let names = segments(&shown);
    assert!(names.len() >= 2 && names[0] != "000001.journal", "{names:?}");
    let gone = usize::try_from(shown["stored"]["gone"].as_u64().unwrap()).unwrap();
    let kept = last(BYTES - gone);
    let told =
        |text: &str| assert!(text.contains("of output before this is no longer kept"), "{text}");

    let logs = lab.axiom(&["logs", "--view", "raw", &id]).ok();
    assert!(logs.stdout == kept, "all that is kept, byte for byte");
    told(&logs.stderr);
    let logs = lab.axiom(&["logs", &id]).ok();
    assert!(logs.stdout.ends_with(format!("{}\n", LINES - 1).as_bytes()));
    told(&logs.stderr);
    let tail = lab.axiom(&["logs", "--tail", "2", &id]).ok();
    assert_eq!(tail.text(), format!("{}\n{}\n", LINES - 2, LINES - 1));
    assert_eq!(tail.stderr, "", "of what is kept, nothing is gone");
    let later = lab.axiom(&["logs", "--view", "raw", "--from", &format!("1:{gone}"), &id]).ok();
    assert!(later.stdout == kept && later.stderr.is_empty());

    let mut json = lab.follow(&["logs", "-f", "--json", &id]);
    let line = json.wait_for_line("what is gone", |line| line.contains("\"event\":\"gone\""));
    assert!(line.contains(&format!("\"from\":0,\"to\":{gone}")), "{line}");
    let mut raw = lab.follow(&["logs", "-f", "--view", "raw", &id]);
    raw.wait_for_line("its last line", |line| line.contains(&(LINES - 1).to_string()));

    for path in ["output?view=raw", "output?cursor=1:0", "frames", "frames?cursor=1:0:0"] {
        let answer = lab.asked("GET", &format!("/api/v1/tasks/{id}/{path}"), b"");
        let header = answer.header("x-axiom-gone").map(str::to_owned);
        assert_eq!((answer.status, header), (200, Some(format!("0-{gone}"))), "{path}");
    }

    let doctor = lab.axiom(&["doctor", "--journal", &id]).ok().text();
    assert!(doctor.contains("what was before it is no longer kept"), "{doctor}");
    let cast = lab.axiom(&["export", &id, "-o", "-"]).ok();
    told(&cast.stderr);
    assert!(cast.text().contains("is no longer kept"), "the recording says so too");

    lab.axiom(&["send", &id, "go"]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let (_, _, stderr) = raw.finish(EVENT_WAIT);
    told(&stderr);
    let (_, lines, _) = json.finish(EVENT_WAIT);
    assert!(lines.iter().any(|line| line.contains("task.ended")), "{:?}", lines.last());
    lab.shut_down();
}

#[test]
fn a_task_whose_beginning_is_gone_survives_the_deaths_of_worker_and_server() {
    let lab = bounded("session_bytes = \"1\"");
    let id = printing(&lab);
    let is_gone =
        |shown: &Value| shown["task"]["bytes"] == BYTES && shown["stored"]["segments"] == 2;
    let shown = wait_for(&lab, &id, "all of its output, and two segments", is_gone);
    let worker = u32::try_from(shown["task"]["worker_pid"].as_u64().unwrap()).unwrap();
    kill(worker, libc::SIGKILL);
    assert_dies(worker, "the worker");
    let next = wait_for(&lab, &id, "another worker", |shown| {
        shown["task"]["worker_pid"].as_u64().is_some_and(|pid| pid != u64::from(worker))
    });
    for key in ["bytes", "lines", "started_at_ms", "status", "pid"] {
        assert_eq!(next["task"][key], shown["task"][key], "{key}");
    }
    lab.kill_server();
    let shown = lab.show(&id);
    for key in ["bytes", "lines", "started_at_ms", "status", "pid"] {
        assert_eq!(shown["task"][key], next["task"][key], "{key}");
    }
    lab.axiom(&["send", &id, "go"]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let ended = lab.show(&id);
    assert_eq!(ended["task"]["lines"].as_u64().unwrap(), LINES as u64 + 1);
    lab.kill_server();
    std::fs::remove_file(lab.home().join("axiom.db")).unwrap();
    let found = lab.show(&id);
    for key in ["bytes", "lines", "started_at_ms", "status", "exit", "interventions"] {
        assert_eq!(found["task"][key], ended["task"][key], "{key}");
    }
    assert!(lab.axiom(&["logs", &id]).ok().text().ends_with("went on\n"));
    lab.shut_down();
}

#[test]
fn what_was_recorded_too_long_ago_goes_though_the_task_runs() {
    let lab = bounded("session_days = 2");
    let id = printing(&lab);
    wait_for(&lab, &id, "all of its output", |shown| shown["task"]["bytes"] == BYTES);
    assert_eq!(lab.show(&id)["stored"]["gone"], 0);
    if let Some(server) = LaterServer::start(&lab, 1) {
        assert_eq!(lab.show(&id)["stored"]["gone"], 0, "a day is not two");
        let later = LaterServer::start(&lab, 3);
        let shown =
            wait_for(&lab, &id, "the oldest to go", |shown| shown["stored"]["segments"] == 2);
        assert_eq!(shown["task"]["status"], "running");
        lab.axiom(&["send", &id, "go"]).ok();
        assert_eq!(lab.wait(&[&id]).code(), 3);
        lab.shut_down();
        drop((server, later));
    } else {
        lab.axiom(&["send", &id, "go"]).ok();
        assert_eq!(lab.wait(&[&id]).code(), 3);
        lab.shut_down();
    }
}
