//! The merged stream: many tasks in one view, as lines, as events and on a terminal.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use axiom_proto::event::{Event, EventClass, Happening};
use rustix::termios::LocalModes;

use crate::cli::Finished;
use crate::lab::{EVENT_WAIT, Lab, freeze, kill, wait_for_death};
use crate::tty::Seat;

/// Everything that a child can do to a line: controls of both sets, strings, directions, broken text, and our own words.
const HOSTILE: &str = r"
import sys
out = sys.stdout.buffer
out.write(bytes(range(256)) + b'\n')
out.write('\u202eturned\u2066\u2069 \u009b31mcsi\n'.encode())
out.write(b'\x1b]52;c;aGVsbG8=\x07\x1bP1$r\x1b\\\x1b[2J\x1b[H\x1b[?25lafter\n')
out.write(b'== [good] [COMPLETED] in 777 s\n')
out.write(b'x\r== [good] [FAILED] exit 9\n')
out.write(b'\r\n== [good] [INTERVENTION] 1: stop by nobody: applied\n')
out.write(b'\xff\xc3(\xa0' + b'y' * 1000000 + b'\n')
";

/// Characters of a row without its escapes: each of ours has a width of one.
fn columns(row: &str) -> usize {
    let parts = row.split('\u{1b}').enumerate();
    let text = parts.map(|(number, part)| match number {
        0 => part,
        _ => part.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or(""),
    });
    text.map(|part| part.trim_matches('\r').chars().count()).sum()
}

fn notices(run: &Finished) -> Vec<String> {
    run.text().lines().filter(|line| line.starts_with("== ")).map(str::to_owned).collect()
}

#[test]
fn no_output_and_no_name_can_be_taken_for_a_notice_or_act_on_the_reader() {
    let lab = Lab::new();
    let script = lab.home().join("hostile.py");
    std::fs::write(&script, HOSTILE).unwrap();
    let line = format!("python3 {}", script.display());
    let name = "x] [COMPLETED] in 9 s == [y\u{202e}";
    for color in ["never", "always"] {
        let run = lab.axiom(&["run", "--color", color, "-n", name, "--each", &line]).ok();
        let text = run.text();
        let harmless = |c: char| {
            let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            c == '\n'
                || c == '\t'
                || (c == '\u{1b}' && color == "always")
                || !(c.is_control() || turns)
        };
        assert!(text.chars().all(harmless), "{text:?}");
        assert!(text.matches('\u{1b}').count() < 2_000, "only our own colours");
        for word in ["[FAILED]", "[INTERVENTION]", "in 777 s"] {
            let forged = notices(&run).into_iter().find(|line| line.contains(word));
            assert_eq!(forged, None, "{word}");
        }
        let ends = notices(&run).iter().filter(|line| line.contains("] [COMPLETED] in ")).count();
        assert!(color == "always" || ends == 1, "{:?}", notices(&run));
    }
    lab.shut_down();
}

#[test]
fn a_prompt_is_seen_before_its_answer_and_the_rest_of_its_line_is_marked() {
    let lab = Lab::new();
    let mut run =
        lab.follow(&["run", "-n", "asks", "--each", "printf 'name: '; read n; echo \"hi $n\""]);
    run.wait_for_line("the prompt", |line| line == "[asks] name: ");
    lab.axiom(&["send", "asks", "bob"]).ok();
    run.wait_for_line("the rest of its line", |line| line.starts_with("[asks]+ bob"));
    run.wait_for_line("the answer", |line| line == "[asks] hi bob");
    let (status, _, _) = run.finish(EVENT_WAIT);
    assert!(status.success());
    lab.shut_down();
}

#[test]
fn a_redrawn_line_shows_its_last_state_and_not_every_one() {
    let lab = Lab::new();
    let line =
        "i=0; while [ $i -lt 500 ]; do i=$((i+1)); printf '\\r%d of 500' $i; done; echo; exit 4";
    let run = lab.axiom(&["run", "-n", "draws", "--each", line, "true"]);
    assert_eq!(run.code(), 4, "{run:?}");
    let text = run.text();
    let states: Vec<&str> = text.lines().filter(|line| line.contains(" of 500")).collect();
    assert!(states.contains(&"[1:draws] 500 of 500"), "{states:?}");
    assert!(states.len() < 20, "{} states", states.len());
    let failed = |line: &String| line.contains("[FAILED] exit 4 in ");
    assert!(notices(&run).iter().any(failed), "{:?}", notices(&run));
    lab.shut_down();
}

#[test]
fn two_killed_servers_leave_neither_gap_nor_double_in_the_stream() {
    let lab = Lab::new();
    let script = "while read word; do echo \"$word\"; done";
    let mut run = lab.follow(&["run", "-n", "echoes", "--each", script]);
    run.wait_for_line("the task to run", |line| line.contains("[RUNNING]"));
    for round in ["one", "two", "three"] {
        lab.axiom(&["send", "echoes", round]).ok();
        run.wait_for_line(round, |line| line == format!("[echoes] {round}"));
        if round != "three" {
            let _dead: u32 = lab.kill_server();
        }
    }
    lab.axiom(&["send", "echoes", "--close", ""]);
    lab.axiom(&["send", "echoes", "--key", "ctrl-d", "--no-enter"]);
    let (status, lines, stderr) = run.finish(EVENT_WAIT);
    assert!(status.success(), "{stderr}");
    for round in ["one", "two", "three"] {
        // Once as the terminal's echo of what was typed, once as the program's own.
        let seen = lines.iter().filter(|line| line.ends_with(&format!("] {round}"))).count();
        assert_eq!(seen, 2, "{round} in {lines:?}");
    }
    lab.shut_down();
}

#[test]
fn tasks_that_others_start_later_join_the_stream() {
    let lab = Lab::new();
    let old = lab.spawn(&["-n", "old", "--", "sh", "-c", "echo before; read go; echo after"]);
    lab.axiom(&["wait", "--any", "--timeout", "1s", &old]);
    let mut logs = lab.follow(&["logs", "-f", "--all"]);
    logs.wait_for_line("the running task", |line| line.starts_with("== [old] [RUNNING] since "));
    lab.spawn(&["-n", "new", "--", "sh", "-c", "echo first words; exit 3"]);
    logs.wait_for_line("the newcomer's output", |line| line == "[new] first words");
    logs.wait_for_line("the newcomer's end", |line| line.starts_with("== [new] [FAILED] exit 3"));
    lab.axiom(&["send", "old", ""]).ok();
    logs.wait_for_line("what comes after the head", |line| line == "[old] after");
    assert!(!logs.seen.iter().any(|line| line == "[old] before"), "{:?}", logs.seen);
    kill(logs.child.id(), libc::SIGINT);
    let (status, _, _) = logs.finish(EVENT_WAIT);
    assert!(status.success());
    lab.shut_down();
}

#[test]
fn events_are_one_object_a_line_and_tell_of_output_status_progress_and_interventions() {
    let lab = Lab::new();
    let line = "printf '\\033]9;4;1;40\\007'; trap 'exit 5' INT; echo working; while :; do sleep 0.1; done";
    let mut run = lab.follow(&["run", "-n", "works", "--json", "--each", line]);
    run.wait_for_line("output", |line| line.contains("task.output") && line.contains("working"));
    lab.axiom(&["interrupt", "works"]).ok();
    let (status, lines, stderr) = run.finish(EVENT_WAIT);
    assert_eq!(status.code(), Some(5), "{stderr}");
    let parse = |line: &String| serde_json::from_str::<Event>(line).unwrap();
    let events: Vec<Event> = lines.iter().map(parse).collect();
    for class in
        [EventClass::Output, EventClass::Status, EventClass::Progress, EventClass::Intervention]
    {
        assert!(events.iter().any(|event| event.class == class), "{class:?} in {lines:?}");
    }
    let ended = |event: &&Event| matches!(event.happening, Happening::TaskEnded { .. });
    assert_eq!(events.iter().filter(ended).count(), 1, "{lines:?}");
    let last = events.last().unwrap();
    assert_eq!(last.happening, Happening::TasksAllEnded { ended: 1 });
    lab.shut_down();
}

#[test]
fn events_say_which_command_a_task_is_before_anything_else_of_it() {
    let lab = Lab::new();
    let run = lab.axiom(&["run", "--json", "--each", "echo one", "printf two"]).ok();
    let events: Vec<Event> =
        run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (place, wanted) in [(0, "echo one"), (1, "printf two")] {
        let is_it = |event: &&Event| {
            let Happening::TaskQueued { command, index } = &event.happening else { return false };
            (command.as_str(), *index) == (wanted, place)
        };
        let queued = events.iter().find(is_it).unwrap_or_else(|| panic!("{wanted} in {events:?}"));
        let first = events.iter().find(|event| event.task == queued.task).unwrap();
        assert_eq!(first, queued);
    }
    let lines = events.iter().filter_map(|event| {
        let Happening::TaskEnded { stats, .. } = &event.happening else { return None };
        Some(stats.lines)
    });
    assert_eq!(lines.collect::<Vec<_>>(), [1, 1], "a line without an end is one");
    lab.shut_down();
}

#[test]
fn what_is_there_can_be_read_as_events_and_with_moments_without_following() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "here", "--", "sh", "-c", "printf 'one\\ntwo'; read go; exit 3"]);
    let mut logs = lab.follow(&["logs", "-f", &id]);
    logs.wait_for_line("the first line", |line| line == "one");
    lab.axiom(&["send", "here", "--no-enter", "x"]).ok();
    let text_of = |run: &Finished| -> String {
        let events = run.text();
        let texts = events.lines().filter_map(|line| {
            let event: Event = serde_json::from_str(line).unwrap();
            let Happening::TaskOutput { text, .. } = event.happening else { return None };
            Some(text)
        });
        texts.collect()
    };
    let running = lab.axiom(&["logs", "--json", &id]).ok();
    assert_eq!(text_of(&running), "one\ntwox");
    lab.axiom(&["send", "here", ""]).ok();
    lab.axiom(&["wait", &id]);
    let ended = lab.axiom(&["logs", "--json", "here"]).ok();
    assert_eq!(text_of(&ended), "one\ntwox\n");
    assert!(ended.text().contains(r#""event":"task.ended""#), "{ended:?}");
    let moments = lab.axiom(&["logs", "--timestamps", "here"]).ok();
    let lines = moments.text();
    assert!(lines.lines().any(|line| line.ends_with("Z [here] one")), "{lines}");
    assert!(lines.lines().all(|line| line.starts_with("20")), "{lines}");
    let late = lab.axiom(&["logs", "--timestamps", "--tail", "1", "here"]).ok().text();
    let moments: Vec<&str> = late.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(moments.len() > 1 && moments.is_sorted(), "{late}");
    let first = lines.lines().find(|line| line.ends_with("[here] one")).unwrap();
    assert!(moments.iter().all(|moment| *moment >= &first[..24]), "{late} {first}");
    let raw = lab.axiom(&["logs", "--view", "raw", "--json", "here"]);
    assert_eq!(raw.code(), 125, "{raw:?}");
    lab.shut_down();
}

#[test]
fn the_total_is_no_shorter_than_a_task_that_was_followed_late() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "long", "--", "sleep", "1.2"]);
    lab.axiom(&["wait", &id]).ok();
    let run = lab.axiom(&["logs", "-f", "--timestamps", "long"]).ok();
    assert!(run.text().contains("== 1 task in 1."), "{run:?}");
    lab.shut_down();
}

#[test]
fn commands_of_each_are_told_apart_and_slips_are_said() {
    let lab = Lab::new();
    let run = lab.axiom(&["run", "-n", "many", "--each", "echo a", "echo b"]).ok();
    let text = run.text();
    for line in ["[1:many] a", "[2:many] b"] {
        assert!(text.lines().any(|seen| seen == line), "{line} in {text}");
    }
    let slip = lab.axiom(&["run", "--each", "echo", "no-such-word"]);
    assert_eq!(slip.code(), 127, "{slip:?}");
    assert!(slip.stderr.contains("no-such-word is no command"), "{slip:?}");
    let empty = lab.axiom(&["run", "--each", ""]);
    assert_eq!(empty.code(), 125, "{empty:?}");
    assert!(empty.stderr.contains("is empty"), "{empty:?}");
    lab.shut_down();
}

#[test]
fn errors_about_an_ended_task_call_it_as_it_was_called() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "over", "--", "true"]);
    lab.axiom(&["wait", &id]).ok();
    for verb in ["suspend", "resume", "interrupt", "send"] {
        let mut args = vec![verb, "over"];
        args.extend((verb == "send").then_some("x"));
        let run = lab.axiom(&args);
        assert_eq!(run.code(), 125, "{run:?}");
        assert!(run.stderr.contains("over: "), "{run:?}");
        assert!(run.stderr.contains("axiom show over"), "{run:?}");
    }
    lab.shut_down();
}

#[test]
fn children_have_the_width_that_is_left_and_follow_the_terminal() {
    let lab = Lab::new();
    let line = "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done";
    let mut seat = Seat::open(lab.command(&["run", "-n", "wide", "--each", line]));
    // 80 columns less `[wide] `.
    seat.wait_for("24 73");
    seat.resize(60, 30);
    seat.wait_for("30 53");
    lab.axiom(&["stop", "--grace", "0s", "wide"]).ok();
    seat.wait_for("as asked: signal 9");
    seat.wait_for_exit();
    lab.shut_down();
}

#[test]
fn a_reader_that_leaves_is_noticed_though_nothing_is_printed() {
    let lab = Lab::new();
    lab.spawn(&["-n", "mute", "--", "sh", "-c", "echo first; read go"]);
    for args in
        [&["logs", "-f", "--tail", "1", "mute"][..], &["logs", "-f", "--all"], &["ps", "-w"]]
    {
        let mut command = lab.command(args);
        let mut logs = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(logs.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(wait_for_death(logs.id(), EVENT_WAIT), "{args:?} goes on without a reader");
        assert_eq!(logs.wait().unwrap().code(), Some(141), "{args:?}");
    }
    lab.shut_down();
}

#[test]
fn a_frozen_server_is_told_of_while_a_silent_task_is_followed() {
    let lab = Lab::new();
    lab.spawn(&["-n", "mute", "--", "sh", "-c", "echo first; read go"]);
    let mut logs = lab.follow(&["logs", "-f", "mute"]);
    logs.wait_for_line("its line", |line| line == "first");
    let server = lab.server_pid().unwrap();
    freeze(server);
    logs.wait_for_error("the silence", |line| line.contains("has not answered for 2 s"));
    kill(server, libc::SIGCONT);
    logs.wait_for_error("the answer", |line| line.contains("answers again"));
    lab.axiom(&["send", "mute", ""]).ok();
    let (status, _, _) = logs.finish(EVENT_WAIT);
    assert!(status.success());
    lab.shut_down();
}

#[test]
fn commands_come_from_a_file_and_few_run_at_once() {
    let lab = Lab::new();
    let mark = lab.home().join("running");
    // Each fails if another one runs at the same time.
    let line = format!("mkdir {0} && sleep 0.05 && rmdir {0}", mark.display());
    let commands = format!("# three of them\n\n{line}\n  {line}\n{line} # the last\n");
    let args = ["run", "--max-parallel", "1", "--file", "-"];
    let run = lab.axiom_with_input(&args, commands.as_bytes()).ok();
    assert!(run.text().starts_with("== 3 tasks, one after another; "), "{run:?}");
    assert!(run.text().contains("3 completed"), "{run:?}");
    let none = lab.axiom_with_input(&["run", "--file", "-"], b"# nothing\n");
    assert_eq!(none.code(), 125, "{none:?}");
    assert!(none.stderr.contains("no command"), "{none:?}");
    lab.shut_down();
}

#[test]
fn a_terminal_has_a_bar_for_each_task_and_is_as_before_afterwards() {
    let lab = Lab::new();
    let line = "printf '\\033]9;4;1;30\\007'; echo up; read go; echo down";
    let mut seat = Seat::open(lab.command(&["run", "-n", "bar", "--each", line, "echo two"]));
    let before = seat.before.clone();
    seat.wait_for("30%");
    seat.wait_for("1 running, 1 completed");
    assert!(!seat.modes().local_modes.contains(LocalModes::ECHO), "what is typed is not shown");
    let before_resize = seat.text().len();
    seat.resize(20, 10);
    seat.wait_for("▶1 ✓1");
    // What is drawn from now on has one row of the narrow terminal for each task: nothing is left to reflow.
    let drawn = seat.text().split_off(before_resize);
    let narrow = drawn.rsplit("\u{1b}[?7l").next().unwrap().to_owned();
    for row in narrow.split("\r\n") {
        assert!(columns(row) < 20, "{row:?}");
    }
    seat.resize(90, 30);
    seat.wait_for("1 running, 1 completed\u{1b}[0m\u{1b}[2m · ");
    lab.axiom(&["send", "bar", ""]).ok();
    seat.wait_for("2 tasks in ");
    assert_eq!(seat.wait_for_exit(), 0);
    let text = seat.text();
    let shown = text.rfind("\u{1b}[?25h").expect("the cursor is shown again");
    assert!(shown > text.rfind("\u{1b}[?25l").unwrap(), "{text:?}");
    assert!(text.rfind("\u{1b}[?7h") > text.rfind("\u{1b}[?7l"), "{text:?}");
    assert_eq!(before.local_modes, seat.modes().local_modes);
    lab.shut_down();
}

#[test]
fn ctrl_c_asks_once_and_then_leaves_the_tasks_running() {
    let lab = Lab::new();
    let line = "trap 'echo refused' INT; echo up; while :; do sleep 0.1; done";
    let mut seat = Seat::open(lab.command(&["run", "-n", "stays", "--each", line, "sleep 600"]));
    let before = seat.before.clone();
    seat.wait_for("sleep 600");
    seat.wait_for("up");
    seat.type_text("\u{3}");
    seat.wait_for("asked every task to stop");
    seat.wait_for("refused");
    seat.wait_for("as asked: signal 2");
    seat.type_text("\u{3}");
    seat.wait_for("axiom logs -f");
    assert_eq!(seat.wait_for_exit(), 130);
    assert_eq!(before.local_modes, seat.modes().local_modes);
    assert_eq!(lab.status_of("stays"), "running");
    lab.shut_down();
}

#[test]
fn several_tasks_may_be_followed_from_their_last_lines() {
    let lab = Lab::new();
    let ids: Vec<String> = ["one", "two"]
        .iter()
        .map(|name| lab.spawn(&["-n", name, "--", "sh", "-c", "seq 1 100; read go; echo later"]))
        .collect();
    let mut raw = lab.follow(&["logs", "-f", &ids[0], &ids[1]]);
    raw.wait_for_line("the first one's lines", |line| line == "[one] 100");
    if !raw.seen.iter().any(|line| line == "[two] 100") {
        raw.wait_for_line("the second one's lines", |line| line == "[two] 100");
    }
    let mut logs = lab.follow(&["logs", "-f", "--tail", "1", &ids[0], &ids[1]]);
    logs.wait_for_line("a last line", |line| line.ends_with("] 100"));
    for id in &ids {
        lab.axiom(&["send", id, ""]).ok();
    }
    let (status, lines, _) = logs.finish(EVENT_WAIT);
    assert!(status.success());
    let of_one: Vec<&String> = lines.iter().filter(|line| line.starts_with("[one] ")).collect();
    // The terminal's echo of the answer is an empty line.
    assert_eq!(of_one, ["[one] 100", "[one] ", "[one] later"]);
    lab.shut_down();
}

#[test]
fn bars_below_each_other_are_not_printed_again_and_again() {
    let lab = Lab::new();
    let line = "printf 'a 0\\nb 0\\n'; i=0; while [ $i -lt 200 ]; do i=$((i+1)); \
                printf '\\033[2Aa %d\\033[K\\nb %d\\033[K\\n' $i $i; done; echo done";
    let run = lab.axiom(&["run", "-n", "bars", "--each", line]).ok();
    let text = run.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("[bars]")).collect();
    assert!(lines.len() < 20, "{lines:?}");
    assert!(lines.ends_with(&["[bars] a 200", "[bars] b 200", "[bars] done"]), "{lines:?}");
    lab.shut_down();
}
