//! The next worker: goes on from the frames alone, whatever state they end in.

use axiom_proto::command::Action;
use axiom_proto::record::Exit;
use axiom_proto::task::Mode;
use axiom_session::{Input, Reply};

use crate::script::{Script, exited, frozen, killed, options, tree};

#[test]
fn open_intents_become_unknown_once_each_and_are_not_carried_out_again() {
    let mut script = Script::running(Mode::Pipes);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.command('c', Action::Suspend);
    script.command('d', Action::Interrupt { signal: None, then: Some("text".to_owned()) });
    script.reply(2, Reply::Done);
    script.give(Input::Wrote(3));
    script.give(Input::Wrote(3));
    script.pass(150);
    let wanted = script.take_wanted();
    assert!(wanted.contains(&"input d: text\\n".to_owned()), "{wanted:?}");
    let mut next = script.killed_and_recovered(options());
    next.wants(["c unknown", "d unknown", "ask 1: thaw all but []"]);
    for letter in ['a', 'b', 'c', 'd'] {
        next.type_bytes(letter, b"again");
    }
    next.wants([]);
}

#[test]
fn a_send_that_was_never_begun_is_carried_out_by_the_next_worker() {
    let mut script = Script::running(Mode::Pipes);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    let mut next = script.killed_and_recovered(options());
    next.wants(["a unknown"]);
    next.type_bytes('b', b"two");
    next.wants(["input b: two"]);
}

#[test]
fn a_running_child_runs_on() {
    let mut next = Script::running(Mode::Terminal).killed_and_recovered(options());
    next.wants([]);
    next.type_bytes('a', b"x");
    next.wants(["input a: x"]);
}

#[test]
fn a_stop_goes_on_at_terminate() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Stop { grace_ms: None });
    let mut next = script.killed_and_recovered(options());
    next.wants(["a unknown", "ask 1: signal 15 to the tree"]);
    next.pass(3000);
    next.wants(["ask 2: kill"]);
    next.give(Input::Exited(Exit::Signal(9)));
    next.reply(2, killed(&[]));
    next.wants(["exited: Signal(9)", "release the terminal", "tree emptied"]);
}

#[test]
fn a_stop_of_a_suspended_task_goes_on_with_a_thaw() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Suspend);
    script.reply(1, frozen(&[7]));
    let mut summary = script.session.summary().clone();
    summary.stop_asked = true;
    let mut next = Script::new(options(), summary);
    next.give(Input::Recovered);
    next.wants(["ask 1: signal 15 to the tree", "resumed", "ask 2: thaw all but [7]"]);
}

#[test]
fn a_drain_begins_anew() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    let mut next = script.killed_and_recovered(options());
    next.wants([]);
    next.pass(2000);
    next.wants(["ask 1: list"]);
}

#[test]
fn what_is_left_over_is_asked_again_once_output_has_ended() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.give(Input::OutputClosed);
    let mut next = script.killed_and_recovered(options());
    next.wants(["ask 1: list"]);
    next.reply(1, tree(&[]));
    next.wants(["closed: Ended", "done"]);
}

#[test]
fn a_pause_ends_with_its_worker() {
    let mut script = Script::running(Mode::Terminal);
    script.give(Input::Paused("disk_full".to_owned()));
    script.killed_and_recovered(options()).wants(["unpaused"]);
}

#[test]
fn a_closed_session_is_only_left() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.give(Input::OutputClosed);
    script.reply(1, tree(&[]));
    assert!(script.over);
    script.killed_and_recovered(options()).wants(["done"]);
}

#[test]
fn a_session_that_was_closed_while_the_disk_was_full_is_only_left() {
    let mut script = Script::running(Mode::Terminal);
    script.give(Input::Paused("disk_full".to_owned()));
    script.give(exited(0));
    script.give(Input::OutputClosed);
    script.reply(1, tree(&[]));
    assert!(script.over);
    assert_eq!(script.session.summary().paused, None, "an ended task is not paused");
    script.killed_and_recovered(options()).wants(["done"]);
}

#[test]
fn a_session_that_never_started_waits_for_its_start() {
    let mut script = Script::new(options(), axiom_proto::summary::Summary::default());
    script.give(Input::Recovered);
    script.give(Input::Started { pid: 5, mode: Mode::Pipes, size: None });
    script.wants(["started"]);
}

#[test]
fn after_a_handover_the_next_worker_goes_on_as_after_a_death() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Stop { grace_ms: None });
    script.take_wanted();
    script.give(Input::Retire);
    script.wants(["closed: Handover", "leave"]);
    let mut next = script.killed_and_recovered(options());
    next.wants(["a unknown", "ask 1: signal 15 to the tree"]);
}

#[test]
fn a_freeze_that_was_begun_and_never_concluded_is_undone() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Suspend);
    let mut next = script.killed_and_recovered(options());
    next.wants(["a unknown", "ask 1: thaw all but []"]);
    next.reply(1, Reply::Done);
    next.command('b', Action::Suspend);
    next.wants(["intent b: suspend", "ask 2: freeze"]);
}
