//! Clients of MCP that nobody here wrote: the official SDKs walk through all that an agent does, by every door and in either
//! era, and the official Inspector lists and calls every tool.

use std::process::Command;

use serde_json::{Value, json};

use crate::cli::{Finished, finish};
use crate::equipment::{file, newer_node, python};
use crate::lab::{Lab, binary};

/// What the walks of clients/ say, in this order, behind the revision that was agreed upon.
const STEPS: [&str; 11] = [
    "spawned ten",
    "waited for any: one of ten",
    "read only what is new",
    "was told of more output",
    "heard of progress",
    "cancelled a wait: ten run on",
    "interrupted one",
    "was told what is wrong",
    "killed the server in the middle of a wait",
    "waited on, and read what was lost by nobody",
    "stopped eight",
];

const OLDER: &str = "speaks 2025-11-25";
const NEWER: &str = "speaks 2026-07-28";

#[test]
fn the_python_sdk_walks_over_standard_streams_in_either_era() {
    walk(python, "mcp_walk.py", &[("stdio legacy", OLDER), ("stdio auto", NEWER)]);
}

#[test]
fn the_python_sdk_walks_over_http_in_either_era() {
    walk(python, "mcp_walk.py", &[("http legacy", OLDER), ("http auto", NEWER)]);
}

#[test]
fn the_first_typescript_sdk_walks_over_standard_streams_http_and_websocket() {
    let ways = [("v1 stdio", OLDER), ("v1 http", OLDER), ("v1 ws", OLDER)];
    walk(newer_node, "mcp_walk.cjs", &ways);
}

#[test]
fn the_second_typescript_sdk_walks_over_standard_streams_in_each_era() {
    let ways = [("v2 stdio legacy", OLDER), ("v2 stdio auto", NEWER), ("v2 stdio pinned", NEWER)];
    walk(newer_node, "mcp_walk.cjs", &ways);
}

#[test]
fn the_second_typescript_sdk_walks_over_http_in_each_era() {
    let ways = [("v2 http legacy", OLDER), ("v2 http auto", NEWER), ("v2 http pinned", NEWER)];
    walk(newer_node, "mcp_walk.cjs", &ways);
}

/// Each way in a home of its own.
fn walk(program: fn(&Lab) -> Option<Command>, client: &str, ways: &[(&str, &str)]) {
    for (way, speaks) in ways {
        let lab = Lab::new();
        let Some(mut command) = program(&lab) else { return };
        command.env("AXIOM_DISK_MIN_FREE", "0");
        command.arg(file("crates/axiom-test/clients").join(client)).args(way.split(' '));
        let said = finish(command.env("AXIOM", binary("axiom")), b"").ok().text();
        let expected: Vec<&str> = [*speaks].into_iter().chain(STEPS).collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{way}");
        lab.shut_down();
    }
}

/// The Inspector's verdict on a tool that answered an error: what was asked is refused, and it says so.
const TOOL_SAYS_NO: i32 = 5;

#[test]
fn the_inspector_has_no_complaint_of_any_tool_in_either_era_by_either_door() {
    let lab = Lab::new();
    let mut lists = Vec::new();
    for era in ["legacy", "modern", "auto"] {
        for door in [Door::Streams, Door::Http] {
            let Some(told) = inspect(&lab, era, door, &["--strict", "--method", "tools/list"])
            else {
                return;
            };
            let told = told.ok();
            assert_eq!(told.stderr, "", "--strict has something to say");
            let list = told.json();
            assert!(list["tools"].as_array().is_some_and(|tools| tools.len() >= 9), "{list}");
            lists.push(list["tools"].clone());
        }
    }
    assert!(lists.windows(2).all(|pair| pair[0] == pair[1]), "the list is one for everybody");
    lab.shut_down();
}

#[test]
fn the_inspector_calls_every_tool() {
    let lab = Lab::new();
    let call = |tool: &str, arguments: Value| {
        let arguments = arguments.to_string();
        let asked = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", &arguments];
        inspect(&lab, "modern", Door::Streams, &asked)
    };
    let Some(place) = call("axiom_events", json!({})) else { return };
    let line = "echo ready; while read line; do echo \"heard $line\"; done";
    let call = |tool, arguments| call(tool, arguments).expect("the equipment is there").ok().json();
    let place = place.json()["structuredContent"]["after"].clone();
    let spawned = call("axiom_spawn", json!({"shell": line, "count": 2}));
    let ids = [0, 1].map(|place| {
        let told = &spawned["structuredContent"]["tasks"][place]["id"];
        told.as_str().unwrap().to_owned()
    });
    let first = &ids[0];
    let wait = json!({"task_ids": ids, "mode": "all", "until": "match", "match": "^ready"});
    let text = |told: Value| told["content"][0]["text"].as_str().unwrap().to_owned();
    let waited = text(call("axiom_wait", wait));
    assert!(waited.starts_with("[axiom wait=done tasks=2/2"), "{waited}");
    call("axiom_send", json!({"task_id": first, "text": "you"}));
    call("axiom_wait", json!({"task_ids": [first], "until": "match", "match": "^heard you"}));
    let read = text(call("axiom_read", json!({"task_id": first, "view": "tail"})));
    assert!(read.contains("\nheard you"), "{read}");
    let told = call("axiom_list", json!({"status": "running"}))["structuredContent"].clone();
    assert_eq!(told["tasks"].as_array().map(Vec::len), Some(2), "{told}");
    let interrupt = json!({"task_id": first, "grace_ms": 20_000});
    let told = call("axiom_interrupt", interrupt)["structuredContent"].clone();
    assert_eq!(told["exit"], json!({"signal": 2}), "{told}");
    call("axiom_stop", json!({"task_id": ids[1], "grace_ms": 0}));
    let told = call("axiom_events", json!({"after": place}))["structuredContent"].clone();
    assert!(told["events"].as_array().is_some_and(|events| events.len() >= 4), "{told}");
    let answer = json!({"task_id": first, "choice": "1"}).to_string();
    let asked =
        ["--method", "tools/call", "--tool-name", "axiom_answer", "--tool-args-json", &answer];
    let refused = inspect(&lab, "modern", Door::Streams, &asked).unwrap();
    assert_eq!(refused.code(), TOOL_SAYS_NO, "{refused:?}");
    assert!(refused.text().contains("axiom_error code=not_supported"), "{refused:?}");
    lab.shut_down();
}

#[derive(Debug, Clone, Copy)]
enum Door {
    Streams,
    Http,
}

/// The Inspector's command line, in a home of its own, which it would write to otherwise.
fn inspect(lab: &Lab, era: &str, door: Door, asked: &[&str]) -> Option<Finished> {
    let mut node = newer_node(lab)?;
    node.arg(
        file(".cache/node/node_modules/@modelcontextprotocol/inspector")
            .join("clients/launcher/build/index.js"),
    );
    node.env("HOME", lab.home()).args(["--cli", "--protocol-era", era]).args(asked);
    match door {
        Door::Streams => {
            node.arg("-e").arg(format!("AXIOM_HOME={}", lab.home().display()));
            node.arg(binary("axiom")).arg("mcp");
        }
        Door::Http => {
            lab.axiom(&["ps"]).ok();
            let url = format!("http://127.0.0.1:{}/mcp", lab.port()?);
            let token = format!("Authorization: Bearer {}", lab.token());
            node.args(["--transport", "http", "--server-url", &url, "--header", &token]);
        }
    }
    Some(finish(&mut node, b""))
}
