//! Suspend and resume: idempotent, and exact about who was stopped before.

use axiom_proto::command::Action;
use axiom_proto::task::{Mode, Status};
use axiom_session::{Input, Reply};

use crate::script::{Script, exited, frozen, options};

fn suspended() -> Script {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Suspend);
    script.wants(["intent a: suspend", "ask 1: freeze"]);
    script.reply(1, frozen(&[7]));
    script.wants(["suspended", "a applied"]);
    script
}

#[test]
fn suspending_twice_freezes_once() {
    let mut script = suspended();
    script.command('b', Action::Suspend);
    script.wants(["b applied"]);
}

#[test]
fn resuming_leaves_stopped_who_was_stopped_before_and_resuming_twice_thaws_once() {
    let mut script = suspended();
    script.command('b', Action::Resume);
    script.wants(["intent b: resume", "ask 2: thaw all but [7]"]);
    script.reply(2, Reply::Done);
    script.wants(["resumed", "b applied"]);
    script.command('c', Action::Resume);
    script.wants(["c applied"]);
}

#[test]
fn while_one_is_under_way_another_must_wait() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Suspend);
    script.command('b', Action::Suspend);
    script.command('c', Action::Resume);
    script.wants(["intent a: suspend", "ask 1: freeze", "b refused as Busy", "c refused as Busy"]);
}

#[test]
fn a_freeze_or_thaw_that_fails_is_refused_with_the_reason() {
    let mut script = suspended();
    script.command('b', Action::Resume);
    script.take_wanted();
    script.reply(2, Reply::Failed { reason: "no".to_owned() });
    script.wants(["b refused as Internal"]);
    script.command('c', Action::Resume);
    script.wants(["intent c: resume", "ask 3: thaw all but [7]"]);
}

#[test]
fn the_next_worker_knows_who_was_stopped_before() {
    let mut next = suspended().killed_and_recovered(options());
    next.command('b', Action::Resume);
    next.wants(["intent b: resume", "ask 1: thaw all but [7]"]);
}

#[test]
fn a_task_that_is_being_stopped_cannot_be_suspended() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Stop { grace_ms: None });
    script.take_wanted();
    script.command('b', Action::Suspend);
    script.wants(["b refused as InputConflict"]);
    script.give(Input::Tick);
    script.wants([]);
}

#[test]
fn a_freeze_that_comes_after_the_childs_end_is_undone_and_the_task_stays_ended() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Suspend);
    script.give(exited(0));
    script.take_wanted();
    script.reply(1, frozen(&[7]));
    script.wants(["ask 2: thaw all but [7]", "a refused as TaskEnded"]);
    assert_eq!(script.session.summary().status, Status::Succeeded);
}
