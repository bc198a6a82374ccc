//! `axiom export`: what is in a recording of a task, where it goes, and that the stock asciinema plays the same bytes.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::equipment::python;
use crate::lab::Lab;
use crate::tty::Seat;

/// A recording's head, and its events with their times since the start in microseconds.
fn read(cast: &[u8]) -> (Value, Vec<(u64, String, String)>) {
    let text = std::str::from_utf8(cast).unwrap();
    let mut lines = text.lines();
    let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let intervals = head["version"] == 3;
    let mut now = 0;
    let events = lines.map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds")]
        let time = (event[0].as_f64().unwrap() * 1e6).round() as u64;
        now = if intervals { now + time } else { time };
        let word = |place: usize| event[place].as_str().unwrap().to_owned();
        (now, word(1), word(2))
    });
    let events = events.collect();
    (head, events)
}

/// All data of one kind of event.
fn of_kind(events: &[(u64, String, String)], kind: &str) -> String {
    events.iter().filter(|event| event.1 == kind).map(|event| event.2.as_str()).collect()
}

/// A task on a terminal that was typed to, resized, suspended and resumed, and that ended with 3.
fn eventful(lab: &Lab) -> String {
    let line = "printf 'h\\303'; printf '\\251llo \\033[31mred\\033[0m\\n'; read x; echo got $x; \
                stty -echo; read secret; stty echo; echo end; exit 3";
    let env = ["--env", "TERM=vt220", "--env", "SHELL=/bin/zsh", "--env", "TOKEN=secret"];
    let args = ["-n", "eventful", "--size", "90x25", "--", "sh", "-c", line];
    let id = lab.spawn(&[&env[..], &args].concat());
    let mut output = lab.follow(&["logs", "-f", &id]);
    output.wait_for_line("the greeting", |line| line.contains("red"));
    lab.axiom(&["suspend", &id]).ok();
    lab.axiom(&["resume", &id]).ok();
    lab.axiom(&["send", &id, "something"]).ok();
    output.wait_for_line("the answer", |line| line.contains("got something"));
    // Only once it does not echo any more is what is typed a secret.
    let mut asks = lab.follow(&["logs", "-f", &id]);
    asks.wait_for_line("the answer", |line| line.contains("got something"));
    wait_for_silent_terminal(lab, &id);
    lab.axiom(&["send", &id, "topsecret"]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    id
}

/// Until the task's terminal shows nothing of what is typed.
fn wait_for_silent_terminal(lab: &Lab, id: &str) {
    use std::time::Instant;
    let pid = lab.show(id)["task"]["pid"].as_u64().unwrap();
    let terminal = fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    let deadline = Instant::now() + crate::lab::EVENT_WAIT;
    loop {
        let open = fs::File::open(&terminal).unwrap();
        let modes = rustix::termios::tcgetattr(&open).unwrap();
        if !modes.local_modes.contains(rustix::termios::LocalModes::ECHO) {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain for stty -echo on {terminal:?}");
        std::thread::yield_now();
    }
}

#[test]
fn both_versions_have_the_same_events_at_the_same_microseconds() {
    let lab = Lab::new();
    let id = eventful(&lab);
    let three = lab.axiom(&["export", &id]).ok();
    let two = lab.axiom(&["export", "eventful", "--format", "asciicast2"]).ok();
    let ((head_of_three, three_events), (head_of_two, two_events)) =
        (read(&three.stdout), read(&two.stdout));
    let (term, shell) = (json!({"cols": 90, "rows": 25, "type": "vt220"}), "/bin/zsh");
    assert_eq!((&head_of_three["term"], &head_of_three["env"]), (&term, &json!({"SHELL": shell})));
    assert_eq!(head_of_two["env"], json!({"SHELL": shell, "TERM": "vt220"}));
    assert_eq!(
        (head_of_two["width"].as_u64(), head_of_two["height"].as_u64()),
        (Some(90), Some(25))
    );
    for head in [&head_of_two, &head_of_three] {
        assert_eq!(head["title"], "eventful");
        assert!(head["command"].as_str().unwrap().starts_with("sh -c"), "{head}");
        let created = lab.show(&id)["task"]["created_at_ms"].as_u64().unwrap() / 1000;
        let timestamp = head["timestamp"].as_u64().unwrap();
        assert!((created..created + 60).contains(&timestamp), "{timestamp} and {created}");
    }
    let (last_of_three, same_of_three) = three_events.split_last().unwrap();
    let (last_of_two, same_of_two) = two_events.split_last().unwrap();
    assert_eq!(same_of_three, same_of_two);
    assert_eq!(last_of_three.0, last_of_two.0);
    assert_eq!((last_of_three.1.as_str(), last_of_three.2.as_str()), ("x", "3"));
    assert_eq!((last_of_two.1.as_str(), last_of_two.2.as_str()), ("m", "exit 3"));
    assert_eq!(of_kind(same_of_two, "o").as_bytes(), lab.raw_output(&id));
    assert_eq!(of_kind(same_of_two, "i"), "something\r");
    assert_eq!(of_kind(same_of_two, "m"), "suspendedresumed");
    for told in [&two, &three] {
        assert!(told.stderr.contains("10 typed bytes not in the recording"), "{told:?}");
        assert!(!told.text().contains("topsecret"), "{told:?}");
    }
    lab.shut_down();
}

#[test]
fn what_is_no_text_is_replaced_and_told_with_its_place() {
    let lab = Lab::new();
    let id = lab.spawn_shell("printf 'ab\\377\\376c\\n'; printf '\\303'");
    lab.wait(&[&id]);
    let exported = lab.axiom(&["export", &id]).ok();
    let (_, events) = read(&exported.stdout);
    assert_eq!(of_kind(&events, "o"), "ab\u{fffd}\u{fffd}c\r\n\u{fffd}");
    assert!(exported.stderr.contains("3 bytes of output are no UTF-8"), "{exported:?}");
    assert!(exported.stderr.contains("at offset 2, 7"), "{exported:?}");
    lab.shut_down();
}

#[test]
fn a_running_task_on_pipes_is_exported_up_to_now_with_its_errors_among_its_output() {
    let lab = Lab::new();
    let line = "echo out; echo err >&2; echo more; exec sleep 600";
    let id = lab.spawn(&["--no-pty", "--", "sh", "-c", line]);
    lab.follow(&["logs", "-f", &id]).wait_for_line("all lines", |line| line == "more");
    let exported = lab.axiom(&["export", &id]).ok();
    let (_, events) = read(&exported.stdout);
    let mut lines: Vec<String> =
        of_kind(&events, "o").split_inclusive('\n').map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["err\r\n", "more\r\n", "out\r\n"]);
    assert_eq!(of_kind(&events, "x"), "");
    assert!(exported.stderr.contains("runs on"), "{exported:?}");
    lab.axiom(&["stop", &id]).ok();
    let (_, events) = read(&lab.axiom(&["export", &id]).ok().stdout);
    assert_eq!(of_kind(&events, "m"), "stop");
    lab.shut_down();
}

#[test]
fn a_file_is_whole_or_as_it_was_and_a_terminal_is_not_filled() {
    let lab = Lab::new();
    let id = lab.spawn_shell("echo hello");
    lab.wait(&[&id]);
    let file = lab.home().join("a.cast");
    let path = file.to_str().unwrap();
    fs::write(&file, "before").unwrap();
    let refused = lab.axiom(&["export", "nobody", "-o", path]);
    assert_eq!(refused.code(), 125);
    assert_eq!(fs::read(&file).unwrap(), b"before");
    lab.axiom(&["export", &id, "-o", path]).ok();
    assert_eq!(fs::read(&file).unwrap(), lab.axiom(&["export", &id]).ok().stdout);
    let mut seat = Seat::open(lab.command(&["export", &id]));
    assert_eq!(seat.wait_for_exit(), 125);
    assert!(seat.text().contains("-o FILE") && !seat.text().contains("version"), "{}", seat.text());
    let mut seat = Seat::open(lab.command(&["export", &id, "-o", "-"]));
    assert_eq!(seat.wait_for_exit(), 0);
    assert!(seat.text().contains("\"version\":3"), "{}", seat.text());
    lab.shut_down();
}

#[test]
fn a_text_is_what_logs_prints() {
    let lab = Lab::new();
    let line = "seq 1 200000; printf '\\033[31mred\\033[0m\\033]52;c;aGk=\\007 end'";
    let id = lab.spawn(&["-n", "text", "--", "sh", "-c", line]);
    lab.wait(&[&id]);
    let file = lab.home().join("a.txt");
    lab.axiom(&["export", "text", "--format", "text", "-o", file.to_str().unwrap()]).ok();
    let text = fs::read(&file).unwrap();
    assert!(text == lab.axiom(&["logs", &id]).ok().stdout);
    assert!(text.ends_with(b"200000\nred end\n"), "{:?}", text.last_chunk::<40>());
    let mut seat = Seat::open(lab.command(&["export", "text", "--format", "text"]));
    assert_eq!(seat.wait_for_exit(), 0);
    seat.wait_for("red end");
    lab.shut_down();
}

/// The rows of text elements in a picture.
fn drawn(svg: &[u8]) -> String {
    let svg = std::str::from_utf8(svg).unwrap();
    let texts = svg.lines().filter(|line| line.starts_with("<text"));
    texts.map(|line| line.split(['>', '<']).nth(2).unwrap().to_owned() + "\n").collect()
}

#[test]
fn a_picture_is_of_now_or_of_then() {
    let lab = Lab::new();
    let line = "printf 'first \\033[1;31mred\\033[0m <&>\\n'; read go; printf '\\033[2J\\033[H\\033[?1049hsecond\\n'; \
                read end";
    let id = lab.spawn(&["-n", "a & b", "--size", "30x4", "--", "sh", "-c", line]);
    let mut output = lab.follow(&["logs", "-f", "--view", "raw", &id]);
    output.wait_for_line("the first", |line| line.contains("<&>"));
    lab.axiom(&["send", &id, ""]).ok();
    output.wait_for_line("the second", |line| line.contains("second"));
    let svg = |args: &[&str]| {
        let args = [&["export", &id, "--format", "svg"], args].concat();
        lab.axiom(&args).ok()
    };
    let now = svg(&[]);
    assert_eq!(drawn(&now.stdout), "second\n");
    assert!(now.stderr.contains("the picture is of now"), "{now:?}");
    assert!(now.text().contains("<title>a &amp; b ("), "{now:?}");
    assert!(now.text().contains("viewBox=\"0 0 284 104\""), "30 columns and 4 rows: {now:?}");
    let (_, events) = read(&lab.axiom(&["export", &id]).ok().stdout);
    let end_of_first = events.iter().find(|event| event.2.contains("<&>")).unwrap().0;
    #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
    let then = format!("{:.6}", end_of_first as f64 / 1e6);
    let first = svg(&["--at", &then]);
    assert_eq!(drawn(&first.stdout), "first\nred\n&lt;&amp;&gt;\n");
    assert!(first.text().contains("font-weight=\"bold\""), "{first:?}");
    assert_eq!(drawn(&svg(&["--at", "0"]).stdout), "");
    assert_eq!(drawn(&svg(&["--at", "10m"]).stdout), "second\n");
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}

#[test]
fn a_picture_of_the_smallest_terminal_and_of_one_that_was_never_told_its_size() {
    let lab = Lab::new();
    let id = lab.spawn(&["--size", "1x1", "--", "sh", "-c", "printf 'abc\\n漢\\033[31mx'"]);
    lab.wait(&[&id]);
    let svg = lab.axiom(&["export", &id, "--format", "svg"]).ok();
    assert_eq!(drawn(&svg.stdout), "x\n");
    assert_eq!(lab.axiom(&["spawn", "--size", "0x0", "--", "true"]).code(), 125);
    lab.shut_down();
}

#[test]
fn what_cannot_be_exported_is_refused_with_what_to_do_instead() {
    let lab = Lab::new();
    let piped = lab.spawn(&["--no-pty", "--", "echo", "hello"]);
    lab.wait(&[&piped]);
    for (args, told, hint) in [
        (&["--format", "svg"][..], "it has no screen", "--format text"),
        (&["--format", "svg", "--at", "1"], "it has no screen", "--format text"),
        (&["--format", "text", "--at", "1"], "--at is the time of a picture", "replay --from"),
        (&["--format", "svg", "--at", "x"], "is no time", "--at"),
        (&["--format", "gif"], "invalid value", "svg"),
    ] {
        let refused = lab.axiom(&[&["export", &piped][..], args].concat());
        assert_eq!((refused.code(), refused.stdout.len()), (125, 0), "{refused:?}");
        assert!(refused.stderr.contains(told) && refused.stderr.contains(hint), "{refused:?}");
    }
    let busy = lab.spawn(&["--", "sleep", "600"]);
    let mut seat = Seat::open(lab.command(&["export", &busy, "--format", "svg"]));
    assert_eq!(seat.wait_for_exit(), 125);
    assert!(seat.text().contains("would fill this terminal"), "{}", seat.text());
    let queued = lab.spawn(&["--max-tasks", "1", "--", "true"]);
    let refused = lab.axiom(&["export", &queued]);
    assert_eq!(refused.code(), 125);
    assert!(refused.stderr.contains("never started"), "{refused:?}");
    assert_eq!(lab.axiom(&["export", &queued, "--format", "text"]).ok().text(), "");
    lab.axiom(&["stop", &queued, &busy]).ok();
    lab.shut_down();
}

#[test]
fn a_server_that_is_killed_in_the_middle_costs_the_recording_nothing() {
    let lab = Lab::new();
    let id = lab.spawn_shell("seq 1 1000000");
    lab.wait(&[&id]);
    let mut export = lab.follow(&["export", &id, "--format", "asciicast2"]);
    export.wait_for_line("the head", |line| line.contains("version"));
    lab.kill_server();
    let (status, lines, stderr) = export.finish(crate::lab::EVENT_WAIT * 3);
    assert!(status.success(), "{stderr}");
    let (_, events) = read(lines.join("\n").as_bytes());
    assert!(of_kind(&events, "o").as_bytes() == lab.raw_output(&id));
    lab.shut_down();
}

#[test]
fn the_stock_asciinema_plays_the_same_bytes() {
    let lab = Lab::new();
    let Some(python) = python(&lab) else { return };
    let id = eventful(&lab);
    let cast = lab.home().join("a.cast");
    lab.axiom(&["export", &id, "--format", "asciicast2", "-o", cast.to_str().unwrap()]).ok();
    for how in ["cat", "play --speed 1000"] {
        let out = lab.home().join("played");
        // It wants a terminal, and writes to a file here, where nothing is changed on the way.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("python3 -m asciinema {how} \"$1\" >\"$2\""), "sh"]);
        command.arg(&cast).arg(&out);
        command.envs(python.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", lab.home());
        let mut seat = Seat::open(command);
        assert_eq!(seat.wait_for_exit(), 0, "{how}: {}", seat.text());
        let played = fs::read(&out).unwrap();
        assert_eq!(played, lab.raw_output(&id), "asciinema {how}");
    }
    lab.shut_down();
}
