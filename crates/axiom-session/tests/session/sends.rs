//! Typing: one send at a time, each answered with what the child took of it.

use axiom_proto::command::Action;
use axiom_proto::task::{Mode, Size};
use axiom_session::{INPUT_QUEUE_BYTES_MAX, Input, LINE_BYTES_MAX, Terminal};

use crate::script::{Script, exited};

#[test]
fn a_send_is_journaled_before_it_is_offered_and_answered_when_all_is_taken() {
    let mut script = Script::running(Mode::Terminal);
    assert_eq!(script.session.pending_write(), None);
    script.type_bytes('a', b"hello\r");
    script.wants(["input a: hello\\r"]);
    assert_eq!(script.session.pending_write(), Some(&b"hello\r"[..]));
    script.give(Input::Wrote(2));
    script.wants([]);
    assert_eq!(script.session.pending_write(), Some(&b"llo\r"[..]));
    script.give(Input::Wrote(4));
    script.wants(["a applied, 6 bytes"]);
    assert_eq!(script.session.pending_write(), None);
}

#[test]
fn two_senders_never_interleave_within_one_send() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"first");
    script.type_bytes('b', b"second");
    script.wants(["input a: first"]);
    script.give(Input::Wrote(3));
    assert_eq!(script.session.pending_write(), Some(&b"st"[..]));
    script.give(Input::Wrote(2));
    script.wants(["a applied, 5 bytes", "input b: second"]);
    assert_eq!(script.session.pending_write(), Some(&b"second"[..]));
    script.give(Input::Wrote(6));
    script.wants(["b applied, 6 bytes"]);
}

#[test]
fn a_child_that_reads_only_some_is_answered_with_what_it_took_in_time() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', &[b'x'; 10]);
    script.type_bytes('b', b"y");
    script.give(Input::Wrote(4));
    script.pass(799);
    script.wants(["input a: xxxxxxxxxx"]);
    script.pass(1);
    script.wants(["a applied, 4 bytes", "input b: y"]);
    script.pass(800);
    script.wants(["b refused as Busy, 0 bytes"]);
}

#[test]
fn an_empty_send_is_answered_at_once() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"");
    script.wants(["input a: ", "a applied, 0 bytes"]);
}

#[test]
fn a_line_that_a_terminal_in_line_mode_would_cut_is_refused() {
    let canonical = Terminal { canonical: true };
    let raw = Terminal { canonical: false };
    let fits = [vec![b'x'; LINE_BYTES_MAX], vec![b'\r'], vec![b'x'; LINE_BYTES_MAX]].concat();
    let too_long = vec![b'x'; LINE_BYTES_MAX + 1];
    for (terminal, bytes, refused) in
        [(canonical, &fits, false), (canonical, &too_long, true), (raw, &too_long, false)]
    {
        let mut script = Script::running(Mode::Terminal);
        script.command_with('a', Action::Type, bytes, terminal);
        let wanted = script.take_wanted();
        assert_eq!(wanted == ["a refused as InputConflict"], refused, "{terminal:?}");
    }
}

#[test]
fn more_than_may_wait_is_refused_as_busy() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', &vec![b'x'; INPUT_QUEUE_BYTES_MAX]);
    script.take_wanted();
    script.type_bytes('b', b"y");
    script.wants(["b refused as Busy"]);
}

#[test]
fn closing_the_input_of_pipes_waits_for_what_was_typed_before() {
    let mut script = Script::running(Mode::Pipes);
    script.type_bytes('a', b"last\n");
    script.command('b', Action::CloseInput);
    script.wants(["input a: last\\n"]);
    script.give(Input::Wrote(5));
    script.wants(["a applied, 5 bytes", "close the input", "input closed", "b applied, 0 bytes"]);
    script.type_bytes('c', b"more");
    script.wants(["c refused as InputConflict"]);
}

#[test]
fn closing_the_input_of_a_terminal_types_its_key() {
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::CloseInput);
    script.wants(["input a: \\x04"]);
    script.give(Input::Wrote(1));
    script.wants(["a applied, 1 bytes"]);
}

#[test]
fn a_child_that_closed_its_input_ends_each_send() {
    let mut script = Script::running(Mode::Pipes);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.give(Input::WriteFailed("closed".to_owned()));
    script.wants(["input a: one", "a refused as TaskEnded, 0 bytes", "input b: two"]);
    script.give(Input::WriteFailed("closed".to_owned()));
    script.wants(["b refused as TaskEnded, 0 bytes"]);
}

#[test]
fn the_childs_end_answers_what_waits_and_what_comes_later() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.give(Input::Wrote(1));
    script.take_wanted();
    script.give(exited(0));
    script.wants([
        "exited: Code(0)",
        "a refused as TaskEnded, 1 bytes",
        "b refused as TaskEnded, 0 bytes",
        "release the terminal",
    ]);
    script.type_bytes('c', b"three");
    script.command('d', Action::Resize { size: Size { cols: 80, rows: 24 } });
    script.wants(["c refused as TaskEnded", "d refused as TaskEnded"]);
}

#[test]
fn a_repeated_id_is_not_carried_out_again() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.give(Input::Wrote(3));
    script.give(Input::Wrote(3));
    script.type_bytes('a', b"one");
    script.wants(["input a: one", "a applied, 3 bytes", "input b: two", "b applied, 3 bytes"]);
}

#[test]
fn a_resize_is_journaled_and_a_task_on_pipes_has_no_size() {
    let size = Size { cols: 80, rows: 24 };
    let mut script = Script::running(Mode::Terminal);
    script.command('a', Action::Resize { size });
    script.wants(["resize to 80x24", "resized", "a applied"]);
    let mut script = Script::running(Mode::Pipes);
    script.command('a', Action::Resize { size });
    script.wants(["a refused as InputConflict"]);
}

#[test]
fn retiring_answers_a_half_done_send_with_what_was_taken_and_refuses_the_rest() {
    let mut script = Script::running(Mode::Terminal);
    script.type_bytes('a', b"one");
    script.type_bytes('b', b"two");
    script.give(Input::Wrote(2));
    script.take_wanted();
    script.give(Input::Retire);
    script.wants(["a applied, 2 bytes", "b refused as Busy, 0 bytes", "closed: Handover", "leave"]);
}
