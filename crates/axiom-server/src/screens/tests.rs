//! Whatever a screen is made from, it is the same: from the start, from any keyframe, from a kept one, across segments, packed or
//! not, with what came first gone.

use axiom_journal::{TrimBounds, Writer};
use axiom_proto::frame::Micros;
use axiom_proto::id::SessionId;
use axiom_proto::keyframe::KeyframeNote;
use axiom_proto::summary::Summary;
use axiom_proto::task::Mode;

use super::*;

/// What a child printed, and the sizes of its terminal, as frames of a journal.
struct Story {
    folder: tempfile::TempDir,
    writer: Writer,
    summary: Summary,
    random: u64,
    /// The screen that a worker keeps, which may lag behind.
    drawn: Live,
    untold: Vec<(FrameKind, Vec<u8>, Seq, Offset)>,
}

const SIZE: AskedSize = AskedSize { cols: 80, rows: 24 };

impl Story {
    fn begin(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let session = SessionId { task: TaskId::from_random([1; 10]), number: 1 };
        let writer = Writer::create(folder.path(), session, 77).unwrap();
        let (summary, untold) = (Summary::default(), Vec::new());
        let mut story =
            Self { folder, writer, summary, random: seed, drawn: Live::blank(SIZE), untold };
        let started = Record::Started { pid: 1, mode: Mode::Terminal, size: Some(SIZE) };
        story.append(FrameKind::Record, &started.encode());
        story
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % below
    }

    fn append(&mut self, kind: FrameKind, payload: &[u8]) {
        let header = self.writer.append(kind, Micros(1), payload).unwrap();
        self.summary.fold(&Frame { header, payload });
        self.untold.push((kind, payload.to_vec(), header.seq, header.offset));
    }

    /// Prints, cut anywhere, with keyframes and new segments in between.
    fn print(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let cut = usize::try_from(self.random(200) + 1).unwrap().min(bytes.len());
            let (now, later) = bytes.split_at(cut);
            self.append(FrameKind::Output, now);
            bytes = later;
            if self.random(40) == 0 {
                self.keep();
            }
            if self.random(150) == 0 {
                self.writer.rotate().unwrap();
                let summary = Record::Summary(Box::new(self.summary.clone()));
                self.append(FrameKind::Record, &summary.encode());
            }
        }
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        let resized = Record::Resized { size: AskedSize { cols, rows } };
        self.append(FrameKind::Record, &resized.encode());
    }

    /// Writes a keyframe of a place that may lie some frames back.
    fn keep(&mut self) {
        let lag = usize::try_from(self.random(4)).unwrap();
        self.keep_late(lag);
    }

    /// Writes one of a place that lies so many frames back.
    fn keep_late(&mut self, lag: usize) {
        let lag = lag.min(self.untold.len());
        let told = self.untold.len() - lag;
        for (kind, payload, seq, offset) in self.untold.drain(..told) {
            let header = axiom_proto::frame::Header::of(kind, seq, offset, Micros(1), &payload);
            self.drawn.take(&Frame { header, payload: &payload }, &mut Answers::default());
        }
        let size = self.drawn.screen.size();
        let dump = self.drawn.screen.dump();
        let note = KeyframeNote {
            size: AskedSize { cols: size.columns(), rows: size.rows() },
            next: self.drawn.next,
            offset: self.drawn.offset,
            time: Micros(1),
            line_mode: true,
            echo: true,
            lines: 0,
            dump_bytes: 0,
        };
        let payload = Keyframe { note, dump: &dump, rest: b"later" }.encode();
        self.append(FrameKind::Keyframe, &payload);
    }

    /// Draws every so many frames, from keyframes and from what was kept, and compares with what all before makes.
    #[track_caller]
    fn check(&self, from: Seq, mut whole: Live) {
        let head = self.writer.head().seq;
        let mut kept = None;
        for until in (from.0 + 1..=head.0).step_by(97).chain([head.0]).map(Seq) {
            whole = from_live(self.folder.path(), whole, until);
            let late = draw_with(0, self.folder.path(), SIZE, None, until).unwrap();
            assert_same(&late, &whole, until);
            let on = draw_with(300, self.folder.path(), SIZE, kept.take(), until).unwrap();
            assert_same(&on, &whole, until);
            kept = Some(on);
        }
    }
}

/// Frame by frame, without any keyframe.
fn from_live(folder: &Path, mut live: Live, until: Seq) -> Live {
    let mut reader = Reader::open(folder).unwrap();
    reader.seek(SeekTo::Seq(live.next)).unwrap();
    while live.next < until {
        let batch = reader.read(BATCH_BYTES, Some(until)).unwrap();
        for frame in frames(&batch) {
            live.take(&frame, &mut Answers::default());
        }
    }
    live
}

#[track_caller]
fn assert_same(live: &Live, whole: &Live, until: Seq) {
    assert_eq!((live.next, live.offset), (whole.next, whole.offset));
    assert_eq!(live.screen.view(), whole.screen.view(), "before frame {until}");
    let [live, whole] = [live, whole].map(|live| live.screen.dump().escape_ascii().to_string());
    assert_eq!(live, whole, "before frame {until}");
}

fn recordings() -> [&'static str; 4] {
    [
        include_str!("../../../axiom-screen/tests/recordings/claude-interrupt.cast"),
        include_str!("../../../axiom-screen/tests/recordings/codex-task.cast"),
        include_str!("../../../axiom-screen/tests/recordings/gemini-task.cast"),
        include_str!("../../../axiom-screen/tests/recordings/opencode-task.cast"),
    ]
}

fn told(recording: &str, seed: u64) -> Story {
    let mut story = Story::begin(seed);
    let mut lines = recording.lines().map(|line| serde_json::from_str(line).unwrap());
    let head: serde_json::Value = lines.next().unwrap();
    let side = |key: &str| u16::try_from(head[key].as_u64().unwrap()).unwrap();
    story.resize(side("width"), side("height"));
    for event in lines {
        let data = event[2].as_str().unwrap();
        match event[1].as_str().unwrap() {
            "o" => story.print(data.as_bytes()),
            "r" => {
                let (cols, rows) = data.split_once('x').unwrap();
                story.resize(cols.parse().unwrap(), rows.parse().unwrap());
            }
            _ => {}
        }
    }
    story
}

#[test]
fn recordings_of_agents_look_the_same_from_any_keyframe_as_from_the_start() {
    for (seed, recording) in (3..).zip(recordings()) {
        let story = told(recording, seed);
        story.check(Seq(0), Live::blank(SIZE));
        axiom_journal::pack(story.folder.path(), || true).unwrap();
        story.check(Seq(0), Live::blank(SIZE));
    }
}

#[test]
fn random_output_and_sizes_look_the_same_from_any_keyframe_as_from_the_start() {
    let pieces: [&[u8]; 20] = [
        b"text ",
        b"\r\n",
        b"\x1b[",
        b"\x1b[2J",
        b"\x1b[5;9H",
        b"\x1b[31;44m",
        b"\x1b[?1049h",
        b"\x1b[?1049l",
        b"\x1b[3;8r",
        b"\xe6\xbc",
        "漢字".as_bytes(),
        b"\x1b[2L",
        b"\x1b]2;title\x07",
        b"\x1b[?2026h",
        b"\x1b[?2026l",
        b"\x1b7",
        b"\x1b8",
        b"\x1b[K",
        b"\xff",
        b"\x1bP+q",
    ];
    for seed in 1..=6 {
        let mut story = Story::begin(seed);
        for _ in 0..4_000 {
            let at = usize::try_from(story.random(20)).unwrap();
            story.print(pieces[at]);
            if story.random(300) == 0 {
                let (cols, rows) = (story.random(120) + 1, story.random(50) + 1);
                story.resize(u16::try_from(cols).unwrap(), u16::try_from(rows).unwrap());
            }
        }
        story.check(Seq(0), Live::blank(SIZE));
    }
}

#[test]
fn a_journal_without_its_beginning_is_looked_at_from_its_first_keyframe() {
    let mut story = Story::begin(5);
    for line in 0..3_000 {
        story.print(format!("\x1b[3{}mline {line}\r\n", line % 8).as_bytes());
    }
    let whole = draw(story.folder.path(), SIZE, None, story.writer.head().seq).unwrap();
    let bounds = TrimBounds { bytes_max: Some(20_000), since_unix_us: None, unread: Seq(u64::MAX) };
    assert!(axiom_journal::trim(story.folder.path(), &bounds).unwrap().segments > 0);
    let late = draw(story.folder.path(), SIZE, None, story.writer.head().seq).unwrap();
    assert_same(&late, &whole, story.writer.head().seq);
    let first = Reader::open(story.folder.path()).unwrap().position();
    let oldest = draw(story.folder.path(), SIZE, Some(Live::blank(SIZE)), first.next()).unwrap();
    assert_eq!((oldest.next, oldest.screen.size().columns()), (first.next(), 80));
}

#[test]
fn of_a_place_that_is_gone_the_first_picture_that_can_be_had_is_given_and_it_is_said() {
    for seed in [5, 6, 7] {
        let (mut story, mut whole) = (Story::begin(seed), Story::begin(seed));
        let mut first_lines = Vec::new();
        for line in 0..3_000 {
            first_lines.push(story.writer.head());
            let line = format!("\x1b[3{}mline {line}\r\n", line % 8);
            story.print(line.as_bytes());
            whole.print(line.as_bytes());
        }
        let (folder, head) = (story.folder.path(), story.writer.head());
        let place = Place { seq: head.seq, offset: head.offset };
        let bounds =
            TrimBounds { bytes_max: Some(20_000), since_unix_us: None, unread: Seq(u64::MAX) };
        assert!(axiom_journal::trim(folder, &bounds).unwrap().segments > 0);
        let oldest = Reader::open(folder).unwrap().head();
        let asked = first_lines.iter().take_while(|line| line.offset < oldest.offset);
        for line in asked.step_by(50) {
            for seq in [None, Some(line.seq)] {
                let at = Cursor { session: 1, offset: line.offset, seq, line: None };
                let (live, gone) = look_back_in(folder, SIZE, at, place).unwrap();
                assert_eq!(gone, Some(Gone { from: line.offset, to: live.offset }));
                assert!(live.next >= oldest.seq, "{} is before what is kept", live.next);
                // It is a whole picture, as it was: none of its rows stems from nowhere.
                let then = draw(whole.folder.path(), SIZE, None, live.next).unwrap();
                assert_same(&live, &then, live.next);
            }
        }
        let at = Cursor { session: 1, offset: head.offset, seq: Some(head.seq), line: None };
        assert_eq!(look_back_in(folder, SIZE, at, place).unwrap().1, None, "the head is kept");
    }
}

#[test]
fn a_screen_after_a_hundred_megabytes_is_made_from_few_frames() {
    let mut story = Story::begin(9);
    let block = b"0123456789abcde\n".repeat(256);
    for megabyte in 0..100 {
        for _ in 0..256 {
            story.append(FrameKind::Output, &block);
        }
        if megabyte % 4 == 3 {
            story.keep();
        }
    }
    let head = story.writer.head().seq;
    let live = draw(story.folder.path(), SIZE, None, head).unwrap();
    assert!(live.frames_read <= 2 * NEAR_FRAMES, "{} frames of {head}", live.frames_read);
    let middle = Seq(head.0 / 2);
    let live = draw(story.folder.path(), SIZE, None, middle).unwrap();
    assert!(live.frames_read <= 2 * NEAR_FRAMES, "{} frames of {middle}", live.frames_read);
}

#[test]
fn a_picture_that_lags_far_behind_costs_a_look_back_no_more() {
    let mut story = Story::begin(11);
    let block = b"0123456789abcde\n".repeat(256);
    for megabyte in 0..64 {
        for _ in 0..256 {
            story.append(FrameKind::Output, &block);
        }
        if megabyte % 4 == 3 {
            story.keep_late(20 * 256);
        }
    }
    let middle = Seq(story.writer.head().seq.0 / 2);
    let live = draw(story.folder.path(), SIZE, None, middle).unwrap();
    assert!(live.frames_read <= 2 * NEAR_FRAMES, "{} frames of {middle}", live.frames_read);
    assert_same(&live, &from_live(story.folder.path(), Live::blank(SIZE), middle), middle);
}
