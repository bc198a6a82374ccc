//! What a server, its holders and its workers log at their most talkative: never a byte of a task, never a token.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cli::{Finished, finish};
use crate::lab::{Lab, kill};
use crate::websocket::{TEXT, WebSocket, frame};
use crate::wire::{Answer, request_to};

/// Each is put in by one way only, so that a finding says where it came from.
const ENVIRONMENT: &str = "mark-of-an-environment-value";
const BROKEN_ENVIRONMENT: &str = "mark-of-an-environment-of-the-wrong-shape";
const INPUT: &str = "mark-of-an-input-by-http";
const BROKEN_INPUT: &str = "mark-of-an-input-of-the-wrong-shape";
const LIVE_INPUT: &str = "mark-of-an-input-over-live";
const BROKEN_LIVE: &str = "mark-of-a-live-message-of-the-wrong-shape";
const SENT: &str = "mark-of-an-input-by-the-command-line";
const PIPED: &str = "mark-of-an-input-by-a-pipe";
const THEN: &str = "mark-of-a-text-behind-an-interrupt";
const PRINTED: &str = "mark-of-what-was-printed";
const ARGUMENT: &str = "mark-of-an-argument";
const WRONG_TOKEN: &str = "mark-of-a-token-that-is-not-ours";

const MARKS: [&str; 12] = [
    ENVIRONMENT,
    BROKEN_ENVIRONMENT,
    INPUT,
    BROKEN_INPUT,
    LIVE_INPUT,
    BROKEN_LIVE,
    SENT,
    PIPED,
    THEN,
    PRINTED,
    ARGUMENT,
    WRONG_TOKEN,
];

/// A home whose servers, holders and workers log all they can.
struct Talkative {
    lab: Lab,
    /// What earlier servers logged: a new one may begin the file anew.
    logged: Vec<u8>,
}

impl Talkative {
    fn axiom(&self, args: &[&str], input: &[u8]) -> Finished {
        finish(self.lab.command(args).env("AXIOM_LOG", "trace"), input)
    }

    fn keep_log(&mut self) {
        self.logged.extend(fs::read(self.lab.home().join("run/server.log")).unwrap());
    }

    /// Asks by the network, with the token in a header.
    fn post(&self, path: &str, body: &Value) -> Answer {
        self.lab.asked("POST", path, body.to_string().as_bytes())
    }

    /// Asks with the headers as they are.
    fn asked_with(&self, path: &str, headers: &str) -> Answer {
        let host = format!("127.0.0.1:{}", self.lab.port().unwrap());
        self.lab.by_network().ask(&request_to(&host, ("GET", path), headers, b""))
    }

    /// All that was logged: by servers, and in each session's folder by its holder and workers.
    fn everything(mut self) -> Vec<u8> {
        self.keep_log();
        let servers = String::from_utf8_lossy(&self.logged).matches("serving").count();
        assert!(servers >= 2, "each server's log is looked at: {servers}");
        sessions_logs(self.lab.home(), &mut self.logged);
        self.logged
    }
}

/// Appends every session's log: holders and workers say little.
fn sessions_logs(home: &Path, all: &mut Vec<u8>) {
    for task in fs::read_dir(home.join("tasks")).unwrap() {
        all.extend(fs::read(task.unwrap().path().join("1/log")).unwrap());
    }
}

/// A text as logs may show it: plain, in base64 from its start, or as numbers.
fn spellings(mark: &str) -> [Vec<u8>; 3] {
    let whole_groups = &mark.as_bytes()[..mark.len() / 3 * 3];
    let numbers: Vec<String> = mark.bytes().map(|byte| byte.to_string()).collect();
    [mark.into(), STANDARD.encode(whole_groups).into(), numbers.join(", ").into()]
}

#[test]
fn no_log_holds_a_byte_of_a_task_or_a_token() {
    let mut talkative = Talkative { lab: Lab::new(), logged: Vec::new() };
    talkative.axiom(&["ps"], b"").ok();
    let id = spawn_and_type(&talkative);
    ask_badly(&talkative, &id);
    follow_and_type(&talkative, &id);
    // The next worker and the next server say what they found.
    let worker = talkative.lab.show(&id)["task"]["worker_pid"].as_u64().unwrap();
    kill(u32::try_from(worker).unwrap(), libc::SIGKILL);
    talkative.axiom(&["send", &id, SENT], b"").ok();
    talkative.keep_log();
    talkative.lab.kill_server();
    let printed = talkative.axiom(&["logs", &id], b"").ok().text();
    for said in [PRINTED, INPUT, LIVE_INPUT, SENT] {
        assert!(printed.contains(said), "{said} is not in {printed}");
    }
    let interrupted = json!({"then": THEN});
    let answer = talkative.post(&format!("/api/v1/tasks/{id}/interrupt"), &interrupted);
    assert_eq!(answer.status, 200, "{answer:?}");
    talkative.axiom(&["stop", &id], b"").ok();
    let token = talkative.lab.token();
    talkative.lab.shut_down();
    let log = talkative.everything();
    let marks = MARKS.iter().copied().chain([&token[..16]]);
    for mark in marks {
        for spelt in spellings(mark) {
            let found = log.windows(spelt.len()).position(|window| window == spelt);
            if let Some(at) = found {
                let around = &log[at.saturating_sub(300)..(at + 200).min(log.len())];
                panic!("{mark} is logged: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// A task that prints, reads and lives on an interrupt; one that cannot start; one at the end of a pipe.
fn spawn_and_type(talkative: &Talkative) -> String {
    let line = "trap : INT; while :; do read word && echo got $word; done";
    let env = json!({"MARK": ENVIRONMENT, "PRINTED": PRINTED});
    let command = json!(["sh", "-c", format!("echo $PRINTED; {line}"), ARGUMENT]);
    let spawned = talkative.post("/api/v1/tasks", &json!({"command": command, "env": env}));
    assert_eq!(spawned.status, 201, "{spawned:?}");
    let id = spawned.json()["tasks"][0]["id"].as_str().unwrap().to_owned();
    let failing = json!({"command": ["/no/such/program", ARGUMENT], "env": env});
    assert_eq!(talkative.post("/api/v1/tasks", &failing).status, 201);
    let piped = talkative.axiom(&["run", "--", "cat"], PIPED.as_bytes()).ok();
    assert_eq!(piped.text(), PIPED);
    let typed = json!({"data": format!("{INPUT}\n")});
    let answer = talkative.post(&format!("/api/v1/tasks/{id}/input"), &typed);
    assert_eq!(answer.status, 200, "{answer:?}");
    id
}

/// Requests that are refused with a sentence about what is in them, and tokens where none belongs.
fn ask_badly(talkative: &Talkative, id: &str) {
    let bodies = [
        ("/api/v1/tasks".to_owned(), json!({"command": ["true"], "env": BROKEN_ENVIRONMENT})),
        (
            "/api/v1/tasks".to_owned(),
            json!({"command": ["true"], "env": {"A": {BROKEN_ENVIRONMENT: 1}}}),
        ),
        (format!("/api/v1/tasks/{id}/input"), json!({"data": {BROKEN_INPUT: 1}})),
        (format!("/api/v1/tasks/{id}/input"), json!({BROKEN_INPUT: 1})),
        (format!("/api/v1/tasks/{id}/resize"), json!({"size": BROKEN_INPUT})),
    ];
    for (path, body) in bodies {
        let answer = talkative.post(&path, &body);
        assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
    }
    let token = talkative.lab.token();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let cases = [
        (format!("/api/v1/tasks?token={token}"), String::new(), 401),
        (format!("/api/v1/tasks?token={token}"), bearer.clone(), 400),
        (format!("/api/v1/tasks?status={token}"), bearer.clone(), 400),
        (format!("/api/v1/tasks/{token}"), bearer, 404),
        (format!("/api/v1/tasks/{token}"), String::new(), 401),
        ("/api/v1/tasks".to_owned(), format!("Authorization: Bearer {WRONG_TOKEN}\r\n"), 401),
        ("/api/v1/tasks".to_owned(), format!("Authorization: Basic {WRONG_TOKEN}\r\n"), 401),
        ("/api/v1/tasks".to_owned(), format!("Cookie: token={WRONG_TOKEN}\r\n"), 401),
    ];
    for (path, headers, status) in cases {
        let answer = talkative.asked_with(&path, &headers);
        assert_eq!(answer.status, status, "{path} {headers}: {answer:?}");
    }
}

/// Reads the output by each route, and types over a live connection.
fn follow_and_type(talkative: &Talkative, id: &str) {
    let mut live = WebSocket::open_by_network(&talkative.lab);
    live.hear_of("hello");
    live.say(&json!({"type": "watch", "tasks": []}));
    live.subscribe(1, id, &json!("start"));
    let data = STANDARD.encode(format!("{LIVE_INPUT}\n"));
    let action = json!({"do": "type"});
    live.say(&json!({"type": "command", "task": id, "id": "0123456789abcdef", "action": action, "data": data}));
    assert_eq!(live.hear_of("outcome")["outcome"]["verdict"], "applied");
    for broken in [json!({BROKEN_LIVE: 1}).to_string(), format!("\"{BROKEN_LIVE}")] {
        live.wire.write_all(&frame(TEXT, broken.as_bytes())).unwrap();
        live.hear_of("refused");
    }
    for route in ["output?view=raw", "output", "frames"] {
        let answer = talkative.lab.asked("GET", &format!("/api/v1/tasks/{id}/{route}"), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
