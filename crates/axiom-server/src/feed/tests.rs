//! A real journal and a live ring, written by the test as a worker and its link would: readers of every pace get each
//! frame once, in order, and learn of the end.

use std::time::Duration;

use axiom_journal::{TrimBounds, Writer};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros};
use axiom_proto::record::{Closing, Record};
use tokio::time::timeout;

use super::*;
use crate::changes::Weight;
use crate::fleet::Machine;
use crate::home::{self, Home};
use crate::options::Options;
use crate::session::Session;

/// A bound on every wait, far beyond what any takes.
const DEADLINE: Duration = Duration::from_secs(20);

struct World {
    _folder: tempfile::TempDir,
    fleet: Arc<Fleet>,
    task: Arc<Task>,
    writer: Writer,
    /// Each frame that was written.
    frames: Vec<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare().unwrap();
        let options = Options::for_tests(home.clone());
        let machine = Machine {
            cgroup: Err(String::new()),
            priority: None,
            disk_min_free_bytes: 0,
            started_at_ms: 0,
            task_tokens: crate::task_tokens::TaskTokens::for_tests(),
        };
        let fleet = Fleet::new(options, machine);
        let record = crate::record::tests::record();
        home::make(&home.task(record.id)).unwrap();
        let task = Task::new(&home, record, State::Queued, fleet.changes.clone());
        fleet.add(task.clone());
        home::make(&task.folder).unwrap();
        let writer = Writer::create(&task.folder, task.session(), 0).unwrap();
        Self { _folder: folder, fleet, task, writer, frames: Vec::new() }
    }

    /// Journals a frame without showing it.
    fn journal(&mut self, kind: FrameKind, payload: &[u8]) -> (Header, Vec<u8>) {
        let header = self.writer.append(kind, Micros(0), payload).unwrap();
        let frame = Frame { header, payload }.to_vec();
        self.frames.push(frame.clone());
        (header, frame)
    }

    /// Journals a frame, then shows it, as a link does.
    fn show(&mut self, kind: FrameKind, payload: &[u8]) {
        let (_, frame) = self.journal(kind, payload);
        let taken = self.task.change_live(|session| {
            let bytes = Bytes::from(frame);
            let weight = session.take(&Frame::decode(&bytes).unwrap(), bytes.clone());
            (weight.unwrap(), Some(Weight::Status))
        });
        assert!(taken.flatten().is_some());
    }

    fn close(&mut self) {
        self.show(FrameKind::Record, &Record::Closed { reason: Closing::Ended }.encode());
        self.task.finish();
    }

    async fn feed(&self, start: StartAt) -> Feed {
        Feed::open(self.fleet.clone(), self.task.clone(), start).await.unwrap()
    }
}

async fn next(feed: &mut Feed) -> Option<Vec<u8>> {
    let next = timeout(DEADLINE, feed.next()).await.expect("a frame or the end came in time");
    next.unwrap().map(|given| match given {
        Given::Frames(frames) => frames.concat(),
        Given::Gone(gone) => panic!("{gone} is gone"),
    })
}

async fn rest(feed: &mut Feed) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(some) = next(feed).await {
        bytes.extend(some);
    }
    bytes
}

fn session_of(task: &Task) {
    assert!(task.begin(), "it was queued");
    task.change_live(|session: &mut Session| {
        session.ring = Some(axiom_hub::Ring::bounded(Place::default(), 4096));
        ((), Some(Weight::Status))
    });
}

#[tokio::test]
async fn a_reader_that_fell_behind_gets_every_frame_once() {
    let mut world = World::new();
    let mut waiting = world.feed(StartAt::Start).await;
    session_of(&world.task);
    let mut seen = Vec::new();
    for round in 0..50 {
        // Sometimes more than the ring holds, sometimes less.
        for line in 0..(round * 7) % 40 {
            world.show(
                FrameKind::Output,
                format!("{round} {line} {}\n", "x".repeat(100)).as_bytes(),
            );
        }
        if round % 3 == 1 {
            seen.extend(next(&mut waiting).await.unwrap());
        }
    }
    world.close();
    seen.extend(rest(&mut waiting).await);
    assert!(seen == world.frames.concat());
    let mut late = world.feed(StartAt::Start).await;
    assert!(rest(&mut late).await == world.frames.concat());
    assert_eq!(late.cursor().seq, Some(Seq(world.frames.len() as u64)));
}

#[tokio::test]
async fn frames_that_are_journaled_and_not_announced_are_not_given() {
    let mut world = World::new();
    session_of(&world.task);
    world.show(FrameKind::Output, b"announced");
    world.journal(FrameKind::Output, b"not yet");
    let mut feed = world.feed(StartAt::Start).await;
    assert_eq!(next(&mut feed).await, Some(world.frames[0].clone()));
    let more = tokio::select! {
        biased;
        more = feed.next() => Some(more),
        () = std::future::ready(()) => None,
    };
    assert!(more.is_none(), "nothing was announced: {more:?}");
}

#[tokio::test]
async fn a_feed_starts_at_the_head_or_at_any_cursor() {
    let mut world = World::new();
    session_of(&world.task);
    for _ in 0..100 {
        world.show(FrameKind::Output, &[b'x'; 100]);
    }
    let cursor = |offset, seq: Option<u64>| {
        StartAt::Cursor(Cursor {
            session: 1,
            offset: Offset(offset),
            seq: seq.map(Seq),
            line: None,
        })
    };
    let mut feed = world.feed(cursor(350, None)).await;
    assert_eq!((feed.cursor().offset, feed.cursor().seq), (Offset(300), Some(Seq(3))));
    let mut by_seq = world.feed(cursor(300, Some(3))).await;
    let mut head = world.feed(StartAt::Head).await;
    world.close();
    assert!(rest(&mut feed).await == world.frames[3..].concat());
    assert!(rest(&mut by_seq).await == world.frames[3..].concat());
    assert!(rest(&mut head).await == world.frames[100..].concat());
    for wrong in [
        Cursor { session: 1, offset: Offset(0), seq: Some(Seq(102)), line: None },
        Cursor { session: 1, offset: Offset(99_999), seq: None, line: None },
        Cursor { session: 2, offset: Offset(0), seq: None, line: None },
    ] {
        let open =
            Feed::open(world.fleet.clone(), world.task.clone(), StartAt::Cursor(wrong)).await;
        assert_eq!(open.unwrap_err().code, ErrorCode::InvalidArgument, "{wrong}");
    }
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let mut world = World::new();
    session_of(&world.task);
    for line in 0..200 {
        world.show(FrameKind::Output, format!("{line} {}\n", "x".repeat(300)).as_bytes());
    }
    let mut feed = world.feed(StartAt::Start).await;
    let mut seen = Vec::new();
    let mut drops = 0;
    world.close();
    loop {
        // Polled once and dropped, again and again, also in the middle of a journal's batch.
        let first = tokio::select! {
            biased;
            given = feed.next() => Some(given),
            () = std::future::ready(()) => None,
        };
        match first {
            Some(Ok(Some(Given::Frames(frames)))) => seen.extend(frames.concat()),
            Some(Ok(Some(Given::Gone(gone)))) => panic!("{gone} is gone"),
            Some(Ok(None)) => break,
            Some(Err(fault)) => panic!("{fault:?}"),
            None if drops < 20 => drops += 1,
            None => match next(&mut feed).await {
                Some(bytes) => seen.extend(bytes),
                None => break,
            },
        }
    }
    assert!(seen == world.frames.concat());
}

/// Four segments of ten frames of ten bytes, each but the first with a summary before them; the first two are gone.
fn trimmed() -> World {
    let mut world = World::new();
    session_of(&world.task);
    let summary = Record::Summary(Box::default()).encode();
    for segment in 0..4 {
        if segment > 0 {
            world.writer.rotate().unwrap();
            world.show(FrameKind::Record, &summary);
        }
        (0..10).for_each(|_| world.show(FrameKind::Output, &[b'x'; 10]));
    }
    // So that the ring has none of it.
    world.show(FrameKind::Record, &[b' '; 5000]);
    world
}

fn trim(world: &World) {
    let unread = Seq(world.frames.len() as u64);
    let bounds = TrimBounds { bytes_max: Some(0), since_unix_us: None, unread };
    assert_eq!(axiom_journal::trim(&world.task.folder, &bounds).unwrap().segments, 2);
}

#[tokio::test]
async fn what_is_no_longer_kept_is_said_and_the_feed_goes_on_after_it() {
    let mut world = trimmed();
    trim(&world);
    world.close();
    let cursor = |text: &str| StartAt::Cursor(text.parse().unwrap());
    for (start, from) in [
        (StartAt::Start, 0),
        (cursor("1:0"), 0),
        (cursor("1:35"), 35),
        (cursor("1:100:10"), 100),
        (cursor("1:199:20"), 199),
    ] {
        let mut feed = world.feed(start).await;
        let given = timeout(DEADLINE, feed.next()).await.expect("something came in time").unwrap();
        let gone = Gone { from: Offset(from), to: Offset(200) };
        assert_eq!(given, Some(Given::Gone(gone)), "{start:?}");
        assert_eq!(feed.cursor(), "1:200:21".parse().unwrap(), "{start:?}");
        assert!(rest(&mut feed).await == world.frames[21..].concat(), "{start:?}");
    }
    let mut feed = world.feed(cursor("1:200:21")).await;
    assert!(rest(&mut feed).await == world.frames[21..].concat());
}

#[tokio::test]
async fn a_reader_in_the_middle_of_what_goes_reads_its_segment_to_the_end() {
    let mut world = trimmed();
    let mut feed = world.feed(StartAt::Start).await;
    let mut seen = next(&mut feed).await.unwrap();
    trim(&world);
    world.close();
    let given = loop {
        match timeout(DEADLINE, feed.next()).await.expect("something came in time").unwrap() {
            Some(Given::Frames(frames)) => seen.extend(frames.concat()),
            other => break other,
        }
    };
    assert!(seen == world.frames[..10].concat());
    let gone = Gone { from: Offset(100), to: Offset(200) };
    assert_eq!(given, Some(Given::Gone(gone)));
    assert!(rest(&mut feed).await == world.frames[21..].concat());
}
