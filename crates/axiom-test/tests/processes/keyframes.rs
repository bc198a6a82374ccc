//! Keyframes that a worker writes: as often as promised, and each the picture that all output before it makes.

use axiom_journal::Reader;
use axiom_proto::frame::{FrameKind, Offset, Seq};
use axiom_proto::keyframe::{Keyframe, KeyframeNote};
use axiom_proto::record::Record;
use axiom_proto::task::Size as ToldSize;
use axiom_screen::{Answers, Size, Transcript};

use crate::direct::{Direct, Seen, Setup};
use crate::lab::Lab;

/// A keyframe is made after 4 MiB of output at the latest. One that waits for a worker that got no processor gives way to the
/// next.
const APART_BYTES_MAX: u64 = 2 * (4 << 20);

/// Colours, moves, margins, wide characters and an alternate page now and then, without an end of lines.
const PAINTER: &str = r#"
import os, sys
def out(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data):]
size, line = int(sys.argv[1]), 0
while size > 0:
    text = "".join(
        f"\x1b[{line % 24 + 1};{line % 70 + 1}H\x1b[3{line % 8}mline {line} 漢字\x1b[0m\r\n" for line in range(line, line + 500))
    line += 500
    text += "\x1b[?1049h\x1b[2;20r" if line % 3000 == 0 else "\x1b[?1049l\x1b[r"
    text += "\x1b]0;title %d\x07" % line + "x" * (line % 90)
    size -= len(text)
    out(text)
out("\x1b[?1049l\x1b[r\x1b[2J\x1b[Hpainted\r\n")
sys.stdin.readline()
"#;

fn painter(bytes: &str) -> Setup {
    Setup::command(&["python3", "-c", PAINTER, bytes])
}

fn size_of(size: ToldSize) -> Size {
    Size::nearest(size.cols.into(), size.rows.into())
}

/// A screen and its transcript that take frames.
#[derive(Clone)]
struct Watcher {
    transcript: Transcript,
    next: Seq,
}

impl Watcher {
    fn blank() -> Self {
        Self { transcript: Transcript::new(size_of(ToldSize::default())), next: Seq(0) }
    }

    fn at(keyframe: &Keyframe<'_>) -> Self {
        let Keyframe { note, dump, rest } = keyframe;
        let transcript = Transcript::restore(size_of(note.size), dump, rest).unwrap();
        Self { transcript, next: note.next }
    }

    /// Takes the frames that come next, up to one.
    fn follow(&mut self, frames: &[Seen], until: Seq) {
        let mut answers = Answers::default();
        for frame in frames {
            if frame.header.seq < self.next || frame.header.seq >= until {
                continue;
            }
            let time = frame.header.time.0;
            if frame.header.kind == FrameKind::Output {
                self.transcript.feed(time, &frame.payload, &mut answers, &mut |_line| {});
            }
            if frame.header.kind == FrameKind::Record
                && let Record::Resized { size } | Record::Started { size: Some(size), .. } =
                    Record::decode(&frame.payload)
            {
                self.transcript.resize(time, size_of(size), &mut |_line| {});
            }
            self.next = frame.header.seq.next();
            drop(answers.take());
        }
    }

    #[track_caller]
    fn assert_same(&self, other: &Self, place: Seq) {
        let [one, two] = [self, other].map(|watcher| watcher.transcript.screen().view());
        assert_eq!(one, two, "at frame {place}");
        assert_eq!(self.transcript.lines(), other.transcript.lines(), "at frame {place}");
        assert!(self.transcript.state() == other.transcript.state(), "at frame {place}");
    }
}

fn keyframes(direct: &Direct) -> Vec<(Seq, KeyframeNote, Keyframe<'_>)> {
    let kept = direct.frames.iter().filter(|frame| frame.header.kind == FrameKind::Keyframe);
    kept.map(|frame| {
        let keyframe = Keyframe::decode(&frame.payload).unwrap();
        (frame.header.seq, keyframe.note.clone(), keyframe)
    })
    .collect()
}

/// Each keyframe is what the frames before its place make, and what follows has the same effect on both.
fn assert_each_is_the_picture(direct: &Direct) {
    let mut whole = Watcher::blank();
    for (seq, note, keyframe) in keyframes(direct) {
        assert!(note.next <= seq, "a keyframe tells of what was before it");
        whole.follow(&direct.frames, note.next);
        let mut late = Watcher::at(&keyframe);
        late.assert_same(&whole, note.next);
        assert_eq!(note.lines, whole.transcript.lines());
        let mut on = whole.clone();
        let further = Seq(note.next.0 + 200);
        on.follow(&direct.frames, further);
        late.follow(&direct.frames, further);
        late.assert_same(&on, further);
    }
}

/// Waits until all is painted, and the settled screen kept. Looks at what came last only: there is much.
fn wait_until_settled(direct: &mut Direct) {
    direct.wait_for("all of it and a keyframe of the settled screen", |direct| {
        let newest = direct.frames.iter().rev().take(5);
        let mut kept = newest.filter(|frame| frame.header.kind == FrameKind::Keyframe);
        kept.next().is_some_and(|frame| {
            let keyframe = Keyframe::decode(&frame.payload).unwrap();
            let dump = String::from_utf8_lossy(keyframe.dump);
            keyframe.note.offset == direct.summary.offset && dump.contains("painted")
        })
    });
}

fn assert_often_enough(direct: &Direct) {
    let places = keyframes(direct).into_iter().map(|(_, note, _)| note.offset.0);
    let places: Vec<u64> = std::iter::once(0).chain(places).collect();
    for pair in places.windows(2) {
        assert!(pair[1] - pair[0] <= APART_BYTES_MAX, "{} and then {}", pair[0], pair[1]);
    }
}

#[test]
fn keyframes_are_as_often_as_promised_and_each_is_the_picture_of_its_place() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &painter("20000000"));
    wait_until_settled(&mut direct);
    assert_often_enough(&direct);
    assert_each_is_the_picture(&direct);
    let (_, last, _) = keyframes(&direct).pop().unwrap();
    assert_eq!((last.line_mode, last.echo), (true, true), "a shell's terminal");
    direct.type_text("\r");
    direct.wait_for_end();
}

#[test]
fn the_keyframe_before_any_frame_is_found_across_segments() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &painter("40000000"));
    wait_until_settled(&mut direct);
    let mut reader = Reader::open(&direct.folder).unwrap();
    let all: Vec<Seq> = keyframes(&direct).iter().map(|(seq, _, _)| *seq).collect();
    let asked =
        (0..=direct.next_seq().0).step_by(97).chain(all.iter().flat_map(|seq| [seq.0, seq.0 + 1]));
    for before in asked.map(Seq) {
        let expected = all.iter().rev().find(|seq| **seq < before);
        let found = reader.seek_to_keyframe(before).unwrap();
        assert_eq!(found.then(|| reader.position()).as_ref(), expected, "before frame {before}");
    }
    direct.type_text("\r");
    direct.wait_for_end();
}

#[test]
fn a_killed_worker_s_next_one_goes_on_from_the_last_keyframe() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &painter("16000000"));
    for kill in 1..=3 {
        direct.wait_for("output", |direct| direct.summary.offset > Offset(kill * 4_000_000));
        direct.kill_worker();
        direct.relink();
    }
    wait_until_settled(&mut direct);
    assert_eq!(direct.summary.epoch, 4);
    assert_each_is_the_picture(&direct);
    direct.type_text("\r");
    direct.wait_for_end();
}

#[test]
fn a_small_session_has_none() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("seq 1 2000; echo up; read go"));
    direct.wait_for_output("up");
    direct.type_text("\r");
    direct.wait_for_end();
    assert_eq!(keyframes(&direct).len(), 0);
}
