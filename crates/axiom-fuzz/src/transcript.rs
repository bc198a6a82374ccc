//! Any output at any times as a transcript: wherever it is cut, read live or later, from the start or from a keyframe, the
//! lines are the same; none of them acts on who prints it, and what is remembered stays small.

use axiom_screen::{Answers, LINE_BYTES_MAX, Line, LineKind, Transcript};

use crate::screen::acts;
use crate::script::{Script, Step};

/// Microseconds between two steps: nothing, and more and less than each pause after which lines are given.
const PAUSES: [u64; 8] = [0, 700, 20_000, 200_000, 300_000, 999_999, 2_500_000, 6_000_000];

/// Bytes of a piece, where output is cut into more than one and fewer than its bytes.
const PIECE_BYTES: usize = 7;

/// What is remembered beside the screen: hashes of a thousand lines, and on the small pages of these scripts a few held lines.
const STATE_BYTES_MAX: usize = 128 * 1024;

/// A line as it is compared: number, kind, offset, time, text.
type Given = (u64, LineKind, u64, u64, String);

/// Something that happens, and when.
type Moment = (u64, Step);

/// Runs one input.
pub(crate) fn run(bytes: &[u8]) {
    let script = Script::read(bytes);
    let moments = moments(&script);
    let expected = read(&script, &moments, Reader::Later);
    assert_lines(&expected, moments.iter().map(|(_, step)| output_of(step).len() as u64).sum());
    for len in [1, PIECE_BYTES] {
        assert_eq!(read(&script, &cut(&moments, len), Reader::Later), expected, "cut by {len}");
    }
    assert_eq!(read(&script, &moments, Reader::Live), expected, "read live");
    restored_anywhere(&script, &cut(&moments, PIECE_BYTES), chosen(bytes), &expected);
}

/// When its bytes are looked at: not at all between two outputs, or each time that something may be due.
#[derive(Debug, Clone, Copy)]
enum Reader {
    Later,
    Live,
}

/// The script's steps at times that its bytes choose.
fn moments(script: &Script) -> Vec<Moment> {
    let mut time = 0;
    let at = |step: &Step| {
        time += PAUSES[chosen(output_of(step)) % PAUSES.len()];
        (time, step.clone())
    };
    script.steps.iter().map(at).collect()
}

/// A number that depends on these bytes alone, and that a change of one of them changes.
fn chosen(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum + usize::from(*byte))
}

fn output_of(step: &Step) -> &[u8] {
    match step {
        Step::Output(output) => output,
        Step::Resize(_) => &[],
    }
}

/// The same moments, with no piece of output longer than this.
fn cut(moments: &[Moment], len: usize) -> Vec<Moment> {
    let pieces = |(time, step): &Moment| -> Vec<Moment> {
        match step {
            Step::Output(output) => {
                output.chunks(len).map(|piece| (*time, Step::Output(piece.to_vec()))).collect()
            }
            Step::Resize(_) => vec![(*time, step.clone())],
        }
    };
    moments.iter().flat_map(pieces).collect()
}

fn read(script: &Script, moments: &[Moment], reader: Reader) -> Vec<Given> {
    let (mut transcript, mut lines) = (Transcript::new(script.size), Vec::new());
    for moment in moments {
        while let (Reader::Live, Some(due)) = (reader, transcript.due())
            && due <= moment.0
        {
            transcript.pass(due, &mut keep(&mut lines));
        }
        take(&mut transcript, moment, &mut lines);
    }
    end(&mut transcript, moments, &mut lines);
    lines
}

fn take(transcript: &mut Transcript, (time, step): &Moment, lines: &mut Vec<Given>) {
    match step {
        Step::Output(bytes) => {
            transcript.feed(*time, bytes, &mut Answers::default(), &mut keep(lines));
        }
        Step::Resize(size) => transcript.resize(*time, *size, &mut keep(lines)),
    }
}

fn end(transcript: &mut Transcript, moments: &[Moment], lines: &mut Vec<Given>) {
    let time = moments.last().map_or(0, |(time, _)| *time);
    transcript.end(time, &mut keep(lines));
    assert!(transcript.state().len() <= STATE_BYTES_MAX, "{} bytes", transcript.state().len());
}

fn keep(lines: &mut Vec<Given>) -> impl FnMut(Line<'_>) {
    |line| lines.push((line.number, line.kind, line.offset, line.time, line.text.to_owned()))
}

/// A reader that begins before one of the pieces, with what a keyframe there would hold, gets the lines from there on.
fn restored_anywhere(script: &Script, pieces: &[Moment], choice: usize, expected: &[Given]) {
    let (before, after) = pieces.split_at(choice % (pieces.len() + 1));
    let (mut transcript, mut given) = (Transcript::new(script.size), Vec::new());
    before.iter().for_each(|moment| take(&mut transcript, moment, &mut given));
    let (dump, state) = (transcript.screen().dump(), transcript.state());
    assert!(state.len() <= STATE_BYTES_MAX, "{} bytes", state.len());
    let restored = Transcript::restore(transcript.screen().size(), &dump, &state);
    let mut restored = restored.expect("a state is one");
    assert_eq!(restored.state(), state, "restored, it has another state");
    assert_eq!(expected.get(..given.len()), Some(&given[..]), "before the keyframe");
    let mut rest = Vec::new();
    after.iter().for_each(|moment| take(&mut restored, moment, &mut rest));
    end(&mut restored, pieces, &mut rest);
    assert_eq!(rest, expected[given.len()..], "from the keyframe on");
}

/// Lines are in order, and nothing in them acts on whoever prints them.
fn assert_lines(lines: &[Given], bytes: u64) {
    for ((number, _, offset, _, text), expected) in lines.iter().zip(0..) {
        assert_eq!(*number, expected, "a number is left out");
        assert!(*offset <= bytes, "a line at {offset} of {bytes} bytes");
        assert!(text.len() <= LINE_BYTES_MAX, "a line of {} bytes", text.len());
        assert!(!text.chars().any(acts), "{text:?} acts");
        assert!(!text.ends_with(' '), "{text:?} has blanks at its end");
    }
    assert!(lines.is_sorted_by_key(|(_, _, offset, time, _)| (*time, *offset)), "times go back");
}
