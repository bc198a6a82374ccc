//! How a session ends: the child's death, the drain of its output, who is left over, the journal's close.

use axiom_proto::command::Action;
use axiom_proto::record::{Exit, Failure, Stage};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Leftovers, Mode, SessionOptions, Status};
use axiom_session::{Input, Reply};

use crate::script::{Script, exited, killed, options, process, tree};

#[test]
fn the_child_s_end_and_the_output_s_end_come_in_either_order() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.wants(["exited: Code(0)", "release the terminal"]);
    script.give(Input::OutputClosed);
    script.wants(["output ended: Closed", "close the output", "ask 1: list"]);
    script.reply(1, tree(&[]));
    script.wants(["closed: Ended", "done"]);

    let mut script = Script::running(Mode::Terminal);
    script.give(Input::OutputClosed);
    script.wants(["output ended: Closed", "close the output"]);
    script.give(exited(0));
    script.wants(["exited: Code(0)", "release the terminal", "ask 1: list"]);
    script.reply(1, tree(&[]));
    script.wants(["closed: Ended", "done"]);
}

#[test]
fn exit_codes_decide_the_status() {
    for (exit, status) in [
        (Exit::Code(0), Status::Succeeded),
        (Exit::Code(3), Status::Failed),
        (Exit::Signal(9), Status::Failed),
        (Exit::Unknown, Status::Failed),
    ] {
        let mut script = Script::running(Mode::Terminal);
        script.give(Input::Exited(exit));
        script.give(Input::Exited(Exit::Code(77)));
        assert_eq!(script.session.summary().status, status);
        assert_eq!(script.session.summary().exit, Some(exit), "the first end is the one");
    }
}

#[test]
fn whoever_holds_the_output_open_is_named_after_two_seconds() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.take_wanted();
    script.pass(1999);
    script.wants([]);
    script.pass(1);
    script.wants(["ask 1: list"]);
    script.reply(1, tree(&[8, 9]));
    script.wants(["find holders among [8, 9]"]);
    script.give(Input::HeldBy(vec![process(9)]));
    script.wants(["output ended: HeldOpen by [9]", "close the output", "ask 2: list"]);
    script.reply(2, tree(&[8, 9]));
    script.wants(["leftovers: [8, 9]", "closed: Ended", "done"]);
}

#[test]
fn output_that_ends_while_its_holders_are_looked_for_simply_ended() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.pass(2000);
    script.take_wanted();
    script.give(Input::OutputClosed);
    script.wants(["output ended: Closed", "close the output", "ask 2: list"]);
    script.reply(1, tree(&[8]));
    script.reply(2, tree(&[]));
    script.wants(["closed: Ended", "done"]);
}

#[test]
fn a_holder_that_cannot_list_does_not_keep_the_session_from_ending() {
    let mut script = Script::running(Mode::Terminal);
    script.give(exited(0));
    script.pass(2000);
    script.reply(1, Reply::Failed { reason: "no".to_owned() });
    script.give(Input::HeldBy(Vec::new()));
    script.take_wanted();
    script.reply(2, Reply::Failed { reason: "no".to_owned() });
    script.wants(["closed: Ended", "done"]);
}

#[test]
fn leftovers_are_listed_and_kept_or_stopped_as_the_task_says() {
    let ended = |leftovers| {
        let options = SessionOptions { leftovers, ..options() };
        let mut script = Script::running_with(options, Mode::Pipes);
        script.give(exited(0));
        script.give(Input::OutputClosed);
        script.take_wanted();
        script.reply(1, tree(&[8]));
        script
    };
    ended(Leftovers::Keep).wants(["leftovers: [8]", "closed: Ended", "done"]);

    let mut script = ended(Leftovers::Stop);
    script.wants(["leftovers: [8]", "ask 2: signal 2 to the tree", "ask 3: list"]);
    script.reply(3, tree(&[]));
    script.wants(["tree emptied"]);
    script.reply(2, Reply::Done);
    script.wants(["closed: Ended", "done"]);
    assert_eq!(script.session.summary().status, Status::Succeeded);
}

#[test]
fn a_stopped_task_closes_when_its_tree_is_gone_and_its_output_ended() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Stop { grace_ms: Some(0) });
    script.give(Input::Exited(Exit::Signal(9)));
    script.reply(1, killed(&[]));
    script.give(Input::OutputClosed);
    script.take_wanted();
    script.reply(2, tree(&[]));
    script.wants(["closed: Ended", "done"]);
    assert_eq!(script.session.summary().status, Status::Stopped);
}

#[test]
fn a_command_that_could_not_be_started_is_over_at_once() {
    let mut script = Script::new(options(), Summary::default());
    let message = "command not found".to_owned();
    let failure = Failure { stage: Stage::Exec, errno: 2, message, exit_code: 127 };
    script.give(Input::StartFailed(failure));
    script.wants([
        "start failed: command not found",
        "output ended: Closed",
        "closed: Ended",
        "done",
    ]);
    assert_eq!(script.session.summary().status, Status::Failed);
}

#[test]
fn a_pause_is_journaled_and_the_holder_s_death_is_said_once() {
    let mut script = Script::running(Mode::Pipes);
    script.give(Input::Paused("disk_full".to_owned()));
    script.give(Input::Unpaused);
    script.give(Input::HolderLost);
    script.give(Input::HolderLost);
    script.wants(["paused", "unpaused", "unguarded"]);
}
