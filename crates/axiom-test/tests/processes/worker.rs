//! One session's worker on a real terminal: what it keeps, what it answers, and what its death costs.

use axiom_proto::command::Action;
use axiom_proto::frame::FrameKind;
use axiom_proto::record::{Exit, OutputEnd, Record, Verdict};
use axiom_proto::task::{Limits, Size, Status};

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, assert_dies};

#[test]
fn a_command_runs_on_a_terminal_and_its_end_is_known() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("echo hello; exit 3"));
    direct.wait_for_end();
    assert_eq!(direct.output(), b"hello\r\n");
    assert_eq!(direct.summary.exit, Some(Exit::Code(3)));
    assert_eq!((direct.summary.status, direct.summary.lines), (Status::Failed, 1));
    assert_eq!(direct.summary.output_end, Some(OutputEnd::Closed));
}

#[test]
fn a_command_that_is_not_there_fails_with_127() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::command(&["/no/such/program"]));
    direct.wait_for_end();
    let failure = direct.summary.failure.clone().unwrap();
    assert_eq!((failure.exit_code, direct.summary.status), (127, Status::Failed));
}

#[test]
fn pipes_keep_output_and_error_apart_and_see_the_end_of_input() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("cat; echo problem >&2; exit 0").on_pipes());
    let outcome = direct.type_text("fed\n");
    assert_eq!((outcome.verdict, outcome.accepted), (Verdict::Applied, Some(4)));
    direct.command(Action::CloseInput, b"");
    direct.wait_for_end();
    assert_eq!(direct.bytes_of(|kind| kind == FrameKind::Output), b"fed\n");
    assert_eq!(direct.bytes_of(|kind| kind == FrameKind::ErrorOutput), b"problem\n");
    assert_eq!(direct.summary.status, Status::Succeeded);
}

#[test]
fn typed_text_reaches_the_child_and_is_journaled_before_its_echo() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("read line; echo got:$line"));
    direct.type_text("word\r");
    direct.wait_for_end();
    assert_eq!(direct.output(), b"word\r\ngot:word\r\n");
    let kinds: Vec<FrameKind> = direct.frames.iter().map(|frame| frame.header.kind).collect();
    let input = kinds.iter().position(|kind| *kind == FrameKind::Input);
    let echo = kinds.iter().position(|kind| *kind == FrameKind::Output);
    assert!(input < echo, "{kinds:?}");
}

#[test]
fn what_is_typed_at_a_password_prompt_is_kept_as_a_length() {
    let lab = Lab::new();
    let line = "stty -echo; echo ready; read secret; stty echo; echo ${#secret}";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    direct.type_text("hunter2\r");
    direct.wait_for_end();
    let kept: Vec<u8> = direct.frames.iter().flat_map(|frame| frame.payload.clone()).collect();
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(!kept.contains("hunter2"), "the secret is in the journal");
    assert!(kept.contains(r#""len":8,"hidden":true"#), "its length is not: {kept}");
    assert!(direct.output().ends_with(b"7\r\n"));
}

#[test]
fn a_killed_worker_is_replaced_and_the_gap_is_declared() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("echo one; read go; echo two"));
    direct.wait_for_output("one");
    let first = direct.kill_worker();
    assert_dies(first, "the killed worker");
    direct.relink();
    assert_ne!(direct.hello().worker_pid, first);
    direct.type_text("\r");
    direct.wait_for_end();
    assert!(direct.output().ends_with(b"two\r\n"));
    assert_eq!((direct.summary.gaps, direct.summary.gap_bytes_max), (1, 4096));
    assert_eq!(direct.summary.epoch, 2);
}

#[test]
fn an_orderly_handover_loses_nothing_and_declares_no_gap() {
    let lab = Lab::new();
    let line = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; read go";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    for _ in 0..5 {
        direct.replace_worker();
    }
    direct.wait_for_output("line 2999");
    direct.type_text("\r");
    direct.wait_for_end();
    let expected: String = (0..3000).map(|i| format!("line {i}\r\n")).collect();
    assert_eq!(String::from_utf8_lossy(&direct.output()), expected + "\r\n");
    assert_eq!((direct.summary.gaps, direct.summary.epoch), (0, 6));
}

#[test]
fn a_resize_reaches_the_child() {
    let lab = Lab::new();
    let line = "trap 'stty size; exit' WINCH; echo ready; while :; do read x; done";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    direct.command(Action::Resize { size: Size { cols: 132, rows: 43 } }, b"");
    direct.wait_for_output("43 132");
    direct.wait_for_end();
    assert_eq!(direct.summary.size, Some(Size { cols: 132, rows: 43 }));
}

#[test]
fn a_stop_climbs_from_interrupt_to_kill() {
    let lab = Lab::new();
    let line = "trap '' INT TERM HUP; echo ready; while :; do sleep 1; done";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let outcome = direct.command(Action::Stop { grace_ms: Some(50) }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied, "{outcome:?}");
    direct.wait_for_end();
    assert_eq!(direct.summary.status, Status::Stopped);
    assert_eq!(direct.summary.exit, Some(Exit::Signal(libc::SIGKILL)));
    assert!(direct.records().contains(&Record::TreeEmptied));
}

#[test]
fn a_timeout_ends_the_task_and_is_named() {
    let lab = Lab::new();
    let mut setup = Setup::shell("exec sleep 600");
    setup.limits = Limits { timeout_ms: Some(100), ..Limits::default() };
    let mut direct = Direct::start(&lab, &setup);
    direct.wait_for_end();
    assert_eq!(direct.summary.status, Status::Failed);
    assert_eq!(direct.summary.changes.last().unwrap().cause, "limit: timeout");
}

#[test]
fn a_flood_beyond_its_limit_is_ended() {
    let lab = Lab::new();
    let mut setup = Setup::command(&["yes"]);
    setup.limits = Limits { output_bytes_max: Some(100_000), ..Limits::default() };
    let mut direct = Direct::start(&lab, &setup);
    direct.wait_for_end();
    assert_eq!(direct.summary.changes.last().unwrap().cause, "limit: output");
}

#[test]
fn lines_that_are_written_one_by_one_take_few_frames_and_none_is_lost() {
    const LINES: usize = 20_000;
    let lab = Lab::new();
    let script = "import os\nfor line in range(20000): os.write(1, b'%07d\\n' % line)";
    let mut direct = Direct::start(&lab, &Setup::command(&["python3", "-c", script]));
    direct.wait_for_end();
    let expected: String = (0..LINES).map(|line| format!("{line:07}\r\n")).collect();
    assert!(direct.output() == expected.as_bytes(), "every line, in order");
    let frames = direct.frames.iter().filter(|frame| frame.header.kind == FrameKind::Output);
    let frames = frames.count();
    assert!(frames < LINES / 4, "{frames} frames of {LINES} lines");
}

#[test]
fn what_a_child_printed_last_stands_before_its_end_on_a_terminal_and_on_pipes() {
    let line = "echo first; sleep 0.02; echo 'error: the last word'; exit 3";
    for round in 0..24 {
        let setup = if round % 2 == 1 { Setup::shell(line).on_pipes() } else { Setup::shell(line) };
        let lab = Lab::new();
        let mut direct = Direct::start(&lab, &setup);
        direct.wait_for_end();
        let exit = direct.frames.iter().position(|frame| {
            frame.header.kind == FrameKind::Record
                && matches!(Record::decode(&frame.payload), Record::Exited { .. })
        });
        let output = direct.frames.iter().rposition(|frame| frame.header.kind == FrameKind::Output);
        assert!(output < exit, "round {round}: output at {output:?}, its end at {exit:?}");
    }
}
