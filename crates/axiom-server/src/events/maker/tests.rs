//! The maker against real journals and a real file: whenever it or the server dies, every event is made once, in order.

use axiom_index::EventReader;
use axiom_journal::{TrimBounds, Writer};
use axiom_proto::command::Action;
use axiom_proto::frame::{Frame, FrameKind, Micros};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Closing, Exit, FreezeMeans, Intent, Outcome, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Mode, TaskRecord};
use bytes::Bytes;

use super::*;
use crate::changes::Weight;
use crate::history::{self, Folded};
use crate::home;
use crate::options::Options;
use crate::session::Session;
use crate::task::State;

const STARTED_UNIX_US: u64 = 1_000_000_000;

/// So soon after the start that nothing is idle.
const NOW_MS: u64 = STARTED_UNIX_US / 1000 + 1;

/// A home with one task, whose worker is played here, and a server that may die.
struct World {
    folder: tempfile::TempDir,
    fleet: Arc<Fleet>,
    task: Arc<Task>,
    writer: Writer,
    maker: Maker,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (fleet, record) = (fleet(folder.path()), crate::record::tests::record());
        home::make(&fleet.home.task(record.id)).unwrap();
        let task = Task::new(&fleet.home, record, State::Queued, fleet.changes.clone());
        let mut maker = Maker::open(fleet.clone(), name(1), &[]).unwrap();
        fleet.add(task.clone());
        maker.make(&[task.id()], NOW_MS).unwrap();
        home::make(&task.folder).unwrap();
        let writer = Writer::create(&task.folder, task.session(), STARTED_UNIX_US).unwrap();
        assert!(task.begin());
        let world = Self { folder, fleet, task, writer, maker };
        world.hear(Summary::default());
        world
    }

    /// The session says how it stands.
    fn hear(&self, summary: Summary) {
        self.task.change_live(|session| {
            session.adopt(Folded { summary, started_unix_us: STARTED_UNIX_US });
            session.link = crate::session::Link::Connected { worker_pid: 1, holder_pid: 1 };
            ((), Some(Weight::Status))
        });
    }

    /// A frame is journaled, then shown.
    fn show(&mut self, kind: FrameKind, payload: &[u8]) {
        let header = self.writer.append(kind, Micros(7), payload).unwrap();
        let bytes = Bytes::from(Frame { header, payload }.to_vec());
        self.task.change_live(|session| {
            let frame = Frame::decode(&bytes).unwrap();
            (session.take(&frame, bytes.clone()).unwrap(), Some(Weight::Status))
        });
    }

    fn make(&mut self) {
        let (tasks, _) = self.fleet.changes.take_marked(usize::MAX);
        self.maker.make(&tasks, NOW_MS).unwrap();
    }

    /// The server dies, and the next one finds what lies on the disk.
    fn die(&mut self) {
        let record: TaskRecord = self.task.record.clone();
        self.fleet = fleet(self.folder.path());
        let live = State::Live(Box::new(Session::starting(0)));
        self.task = Task::new(&self.fleet.home, record, live, self.fleet.changes.clone());
        self.fleet.add(self.task.clone());
        self.maker = Maker::open(self.fleet.clone(), name(2), &[self.task.id()]).unwrap();
        if let Ok(folded) = history::fold(&self.task.folder) {
            self.hear(folded.summary);
        } else {
            self.hear(Summary::default());
        }
    }

    fn events(&self) -> Vec<Event> {
        let head = self.fleet.events.head().unwrap();
        let reader = EventReader::open(&self.fleet.home.index()).unwrap();
        let start = EventId { log: head.log, number: 0 };
        reader.read(start, head.number, 10_000).unwrap()
    }
}

fn fleet(root: &std::path::Path) -> Arc<Fleet> {
    let home = crate::home::Home::at(root).unwrap();
    home.prepare().unwrap();
    let machine = crate::fleet::Machine {
        cgroup: Err(String::new()),
        priority: None,
        disk_min_free_bytes: 0,
        started_at_ms: 0,
        task_tokens: crate::task_tokens::TaskTokens::for_tests(),
    };
    Fleet::new(Options::for_tests(home), machine)
}

fn name(number: u8) -> EventLogId {
    EventLogId::from_random([number; 10])
}

fn intent(number: u8, action: Action) -> Record {
    let (author, cause) = ("ann".to_owned(), String::new());
    let (id, request_id) = (CommandId::from_random([number; 10]), "r".to_owned());
    Record::Intent(Intent { id, author, cause, request_id, action })
}

fn outcome(number: u8) -> Record {
    Record::Outcome(Outcome::applied(CommandId::from_random([number; 10])))
}

/// What a session may say; `None` is output.
fn script() -> Vec<Option<Record>> {
    let means = FreezeMeans::Signals;
    vec![
        Some(Record::Started { pid: 9, mode: Mode::Terminal, size: None }),
        None,
        Some(intent(1, Action::Suspend)),
        Some(Record::Suspended { means, already_stopped: Vec::new() }),
        Some(outcome(1)),
        Some(intent(2, Action::Resume)),
        Some(Record::Resumed),
        Some(outcome(2)),
        None,
        Some(Record::Gap { bytes_max: 5, certain: false }),
        Some(Record::Exited { exit: Exit::Code(0) }),
        Some(outcome(3)),
        Some(Record::Closed { reason: Closing::Ended }),
    ]
}

/// Plays the script. After step `n` the maker looks if bit `n` of `looks` is set, and the server dies if it is in `deaths`.
fn play(looks: u32, deaths: &[usize]) -> Vec<Event> {
    let mut world = World::new();
    for (step, record) in script().into_iter().enumerate() {
        match record {
            Some(record) => world.show(FrameKind::Record, &record.encode()),
            None => world.show(FrameKind::Output, b"line\n"),
        }
        if looks & (1 << step) != 0 {
            world.make();
        }
        if deaths.contains(&step) {
            world.die();
        }
    }
    world.task.finish();
    world.make();
    assert!(world.task.is_told.load(Ordering::SeqCst));
    world.events()
}

#[test]
fn whenever_the_server_dies_each_event_is_made_once_and_in_order() {
    let expected = play(u32::MAX, &[]);
    let told: Vec<&str> = expected.iter().map(|event| event.happening.word()).collect();
    let all = [
        "task.queued",
        "task.started",
        "task.suspended",
        "intervention",
        "task.resumed",
        "intervention",
        "gap",
        "task.ended",
        "tasks.all_ended",
    ];
    assert_eq!(told, all);
    let ended = &expected[7];
    let Happening::TaskEnded { stats, .. } = &ended.happening else { panic!("{ended:?}") };
    assert_eq!((stats.lines, stats.bytes.0, stats.interventions), (2, 10, 2));
    let steps = script().len();
    for looks in [0, u32::MAX, 0x5555_5555, 0x3333_3333, 0x0100] {
        for first in 0..steps {
            assert_eq!(play(looks, &[first]), expected, "looks {looks:x}, death after {first}");
            let second = (first + 4) % steps;
            assert_eq!(
                play(looks, &[first, second]),
                expected,
                "deaths after {first} and {second}"
            );
        }
    }
}

#[test]
fn more_than_a_session_notes_is_read_from_its_journal() {
    let mut world = World::new();
    for number in 0..=255 {
        world.show(FrameKind::Record, &intent(number, Action::Resume).encode());
        world.show(FrameKind::Record, &outcome(number).encode());
    }
    world.make();
    let numbers = world.events().into_iter().filter_map(|event| {
        if let Happening::Intervention { number, .. } = event.happening {
            Some(number)
        } else {
            None
        }
    });
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=256).collect::<Vec<_>>());
}

#[test]
fn a_deleted_file_begins_another_log_that_goes_on_from_here() {
    let mut world = World::new();
    let started = Record::Started { pid: 9, mode: Mode::Terminal, size: None };
    world.show(FrameKind::Record, &started.encode());
    world.make();
    let before = world.fleet.events.head().unwrap();
    std::fs::remove_file(world.fleet.home.index()).unwrap();
    world.show(FrameKind::Record, &Record::Exited { exit: Exit::Code(0) }.encode());
    world.make();
    let events = world.events();
    let told: Vec<&str> = events.iter().map(|event| event.happening.word()).collect();
    assert_eq!(told, ["task.ended", "tasks.all_ended"]);
    assert_ne!(events[0].id.unwrap().log, before.log);
    // Nor does the next server tell again what the deleted log told.
    world.die();
    world.make();
    assert_eq!(world.events(), events);
}

#[test]
fn a_log_that_begins_among_tasks_tells_nothing_of_their_past() {
    let mut world = World::new();
    let started = Record::Started { pid: 9, mode: Mode::Terminal, size: None };
    world.show(FrameKind::Record, &started.encode());
    std::fs::remove_file(world.fleet.home.index()).unwrap();
    world.die();
    for _ in 0..3 {
        world.make();
        world.hear(Summary::default());
    }
    assert_eq!(world.events(), []);
    world.show(FrameKind::Record, &Record::Exited { exit: Exit::Code(0) }.encode());
    world.make();
    let told: Vec<_> = world.events().iter().map(|event| event.happening.word()).collect();
    assert_eq!(told, ["task.ended", "tasks.all_ended"]);
}

#[test]
fn a_removed_tasks_events_go_and_listeners_from_before_are_told() {
    let mut world = World::new();
    for record in script().into_iter().flatten() {
        world.show(FrameKind::Record, &record.encode());
    }
    world.task.finish();
    world.make();
    let ended = world.fleet.events.head().unwrap();
    world.fleet.forget(world.task.id());
    world.make();
    assert_eq!(world.events(), []);
    let fleet = fleet(world.folder.path());
    let _maker = Maker::open(fleet.clone(), name(3), &[]).unwrap();
    let before = EventId { number: 0, ..ended };
    let reset = fleet.events.after(before, 9);
    assert!(matches!(reset, super::super::After::Reset(..)), "its events are gone");
    assert!(matches!(fleet.events.after(ended, 9), super::super::After::Nothing));
}

#[test]
fn a_task_that_was_removed_before_its_end_was_told_makes_listeners_begin_anew() {
    use super::super::After;
    let mut world = World::new();
    world.show(FrameKind::Record, &script()[0].clone().unwrap().encode());
    world.make();
    let started = world.fleet.events.head().unwrap();
    world.fleet.forget(world.task.id());
    world.make();
    let head = world.fleet.events.head().unwrap();
    for place in [started, EventId { number: 0, ..started }] {
        let after = world.fleet.events.after(place, 9);
        assert!(matches!(after, After::Reset(_, from) if from == head), "{place:?}");
    }
    assert!(matches!(world.fleet.events.after(head, 9), After::Nothing));
    // What happens from there on is told.
    let record = TaskRecord { id: TaskId::from_random([9; 10]), ..world.task.record.clone() };
    let other = Task::new(&world.fleet.home, record, State::Queued, world.fleet.changes.clone());
    world.fleet.add(other.clone());
    world.maker.make(&[other.id()], NOW_MS).unwrap();
    let After::Recent(events) = world.fleet.events.after(head, 9) else { panic!("one event") };
    assert_eq!(events.len(), 1);
    assert!(matches!(world.fleet.events.after(started, 9), After::Reset(..)));
    // The next server says the same.
    world.die();
    assert!(matches!(world.fleet.events.after(started, 9), After::Reset(..)));
}

#[test]
fn what_went_before_it_was_made_into_events_makes_listeners_begin_anew() {
    use super::super::After;
    let mut world = World::new();
    world.show(FrameKind::Record, &script()[0].clone().unwrap().encode());
    world.make();
    let started = world.fleet.events.head().unwrap();
    assert!(world.task.is_in_events.load(Ordering::SeqCst));
    // No server is there while these are written, and while their segments go.
    let summary = history::fold(&world.task.folder).unwrap().summary;
    for _ in 0..3 {
        let resumed = Record::Gap { bytes_max: 1, certain: true };
        world.writer.append(FrameKind::Record, Micros(8), &resumed.encode()).unwrap();
        world.writer.rotate().unwrap();
        let summary = Record::Summary(Box::new(summary.clone())).encode();
        world.writer.append(FrameKind::Record, Micros(8), &summary).unwrap();
    }
    let bounds = TrimBounds { bytes_max: Some(0), since_unix_us: None, unread: Seq(u64::MAX) };
    assert_eq!(axiom_journal::trim(&world.task.folder, &bounds).unwrap().segments, 2);
    world.die();
    assert!(!world.task.is_in_events.load(Ordering::SeqCst));
    world.make();
    assert!(matches!(world.fleet.events.after(started, 9), After::Reset(..)));
    // The number that no event has stands for what is missing; what is kept is told after it.
    let lost = EventId { number: started.number + 1, ..started };
    let After::Recent(events) = world.fleet.events.after(lost, 9) else { panic!("one event") };
    let told: Vec<_> = events.iter().map(|event| event.happening.word()).collect();
    assert_eq!(told, ["gap"]);
}

#[test]
fn a_silence_is_told_once_and_not_again_by_the_next_server() {
    let mut world = World::new();
    let started = Record::Started { pid: 9, mode: Mode::Terminal, size: None };
    world.show(FrameKind::Record, &started.encode());
    world.make();
    let due = world.maker.wakes_at_ms().unwrap();
    assert_eq!(due, STARTED_UNIX_US / 1000 + crate::events::sight::IDLE_MS);
    let silent = |world: &mut World| {
        world.maker.mark_due(due);
        let (tasks, _) = world.fleet.changes.take_marked(usize::MAX);
        world.maker.make(&tasks, due).unwrap();
        let events = world.events();
        events.iter().filter(|event| event.happening.word() == "task.idle").count()
    };
    assert_eq!(silent(&mut world), 1);
    assert_eq!((silent(&mut world), world.maker.wakes_at_ms()), (1, None), "no timer is left");
    world.die();
    assert_eq!(silent(&mut world), 1);
    world.show(FrameKind::Output, b"x");
    assert_eq!(silent(&mut world), 2, "another silence");
}

#[test]
fn a_lost_link_is_told_once_it_stays_away_and_not_before() {
    let mut world = World::new();
    let started = Record::Started { pid: 9, mode: Mode::Terminal, size: None };
    world.show(FrameKind::Record, &started.encode());
    let look = |world: &mut World, now_ms: u64| {
        world.fleet.changes.mark([world.task.id()]);
        let (tasks, _) = world.fleet.changes.take_marked(usize::MAX);
        world.maker.make(&tasks, now_ms).unwrap();
        world.events().last().unwrap().happening.word()
    };
    world.task.change_live(|session| (session.unlinked(NOW_MS), Some(Weight::Status)));
    assert_eq!(look(&mut world, NOW_MS + 999), "task.started");
    assert_eq!(world.maker.wakes_at_ms(), Some(NOW_MS + 1000));
    assert_eq!(look(&mut world, NOW_MS + 1000), "link.away");
    let away = world.events().len();
    world.hear(Summary::default());
    world.task.change_live(|session| (session.is_missed = false, Some(Weight::Status)));
    assert_eq!(look(&mut world, NOW_MS + 1001), "link.back");
    assert_eq!(world.events().len(), away + 1);
}
