//! The stop ladder: interrupt, terminate, kill; over only when the tree is empty and the child's end is known.

use axiom_proto::command::Action;
use axiom_proto::record::Exit;
use axiom_proto::task::Mode;
use axiom_session::{Input, Reply};

use crate::script::{Script, exited, frozen, killed, tree};

fn stop(grace_ms: Option<u64>) -> Action {
    Action::Stop { grace_ms }
}

#[test]
fn each_rung_comes_after_its_grace() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', stop(None));
    script.wants(["intent a: stop", "stopping: asked", "ask 1: signal 2 to the tree"]);
    script.pass(1999);
    script.wants([]);
    script.pass(1);
    script.wants(["ask 2: signal 15 to the tree", "ask 3: signal 1 to the tree"]);
    script.pass(2999);
    script.wants([]);
    script.pass(1);
    script.wants(["ask 4: kill"]);
    script.pass(60_000);
    script.wants([]);
}

#[test]
fn pipes_are_not_hung_up() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', stop(None));
    script.pass(2000);
    script.wants([
        "intent a: stop",
        "stopping: asked",
        "ask 1: signal 2 to the tree",
        "ask 2: signal 15 to the tree",
    ]);
}

#[test]
fn graces_are_the_askers_and_zero_kills_at_once() {
    for (grace, pass, expected) in [
        (100, 100, vec!["ask 1: signal 2 to the tree", "ask 2: signal 15 to the tree"]),
        (
            100,
            200,
            vec!["ask 1: signal 2 to the tree", "ask 2: signal 15 to the tree", "ask 3: kill"],
        ),
        (0, 0, vec!["ask 1: kill"]),
    ] {
        let mut script = Script::running(Mode::Pipes);
        script.command('a', stop(Some(grace)));
        script.pass(pass);
        let wanted = script.take_wanted();
        assert_eq!(wanted[2..], expected, "grace {grace} after {pass} ms");
    }
}

#[test]
fn a_second_stop_may_be_more_urgent_and_both_are_answered() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', stop(None));
    script.take_wanted();
    script.command('b', stop(Some(0)));
    script.wants(["intent b: stop", "ask 2: kill"]);
    script.reply(2, killed(&[]));
    script.wants([]);
    script.give(Input::Exited(Exit::Signal(9)));
    script.wants([
        "exited: Signal(9)",
        "release the terminal",
        "tree emptied",
        "a applied",
        "b applied",
    ]);
}

#[test]
fn a_child_that_dies_early_ends_the_ladder_once_its_tree_is_seen_to_be_empty() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', stop(None));
    script.take_wanted();
    script.give(Input::Exited(Exit::Signal(2)));
    script.wants(["exited: Signal(2)", "release the terminal", "ask 2: list"]);
    script.reply(2, tree(&[9]));
    script.wants([]);
    script.pass(100);
    script.wants(["ask 3: list"]);
    script.reply(3, tree(&[]));
    script.wants(["tree emptied", "a applied"]);
}

#[test]
fn what_does_not_die_is_named_and_killed_again() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', stop(Some(0)));
    script.take_wanted();
    script.reply(1, killed(&[5, 9]));
    script.wants(["a refused as Busy, left [5, 9]"]);
    script.pass(4999);
    script.wants([]);
    script.pass(1);
    script.wants(["ask 2: kill"]);
    script.reply(2, killed(&[]));
    script.give(Input::Exited(Exit::Signal(9)));
    script.wants(["exited: Signal(9)", "release the terminal", "tree emptied"]);
}

#[test]
fn while_a_kill_is_under_way_nothing_is_looked_at_and_nobody_is_woken() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', stop(Some(100)));
    script.give(Input::Exited(Exit::Signal(2)));
    script.reply(2, tree(&[9]));
    script.pass(200);
    script.take_wanted();
    script.wake_at = None;
    script.give(Input::OutputClosed);
    script.give(Input::Tick);
    assert_eq!(script.wake_at, None, "a wake in the past would make the worker spin");
}

#[test]
fn a_suspended_task_is_thawed_to_be_stopped_but_not_those_who_were_stopped_before() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Suspend);
    script.reply(1, frozen(&[7]));
    script.take_wanted();
    script.command('b', stop(None));
    script.wants([
        "intent b: stop",
        "stopping: asked",
        "ask 2: signal 2 to the tree",
        "resumed",
        "ask 3: thaw all but [7]",
    ]);
}

#[test]
fn a_freeze_that_comes_after_the_stop_is_undone() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Suspend);
    script.command('b', stop(None));
    script.take_wanted();
    script.reply(1, frozen(&[7]));
    script.wants(["ask 3: thaw all but [7]", "a refused as InputConflict"]);
}

#[test]
fn a_task_that_has_ended_cannot_be_stopped() {
    let mut script = Script::running(Mode::Pipes);
    script.give(exited(0));
    script.give(Input::OutputClosed);
    script.reply(1, tree(&[]));
    assert!(script.over);
    script.take_wanted();
    script.command('a', stop(None));
    script.wants([]);
}

#[test]
fn a_dead_holders_kill_is_asked_again() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', stop(Some(0)));
    script.take_wanted();
    script.give(Input::HolderLost);
    script.wants(["unguarded", "ask 2: kill"]);
    script.reply(1, killed(&[]));
    script.wants([]);
    script.reply(2, killed(&[]));
    script.give(Input::Exited(Exit::Unknown));
    script.wants(["exited: Unknown", "release the terminal", "tree emptied", "a applied"]);
}

#[test]
fn a_kill_that_fails_refuses_the_asker_with_the_reason() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', stop(Some(0)));
    script.take_wanted();
    script.reply(1, Reply::Failed { reason: "no such cgroup".to_owned() });
    script.wants(["a refused as Busy"]);
}
