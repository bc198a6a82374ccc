//! Hard limits: reached once, named, and followed by a stop.

use axiom_proto::command::Action;
use axiom_proto::record::Exit;
use axiom_proto::task::{Limits, Mode, SessionOptions, Status};
use axiom_session::Input;

use crate::script::{Script, killed, options};

fn limited(timeout_ms: Option<u64>, output_bytes_max: Option<u64>) -> SessionOptions {
    let limits = Limits { timeout_ms, output_bytes_max, tasks_max: None };
    SessionOptions { limits, ..options() }
}

#[test]
fn a_timeout_stops_the_task_once_with_the_usual_graces() {
    let mut script = Script::running_with(limited(Some(1000), None), Mode::Pipes);
    script.pass(999);
    script.wants([]);
    script.pass(1);
    script.wants(["limit: Timeout", "stopping: limit: timeout", "ask 1: signal 2 to the tree"]);
    script.pass(2000);
    script.wants(["ask 2: signal 15 to the tree"]);
    script.pass(3000);
    script.wants(["ask 3: kill"]);
    script.give(Input::Exited(Exit::Signal(9)));
    script.reply(3, killed(&[]));
    assert_eq!(script.session.summary().status, Status::Failed);
}

#[test]
fn a_timeout_that_passes_during_a_stop_says_nothing_and_wakes_nobody() {
    let mut script = Script::running_with(limited(Some(1000), None), Mode::Pipes);
    script.command('a', Action::Stop { grace_ms: Some(5000) });
    script.take_wanted();
    script.pass(1500);
    script.wants([]);
    script.give(Input::Tick);
    assert!(script.wake_at.unwrap() > script.now, "a wake in the past would make the worker spin");
}

#[test]
fn too_much_output_kills_at_once() {
    let mut script = Script::running_with(limited(None, Some(100)), Mode::Pipes);
    script.print(99);
    script.wants([]);
    script.print(1);
    script.wants(["limit: Output", "stopping: limit: output", "ask 1: kill"]);
    script.print(50);
    script.wants([]);
}

#[test]
fn too_much_output_during_a_stop_hastens_it() {
    let mut script = Script::running_with(limited(None, Some(100)), Mode::Pipes);
    script.command('a', Action::Stop { grace_ms: None });
    script.take_wanted();
    script.print(200);
    script.wants(["limit: Output", "stopping: limit: output", "ask 2: kill"]);
}

#[test]
fn a_worker_killed_between_the_limit_and_the_stop_leaves_the_stop_to_the_next() {
    let options = limited(Some(1000), None);
    let mut script = Script::running_with(options.clone(), Mode::Pipes);
    script.pass(1000);
    let mut summary = script.session.summary().clone();
    summary.stop_asked = false;
    summary.status = Status::Running;
    let mut next = Script::new(options, summary);
    next.give(Input::Recovered);
    next.wants(["stopping: limit: timeout", "ask 1: signal 2 to the tree"]);
}

#[test]
fn a_limit_without_a_bound_never_wakes() {
    let script = Script::running_with(limited(None, None), Mode::Pipes);
    assert_eq!(script.wake_at, None);
}
