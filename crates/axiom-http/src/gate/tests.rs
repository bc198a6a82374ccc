//! The gate's decisions, head by head.

use axum::http::Request;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is a task's token in these tests.
const TASK_TOKEN: &str = "of-a-task";

fn task() -> TaskId {
    TaskId::from_random([7; 10])
}

fn network() -> Lock {
    Lock::Token { port: 4000, token: Token::parse(TOKEN).unwrap() }
}

/// The decision about a request with these headers, or the code of its refusal.
fn decide(lock: &Lock, uri: &str, headers: &[(&str, &str)]) -> Result<Admitted, ErrorCode> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let task_of = |shown: &[u8]| (shown == TASK_TOKEN.as_bytes()).then_some(task());
    admit(lock, &head, task_of).map_err(|refusal| refusal.fault().code)
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

#[test]
fn on_the_network_only_our_own_name_is_heard() {
    let ask =
        |host: &str| decide(&network(), "/x", &[("host", host), ("authorization", &bearer())]);
    for host in ["127.0.0.1:4000", "localhost:4000", "LocalHost:4000", "[::1]:4000"] {
        assert_eq!(ask(host), Ok(Admitted::Known), "{host}");
    }
    let strangers = [
        "",
        "localhost",
        "127.0.0.1",
        "127.0.0.1:4001",
        "127.0.0.1:",
        "127.0.0.1:04000",
        "evil.example:4000",
        "localhost.evil.example:4000",
        "127.0.0.1.evil.example:4000",
        "127.0.0.2:4000",
        "::1:4000",
        "0.0.0.0:4000",
        "localhost:4000:4000",
        "localhost :4000",
        "user@localhost:4000",
        "localhost.:4000",
        "xlocalhost:4000",
    ];
    for host in strangers {
        assert_eq!(ask(host), Err(ErrorCode::Denied), "{host}");
    }
    let none = decide(&network(), "/x", &[("authorization", &bearer())]);
    assert_eq!(none, Err(ErrorCode::Denied));
}

#[test]
fn port_80_need_not_be_named() {
    let lock = Lock::Token { port: 80, token: Token::parse(TOKEN).unwrap() };
    for host in ["localhost", "127.0.0.1:80"] {
        let headers = [("host", host), ("authorization", &*bearer())];
        assert_eq!(decide(&lock, "/", &headers), Ok(Admitted::Known), "{host}");
    }
}

#[test]
fn on_the_socket_any_port_is_heard_but_no_strangers_name() {
    for host in ["localhost", "localhost:8080", "127.0.0.1", "[::1]:1"] {
        assert_eq!(decide(&Lock::Owner, "/", &[("host", host)]), Ok(Admitted::Known), "{host}");
    }
    for host in ["", "evil.example", "localhost:", "localhost:x", "localhostx"] {
        assert_eq!(decide(&Lock::Owner, "/", &[("host", host)]), Err(ErrorCode::Denied), "{host}");
    }
}

#[test]
fn two_hosts_are_one_too_many() {
    let headers =
        [("host", "localhost:4000"), ("host", "localhost:4000"), ("authorization", &*bearer())];
    assert_eq!(decide(&network(), "/x", &headers), Err(ErrorCode::Denied));
    let headers = [("host", "localhost:4000"), ("authorization", &*bearer())];
    assert_eq!(decide(&network(), "http://evil.example/x", &headers), Err(ErrorCode::Denied));
    assert_eq!(decide(&network(), "http://localhost:4000/x", &headers), Ok(Admitted::Known));
}

#[test]
fn only_our_own_page_may_ask_and_none_through_the_socket() {
    let host = ("host", "localhost:4000");
    let ask = |lock: &Lock, origin: &str| {
        decide(lock, "/x", &[host, ("origin", origin), ("authorization", &bearer())])
    };
    assert_eq!(ask(&network(), "http://localhost:4000"), Ok(Admitted::Known));
    let strangers = [
        "null",
        "",
        "https://localhost:4000",
        "http://127.0.0.1:4000",
        "http://localhost:4001",
        "http://localhost",
        "http://evil.example",
        "http://localhost:4000/",
        "http://localhost:4000.evil.example",
        "file://",
    ];
    for origin in strangers {
        assert_eq!(ask(&network(), origin), Err(ErrorCode::Denied), "{origin}");
    }
    for origin in ["null", "http://localhost:4000", "http://localhost"] {
        assert_eq!(ask(&Lock::Owner, origin), Err(ErrorCode::Denied), "{origin}");
    }
}

#[test]
fn without_the_token_only_the_health_is_told() {
    let host = ("host", "localhost:4000");
    let ask = |path: &str, authorization: &str| {
        decide(&network(), path, &[host, ("authorization", authorization)])
    };
    assert_eq!(decide(&network(), HEALTH_PATH, &[host]), Ok(Admitted::Anyone));
    for path in
        ["/", "/api/v1/tasks", "/healthz/", "/healthz/x", "//healthz", "/nothing", "/metrics"]
    {
        assert_eq!(decide(&network(), path, &[host]), Err(ErrorCode::Unauthorized), "{path}");
        assert_eq!(ask(path, &bearer()), Ok(Admitted::Known), "{path}");
    }
    assert_eq!(ask("/", &format!("bearer  {TOKEN} ")), Ok(Admitted::Known));
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        TOKEN.to_owned(),
        format!("Basic {TOKEN}"),
        format!("Bearer {}", &TOKEN[1..]),
        format!("Bearer {TOKEN}0"),
        format!("Bearer {}", TOKEN.to_uppercase()),
    ];
    for shown in wrong {
        assert_eq!(ask("/", &shown), Err(ErrorCode::Unauthorized), "{shown}");
    }
}

#[test]
fn a_browsers_socket_shows_the_token_as_a_protocol_and_nothing_else_may() {
    let host = ("host", "localhost:4000");
    let offered = format!("axiom.v1, axiom.bearer.{TOKEN}");
    let ask = |headers: &[(&str, &str)]| decide(&network(), "/api/v1/live", headers);
    let upgrade = ("upgrade", "websocket");
    let protocols = ("sec-websocket-protocol", &*offered);
    assert_eq!(ask(&[host, upgrade, protocols]), Ok(Admitted::Known));
    assert_eq!(ask(&[host, protocols]), Err(ErrorCode::Unauthorized));
    let wrong = format!("axiom.v1, axiom.bearer.{}", TOKEN.replace('0', "1"));
    assert_eq!(
        ask(&[host, upgrade, ("sec-websocket-protocol", &wrong)]),
        Err(ErrorCode::Unauthorized)
    );
    // A foreign page is refused whatever it shows.
    let origin = ("origin", "http://evil.example");
    assert_eq!(ask(&[host, upgrade, protocols, origin]), Err(ErrorCode::Denied));
}

#[test]
fn who_shows_a_tasks_token_is_in_that_task_at_either_door() {
    let host = ("host", "localhost:4000");
    let shown = format!("Bearer {TASK_TOKEN}");
    for lock in [&network(), &Lock::Owner] {
        let admitted = decide(lock, "/x", &[host, ("authorization", &shown)]);
        assert_eq!(admitted, Ok(Admitted::InTask(task())));
    }
    // At the socket what is no token of ours narrows nothing.
    let other = decide(&Lock::Owner, "/x", &[host, ("authorization", "Bearer another")]);
    assert_eq!(other, Ok(Admitted::Known));
}

#[test]
fn a_refusal_does_not_tell_the_token() {
    let request = Request::builder().uri("/x").header("host", "localhost:4000");
    let request = request.header("authorization", format!("Bearer {}", &TOKEN[1..]));
    let (head, ()) = request.body(()).unwrap().into_parts();
    let said = format!("{:?} {:?}", admit(&network(), &head, |_| None).unwrap_err(), network());
    assert!(!said.contains(&TOKEN[1..20]), "{said}");
}
