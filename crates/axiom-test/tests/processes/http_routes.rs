//! Every route, as the server itself lists them: each has its row here, and turns strangers away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lab::Lab;
use crate::wire::{Answer, JSON, request_to};

/// Each route, and what it answers to a caller with the token who sends nothing else: no task has the id `none`.
const ROUTES: [(&str, &str, u16); 26] = [
    ("GET", "/", 200),
    ("GET", "/events.schema.json", 200),
    ("GET", "/healthz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/metrics", 200),
    ("GET", "/api/v1/events?after=none", 400),
    ("GET", "/api/v1/link", 501),
    ("GET", "/api/v1/live", 400),
    ("POST", "/api/v1/prune", 200),
    ("GET", "/api/v1/status", 200),
    ("GET", "/api/v1/tasks", 200),
    ("POST", "/api/v1/tasks", 400),
    ("GET", "/api/v1/tasks/{id}", 404),
    ("DELETE", "/api/v1/tasks/{id}", 404),
    ("POST", "/api/v1/tasks/{id}/answer", 501),
    ("GET", "/api/v1/tasks/{id}/frames", 404),
    ("POST", "/api/v1/tasks/{id}/input", 404),
    ("POST", "/api/v1/tasks/{id}/interrupt", 404),
    ("GET", "/api/v1/tasks/{id}/output", 404),
    ("POST", "/api/v1/tasks/{id}/resize", 400),
    ("POST", "/api/v1/tasks/{id}/resume", 404),
    ("GET", "/api/v1/tasks/{id}/screen", 404),
    ("POST", "/api/v1/tasks/{id}/stop", 404),
    ("POST", "/api/v1/tasks/{id}/suspend", 404),
    ("POST", "/api/v1/tasks/{id}/wait", 404),
    // Asked last: nobody is there afterwards.
    ("POST", "/api/v1/shutdown", 200),
];

/// Who is turned away, with which headers and from which host, and with which status; the health needs no token.
const STRANGERS: [(&str, &str, &str, u16); 7] = [
    ("no token", "HOST", "", 401),
    ("a wrong token", "HOST", "Authorization: Bearer 0123\r\n", 401),
    ("a foreign host", "evil.example", "Authorization: Bearer TOKEN\r\n", 403),
    (
        "a foreign page",
        "HOST",
        "Authorization: Bearer TOKEN\r\nOrigin: http://evil.example\r\n",
        403,
    ),
    ("a page from a file", "HOST", "Authorization: Bearer TOKEN\r\nOrigin: null\r\n", 403),
    ("a foreign page without token", "HOST", "Origin: http://evil.example\r\n", 403),
    (
        "a foreign page's WebSocket",
        "HOST",
        "Origin: http://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: axiom.v1, axiom.bearer.TOKEN\r\n",
        403,
    ),
];

/// A path without what is asked of it.
fn route(path: &str) -> &str {
    path.split('?').next().unwrap()
}

/// Method and path of everything that the document has, with what it says of each.
fn documented(lab: &Lab) -> BTreeMap<(String, String), Value> {
    let document = lab.asked("GET", "/openapi.json", b"").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let _none_before =
                found.insert((method.to_uppercase(), path.clone()), operation.clone());
        }
    }
    found
}

#[test]
fn every_route_has_its_row_and_turns_strangers_away() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let documented = documented(&lab);
    for (method, path) in documented.keys() {
        let has_row = ROUTES.iter().any(|(m, p, _)| m == method && route(p) == path);
        assert!(has_row, "{method} {path} has no row in this test");
    }
    let ours = format!("127.0.0.1:{}", lab.port().unwrap());
    for (method, path, status) in ROUTES {
        let operation = &documented[&(method.to_owned(), route(path).to_owned())];
        let path = path.replace("{id}", "none");
        for (who, host, headers, refused) in STRANGERS {
            let headers = headers.replace("TOKEN", &lab.token());
            let asked = request_to(&host.replace("HOST", &ours), (method, &path), &headers, b"");
            let answer = lab.by_network().ask(&asked);
            let refused = if path == "/healthz" && refused == 401 { 200 } else { refused };
            assert_eq!(answer.status, refused, "{who} at {method} {path}: {answer:?}");
            assert_documented(operation, &answer);
        }
        let answer = lab.asked(method, &path, b"");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_documented(operation, &answer);
        if status == 501 {
            assert_leads_on(&documented, &answer);
        }
    }
}

/// What is not built yet is told as such, with a route that is.
fn assert_leads_on(documented: &BTreeMap<(String, String), Value>, answer: &Answer) {
    assert_eq!(answer.code(), "not_supported");
    let error = &answer.json()["error"];
    assert_eq!(error["retryable"], false, "{answer:?}");
    let hint = error["hint"].as_str().unwrap();
    let mut words = hint.split(' ').map(str::to_owned);
    let named = (words.next().unwrap(), words.next().unwrap());
    assert!(documented.contains_key(&named), "{hint:?} leads nowhere");
    let built = ROUTES
        .iter()
        .any(|(method, path, status)| (*method, *path) == (&*named.0, &*named.1) && *status != 501);
    assert!(built, "{hint:?} leads to what is not built either");
}

/// The document has this status, with this kind of body.
fn assert_documented(operation: &Value, answer: &Answer) {
    let said = &operation["responses"][answer.status.to_string()];
    let kind = answer.header("content-type").unwrap().split(';').next().unwrap();
    assert!(said["content"][kind].is_object(), "not in the document: {answer:?} in {operation}");
    assert!(said["headers"]["x-request-id"].is_object(), "{operation}");
}

#[test]
fn an_answer_says_once_what_it_is() {
    let lab = Lab::new();
    let id = lab.spawn(&["--size", "80x24", "--", "echo", "hello"]);
    lab.wait(&[&id]);
    for (path, kind) in [
        ("/output", "text/plain; charset=utf-8"),
        ("/output?view=raw", "application/octet-stream"),
        ("/frames", "application/octet-stream"),
        ("/screen", "application/json"),
        ("", "application/json"),
    ] {
        let answer = lab.asked("GET", &format!("/api/v1/tasks/{id}{path}"), b"");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        let names = answer.head.lines().filter_map(|line| line.split_once(": "));
        let names: Vec<String> = names.map(|(name, _)| name.to_ascii_lowercase()).collect();
        let once: BTreeSet<&String> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{path}: {}", answer.head);
    }
    lab.shut_down();
}

#[test]
fn what_is_nowhere_or_cannot_be_done_there_is_said_with_a_code() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let cases = [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/tasks/", 404),
        ("GET", "/api/v1/tasks/a/b", 404),
        ("GET", "/api/v1/tasks/%ff", 400),
        ("GET", "/api/v1/tasks/..%2f..%2ftoken", 404),
        ("GET", "/api/v1/tasks?nothing=1", 400),
        ("GET", "/api/v1/tasks?limit=-1", 400),
        ("GET", "/api/v1/tasks?parent=x", 400),
        ("PUT", "/api/v1/tasks", 405),
        ("OPTIONS", "/api/v1/tasks", 405),
        ("TRACE", "/", 405),
    ];
    for (method, path, status) in cases {
        let answer = lab.asked(method, path, b"");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(!answer.code().is_empty(), "{method} {path}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}: {answer:?}");
    }
    lab.shut_down();
}

#[test]
fn a_body_says_that_it_is_json_and_no_body_is_an_empty_object() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let ours = format!("127.0.0.1:{}", lab.port().unwrap());
    let cases: [(&str, &[u8], u16); 7] = [
        ("", b"", 200),
        (JSON, b"", 200),
        (JSON, b"{}", 200),
        ("Content-Type: application/json; charset=utf-8\r\n", b"{}", 200),
        ("", b"{}", 400),
        ("Content-Type: text/plain\r\n", b"{}", 400),
        ("Content-Type: application/x-www-form-urlencoded\r\n", b"tag=a", 400),
    ];
    for (content, body, status) in cases {
        let headers = format!("{}{content}", lab.credentials());
        let asked = request_to(&ours, ("POST", "/api/v1/prune"), &headers, body);
        let answer = lab.by_network().ask(&asked);
        assert_eq!(answer.status, status, "{content:?} {body:?}: {answer:?}");
    }
    lab.shut_down();
}
