//! Events over HTTP, as a listener hears them that goes on where it was: each once and in order, whatever is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};

use axiom_proto::event::{Event, EventId, Happening, Reset, ResetReason};
use axiom_proto::frame::Seq;
use serde_json::Value;

use crate::disk::{MIB, SmallDisk};
use crate::lab::Lab;
use crate::wire::{Wire, request};

/// How often the server is killed under the fleet.
const SERVER_KILLS: usize = 20;

/// One message of a stream.
#[derive(Debug)]
enum Message {
    Event(Box<Event>),
    Head(EventId),
    Reset(Reset),
}

/// A listener's connection.
struct Listening {
    reader: BufReader<Box<dyn Wire>>,
    /// Bytes of the stream without the chunks' frames.
    text: Vec<u8>,
}

impl Listening {
    /// Listens from a place, or from now on.
    fn begin(lab: &Lab, after: Option<EventId>, query: &str) -> Self {
        let place = after.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let mut wire = lab.by_socket().dial();
        let path = format!("/api/v1/events{query}");
        wire.write_all(&request("GET", &path, &place, b"")).unwrap();
        let mut reader = BufReader::new(wire);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "the answer ended early: {head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self { reader, text: Vec::new() }
    }

    /// The next message; none where the server is dead. A message that was cut counts for nothing.
    fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.text.windows(2).position(|window| window == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(message) = message(&String::from_utf8(block).unwrap()) {
                    return Some(message);
                }
                continue;
            }
            self.chunk()?;
        }
    }

    fn chunk(&mut self) -> Option<()> {
        let mut size = String::new();
        if self.reader.read_line(&mut size).ok()? == 0 {
            return None;
        }
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return None;
        }
        self.text.extend_from_slice(&chunk[..size]);
        Some(())
    }
}

/// A block of lines; pings and the like are nothing.
fn message(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    let id: Option<EventId> = field("id: ").map(|id| id.parse().unwrap());
    Some(match field("event: ") {
        Some("head") => Message::Head(id.unwrap()),
        Some("reset") => Message::Reset(serde_json::from_str(data).unwrap()),
        Some(other) => panic!("a message of kind {other}"),
        None => {
            let event: Event = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}"));
            assert_eq!(event.id, id);
            Message::Event(Box::new(event))
        }
    })
}

/// All that a listener has heard, over many connections.
#[derive(Debug, Default)]
struct Heard {
    place: Option<EventId>,
    events: Vec<Event>,
    resets: Vec<Reset>,
}

impl Heard {
    fn take(&mut self, message: Message) {
        match message {
            Message::Event(event) => {
                if event.id.is_some() {
                    self.place = event.id;
                    self.events.push(*event);
                }
            }
            Message::Head(id) => self.place = Some(id),
            Message::Reset(reset) => {
                self.place = Some(reset.id);
                self.resets.push(reset);
            }
        }
    }

    /// Connects and hears all there is now.
    fn catch_up(&mut self, lab: &Lab) -> Listening {
        let mut listening = Listening::begin(lab, self.place, "");
        loop {
            let message = listening.next().expect("the server lives");
            let is_head = matches!(message, Message::Head(_));
            self.take(message);
            if is_head {
                return listening;
            }
        }
    }

    /// Hears until this is so of an event.
    fn until(&mut self, listening: &mut Listening, what: &str, is_it: impl Fn(&Event) -> bool) {
        loop {
            let Some(message) = listening.next() else { panic!("the stream ended before {what}") };
            let found = matches!(&message, Message::Event(event) if is_it(event));
            self.take(message);
            if found {
                return;
            }
        }
    }

    /// Hears what a dead server has sent.
    fn rest(&mut self, mut listening: Listening) {
        while let Some(message) = listening.next() {
            self.take(message);
        }
    }

    fn words(&self) -> Vec<&'static str> {
        self.events.iter().map(|event| event.happening.word()).collect()
    }
}

fn ended(event: &Event, task: &str) -> bool {
    let is_end = matches!(event.happening, Happening::TaskEnded { .. });
    is_end && event.task.is_some_and(|id| id.as_str() == task)
}

/// Every number once; of each task one beginning, one end, seqs that rise, interventions without a gap.
fn check(events: &[Event]) {
    let ids: Vec<EventId> = events.iter().map(|event| event.id.unwrap()).collect();
    for pair in ids.windows(2) {
        assert_eq!((pair[1].log, pair[1].number), (pair[0].log, pair[0].number + 1), "{pair:?}");
    }
    let mut by_task: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.task.is_some()) {
        by_task.entry(event.task).or_default().push(event);
    }
    for (task, events) in by_task {
        let count =
            |word: &str| events.iter().filter(|event| event.happening.word() == word).count();
        let told: Vec<&str> = events.iter().map(|event| event.happening.word()).collect();
        assert_eq!((told[0], count("task.queued")), ("task.queued", 1), "{task:?}: {told:?}");
        assert_eq!((count("task.started"), count("task.ended")), (1, 1), "{task:?}: {told:?}");
        let seqs: Vec<Seq> = events.iter().filter_map(|event| event.seq).collect();
        assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{task:?}: {seqs:?}");
        let numbers = events.iter().filter_map(|event| {
            let Happening::Intervention { number, .. } = event.happening else { return None };
            Some(number)
        });
        let numbers: Vec<u64> = numbers.collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{task:?}");
    }
}

#[test]
fn every_event_is_heard_once_and_in_order_while_the_server_is_killed_twenty_times() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut heard = Heard::default();
    let mut listening = heard.catch_up(&lab);
    let steady: Vec<String> =
        (0..4).map(|_| lab.spawn_shell("while read line; do echo $line; done")).collect();
    let mut brief = BTreeSet::new();
    let mut asked = 0;
    for turn in 0..SERVER_KILLS {
        let task = &steady[turn % steady.len()];
        lab.axiom(&["send", task, "hello"]).ok();
        lab.axiom(&["suspend", task]).ok();
        let many = lab.axiom(&["spawn", "--json", "--count", "5", "--", "true"]).ok().json();
        for spawned in many["tasks"].as_array().unwrap() {
            brief.insert(spawned["id"].as_str().unwrap().to_owned());
        }
        lab.axiom(&["resume", task]).ok();
        asked += 3;
        if turn % 3 == 0 {
            // Sometimes the listener is behind when the server dies, sometimes not.
            let is_it = |event: &Event| event.task.is_some_and(|id| id.as_str() == task);
            heard.until(&mut listening, "an event of the task", is_it);
        }
        lab.kill_server();
        heard.rest(listening);
        // Tasks go on ending while nobody serves.
        lab.axiom(&["ps"]).ok();
        listening = heard.catch_up(&lab);
    }
    let all: Vec<&str> = brief.iter().map(String::as_str).collect();
    assert_eq!(lab.wait(&all).code(), 0);
    for task in &steady {
        lab.axiom(&["stop", task]).ok();
        asked += 1;
    }
    let is_all = |event: &Event| event.happening.word() == "tasks.all_ended";
    if !heard.events.iter().any(|event| {
        ended(event, &steady[3]) // it may have been heard with the last connection already
    }) {
        heard.until(&mut listening, "the last task's end", |event| ended(event, &steady[3]));
    }
    lab.kill_server();
    heard.rest(listening);
    lab.axiom(&["ps"]).ok();
    drop(heard.catch_up(&lab));
    assert!(heard.resets.is_empty(), "{:?}", heard.resets);
    check(&heard.events);
    let tasks: BTreeSet<_> = heard.events.iter().filter_map(|event| event.task).collect();
    assert_eq!(tasks.len(), steady.len() + brief.len());
    let interventions = heard.words().iter().filter(|word| **word == "intervention").count();
    assert_eq!(interventions, asked, "each that was asked and answered");
    assert!(heard.events.iter().any(is_all));
    lab.shut_down();
}

#[test]
fn a_deleted_log_is_told_with_a_picture_of_what_is() {
    let lab = Lab::new();
    let running = lab.spawn_shell("echo up; read go");
    lab.follow(&["logs", "-f", &running]).wait_for_line("up", |line| line == "up");
    let over = lab.spawn(&["--", "false"]);
    lab.wait(&[&over]);
    let mut heard = Heard::default();
    drop(heard.catch_up(&lab));
    let before = heard.place;
    lab.kill_server();
    std::fs::remove_file(lab.home().join("axiom.db")).unwrap();
    lab.axiom(&["ps"]).ok();
    let mut listening = heard.catch_up(&lab);
    let [reset] = &heard.resets[..] else { panic!("{:?}", heard.resets) };
    assert_eq!(reset.reason, ResetReason::OtherLog);
    let picture: Vec<(&str, bool)> = reset
        .events
        .iter()
        .map(|event| (event.happening.word(), event.task.is_some_and(|id| id.as_str() == running)))
        .collect();
    let told = [("task.queued", true), ("task.started", true)];
    let ended = [("task.queued", false), ("task.ended", false)];
    assert_eq!(picture, [told, ended].concat());
    // From there it goes on as ever, and what had ended does not end again.
    lab.axiom(&["send", &running, ""]).ok();
    heard.until(&mut listening, "the end of all", |event| {
        matches!(event.happening, Happening::TasksAllEnded { ended: 1 })
    });
    assert_eq!(heard.words(), ["intervention", "task.ended", "tasks.all_ended"], "{heard:?}");
    assert_ne!(heard.place.unwrap().log, before.unwrap().log);
    lab.shut_down();
}

#[test]
fn a_listener_hears_only_what_it_asked_for_and_the_request_that_caused_it() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut all = Listening::begin(&lab, None, "");
    let mut tagged = Listening::begin(&lab, None, "?tag=mine");
    let other = lab.spawn(&["--", "true"]);
    lab.wait(&[&other]);
    let body = br#"{"command":["true"],"tags":["mine"],"name":"it"}"#;
    let headers = format!("{}X-Request-Id: from-the-test\r\n", crate::wire::JSON);
    let asked = lab.by_socket().ask(&request("POST", "/api/v1/tasks", &headers, body));
    assert_eq!(asked.status, 201, "{asked:?}");
    let (mut heard, mut heard_all) = (Heard::default(), Heard::default());
    heard.until(&mut tagged, "its end", |event| event.happening.word() == "task.ended");
    assert_eq!(heard.words(), ["task.queued", "task.started", "task.ended"]);
    let queued = serde_json::to_value(&heard.events[0]).unwrap();
    assert_eq!((&queued["request_id"], &queued["name"]), (&"from-the-test".into(), &"it".into()));
    heard_all.until(&mut all, "its end too", |event| event.name.as_deref() == Some("it"));
    assert!(heard_all.events.iter().any(|event| ended(event, &other)));
    lab.shut_down();
}

#[test]
fn a_removed_task_is_told_to_its_end_before_its_events_go() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut listening = Listening::begin(&lab, None, "");
    for _ in 0..5 {
        let id = lab.spawn(&["--", "true"]);
        lab.wait(&[&id]);
        lab.axiom(&["rm", &id]).ok();
        let mut heard = Heard::default();
        heard.until(&mut listening, "its end", |event| ended(event, &id));
    }
    lab.shut_down();
}

#[test]
fn two_hundred_ends_at_once_are_each_told_once() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut listening = Listening::begin(&lab, None, "");
    let body = br#"{"command":["true"],"count":200,"parallel_max":40}"#;
    let asked = lab.by_socket().ask(&request("POST", "/api/v1/tasks", crate::wire::JSON, body));
    let spawned: Value = asked.json();
    let count = spawned["tasks"].as_array().unwrap().len() as u64;
    let mut heard = Heard::default();
    heard.until(
        &mut listening,
        "the end of all",
        |event| matches!(event.happening, Happening::TasksAllEnded { ended } if ended == count),
    );
    check(&heard.events);
    assert_eq!(heard.words().iter().filter(|word| **word == "task.ended").count() as u64, count);
    lab.shut_down();
}

#[test]
fn on_a_full_disk_events_wait_and_each_is_told_once_there_is_room() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::mount(lab.home(), 24 * MIB as u64) else { return };
    lab.axiom(&["ps"]).ok();
    let mut heard = Heard::default();
    let listening = heard.catch_up(&lab);
    let ids: Vec<String> = (0..3).map(|_| lab.spawn(&["--", "cat"])).collect();
    for id in &ids {
        // The first echo allocates what the next frames are written to.
        lab.axiom(&["send", id, "up"]).ok();
    }
    disk.fill_up();
    for verb in ["suspend", "resume"] {
        lab.axiom(&[verb, &ids[0]]).ok();
    }
    let problems = || lab.axiom(&["status", "--json"]).ok().json()["problems"].to_string();
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    // It is said once a write has failed; a look costs a process.
    while !problems().contains("events and notes of ended tasks wait") {
        assert!(std::time::Instant::now() < deadline, "waited in vain for the word in status");
    }
    lab.axiom(&["stop", &ids[1]]).ok();
    assert_eq!(lab.status_of(&ids[1]), "stopped", "the server answers, and tasks can be steered");
    // An ended task gives back the room that was kept for its end: now there is none for the log again.
    disk.fill_up();
    lab.axiom(&["suspend", &ids[2]]).ok();
    lab.kill_server();
    heard.rest(listening);
    disk.free();
    lab.axiom(&["ps"]).ok();
    let mut listening = heard.catch_up(&lab);
    for id in [&ids[0], &ids[2]] {
        lab.axiom(&["stop", id]).ok();
    }
    heard.until(&mut listening, "the end of all", |event| {
        event.happening.word() == "tasks.all_ended"
    });
    assert!(heard.resets.is_empty(), "{:?}", heard.resets);
    check(&heard.events);
    for (word, times) in [("task.suspended", 2), ("task.resumed", 1)] {
        let told = heard.words().iter().filter(|said| **said == word).count();
        assert_eq!(told, times, "{word}");
    }
    assert!(!problems().contains("events"), "{}", problems());
    lab.shut_down();
    drop(disk);
}
