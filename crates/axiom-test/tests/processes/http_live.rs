//! The live connection with clients that do not read: nothing is lost, nothing is doubled, and the server does not pay.

use std::collections::BTreeMap;

use axiom_proto::frame::{Frame, FrameKind, HEADER_BYTES, Header, Seq};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::websocket::{Heard, WebSocket};

/// Tasks that flood.
const FLOODS: u32 = 10;

/// Lines of each: far more than a socket's buffers and the ring hold.
const LINES: u32 = 300_000;

/// What one stuck client may cost: a batch from the journal, and as much in the socket's own buffer.
const STUCK_BYTES_MAX: u64 = 160 << 10;

/// One subscription as its reader sees it.
#[derive(Debug, Default)]
struct Follower {
    next: Seq,
    output: Vec<u8>,
    ended: bool,
}

impl Follower {
    /// Takes whole frames, each exactly once and in order.
    fn take(&mut self, mut frames: &[u8]) {
        while !frames.is_empty() {
            let header = Header::decode(frames).unwrap();
            let bytes = header.frame_bytes();
            let frame = Frame::decode(&frames[..bytes]).unwrap();
            assert_eq!(header.seq, self.next, "a frame is missing or came twice");
            self.next = self.next.next();
            if header.kind == FrameKind::Output {
                assert_eq!(header.offset.0, self.output.len() as u64);
                self.output.extend_from_slice(frame.payload);
            }
            assert!(bytes >= HEADER_BYTES);
            frames = &frames[bytes..];
        }
    }
}

/// Starts a task on pipes that prints its lines and keeps them in a file of its own, and says where.
fn flood(lab: &Lab, number: u32) -> (String, std::path::PathBuf) {
    let file = lab.home().join(format!("printed-{number}"));
    let line = format!("seq -f '{number} %.0f' 1 {LINES} | tee {}", file.display());
    let asked = json!({"shell": line, "mode": "pipes"}).to_string();
    let spawned = lab.asked("POST", "/api/v1/tasks", asked.as_bytes());
    assert_eq!(spawned.status, 201, "{spawned:?}");
    (spawned.json()["tasks"][0]["id"].as_str().unwrap().to_owned(), file)
}

#[test]
fn a_client_that_stops_reading_while_ten_tasks_flood_reads_every_byte_once_later() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut client = WebSocket::open_by_network(&lab);
    let hello = client.hear_of("hello");
    assert!(hello["tasks"].is_object(), "{hello}");
    let tasks: Vec<_> = (0..FLOODS).map(|number| flood(&lab, number)).collect();
    for (number, (id, _)) in (0..).zip(&tasks) {
        client.subscribe(number, id, &json!("start"));
    }
    // Not a byte is read while they flood and end.
    let ids: Vec<&str> = tasks.iter().map(|(id, _)| &**id).collect();
    assert_eq!(lab.wait(&ids).code(), 0);
    let mut followers: BTreeMap<u32, Follower> = BTreeMap::new();
    while followers.values().filter(|follower| follower.ended).count() < tasks.len() {
        match client.hear() {
            Heard::Binary(message) => {
                let number = u32::from_le_bytes(message[..4].try_into().unwrap());
                followers.entry(number).or_default().take(&message[4..]);
            }
            Heard::Text(text) => match text["type"].as_str() {
                Some("ended") => {
                    let number = u32::try_from(text["subscription"].as_u64().unwrap()).unwrap();
                    followers.entry(number).or_default().ended = true;
                }
                Some("subscribed") => {}
                _other => panic!("{text}"),
            },
            Heard::Closed => panic!("closed before all had ended"),
        }
    }
    for (number, (id, file)) in (0..).zip(&tasks) {
        let printed = std::fs::read(file).unwrap();
        assert!(followers[&number].output == printed, "task {id}: other bytes than it printed");
    }
    lab.shut_down();
}

#[test]
fn a_thousand_clients_that_never_read_cost_little_and_harm_nobody() {
    const CLIENTS: u32 = 1000;
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let (id, file) = flood(&lab, 0);
    assert_eq!(lab.wait(&[&id]).code(), 0);
    let before = lab.server_memory();
    let stuck: Vec<WebSocket> = (0..CLIENTS)
        .map(|_| {
            let mut client = WebSocket::open_by_network(&lab);
            client.subscribe(0, &id, &json!("start"));
            client
        })
        .collect();
    // One that came last reads all of it all the same, and so does the command line.
    let mut reader = WebSocket::open(&lab);
    reader.subscribe(7, &id, &json!("start"));
    let mut follower = Follower::default();
    loop {
        match reader.hear() {
            Heard::Binary(message) => follower.take(&message[4..]),
            Heard::Text(text) if text["type"] == "ended" => break,
            Heard::Text(_) => {}
            Heard::Closed => panic!("closed before the end"),
        }
    }
    let printed = std::fs::read(file).unwrap();
    assert!(follower.output == printed && lab.raw_output(&id) == printed);
    let each = lab.server_memory().saturating_sub(before) / u64::from(CLIENTS);
    eprintln!("{CLIENTS} stuck clients: {} KiB each", each >> 10);
    assert!(each < STUCK_BYTES_MAX, "{} KiB for each stuck client", each >> 10);
    drop(stuck);
    lab.shut_down();
}

#[test]
fn whoever_connects_is_told_how_the_fleet_stands() {
    let lab = Lab::new();
    let id = lab.spawn_shell("printf 12345; cat");
    let mut first = WebSocket::open_by_network(&lab);
    first.subscribe(1, &id, &json!("start"));
    let mut follower = Follower::default();
    while follower.output != b"12345" {
        if let Heard::Binary(message) = first.hear() {
            follower.take(&message[4..]);
        }
    }
    let hello = WebSocket::open(&lab).hear_of("hello");
    assert_eq!(hello["tasks"], json!({"running": 1}), "{hello}");
    assert_eq!(hello["fleet"], json!({"sessions_linked": 1, "bytes": 5, "subscribers": 1}));
    lab.shut_down();
}

#[test]
fn there_are_so_many_live_connections_and_no_more_at_each_door() {
    const LIVE_MAX: usize = 1024;
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut all: Vec<WebSocket> = (0..LIVE_MAX).map(|_| WebSocket::open_by_network(&lab)).collect();
    let host = format!("127.0.0.1:{}", lab.port().unwrap());
    let one_more = crate::websocket::upgrade(&host, &lab.credentials());
    let one_more = one_more.replace("Connection: Upgrade", "Connection: Upgrade, close");
    let answer = lab.by_network().ask(one_more.as_bytes());
    assert_eq!((answer.status, &*answer.code()), (429, "limit_reached"), "{answer:?}");
    // The socket has places of its own.
    let mut other = WebSocket::open(&lab);
    other.hear_of("hello");
    // A place that is given back can be had.
    all.clear();
    other.say(&json!({"type": "watch"}));
    let mut next = lab.by_network().ask(one_more.as_bytes());
    while next.status == 429 {
        next = lab.by_network().ask(one_more.as_bytes());
    }
    assert_eq!(next.status, 101, "{next:?}");
    lab.shut_down();
}

#[test]
fn a_cursor_goes_on_where_it_was_and_the_head_gives_only_what_comes() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let asked = json!({"shell": "echo one; read go; echo two", "mode": "pipes"}).to_string();
    let spawned = lab.asked("POST", "/api/v1/tasks", asked.as_bytes()).json();
    let id = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    let mut first = WebSocket::open(&lab);
    first.subscribe(1, &id, &json!("start"));
    let mut seen = Follower::default();
    while seen.output != b"one\n" {
        if let Heard::Binary(message) = first.hear() {
            seen.take(&message[4..]);
        }
    }
    let cursor = format!("1:{}:{}", seen.output.len(), seen.next.0);
    let mut second = WebSocket::open_by_network(&lab);
    second.subscribe(1, &id, &json!({ "cursor": cursor }));
    assert_eq!(second.hear_of("subscribed")["cursor"], Value::from(cursor));
    let go = lab.asked("POST", &format!("/api/v1/tasks/{id}/input"), br#"{"data":"go\n"}"#);
    assert_eq!(go.status, 200, "{go:?}");
    for client in [&mut first, &mut second] {
        let mut follower = Follower { next: seen.next, output: seen.output.clone(), ended: false };
        while !follower.ended {
            match client.hear() {
                Heard::Binary(message) => follower.take(&message[4..]),
                Heard::Text(text) => follower.ended = text["type"] == "ended",
                Heard::Closed => panic!("closed before the end"),
            }
        }
        assert_eq!(follower.output, b"one\ntwo\n");
    }
    lab.shut_down();
}
