//! What is read of output, and that it is the same whatever way it is read.

mod numbered;

use super::*;

use proptest::prelude::*;

use crate::recordings::{Event, recordings};
use crate::samples::output;

/// A line as it is kept for comparing.
type Given = (u64, LineKind, u64, u64, String);

/// Something that happens to a terminal, and so many microseconds after what came before.
#[derive(Debug, Clone)]
enum Step {
    Output(Vec<u8>),
    Resize(Size),
}

fn keep(lines: &mut Vec<Given>) -> impl FnMut(Line<'_>) {
    |line| lines.push((line.number, line.kind, line.offset, line.time, line.text.to_owned()))
}

fn take_step(transcript: &mut Transcript, time: u64, step: &Step, lines: &mut Vec<Given>) {
    match step {
        Step::Output(bytes) => {
            transcript.feed(time, bytes, &mut Answers::default(), &mut keep(lines));
        }
        Step::Resize(size) => transcript.resize(time, *size, &mut keep(lines)),
    }
}

fn read(start: Size, steps: &[(u64, Step)]) -> Vec<Given> {
    let mut transcript = Transcript::new(start);
    let (mut lines, mut time) = (Vec::new(), 0);
    for (after, step) in steps {
        time += after;
        take_step(&mut transcript, time, step, &mut lines);
    }
    transcript.end(time, &mut keep(&mut lines));
    lines
}

fn texts(lines: &[Given]) -> Vec<&str> {
    lines.iter().map(|line| line.4.as_str()).collect()
}

fn printed(output: &str) -> Vec<String> {
    let lines = read(size(20, 4), &[(0, Step::Output(output.as_bytes().to_vec()))]);
    texts(&lines).into_iter().map(str::to_owned).collect()
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        8 => output().prop_map(|output| Step::Output(output.0)),
        1 => (1u32..24, 1u32..8).prop_map(|(columns, rows)| Step::Resize(size(columns, rows))),
    ];
    let after = prop_oneof![
        3 => 0u64..1000, 2 => 20_000u64..200_000, 2 => 300_000u64..2_500_000, 1 => 5_000_000u64..6_000_000
    ];
    (after, step)
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    prop::collection::vec(step(), 1..12)
}

proptest! {
    #[test]
    fn cutting_the_output_changes_nothing(columns in 1u32..24, rows in 1u32..8, steps in steps(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let mut cut = Vec::new();
        for (after, step) in &steps {
            let Step::Output(bytes) = step else {
                cut.push((*after, step.clone()));
                continue;
            };
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            for (index, pair) in places.windows(2).enumerate() {
                let after = if index == 0 { *after } else { 0 };
                cut.push((after, Step::Output(bytes[pair[0]..pair[1]].to_vec())));
            }
        }
        prop_assert_eq!(read(size(columns, rows), &steps), read(size(columns, rows), &cut));
    }

    #[test]
    fn a_reader_from_a_keyframe_gets_what_one_from_the_start_gets(columns in 1u32..24, rows in 1u32..8, steps in steps(), place in any::<prop::sample::Index>()) {
        let mut transcript = Transcript::new(size(columns, rows));
        let (mut lines, mut time) = (Vec::new(), 0);
        let place = place.index(steps.len());
        let mut other = None;
        for (index, (after, step)) in steps.iter().enumerate() {
            time += after;
            take_step(&mut transcript, time, step, &mut lines);
            if index == place {
                let (dump, state) = (transcript.screen().dump(), transcript.state());
                let restored = Transcript::restore(transcript.screen().size(), &dump, &state).unwrap();
                prop_assert_eq!(restored.state(), state);
                other = Some((restored, lines.len(), time));
            }
        }
        transcript.end(time, &mut keep(&mut lines));
        let (mut restored, given, mut time) = other.unwrap();
        let mut rest = Vec::new();
        for (after, step) in &steps[place + 1..] {
            time += after;
            take_step(&mut restored, time, step, &mut rest);
        }
        restored.end(time, &mut keep(&mut rest));
        prop_assert_eq!(&lines[given..], &rest[..]);
    }
}

#[test]
fn each_moment_of_a_recording_may_be_a_keyframe() {
    for recording in recordings() {
        let mut transcript = Transcript::new(recording.size);
        let mut whole = Vec::new();
        let mut others: Vec<(Transcript, usize, Vec<Given>)> = Vec::new();
        for (index, event) in recording.events.iter().enumerate() {
            let (time, step) = match event {
                Event::Output(bytes) => (index as u64 * 130_000, Step::Output(bytes.clone())),
                Event::Resize(size) => (index as u64 * 130_000, Step::Resize(*size)),
            };
            take_step(&mut transcript, time, &step, &mut whole);
            for (other, _, lines) in &mut others {
                take_step(other, time, &step, lines);
            }
            if index % 10 == 0 {
                let dump = transcript.screen().dump();
                let other =
                    Transcript::restore(transcript.screen().size(), &dump, &transcript.state());
                others.push((other.unwrap(), whole.len(), Vec::new()));
            }
        }
        for (_, given, lines) in &others {
            assert_eq!(&whole[*given..], &lines[..], "{}", recording.name);
        }
    }
}

/// Bytes of what was printed, and of what is read of it.
fn sizes(recording: &crate::recordings::Recording) -> (usize, usize) {
    let mut transcript = Transcript::new(recording.size);
    let (mut lines, mut printed) = (Vec::new(), 0);
    for (event, time) in recording.events.iter().zip(&recording.times) {
        let step = match event {
            Event::Output(bytes) => {
                printed += bytes.len();
                Step::Output(bytes.clone())
            }
            Event::Resize(size) => Step::Resize(*size),
        };
        take_step(&mut transcript, *time, &step, &mut lines);
    }
    transcript.end(*recording.times.last().unwrap(), &mut keep(&mut lines));
    (printed, lines.iter().map(|line| line.4.len() + 1).sum())
}

#[test]
fn agents_are_read_in_a_tenth_of_what_they_print() {
    let (mut printed, mut read) = (0, 0);
    for recording in recordings() {
        let sizes = sizes(&recording);
        println!("{}: {} bytes printed, {} read", recording.name, sizes.0, sizes.1);
        (printed, read) = (printed + sizes.0, read + sizes.1);
    }
    assert!(read * 10 <= printed, "{printed} bytes printed, {read} read");
}

#[test]
fn what_an_agent_shows_is_read_as_it_settled() {
    let recording = recordings().into_iter().find(|recording| recording.name == "codex").unwrap();
    let mut transcript = Transcript::new(recording.size);
    let mut lines = Vec::new();
    for (event, time) in recording.events.iter().zip(&recording.times) {
        if let Event::Output(bytes) = event {
            take_step(&mut transcript, *time, &Step::Output(bytes.clone()), &mut lines);
        }
    }
    let texts = texts(&lines);
    for once in [
        "  Would you like to run the following command?",
        "• Ran echo hi > esc.txt",
        "• Finished escalated.",
    ] {
        assert_eq!(texts.iter().filter(|text| **text == once).count(), 1, "{once}: {texts:#?}");
    }
}

#[test]
fn lines_come_in_order_and_once() {
    assert_eq!(
        printed("one\r\ntwo\r\n\r\nfour\r\nfive\r\nsix"),
        ["one", "two", "", "four", "five", "six"]
    );
}

#[test]
fn what_was_printed_as_one_line_is_one_line() {
    let long = "0123456789".repeat(30);
    assert_eq!(printed(&format!("{long}\r\nshort\r\n{long}")), [&long, "short", &long]);
}

#[test]
fn a_progress_line_is_given_as_it_ended() {
    assert_eq!(printed("start\r\n 10%\r 50%\r100%\r\nend\r\n"), ["start", "100%", "end"]);
}

fn size(columns: u32, rows: u32) -> Size {
    Size::new(columns, rows).unwrap()
}

/// Each piece, so many milliseconds after the one before.
fn timed(steps: &[(u64, &str)]) -> Vec<String> {
    let steps: Vec<(u64, Step)> = steps
        .iter()
        .map(|(after, text)| (after * 1000, Step::Output(text.as_bytes().to_vec())))
        .collect();
    texts(&read(size(40, 6), &steps)).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_line_that_moved_all_the_time_comes_before_what_was_printed_below_it() {
    let mut steps = vec![(0, "begin\r\n".to_owned())];
    steps.extend((0..130).map(|done| (20, format!("\r{done} % done"))));
    steps.push((20, "\r\nafter it\r\n".to_owned()));
    steps.push((400, "last\r\n".to_owned()));
    let steps: Vec<(u64, &str)> = steps.iter().map(|(after, text)| (*after, &**text)).collect();
    assert_eq!(timed(&steps), ["begin", "129 % done", "after it", "last"]);
}

#[test]
fn a_page_of_an_editor_reads_from_top_to_bottom_though_its_cursor_stands_in_the_first_line() {
    let page = "\x1b[?1049h\x1b[Hhello\r\n~ one\r\n~ two\x1b[H";
    assert_eq!(timed(&[(0, page), (2000, "\x1b[?1049l")]), ["hello", "~ one", "~ two"]);
}
