//! MCP by HTTP: behind the same gate as all else, both eras on one path. And what hosts are told by `axiom mcp install`.

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::mcp::text_of;
use crate::wire::{Address, Answer, JSON, request_to};

const ACCEPT: &str = "Accept: application/json, text/event-stream\r\n";

/// Posts a message.
fn post(address: &Address, headers: &str, message: &Value) -> Answer {
    let headers = format!("{headers}{JSON}{ACCEPT}");
    let host = match address {
        Address::Socket(_) => "localhost".to_owned(),
        Address::Network(port) => format!("127.0.0.1:{port}"),
    };
    let body = message.to_string();
    address.ask(&request_to(&host, ("POST", "/mcp"), &headers, body.as_bytes()))
}

/// The answer in what was sent, as one JSON or as a stream of events.
fn told(answer: &Answer) -> Value {
    let text = String::from_utf8_lossy(&answer.body);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:").or(Some(line)));
    let mut found = lines.filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
    found.find(|said| said.get("id").is_some()).unwrap_or_else(|| panic!("{answer:?}: {text}"))
}

fn newer(id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[test]
fn only_who_shows_the_token_and_comes_from_no_strange_page_is_heard() {
    let lab = Lab::new();
    lab.axiom(&["spawn", "--", "true"]).ok();
    let (network, socket) = (lab.by_network(), lab.by_socket());
    let message = newer(1, "server/discover", json!({}));
    let newest = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\n";
    assert_eq!(post(&network, newest, &message).status, 401);
    let known = format!("{newest}{}", lab.credentials());
    for strange in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let headers = format!("{known}Origin: {strange}\r\n");
        assert_eq!(post(&network, &headers, &message).status, 403, "{strange}");
    }
    for address in [&network, &socket] {
        let answer = post(address, &known, &message);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(told(&answer)["result"]["serverInfo"], Value::Null);
        assert!(told(&answer)["result"]["instructions"].as_str().unwrap().contains("axiom_wait"));
    }
    lab.shut_down();
}

#[test]
fn both_eras_call_tools_on_one_path() {
    let lab = Lab::new();
    lab.axiom(&["spawn", "--", "true"]).ok();
    let (network, token) = (lab.by_network(), lab.credentials());
    // The newer one: a request says all there is to know.
    let call = |name: &str, arguments: Value| {
        let message = newer(2, "tools/call", json!({"name": name, "arguments": arguments}));
        let headers = format!(
            "{token}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {name}\r\n"
        );
        told(&post(&network, &headers, &message))
    };
    let spawned = call("axiom_spawn", json!({"command": ["echo", "by http"]}));
    let id = spawned["result"]["structuredContent"]["tasks"][0]["id"].clone();
    let waited = call("axiom_wait", json!({"task_ids": [id]}));
    assert!(text_of(&waited["result"]).contains("\nby http"), "{waited}");
    // The older one: a session.
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = post(&network, &token, &hello);
    let session = answer.header("mcp-session-id").unwrap_or_else(|| panic!("{answer:?}"));
    let known = format!("{token}Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    let begun = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(&network, &known, &begun).status, 202);
    let params = json!({"name": "axiom_read", "arguments": {"task_id": id}});
    let read = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
    let answer = told(&post(&network, &known, &read));
    assert!(text_of(&answer["result"]).ends_with("\nby http"), "{answer}");
    lab.shut_down();
}

#[test]
fn who_is_refused_learns_how_to_be_let_in_and_a_websocket_has_the_same_gate() {
    let lab = Lab::new();
    lab.axiom(&["spawn", "--", "true"]).ok();
    let network = lab.by_network();
    let port = lab.port().unwrap();
    let ask = |path: &str, headers: &str| {
        network.ask(&request_to(&format!("127.0.0.1:{port}"), ("GET", path), headers, b""))
    };
    let metadata = "/.well-known/oauth-protected-resource/mcp";
    let upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (path, headers) in [("/mcp", ""), ("/mcp/ws", upgrade)] {
        let refused = ask(path, headers);
        let challenge = refused.header("www-authenticate").unwrap_or_default().to_owned();
        assert_eq!(refused.status, 401, "{path}: {refused:?}");
        assert!(challenge.contains(&format!("http://127.0.0.1:{port}{metadata}")), "{challenge}");
        let known = format!("{headers}{}Origin: http://evil.example\r\n", lab.credentials());
        assert_eq!(ask(path, &known).status, 403, "{path}");
    }
    let told = ask(metadata, "").json();
    assert_eq!(told["resource"], format!("http://127.0.0.1:{port}/mcp"), "{told}");
    assert_eq!(ask("/api/v1/tasks", "").header("www-authenticate"), Some("Bearer realm=\"axiom\""));
    lab.shut_down();
}

#[test]
fn a_session_answers_to_whoever_began_it() {
    let lab = Lab::new();
    let task = lab.spawn_shell("echo token $AXIOM_TASK_TOKEN .");
    lab.wait(&[&task]);
    let output = String::from_utf8(lab.raw_output(&task)).unwrap();
    let token = output.split_whitespace().nth(1).unwrap();
    let theirs = format!("Authorization: Bearer {token}\r\n");
    let (network, ours) = (lab.by_network(), lab.credentials());
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = post(&network, &ours, &hello);
    let session = answer.header("mcp-session-id").unwrap_or_else(|| panic!("{answer:?}"));
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}});
    let asked = |who: &str| {
        let headers =
            format!("{who}Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
        post(&network, &headers, &list).status
    };
    assert_eq!((asked(&theirs), asked(&ours)), (404, 200));
    lab.shut_down();
}

#[test]
fn a_host_is_told_of_us_and_keeps_the_rest_of_its_file() {
    let lab = Lab::new();
    let shown = lab.axiom(&["mcp", "install", "claude"]).ok();
    let entry = &shown.json()["mcpServers"]["axiom"];
    assert_eq!(entry["args"], json!(["mcp"]));
    assert_eq!(entry["env"]["AXIOM_HOME"], lab.home().to_str().unwrap());
    let file = lab.home().join("settings.json");
    std::fs::write(&file, r#"{"theme": "dark", "mcpServers": {"other": {"command": "o"}}}"#)
        .unwrap();
    for _ in 0..2 {
        let arguments = ["mcp", "install", "gemini", "--write", "--file", file.to_str().unwrap()];
        lab.axiom(&arguments).ok();
        let read: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(read["theme"], "dark");
        assert_eq!(read["mcpServers"]["other"]["command"], "o");
        assert_eq!(read["mcpServers"]["axiom"]["command"], entry["command"]);
    }
    std::fs::write(&file, "{ broken").unwrap();
    let refused =
        lab.axiom(&["mcp", "install", "gemini", "--write", "--file", file.to_str().unwrap()]);
    assert_eq!(
        (refused.code(), std::fs::read_to_string(&file).unwrap().as_str()),
        (125, "{ broken")
    );
    assert!(!lab.home().join("run").exists(), "no server is needed for it");
}
