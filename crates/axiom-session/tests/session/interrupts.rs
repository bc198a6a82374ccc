//! Interrupts, and the text that follows one once it is quiet.

use axiom_proto::command::Action;
use axiom_proto::task::Mode;
use axiom_session::{Input, Reply};

use crate::script::{Script, exited};

fn interrupt(then: Option<&str>) -> Action {
    Action::Interrupt { signal: None, then: then.map(str::to_owned) }
}

#[test]
fn a_terminals_foreground_is_signaled_and_a_pipes_child_by_its_holder() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', interrupt(None));
    script.wants(["intent a: interrupt", "signal the foreground with 2 for a", "a applied"]);
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Interrupt { signal: Some(10), then: None });
    script.wants(["intent a: interrupt", "ask 1: signal 10 to the child"]);
    script.reply(1, Reply::Done);
    script.wants(["a applied"]);
}

#[test]
fn what_is_no_signal_is_refused() {
    for signal in [-1, 0, 65] {
        let mut script = Script::running(Mode::Terminal);
        script.command('a', Action::Interrupt { signal: Some(signal), then: None });
        script.wants(["a refused as InvalidArgument"]);
    }
}

#[test]
fn the_text_is_typed_with_enter_once_it_is_quiet() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', interrupt(Some("do this")));
    script.pass(100);
    script.print(10);
    script.pass(149);
    script.wants(["intent a: interrupt then", "signal the foreground with 2 for a"]);
    script.pass(1);
    script.wants(["input a: do this\\r"]);
    script.give(Input::Wrote(8));
    script.wants(["a applied, 8 bytes"]);
}

#[test]
fn a_child_that_is_never_quiet_gets_the_text_after_two_seconds() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', interrupt(Some("stop it")));
    script.take_wanted();
    for _ in 0..20 {
        script.print(1);
        script.wants([]);
        script.pass(100);
    }
    script.wants(["input a: stop it\\r"]);
}

#[test]
fn on_pipes_the_text_waits_for_the_signal_to_be_sent() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', interrupt(Some("next")));
    script.pass(5000);
    script.wants(["intent a: interrupt then", "ask 1: signal 2 to the child"]);
    script.reply(1, Reply::Done);
    script.pass(150);
    script.wants(["input a: next\\n"]);
}

#[test]
fn an_interrupt_that_fails_types_nothing() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', interrupt(Some("next")));
    script.reply(1, Reply::Failed { reason: "gone".to_owned() });
    script.pass(3000);
    script.wants(["intent a: interrupt then", "ask 1: signal 2 to the child", "a refused as Busy"]);
}

#[test]
fn another_interrupt_takes_the_place_of_text_that_waits() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', interrupt(Some("one")));
    script.command('b', interrupt(Some("two")));
    script.wants([
        "intent a: interrupt then",
        "signal the foreground with 2 for a",
        "intent b: interrupt then",
        "a refused as InputConflict",
        "signal the foreground with 2 for b",
    ]);
    script.pass(150);
    script.wants(["input b: two\\r"]);
}

#[test]
fn a_late_answer_of_the_holder_is_no_second_outcome() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', interrupt(Some("one")));
    script.take_wanted();
    script.give(exited(0));
    script.wants(["exited: Code(0)", "a refused as TaskEnded", "release the terminal"]);
    script.reply(1, Reply::Done);
    script.wants([]);
}

#[test]
fn a_holder_that_dies_before_it_answered_leaves_an_unknown_outcome() {
    let mut script = Script::running(Mode::Pipes);
    script.command('a', interrupt(Some("one")));
    script.command('b', Action::Suspend);
    script.take_wanted();
    script.give(Input::HolderLost);
    script.wants(["unguarded", "a unknown", "b unknown", "ask 3: thaw all but []"]);
    script.pass(3000);
    script.wants([]);
}
