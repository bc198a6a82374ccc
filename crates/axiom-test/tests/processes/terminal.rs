//! Facts of real terminals that a supervisor must get right.

use axiom_proto::command::Action;
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::FrameKind;
use axiom_proto::record::{Exit, OutputEnd, Record, Verdict};
use axiom_proto::task::{Size, Status};

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, assert_dies, kill};

#[test]
fn a_child_may_close_its_terminal_and_open_it_again() {
    let lab = Lab::new();
    let line = "tty=$(tty); echo one; exec </dev/null >/dev/null 2>&1; sleep 0.3; \
                exec >$tty 2>&1; echo two";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    let worker = direct.hello().worker_pid;
    direct.wait_for_output("one");
    direct.wait_for_output("two");
    let ticks = cpu_ticks(worker);
    direct.wait_for_end();
    assert_eq!(direct.output(), b"one\r\ntwo\r\n");
    // 0.3 s of spinning would be 30 ticks.
    assert!(ticks < 10, "the worker burnt {ticks} ticks while the terminal was closed");
}

/// CPU time of a process in clock ticks (a hundredth of a second each).
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_grandchild_that_keeps_the_terminal_is_named() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("trap '' HUP; sleep 600 & echo $!"));
    direct.wait_for_end();
    let text = String::from_utf8_lossy(&direct.output()).into_owned();
    let kept: u32 = text.lines().next().unwrap().trim().parse().unwrap();
    assert_eq!(direct.summary.output_end, Some(OutputEnd::HeldOpen));
    let held: Vec<u32> = direct.summary.held_by.iter().map(|process| process.pid).collect();
    assert_eq!(held, [kept]);
    assert_eq!(direct.summary.leftovers.len(), 1);
    assert_eq!(
        (direct.summary.exit, direct.summary.status),
        (Some(Exit::Code(0)), Status::Succeeded)
    );
    kill(kept, libc::SIGKILL);
    assert_dies(kept, "the left-over process");
}

#[test]
fn a_send_to_a_child_that_never_reads_says_how_much_was_taken() {
    let lab = Lab::new();
    let line = "stty raw -echo; echo ready; exec sleep 600";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let started = direct.summary.time;
    let outcome = direct.command(Action::Type, &vec![b'x'; 256 * 1024]);
    let took = direct.summary.time.0 - started.0;
    assert_eq!(outcome.verdict, Verdict::Applied);
    let accepted = outcome.accepted.unwrap();
    assert!((1..256 * 1024).contains(&accepted), "{accepted}");
    assert!(took < 5_000_000, "answered after {took} microseconds of the session's time");
    direct.command(Action::Stop { grace_ms: Some(0) }, b"");
    direct.wait_for_end();
}

#[test]
fn a_line_that_the_terminal_would_cut_is_refused_whole() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("echo ready; cat"));
    direct.wait_for_output("ready");
    let outcome = direct.command(Action::Type, &[b"x".repeat(5000), b"\r".to_vec()].concat());
    assert_eq!((outcome.verdict, outcome.code), (Verdict::Refused, Some(ErrorCode::InputConflict)));
    direct.command(Action::CloseInput, b"");
    direct.wait_for_end();
    assert!(!direct.output().contains(&b'x'));
}

#[test]
fn two_senders_never_interleave_within_one_send() {
    let lab = Lab::new();
    let line = "stty raw -echo; echo ready; head -c 400000 | tr -s ab; echo; echo over";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let first = direct.send(Action::Type, &vec![b'a'; 200_000]);
    let second = direct.send(Action::Type, &vec![b'b'; 200_000]);
    for id in [first, second] {
        assert_eq!(direct.outcome(id, "its own outcome").accepted, Some(200_000));
    }
    direct.wait_for_end();
    let text = String::from_utf8_lossy(&direct.output()).into_owned();
    assert!(text.contains("ab"), "one after the other, squeezed: {text:?}");
    assert!(!text.contains("ba"), "{text:?}");
}

#[test]
fn a_storm_of_resizes_and_one_after_the_end_do_no_harm() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("read go; stty size; sleep 0.2"));
    direct.child_pid();
    let last = (0..100)
        .map(|i| {
            let size = Size { cols: 80 + i, rows: 24 + i % 5 };
            direct.send(Action::Resize { size }, b"")
        })
        .last()
        .unwrap();
    assert_eq!(direct.outcome(last, "the last resize").verdict, Verdict::Applied);
    direct.type_text("\r");
    direct.wait_for_record("the exit", |record| matches!(record, Record::Exited { .. }));
    direct.wait_for_end();
    assert!(String::from_utf8_lossy(&direct.output()).contains("28 179"));
}

#[test]
fn interrupt_is_what_ctrl_c_is() {
    let lab = Lab::new();
    let line = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 5; done";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let outcome = direct.command(Action::Interrupt { signal: None, then: None }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied);
    direct.wait_for_end();
    assert_eq!(direct.summary.exit, Some(Exit::Code(9)));
}

#[test]
fn interrupt_types_the_key_where_a_program_reads_keys() {
    let lab = Lab::new();
    let line = "stty raw -echo; echo ready; head -c 1 | od -An -tx1";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    direct.command(Action::Interrupt { signal: None, then: None }, b"");
    direct.wait_for_end();
    assert!(String::from_utf8_lossy(&direct.output()).contains("03"));
}

#[test]
fn interrupt_then_types_the_text_once_it_is_quiet() {
    let lab = Lab::new();
    let line = "trap 'echo interrupted' INT; echo ready; \
                while :; do read line && echo got:$line && exit 0; done";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let then = Some("go left".to_owned());
    let outcome = direct.command(Action::Interrupt { signal: None, then }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied);
    direct.wait_for_end();
    let text = String::from_utf8_lossy(&direct.output()).into_owned();
    let (interrupted, got) = (text.find("interrupted"), text.find("got:go left"));
    assert!(interrupted.is_some() && interrupted < got, "{text:?}");
}

#[test]
fn the_last_bytes_before_an_exit_always_arrive() {
    let lab = Lab::new();
    // One session that runs many short writers, each on a terminal of its own end: sizes 1 to 4096 and beyond.
    let line = "i=1; while [ $i -le 64 ]; do head -c $((i*i*31)) /dev/zero | tr '\\0' x; echo; i=$((i+1)); done";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_end();
    let expected: u64 = (1..=64u64).map(|i| i * i * 31 + 2).sum();
    assert_eq!(direct.output().len() as u64, expected);
}

#[test]
fn no_descriptor_of_ours_leaks_into_the_child() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::command(&["ls", "/proc/self/fd"]));
    direct.wait_for_end();
    // 3 is ls's own, of the folder that it lists.
    let output = direct.output();
    let text = String::from_utf8_lossy(&output);
    let fds: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(fds, ["0", "1", "2", "3"]);
}

#[test]
fn input_frames_carry_time_and_author() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("read line"));
    direct.child_pid();
    direct.type_text("word\r");
    direct.wait_for_end();
    let input = direct.frames.iter().find(|frame| frame.header.kind == FrameKind::Input).unwrap();
    assert!(String::from_utf8_lossy(&input.payload).contains(r#""author":"test""#));
    assert!(input.payload.ends_with(b"word\r"));
    assert!(input.header.time.0 > 0);
}
