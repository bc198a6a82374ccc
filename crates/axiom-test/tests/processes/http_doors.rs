//! The two ways in, from outside: who is heard at the loopback port and by the socket, and what is said of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::cli::Finished;
use crate::lab::Lab;
use crate::websocket::WebSocket;
use crate::wire::{Answer, JSON, request, request_to};

#[test]
fn a_program_with_the_token_runs_a_task_over_the_network() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mode = std::fs::metadata(lab.home().join("token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let spawned = lab.asked("POST", "/api/v1/tasks", br#"{"command":["echo","hi"]}"#);
    assert_eq!(spawned.status, 201, "{spawned:?}");
    let id = spawned.json()["tasks"][0]["id"].as_str().unwrap().to_owned();
    let waited = lab.asked("POST", &format!("/api/v1/tasks/{id}/wait"), b"");
    assert_eq!((waited.status, &waited.json()["ended"]), (200, &json!(true)), "{waited:?}");
    let output = lab.asked("GET", &format!("/api/v1/tasks/{id}/output?view=raw"), b"");
    assert_eq!(output.body, b"hi\r\n");
    lab.shut_down();
}

#[test]
fn the_port_and_the_token_outlive_the_server_unless_the_port_is_taken() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let (port, token) = (lab.port().unwrap(), lab.token());
    lab.kill_server();
    lab.axiom(&["ps"]).ok();
    assert_eq!((lab.port(), lab.token()), (Some(port), token.clone()));
    lab.shut_down();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    lab.axiom(&["ps"]).ok();
    assert_ne!(lab.port(), Some(port));
    assert_eq!(lab.token(), token);
    lab.shut_down();
    drop(taken);
}

#[test]
fn the_network_can_be_another_port_or_off_and_the_socket_serves_all_the_same() {
    let lab = Lab::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let number = taken.local_addr().unwrap().port();
    let start = |port: &str| {
        let mut command = lab.command(&["ps"]);
        let _answer: Finished =
            crate::cli::finish(command.env("AXIOM_NETWORK_PORT", port), b"").ok();
    };
    for port in ["off", &number.to_string()] {
        start(port);
        assert_eq!(lab.port(), None, "{port}");
        assert!(!lab.home().join("token").exists(), "no token is made for nobody");
        lab.shut_down();
    }
    drop(taken);
    start(&number.to_string());
    assert_eq!(lab.port(), Some(number));
    assert_eq!(lab.asked("GET", "/api/v1/status", b"").status, 200);
    lab.shut_down();
    let mut wrong = lab.command(&["serve"]);
    let wrong = crate::cli::finish(wrong.env("AXIOM_NETWORK_PORT", "everywhere"), b"");
    assert!(wrong.code() != 0 && wrong.stderr.contains("AXIOM_NETWORK_PORT"), "{wrong:?}");
}

/// Who asks, and what is answered. `HOST` and `TOKEN` stand for the right ones.
const CALLERS: [(&str, &str, &str, u16, &str); 13] = [
    ("no token", "HOST", "", 401, "unauthorized"),
    ("an empty token", "HOST", "Authorization: Bearer \r\n", 401, "unauthorized"),
    ("a wrong token", "HOST", "Authorization: Bearer 00\r\n", 401, "unauthorized"),
    ("another scheme", "HOST", "Authorization: Basic TOKEN\r\n", 401, "unauthorized"),
    ("a token in a cookie", "HOST", "Cookie: token=TOKEN\r\n", 401, "unauthorized"),
    ("no host", "", "Authorization: Bearer TOKEN\r\n", 403, "denied"),
    ("a foreign host", "evil.example", "Authorization: Bearer TOKEN\r\n", 403, "denied"),
    ("our name, another port", "127.0.0.1:1", "Authorization: Bearer TOKEN\r\n", 403, "denied"),
    ("two hosts", "HOST", "Host: HOST\r\nAuthorization: Bearer TOKEN\r\n", 403, "denied"),
    (
        "a foreign page",
        "HOST",
        "Origin: http://evil.example\r\nAuthorization: Bearer TOKEN\r\n",
        403,
        "denied",
    ),
    (
        "a page of no origin",
        "HOST",
        "Origin: null\r\nAuthorization: Bearer TOKEN\r\n",
        403,
        "denied",
    ),
    (
        "our page over TLS",
        "HOST",
        "Origin: https://HOST\r\nAuthorization: Bearer TOKEN\r\n",
        403,
        "denied",
    ),
    ("a preflight", "HOST", "Origin: http://evil.example\r\n", 403, "denied"),
];

#[test]
fn strangers_are_turned_away_before_they_are_heard() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let (port, token) = (lab.port().unwrap(), lab.token());
    let ours = format!("127.0.0.1:{port}");
    for (who, host, headers, status, code) in CALLERS {
        let host = host.replace("HOST", &ours);
        let headers = headers.replace("HOST", &ours).replace("TOKEN", &token);
        let method = if who == "a preflight" { "OPTIONS" } else { "GET" };
        let asked = request_to(&host, (method, "/api/v1/tasks"), &headers, b"");
        let answer = lab.by_network().ask(&asked);
        assert_eq!((answer.status, &*answer.code()), (status, code), "{who}: {answer:?}");
        assert_turned_away(who, &answer, &token);
    }
    assert_eq!(lab.asked("GET", "/api/v1/status", b"").status, 200);
    lab.shut_down();
}

fn assert_turned_away(who: &str, answer: &Answer, token: &str) {
    let challenge = answer.header("www-authenticate").is_some();
    assert_eq!(challenge, answer.status == 401, "{who}: {answer:?}");
    let head = answer.head.to_ascii_lowercase();
    assert!(!head.contains("access-control"), "{who}: {answer:?}");
    assert!(
        head.contains("x-request-id: ") && head.contains("connection: close"),
        "{who}: {answer:?}"
    );
    let said = format!("{head} {}", String::from_utf8_lossy(&answer.body));
    assert!(!said.contains(&token[..8]), "{who} was told the token");
}

#[test]
fn no_page_is_heard_by_the_socket_and_no_strangers_name() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    for headers in ["Origin: http://localhost\r\n", "Origin: null\r\n"] {
        let answer = lab.by_socket().ask(&request("GET", "/api/v1/status", headers, b""));
        assert_eq!((answer.status, &*answer.code()), (403, "denied"), "{answer:?}");
    }
    for (host, status) in [("evil.example", 403), ("localhost:80", 200), ("127.0.0.1", 200)] {
        let asked = request_to(host, ("GET", "/api/v1/status"), "", b"");
        assert_eq!(lab.by_socket().ask(&asked).status, status, "{host}");
    }
    lab.shut_down();
}

#[test]
fn a_requests_id_is_its_callers_and_is_said_with_its_errors() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let ask = |headers: &str| {
        lab.by_socket().ask(&request("GET", "/api/v1/tasks/zzzzzzzz", headers, b""))
    };
    let answer = ask("X-Request-Id: my.own_id-7\r\n");
    assert_eq!(answer.header("x-request-id"), Some("my.own_id-7"));
    assert_eq!(answer.json()["error"]["request_id"], "my.own_id-7");
    for odd in ["", &"a".repeat(65), "a b", "{}"] {
        let answer = ask(&format!("X-Request-Id: {odd}\r\n"));
        let ours = answer.header("x-request-id").unwrap();
        assert!(!ours.is_empty() && ours != odd, "{answer:?}");
        assert_eq!(answer.json()["error"]["request_id"], ours);
    }
    lab.shut_down();
}

#[test]
fn whoever_waits_when_the_server_leaves_is_told_to_wait_at_the_next() {
    let lab = Lab::new();
    let id = lab.spawn(&["--", "cat"]);
    let mut waiter = lab.by_socket().dial();
    let first = request("GET", "/healthz", "", b"");
    let first = String::from_utf8(first).unwrap().replace("Connection: close\r\n", "");
    let asked = request("POST", &format!("/api/v1/tasks/{id}/wait"), "", b"");
    std::io::Write::write_all(&mut waiter, &[first.as_bytes(), &asked].concat()).unwrap();
    // Once the first is answered, the second is heard.
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut waiter, &mut answer).unwrap();
    lab.axiom(&["shutdown"]).ok();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut waiter, &mut answer).unwrap();
    let second = answer.windows(5).rposition(|found| found == b"HTTP/").unwrap();
    let answer = Answer::parse(&answer[second..]);
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"), "{answer:?}");
    assert_eq!(answer.json()["error"]["retryable"], true);
    lab.shut_down();
}

#[test]
fn the_token_stands_in_no_log_and_in_no_command_line() {
    let lab = Lab::new();
    let run = lab.home().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut server = lab.command(&["serve"]);
    let mut server = server
        .env("AXIOM_LOG", "trace")
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(lab.home().join("log")).unwrap())
        .spawn()
        .unwrap();
    crate::lab::wait_for_entry(&run.join("axiom.sock"), &mut || {
        server.try_wait().unwrap().is_some()
    });
    assert_eq!(lab.asked("POST", "/api/v1/tasks", br#"{"command":["true"]}"#).status, 201);
    let wrong = request_to(
        &format!("127.0.0.1:{}", lab.port().unwrap()),
        ("GET", "/"),
        &format!("Authorization: Bearer {}0\r\n{JSON}", lab.token()),
        b"",
    );
    assert_eq!(lab.by_network().ask(&wrong).status, 401);
    WebSocket::open_by_network(&lab).hear_of("hello");
    lab.shut_down();
    server.wait().unwrap();
    let log = std::fs::read_to_string(lab.home().join("log")).unwrap();
    assert!(!log.is_empty() && !log.contains(&lab.token()[..16]), "the token is in the log");
}
