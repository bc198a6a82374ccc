//! `axiom mcp` as a host sees it: two eras of one protocol over the standard streams, and servers that die in between.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::{Value, json};

use crate::lab::{EVENT_WAIT, Lab, freeze, kill};

/// The protocol that a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2025-11-25: a handshake first.
    Older,
    /// 2026-07-28: each request says all there is to know.
    Newer,
}

pub(crate) const ERAS: [Era; 2] = [Era::Older, Era::Newer];

/// A host, and its front.
#[derive(Debug)]
pub(crate) struct Host {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Value>,
    /// What was said and not asked for yet.
    kept: Vec<Value>,
    era: Era,
    id: u64,
    /// What the host says that it can do.
    pub(crate) capabilities: Value,
}

impl Host {
    pub(crate) fn start(lab: &Lab, era: Era) -> Self {
        Self::start_with(lab.command(&["mcp"]), era)
    }

    pub(crate) fn start_with(mut command: Command, era: Era) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let (tell, said) = channel();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(output).map_while(Result::ok) {
                // Nothing but the protocol may stand there.
                let message =
                    serde_json::from_str(&line).unwrap_or_else(|_| json!({"stray": line}));
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut host =
            Self { child, input, said, kept: Vec::new(), era, id: 0, capabilities: json!({}) };
        if era == Era::Older {
            let client = json!({"name": "test", "version": "1"});
            let version = "2025-11-25";
            let answer = host.ask(
                "initialize",
                json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}),
            );
            assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
            host.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        }
        host
    }

    pub(crate) fn say(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Asks, and gives the request's id.
    pub(crate) fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.id += 1;
        if self.era == Era::Newer {
            let meta = "io.modelcontextprotocol/";
            for (name, value) in [
                ("protocolVersion", json!("2026-07-28")),
                ("clientCapabilities", self.capabilities.clone()),
                ("clientInfo", json!({"name": "test", "version": "1"})),
            ] {
                params["_meta"][format!("{meta}{name}")] = value;
            }
        }
        self.say(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        self.id
    }

    /// The next message for which this holds; others are kept.
    pub(crate) fn hear(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + EVENT_WAIT;
        loop {
            if let Some(place) = self.kept.iter().position(&is) {
                return self.kept.remove(place);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(message) => self.kept.push(message),
                Err(_) => panic!("waited for {what}; there is {:?}", self.kept),
            }
        }
    }

    pub(crate) fn answer(&mut self, id: u64) -> Value {
        self.hear(&format!("the answer to {id}"), |said| said["id"] == id)
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    pub(crate) fn begin_call(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.begin("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool. Gives its result.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let id = self.begin_call(tool, arguments);
        self.answer(id)["result"].clone()
    }

    /// Calls a tool that tells facts; the text must say the same.
    pub(crate) fn facts(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        let text: Value = serde_json::from_str(&text_of(&result)).unwrap();
        assert_eq!(result["structuredContent"], text, "{result}");
        text
    }

    /// Calls a tool that gives output: one text, and no structure.
    pub(crate) fn output(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result.get("structuredContent"), None, "{result}");
        text_of(&result)
    }

    /// Starts a task that runs a shell line. Gives its id.
    pub(crate) fn spawn(&mut self, line: &str) -> String {
        let told = self.facts("axiom_spawn", &json!({"shell": line}));
        told["tasks"][0]["id"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    /// Starts a task that waits for a line, and waits until it does.
    pub(crate) fn spawn_waiting(&mut self) -> String {
        let task = self.spawn("echo ready; read go");
        let waited = self.output("axiom_wait", &json!({"task_ids": [task], "until": "output"}));
        assert!(waited.contains("status=running why=output"), "{waited}");
        task
    }

    /// Closes the front's input, and waits for its end.
    pub(crate) fn leave(mut self) -> Vec<Value> {
        drop(self.input.take());
        let deadline = Instant::now() + EVENT_WAIT;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the front does not end");
            std::thread::yield_now();
        }
        assert!(self.child.wait().unwrap().success());
        self.kept.extend(self.said.iter());
        let stray = self.kept.iter().find(|said| said.get("stray").is_some());
        assert_eq!(stray, None, "only the protocol may stand on the standard output");
        std::mem::take(&mut self.kept)
    }
}

/// The one text of a result.
pub(crate) fn text_of(result: &Value) -> String {
    assert_eq!(result["content"].as_array().map(Vec::len), Some(1), "{result}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_starts_waits_reads_and_steers_in_either_era() {
    let lab = Lab::new();
    let mut lists = Vec::new();
    for era in ERAS {
        let mut host = Host::start(&lab, era);
        let list = host.ask("tools/list", json!({}));
        assert_eq!(list["result"]["tools"].as_array().map(Vec::len), Some(9), "{list}");
        lists.push(list["result"]["tools"].clone());
        let commands = json!(["echo one; exit 3", ["sh", "-c", "echo two"], 5]);
        let told = host.facts("axiom_spawn", &json!({"commands": commands, "tags": ["t"]}));
        assert_eq!(told["tasks"][2]["error"]["code"], "invalid_argument", "{told}");
        let ids = [&told["tasks"][0]["id"], &told["tasks"][1]["id"]];
        let waited = host.output("axiom_wait", &json!({"task_ids": ids, "mode": "all"}));
        assert!(waited.starts_with("[axiom wait=done tasks=2/2 "), "{waited}");
        // The one that failed comes first.
        let places = ["status=failed exit=3", "\none\n", "status=succeeded", "\ntwo"]
            .map(|part| waited.find(part).unwrap_or_else(|| panic!("{part} in {waited}")));
        assert!(places.is_sorted(), "{waited}");
        // What is typed is echoed before it runs, and an interrupt before that would be nobody's.
        let cat = host.spawn("echo ready; exec cat");
        let wait = json!({"task_ids": [cat], "until": "match", "match": "^ready$"});
        host.output("axiom_wait", &wait);
        host.facts("axiom_send", &json!({"task_id": cat, "text": "hello"}));
        let wait = json!({"task_ids": [cat], "until": "match", "match": "^hel+o$"});
        let waited = host.output("axiom_wait", &wait);
        assert!(waited.contains("why=match match=hello"), "{waited}");
        let told = host.facts("axiom_interrupt", &json!({"task_id": cat, "grace_ms": 20_000}));
        assert_eq!(told["exit"], json!({"signal": 2}), "{told}");
        let told = host.facts("axiom_stop", &json!({"task_id": cat}));
        // Asked of what has ended, it is no error.
        assert_eq!((&told["status"], &told["exit"]), (&json!("failed"), &json!({"signal": 2})));
        host.leave();
    }
    assert_eq!(lists[0], lists[1], "the list is the same for everybody");
    lab.shut_down();
}

#[test]
fn a_wait_outlives_its_server_and_a_spawn_is_carried_out_once() {
    for era in ERAS {
        let lab = Lab::new();
        let mut host = Host::start(&lab, era);
        let task = host.spawn("read go; echo went");
        let wait = json!({"task_ids": [task], "timeout_ms": 20_000});
        let params =
            json!({"name": "axiom_wait", "arguments": wait, "_meta": {"progressToken": 1}});
        let wait = host.begin("tools/call", params);
        // It takes the next call's bytes, and dies before it answers.
        let server = lab.server_pid().unwrap();
        freeze(server);
        let spawn = host.begin_call("axiom_spawn", &json!({"shell": "true", "tags": ["once"]}));
        kill(server, libc::SIGKILL);
        let spawned = host.answer(spawn);
        assert_eq!(spawned["result"]["isError"], false, "{spawned}");
        assert_ne!(lab.server_pid(), Some(server));
        let told = host.facts("axiom_list", &json!({"tags": ["once"]}));
        assert_eq!(told["tasks"].as_array().map(Vec::len), Some(1), "{told}");
        host.facts("axiom_send", &json!({"task_id": task, "text": "go"}));
        let waited = text_of(&host.answer(wait)["result"]);
        assert!(waited.contains("why=exit") && waited.contains("\nwent"), "{waited}");
        host.leave();
        lab.shut_down();
    }
}

#[test]
fn a_server_that_is_shut_down_stays_so_until_something_is_asked() {
    let lab = Lab::new();
    let mut host = Host::start(&lab, Era::Newer);
    let task = host.spawn_waiting();
    let wait = host.begin_call("axiom_wait", &json!({"task_ids": [task]}));
    // What is answered was taken up; the wait before it was too.
    host.facts("axiom_list", &json!({}));
    lab.axiom(&["shutdown"]).ok();
    let answer = host.answer(wait);
    let text = text_of(&answer["result"]);
    assert!(text.starts_with("axiom_error code=unavailable retryable=true"), "{text}");
    assert_eq!(answer["result"]["isError"], true);
    assert_eq!(lab.server_pid(), None);
    let read = host.output("axiom_read", &json!({"task_id": task, "view": "summary"}));
    assert!(read.contains("status=running"), "{read}");
    assert!(lab.server_pid().is_some());
    host.leave();
    lab.axiom(&["stop", &task]).ok();
    lab.shut_down();
}

#[test]
fn a_cancelled_wait_ends_without_an_answer_and_its_task_runs_on() {
    let lab = Lab::new();
    for era in ERAS {
        let mut host = Host::start(&lab, era);
        let task = host.spawn_waiting();
        let wait = host.begin_call("axiom_wait", &json!({"task_ids": [task]}));
        host.facts("axiom_list", &json!({}));
        let params = json!({"requestId": wait, "reason": "enough"});
        host.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        let told = host.facts("axiom_list", &json!({"status": "running"}));
        assert_eq!(told["tasks"][0]["id"], task, "{told}");
        host.facts("axiom_stop", &json!({"task_id": task, "grace_ms": 0}));
        let said = host.leave();
        assert!(!said.iter().any(|said| said["id"] == wait), "{said:?}");
    }
    lab.shut_down();
}

#[test]
fn fronts_that_are_started_together_make_one_server_and_tasks_outlive_them() {
    let lab = Lab::new();
    let mut hosts = [Host::start(&lab, Era::Newer), Host::start(&lab, Era::Newer)];
    let asked = hosts.each_mut().map(|host| host.begin("server/discover", json!({})));
    for (host, id) in hosts.iter_mut().zip(asked) {
        assert_eq!(host.answer(id)["result"]["resultType"], "complete");
    }
    let [first, mut second] = hosts;
    first.leave();
    let task = second.spawn_waiting();
    // One that was given nothing leaves at once, and starts nothing.
    Host::start(&lab, Era::Newer).leave();
    second.leave();
    assert_eq!(lab.status_of(&task), "running");
    lab.axiom(&["stop", &task]).ok();
    lab.shut_down();
}

#[test]
fn progress_is_one_short_line_that_rises_and_never_comes_behind_its_answer() {
    let lab = Lab::new();
    let mut host = Host::start(&lab, Era::Older);
    let line = "while read line; do echo \"got $line \u{1b}[31m$(printf x%.0s $(seq 300))\"; done";
    let told = host.facts("axiom_spawn", &json!({"shell": line, "name": "echo"}));
    let task = told["tasks"][0]["id"].clone();
    let params = json!({
        "name": "axiom_wait", "arguments": {"task_ids": [task]}, "_meta": {"progressToken": "p"}
    });
    let wait = host.begin("tools/call", params);
    let mut last = 0.0;
    for number in 1..=3 {
        host.facts("axiom_send", &json!({"task_id": task, "text": number.to_string()}));
        let told = host.hear("progress", |said| {
            let message = said["params"]["message"].as_str().unwrap_or_default();
            message.starts_with(&format!("[echo] got {number} "))
        });
        let (message, count) = (&told["params"]["message"], &told["params"]["progress"]);
        let message = message.as_str().unwrap();
        assert!(message.chars().count() <= 160 && !message.contains('\u{1b}'), "{message:?}");
        assert!(count.as_f64().unwrap() > last, "{told}");
        last = count.as_f64().unwrap();
    }
    host.facts("axiom_stop", &json!({"task_id": task, "grace_ms": 0}));
    let answer = host.answer(wait);
    assert!(text_of(&answer["result"]).contains("why=exit"), "{answer}");
    host.facts("axiom_list", &json!({}));
    let said = host.leave();
    assert!(said.iter().all(|said| said["method"] != "notifications/progress"
        || said["params"]["progress"].as_f64().unwrap() > 0.0));
    lab.shut_down();
}

#[test]
fn what_is_typed_and_an_environment_never_stand_in_the_servers_log() {
    let lab = Lab::new();
    let mut command = lab.command(&["mcp"]);
    command.env("AXIOM_LOG", "trace").env("HIDDEN_VARIABLE", "hidden-in-environment");
    let mut host = Host::start_with(command, Era::Older);
    let task = host.spawn("read secret; echo $HIDDEN_VARIABLE");
    host.facts("axiom_send", &json!({"task_id": task, "text": "hidden-in-input"}));
    let waited = host.output("axiom_wait", &json!({"task_ids": [task]}));
    assert!(
        waited.contains("hidden-in-environment"),
        "tasks have the host's environment: {waited}"
    );
    host.leave();
    lab.shut_down();
    let log = std::fs::read_to_string(lab.home().join("run/server.log")).unwrap_or_else(|error| {
        panic!(
            "{error}: {:?}",
            std::fs::read_dir(lab.home().join("run")).unwrap().collect::<Vec<_>>()
        )
    });
    assert!(log.contains("asked for"), "{log}");
    for secret in ["hidden-in-input", "hidden-in-environment"] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}
