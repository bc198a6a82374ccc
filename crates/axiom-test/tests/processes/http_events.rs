//! Events over HTTP: from now on and from a place, through the end of a server, each as its schema says.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::finish;
use crate::disk::{MIB, SmallDisk};
use crate::equipment::python;
use crate::lab::{Lab, freeze, kill};
use crate::wire::{Wire, request_to};

/// A silence is noticed after 30 s; statistics are told every 5 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
struct Message {
    id: Option<String>,
    /// Empty for an event.
    kind: String,
    data: Value,
}

/// A listener by the network.
struct Stream {
    lines: BufReader<Box<dyn Wire>>,
}

impl Stream {
    fn open(lab: &Lab, query: &str, headers: &str) -> Self {
        let host = format!("127.0.0.1:{}", lab.port().unwrap());
        let headers = format!("{}{headers}", lab.credentials());
        let path = format!("/api/v1/events{query}");
        let request = request_to(&host, ("GET", &path), &headers, b"");
        // An answer without chunks: it ends with the connection.
        let request = String::from_utf8(request).unwrap().replace("HTTP/1.1", "HTTP/1.0");
        let mut wire = lab.by_network().dial_patiently(PATIENCE);
        wire.write_all(request.as_bytes()).unwrap();
        let mut stream = Self { lines: BufReader::new(wire) };
        let status = stream.line().unwrap();
        assert!(status.contains(" 200 "), "{status}");
        while stream.line().is_some_and(|line| !line.is_empty()) {}
        stream
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }

    /// The next message; comments and hints are passed over. `None` at the stream's end.
    fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => message.id = Some(id.to_owned()),
                Some(("event", kind)) => kind.clone_into(&mut message.kind),
                Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
                _other if line.is_empty() && !message.data.is_null() => return Some(message),
                _other => {}
            }
        }
    }

    /// Takes messages until one is an event of this name.
    fn until(&mut self, event: &str, seen: &mut Vec<Message>) -> Message {
        loop {
            let message = self.next().unwrap_or_else(|| {
                panic!("the stream ended before {event}; seen {:?}", names(seen))
            });
            seen.push(message.clone());
            if message.data["event"] == event {
                return message;
            }
        }
    }

    /// Takes messages until this one was told that it has all.
    fn until_head(&mut self) -> (Vec<Message>, String) {
        let mut seen = Vec::new();
        loop {
            let message = self.next().expect("a stream tells its head");
            if message.kind == "head" {
                return (seen, message.id.unwrap());
            }
            seen.push(message);
        }
    }
}

fn names(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.data["event"].to_string()).collect()
}

#[test]
fn a_listener_goes_on_where_it_was_after_the_server_was_killed() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut stream = Stream::open(&lab, "", "");
    let (before, _) = stream.until_head();
    assert_eq!(before, []);
    let id = lab.spawn_shell("read go; exit 3");
    let mut seen = Vec::new();
    let started = stream.until("task.started", &mut seen);
    assert_eq!(started.data["task"], Value::from(id.clone()));
    let last = started.id.unwrap();
    lab.kill_server();
    assert!(stream.next().is_none(), "a killed server says nothing more");
    lab.axiom(&["send", &id, "go"]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let by_header = format!("Last-Event-ID: {last}\r\n");
    let mut streams = [
        Stream::open(&lab, "", &by_header),
        Stream::open(&lab, &format!("?after={last}"), ""),
        Stream::open(&lab, "?after=0000000000000000-1", &by_header),
    ];
    let mut told = streams.each_mut().map(|stream| {
        let mut seen = Vec::new();
        let ended = stream.until("tasks.all_ended", &mut seen);
        assert!(ended.id.is_some());
        seen
    });
    assert!(names(&told[0]).contains(&"\"task.ended\"".to_owned()), "{:?}", names(&told[0]));
    assert!(!names(&told[0]).contains(&"\"task.started\"".to_owned()), "told twice: {told:?}");
    // Statistics are for those who listen at the time.
    told.iter_mut()
        .for_each(|seen| seen.retain(|message| message.id.is_some() && message.kind != "head"));
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
    lab.shut_down();
    assert!(streams[0].next().is_none_or(|message| message.kind == "head"));
}

#[test]
fn an_id_of_another_log_is_answered_with_a_picture() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "sleeper", "--", "cat"]);
    let mut stream = Stream::open(&lab, "?after=0000000000000000-5", "");
    let reset = stream.next().unwrap();
    assert_eq!((&*reset.kind, &reset.data["reason"]), ("reset", &json!("other_log")));
    assert_eq!(reset.data["id"], Value::from(reset.id.unwrap()));
    let tasks = reset.data["events"].as_array().unwrap();
    assert!(tasks.iter().all(|event| event["task"] == id.as_str()), "{tasks:?}");
    lab.shut_down();
}

#[test]
fn a_listener_hears_only_of_what_it_asked_for() {
    let lab = Lab::new();
    let other = lab.spawn(&["--", "cat"]);
    let asked = json!({"command": ["cat"], "tags": ["mine"]}).to_string();
    let spawned = lab.asked("POST", "/api/v1/tasks", asked.as_bytes()).json();
    let mine = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    let queries = [format!("?task={mine}"), "?tag=mine".to_owned()];
    let mut streams = queries.map(|query| Stream::open(&lab, &query, ""));
    streams.iter_mut().for_each(|stream| drop(stream.until_head()));
    for id in [&other, &mine] {
        let answer = lab.asked("POST", &format!("/api/v1/tasks/{id}/stop"), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for stream in &mut streams {
        let mut seen = Vec::new();
        stream.until("task.ended", &mut seen);
        let about: BTreeSet<_> = seen.iter().filter_map(|one| one.data["task"].as_str()).collect();
        assert_eq!(about, BTreeSet::from([&*mine]), "{:?}", names(&seen));
    }
    lab.shut_down();
}

#[test]
fn there_are_so_many_listeners_and_no_more_at_each_door() {
    const LISTENERS_MAX: usize = 512;
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut all: Vec<Stream> = (0..LISTENERS_MAX).map(|_| Stream::open(&lab, "", "")).collect();
    let refused = lab.asked("GET", "/api/v1/events", b"");
    assert_eq!((refused.status, &*refused.code()), (429, "limit_reached"), "{refused:?}");
    let id = lab.spawn(&["--", "true"]);
    for stream in [0, LISTENERS_MAX - 1] {
        let ended = all[stream].until("task.ended", &mut Vec::new());
        assert_eq!(ended.data["task"], id.as_str());
    }
    lab.shut_down();
}

/// Validates each line of standard input against the schema in the file, and says which line is wrong.
const VALIDATE: &str = "
import json, sys, jsonschema_rs
validator = jsonschema_rs.Draft202012Validator(json.load(open(sys.argv[1])))
lines = 0
for line in sys.stdin:
    lines += 1
    for error in validator.iter_errors(json.loads(line)):
        sys.exit(f'{error}\\n{line}')
print(lines)
";

#[test]
fn every_event_that_is_sent_is_as_its_schema_says() {
    let lab = Lab::new();
    let disk = SmallDisk::mount(lab.home(), 64 * MIB as u64);
    let kept_free = if disk.is_some() { KEPT_FREE } else { 0 };
    let kept_free = kept_free.to_string();
    finish(lab.command(&["ps"]).env("AXIOM_DISK_MIN_FREE", kept_free), b"").ok();
    let mut stream = Stream::open(&lab, "", "");
    stream.until_head();
    let mut seen = Vec::new();
    if let Some(disk) = &disk {
        provoke_pause(&lab, disk, &mut stream, &mut seen);
    }
    provoke(&lab, &mut stream, &mut seen);
    let found: BTreeSet<String> =
        seen.iter().filter_map(|one| one.data["event"].as_str()).map(str::to_owned).collect();
    let expected = [
        "gap",
        "intervention",
        "link.away",
        "link.back",
        "task.ended",
        "task.idle",
        "task.lost",
        "task.queued",
        "task.resumed",
        "task.started",
        "task.stats",
        "task.stopping",
        "task.suspended",
        "tasks.all_ended",
    ];
    let of_a_full_disk = ["task.paused", "task.unpaused"].into_iter().filter(|_| disk.is_some());
    for name in expected.into_iter().chain(of_a_full_disk) {
        assert!(found.contains(name), "{name} was not provoked: {found:?}");
    }
    assert!(seen.iter().any(|one| one.data["request_id"] == "stop-7"), "{seen:?}");
    let reset = Stream::open(&lab, "?after=0000000000000000-5", "").next().unwrap();
    let events: Vec<Value> = seen
        .iter()
        .filter(|one| one.kind.is_empty())
        .map(|one| one.data.clone())
        .chain(reset.data["events"].as_array().unwrap().clone())
        .collect();
    if let Some(mut python) = python(&lab) {
        let schema = lab.asked("GET", "/events.schema.json", b"");
        let file = lab.home().join("events.schema.json");
        std::fs::write(&file, &schema.body).unwrap();
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        let valid = finish(python.args(["-c", VALIDATE]).arg(&file), lines.join("\n").as_bytes());
        assert_eq!(valid.ok().text().trim(), lines.len().to_string());
        // A validator that takes anything proves nothing.
        for wrong in
            [r#"{"event":"task.queued"}"#, r#"{"type":"status","time_ms":1,"event":"nothing"}"#]
        {
            let refused = finish(python.args(["-c", VALIDATE]).arg(&file), wrong.as_bytes());
            assert_ne!(refused.code(), 0, "{wrong}");
        }
    }
    lab.shut_down();
}

/// What workers keep free on the small disk; events are written all the same.
const KEPT_FREE: usize = 16 * MIB;

/// Lets a task print more than the disk has room for, until there is room.
fn provoke_pause(lab: &Lab, disk: &SmallDisk, stream: &mut Stream, seen: &mut Vec<Message>) {
    // A worker asks the disk after each 4 MiB that it kept.
    disk.fill(64 * MIB - KEPT_FREE - 6 * MIB);
    let flood = lab.spawn_shell("seq -w 0 1199999");
    let paused = stream.until("task.paused", seen);
    assert_eq!(paused.data["task"], flood.as_str());
    disk.free();
    stream.until("task.unpaused", seen);
    stream.until("task.ended", seen);
}

/// Lets everything happen that this machine can let happen.
fn provoke(lab: &Lab, stream: &mut Stream, seen: &mut Vec<Message>) {
    // A silent one, from the beginning: a silence takes its time.
    let silent = lab.spawn(&["-n", "silent", "--", "cat"]);
    let failed = lab.spawn(&["--", "/no/such/program"]);
    let printing = lab.spawn_shell("while :; do seq 1 100; sleep 0.1; done");
    assert_ne!(lab.wait(&[&failed]).code(), 0);
    stream.until("task.stats", seen);
    for verb in ["suspend", "resume"] {
        lab.axiom(&[verb, &printing]).ok();
    }
    stream.until("task.resumed", seen);
    // A stopped holder starts no other worker: the link stays away for as long as we like.
    let pid = |task: &Value, name: &str| u32::try_from(task[name].as_u64().unwrap()).unwrap();
    let task = &lab.show(&printing)["task"];
    freeze(pid(task, "holder_pid"));
    kill(pid(task, "worker_pid"), libc::SIGKILL);
    stream.until("link.away", seen);
    kill(pid(task, "holder_pid"), libc::SIGCONT);
    stream.until("link.back", seen);
    let task = lab.show(&printing);
    let holder = task["task"]["holder_pid"].as_u64().unwrap();
    let worker = task["task"]["worker_pid"].as_u64().unwrap();
    for pid in [holder, worker] {
        kill(u32::try_from(pid).unwrap(), libc::SIGKILL);
    }
    stream.until("task.lost", seen);
    let since = Instant::now();
    while stream.until("task.idle", seen).data["task"] != silent.as_str() {
        assert!(since.elapsed() < PATIENCE, "no silence of {silent}: {:?}", names(seen));
    }
    let host = format!("127.0.0.1:{}", lab.port().unwrap());
    let headers = format!("{}X-Request-Id: stop-7\r\n", lab.credentials());
    let path = format!("/api/v1/tasks/{silent}/stop");
    let stopped = lab.by_network().ask(&request_to(&host, ("POST", &path), &headers, b""));
    assert_eq!(stopped.status, 200, "{stopped:?}");
    stream.until("tasks.all_ended", seen);
}
