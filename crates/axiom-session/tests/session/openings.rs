//! What a worker says first, for every way in which the one before it may have left.

use axiom_proto::frame::{Micros, Seq};
use axiom_proto::record::{After, Exit, OutputEnd, Record, WriterRole};
use axiom_proto::summary::Summary;
use axiom_proto::task::Mode;
use axiom_session::{Input, READ_BYTES_MAX, Writer, first_inputs, first_records};

fn words(summary: &Summary, orderly: bool) -> Vec<Record> {
    first_records(summary, Writer { epoch: 2, pid: 7, version: "v".to_owned(), orderly })
}

fn opened(after: After) -> Record {
    let (role, version) = (WriterRole::Worker, "v".to_owned());
    Record::Opened { epoch: 2, role, pid: 7, version, after }
}

fn launched() -> Input {
    Input::Started { pid: 8, mode: Mode::Pipes, size: None }
}

#[test]
fn only_a_crash_while_output_was_open_leaves_a_gap() {
    let gap = Record::Gap { bytes_max: READ_BYTES_MAX as u64, certain: false };
    let fresh = Summary::default();
    let running = Summary { next_seq: Seq(5), ..Summary::default() };
    let drained = Summary { output_end: Some(OutputEnd::Closed), ..running.clone() };
    let closed = Summary { closed: true, ..drained.clone() };
    for (summary, orderly, expected) in [
        (&fresh, false, vec![opened(After::Start)]),
        (&fresh, true, vec![opened(After::Start)]),
        (&running, true, vec![opened(After::Handover)]),
        (&running, false, vec![opened(After::Crash), gap]),
        (&drained, false, vec![opened(After::Crash)]),
        (&closed, false, vec![]),
    ] {
        assert_eq!(words(summary, orderly), expected, "{summary:?}, orderly: {orderly}");
    }
}

#[test]
fn the_session_is_told_only_what_its_journal_does_not_say() {
    let exit = Some(Exit::Code(3));
    let fresh = Summary::default();
    assert_eq!(first_inputs(&fresh, launched(), None), [launched()]);
    assert_eq!(first_inputs(&fresh, launched(), exit), [launched(), Input::Exited(Exit::Code(3))]);
    let started = Summary { next_seq: Seq(2), started: Some(Micros(1)), ..Summary::default() };
    let recovered = [Input::Recovered, Input::Exited(Exit::Code(3))];
    assert_eq!(first_inputs(&started, launched(), exit), recovered);
    let ended = Summary { exit, ..started };
    assert_eq!(first_inputs(&ended, launched(), exit), [Input::Recovered]);
    let unborn = Summary { next_seq: Seq(1), ..Summary::default() };
    assert_eq!(first_inputs(&unborn, launched(), None), [Input::Recovered, launched()]);
}
