//! What the terminal answers by itself: typed in order with everything else, whole or not at all, and nobody's doing.

use axiom_proto::frame::Offset;
use axiom_proto::task::Mode;
use axiom_session::Input;

use crate::script::{Script, exited, options};

fn answer(script: &mut Script, until: u64, bytes: &[u8]) {
    script.give(Input::Answers { until: Offset(until), bytes: bytes.to_vec() });
}

fn offered(script: &Script) -> &[u8] {
    script.session.pending_write().unwrap_or_default()
}

#[test]
fn answers_are_journaled_before_they_are_offered_and_have_no_outcome() {
    let mut script = Script::running(Mode::Terminal);
    answer(&mut script, 9, b"\x1b[1;1R");
    script.wants(["answers until 9: \\x1b[1;1R"]);
    assert_eq!(offered(&script), b"\x1b[1;1R");
    script.give(Input::Wrote(6));
    script.wants([]);
    assert_eq!(offered(&script), b"");
    let summary = script.session.summary();
    assert_eq!((summary.answered, summary.interventions), (Offset(9), 0));
    assert!(summary.open.is_empty() && summary.outcomes.is_empty());
}

#[test]
fn answers_and_sends_are_typed_in_the_order_of_their_coming_each_whole() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"first");
    answer(&mut script, 5, b"\x1b[0n");
    answer(&mut script, 7, b"\x1b[?1c");
    script.type_bytes('b', b"last");
    script.wants(["input a: first"]);
    script.give(Input::Wrote(5));
    script.wants(["a applied, 5 bytes", "answers until 7: \\x1b[0n\\x1b[?1c"]);
    script.give(Input::Wrote(3));
    assert_eq!(offered(&script), b"n\x1b[?1c");
    script.give(Input::Wrote(6));
    script.wants(["input b: last"]);
}

#[test]
fn a_child_that_asks_and_does_not_read_gets_no_more_than_a_terminal_would_hold() {
    let mut script = Script::running(Mode::Terminal);
    for until in 1..=10_000 {
        answer(&mut script, until, &[b'x'; 60]);
    }
    script.give(Input::Wrote(1));
    script.pass(10_000);
    let kept: usize =
        script.take_wanted().iter().filter(|words| words.starts_with("answers")).count();
    assert_eq!(kept, 1, "one is being typed; the others were given up before their turn came");
    script.give(Input::Wrote(59));
    answer(&mut script, 10_001, b"later");
    script.wants(["answers until 10001: later"]);
}

#[test]
fn a_send_waits_no_longer_behind_answers_than_without_them() {
    let mut script = Script::running(Mode::Terminal);
    answer(&mut script, 1, b"one");
    script.give(Input::Wrote(1));
    script.wants(["answers until 1: one"]);
    script.pass(500);
    answer(&mut script, 2, b"two");
    script.type_bytes('a', b"text");
    script.pass(799);
    script.wants([]);
    script.pass(1);
    script.wants(["a refused as Busy, 0 bytes"]);
    // What was begun is never torn: the child reads the rest of it first.
    assert_eq!(offered(&script), b"ne");
    script.give(Input::Wrote(2));
    script.wants([]);
    assert_eq!(offered(&script), b"");
}

#[test]
fn answers_that_the_child_takes_nothing_of_are_given_up() {
    let mut script = Script::running(Mode::Terminal);
    answer(&mut script, 1, b"one");
    script.pass(800);
    assert_eq!(offered(&script), b"");
    script.type_bytes('a', b"text");
    script.wants(["answers until 1: one", "input a: text"]);
}

#[test]
fn the_next_worker_does_not_answer_again_what_was_answered() {
    let mut script = Script::running(Mode::Terminal);
    script.print(40);
    answer(&mut script, 40, b"answer");
    let mut next = script.killed_and_recovered(options());
    next.take_wanted();
    assert_eq!(offered(&next), b"", "what was begun is not typed again");
    answer(&mut next, 40, b"answer");
    next.wants([]);
    answer(&mut next, 41, b"more");
    next.wants(["answers until 41: more"]);
}

#[test]
fn answers_that_wait_for_their_turn_are_known_to() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"text");
    assert!(!script.session.has_new_answers());
    answer(&mut script, 4, b"answer");
    assert!(script.session.has_new_answers(), "a keyframe now would hide the question");
    script.give(Input::Wrote(4));
    assert!(!script.session.has_new_answers());
}

#[test]
fn pipes_and_a_dead_child_are_not_answered() {
    let mut pipes = Script::running(Mode::Pipes);
    answer(&mut pipes, 4, b"answer");
    pipes.wants([]);
    let mut script = Script::running(Mode::Terminal);
    answer(&mut script, 4, b"answer");
    script.take_wanted();
    script.give(exited(0));
    assert_eq!(offered(&script), b"");
    script.take_wanted();
    answer(&mut script, 9, b"answer");
    script.wants([]);
}
