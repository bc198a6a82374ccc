//! Clients that mean harm or are broken: each gets an answer or is put out, memory stays bounded, others are not disturbed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{EVENT_WAIT, Lab};
use crate::websocket::{Heard, TEXT, WebSocket, frame, head, upgrade};
use crate::wire::{Address, Answer, JSON, request_to};

/// The server waits 30 s for a head or a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an attack may cost in memory, whatever its size.
const MEMORY_GROWTH_MAX: u64 = 64 << 20;

/// A server under attack, and a client of it that must not notice.
struct Target {
    lab: Lab,
    host: String,
    memory: u64,
}

impl Target {
    fn new() -> Self {
        let lab = Lab::new();
        lab.axiom(&["ps"]).ok();
        let host = format!("127.0.0.1:{}", lab.port().unwrap());
        let target = Self { memory: 0, lab, host };
        Self { memory: target.lab.server_memory(), ..target }
    }

    fn request(&self, line: (&str, &str), headers: &str, body: &[u8]) -> Vec<u8> {
        let headers = format!("{}{headers}", self.lab.credentials());
        request_to(&self.host, line, &headers, body)
    }

    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.lab.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Others are served, and memory is what it was, about.
    fn is_unharmed(&self, after: &str) {
        for address in [self.lab.by_socket(), self.lab.by_network()] {
            let (host, status) = match address {
                Address::Socket(_) => ("localhost", 200),
                Address::Network(_) => (&*self.host, 200),
            };
            let asked = request_to(host, ("GET", "/api/v1/tasks"), &self.lab.credentials(), b"");
            let answer = address.ask(&asked);
            assert_eq!(answer.status, status, "after {after}: {answer:?}");
        }
        let grown = self.lab.server_memory().saturating_sub(self.memory);
        assert!(grown < MEMORY_GROWTH_MAX, "{after} took {} MiB", grown >> 20);
    }

    fn end(self) {
        self.lab.shut_down();
    }
}

/// All that comes until the connection ends.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _closed_or_reset = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn whoever_sends_too_slowly_is_put_out_and_holds_up_nobody() {
    let target = Target::new();
    let mut heads: Vec<TcpStream> = (0..50).map(|_| target.dial()).collect();
    for stream in &mut heads {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
    }
    let mut bodies: Vec<TcpStream> = (0..50).map(|_| target.dial()).collect();
    let whole = target.request(("POST", "/api/v1/tasks"), JSON, &[b' '; 1000]);
    for stream in &mut bodies {
        stream.write_all(&whole[..whole.len() - 500]).unwrap();
    }
    target.is_unharmed("slow heads and bodies");
    let since = Instant::now();
    for stream in heads {
        let _nothing_or_408 = rest(stream);
    }
    for stream in bodies {
        let answer = Answer::parse(&rest(stream));
        assert_eq!((answer.status, &*answer.code()), (408, "timeout"), "{answer:?}");
    }
    assert!(since.elapsed() < PATIENCE, "they were not put out");
    target.end();
}

#[test]
fn bodies_that_are_too_large_too_deep_or_no_text_are_refused() {
    let target = Target::new();
    let tasks = ("POST", "/api/v1/tasks");
    let announced = target.request(tasks, JSON, b"");
    let announced = String::from_utf8(announced).unwrap();
    let announced = announced.replace("Content-Length: 0", "Content-Length: 104857600");
    let answer = target.lab.by_network().ask(announced.as_bytes());
    assert_eq!((answer.status, &*answer.code()), (413, "too_large"), "{answer:?}");
    let chunked = String::from_utf8(target.request(tasks, JSON, b"")).unwrap();
    let chunked = chunked.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut stream = target.dial();
    stream.write_all(chunked.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".as_slice(), &[b' '; 0x10_0000], b"\r\n"].concat();
    // It need not listen to the end.
    let sent = (0..100).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    let answer = Answer::parse(&rest(stream));
    assert!(answer.status == 413 || (answer.status == 0 && sent < 100), "{sent}: {answer:?}");
    let deep = b"[".repeat(100_000);
    let deep_object = b"{\"a\":".repeat(100_000);
    let inside = [b"{\"env\":{\"a\":".as_slice(), &b"[".repeat(100_000)].concat();
    let bodies =
        [&deep[..], &deep_object, &inside, b"{\"name\":\"\xff\xfe\"}", b"\xff", b"{\"a\":1e999}"];
    for body in bodies {
        let answer = target.lab.by_network().ask(&target.request(tasks, JSON, body));
        assert_eq!((answer.status, &*answer.code()), (400, "invalid_argument"), "{answer:?}");
    }
    target.is_unharmed("bodies");
    target.end();
}

#[test]
fn heads_that_are_too_large_or_no_http_are_refused() {
    let target = Target::new();
    let huge = format!("X-A: {}\r\n", "a".repeat(1 << 20));
    let many = "X-A: b\r\n".repeat(5000);
    let path = format!("/{}", "a".repeat(200_000));
    let line = ("GET", "/api/v1/tasks");
    let cases: [(&str, Vec<u8>, &[u16]); 8] = [
        ("a huge header", target.request(line, &huge, b""), &[431]),
        ("many headers", target.request(line, &many, b""), &[431]),
        ("a huge path", target.request(("GET", &path), "", b""), &[414, 431]),
        ("bytes", vec![0xff; 70_000], &[400, 431]),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20), &[400]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400, 505]),
        ("a space in a name", target.request(line, "X Y: z\r\n", b""), &[400]),
        ("a folded header", target.request(line, "X-A: b\r\n c\r\n", b""), &[400]),
    ];
    for (what, request, statuses) in cases {
        let answer = target.lab.by_network().ask(&request);
        // The connection may be reset while the request is still being sent.
        assert!(
            statuses.contains(&answer.status) || (answer.status == 0 && request.len() > 65_536),
            "{what}: {answer:?}"
        );
    }
    let odd = [("X-Request-Id", 200), ("Authorization", 403), ("Origin", 403)];
    for (name, status) in odd {
        let headers = format!("{name}: OTHER\r\n");
        let spelled = request_to(&target.host, line, &headers, b"");
        let place = spelled.windows(5).position(|found| found == b"OTHER").unwrap();
        let credentials = target.lab.credentials();
        let credentials = if name == "Authorization" { "" } else { &*credentials };
        let request =
            [&spelled[..place], b"\xff\xfe\r\n", credentials.as_bytes(), &spelled[place + 7..]]
                .concat();
        let answer = target.lab.by_network().ask(&request);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
    }
    target.is_unharmed("heads");
    target.end();
}

#[test]
fn readers_that_take_nothing_of_large_answers_share_one_bound() {
    const READERS: usize = 40;
    const AT_ONCE: usize = 8;
    let target = Target::new();
    let id = target.lab.spawn(&["--", "sh", "-c", "yes | head -c 20000000"]);
    assert_eq!(target.lab.wait(&[&id]).code(), 0);
    let path = format!("/api/v1/tasks/{id}/frames?bytes_max=8388608");
    let request = target.request(("GET", &path), "", b"");
    let mut readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = target.dial();
            stream.write_all(&request).unwrap();
            stream
        })
        .collect();
    // Those whose turn it was are answered; none of them reads on.
    let mut waiting: Vec<&mut TcpStream> = readers.iter_mut().collect();
    let mut answered = 0;
    while answered < AT_ONCE {
        let stream = waiting.remove(first_readable(&waiting));
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        match &first {
            b"HTTP/1.1 200" => answered += 1,
            // Its turn did not come in time, on a slow machine.
            other => assert_eq!(other, b"HTTP/1.1 503"),
        }
    }
    let printed = target.lab.raw_output(&id);
    assert_eq!(printed.len(), 30_000_000, "read by the socket");
    let grown = target.lab.server_memory().saturating_sub(target.memory);
    assert!(grown < 2 * MEMORY_GROWTH_MAX, "{READERS} readers took {} MiB", grown >> 20);
    drop(readers);
    let path = format!("/api/v1/tasks/{id}/frames?bytes_max=65536");
    assert_eq!(target.lab.asked("GET", &path, b"").status, 200);
    target.end();
}

/// The index of a stream that has something to read; they are answered in no order.
fn first_readable(streams: &[&mut TcpStream]) -> usize {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds: Vec<PollFd<'_>> =
        streams.iter().map(|stream| PollFd::new(&**stream, PollFlags::IN)).collect();
    let at_most = Timespec { tv_sec: EVENT_WAIT.as_secs().cast_signed(), tv_nsec: 0 };
    let ready = poll(&mut fds, Some(&at_most)).unwrap();
    assert!(ready > 0, "waited in vain for an answer to one of {} readers", streams.len());
    fds.iter().position(|fd| !fd.revents().is_empty()).unwrap()
}

#[test]
fn no_request_hides_in_another() {
    let target = Target::new();
    let line = "POST /api/v1/prune HTTP/1.1";
    let base = format!("Host: {}\r\n{}{JSON}", target.host, target.lab.credentials());
    let hidden = format!("GET /hidden HTTP/1.1\r\n{base}\r\n");
    let bytes = hidden.len();
    let cases = [
        ("two lengths", format!("Content-Length: 2\r\nContent-Length: {bytes}\r\n")),
        ("a signed length", format!("Content-Length: +{bytes}\r\n")),
        ("lengths in a list", format!("Content-Length: 2, {bytes}\r\n")),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n".to_owned()),
        (
            "a coding and a length",
            format!("Content-Length: {bytes}\r\nTransfer-Encoding: chunked\r\n"),
        ),
        ("a coding that is not last", "Transfer-Encoding: chunked, identity\r\n".to_owned()),
    ];
    for (what, headers) in cases {
        let request = format!("{line}\r\n{base}{headers}\r\n{{}}{hidden}");
        let mut stream = target.dial();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answers = String::from_utf8_lossy(&rest(stream)).into_owned();
        assert!(answers.starts_with("HTTP/1.1 4"), "{what}: {answers}");
        assert!(!answers.contains("/hidden"), "{what}: {answers}");
    }
    // Requests in a row are answered in a row.
    let row: String = (0..20)
        .map(|turn| format!("GET /row/{turn} HTTP/1.1\r\n{base}\r\n"))
        .chain([format!("GET /row/20 HTTP/1.1\r\nConnection: close\r\n{base}\r\n")])
        .collect();
    let mut stream = target.dial();
    stream.write_all(row.as_bytes()).unwrap();
    let answers = String::from_utf8_lossy(&rest(stream)).into_owned();
    let told: Vec<&str> = answers.split("nothing is at /row/").skip(1).collect();
    let told: Vec<usize> =
        told.iter().map(|text| text.split('"').next().unwrap().parse().unwrap()).collect();
    assert_eq!(told, (0..=20).collect::<Vec<_>>(), "{answers}");
    target.is_unharmed("smuggling");
    target.end();
}

#[test]
fn a_flood_of_idle_connections_is_put_out_by_who_comes_after() {
    let target = Target::new();
    let mut known = WebSocket::open_by_network(&target.lab);
    let mut heard = target.dial();
    let alive = target.request(("GET", "/api/v1/status"), "", b"");
    let alive = String::from_utf8(alive).unwrap().replace("Connection: close\r\n", "");
    heard.write_all(alive.as_bytes()).unwrap();
    let mut first = [0; 15];
    heard.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    // More than there are places; those that say nothing, and those that are not let in.
    let mut idle: Vec<TcpStream> = Vec::new();
    for turn in 0..1500 {
        let mut stream = target.dial();
        if turn % 2 == 0 {
            stream.write_all(b"GET /api/v1/tasks HTTP/1.1\r\n").unwrap();
        }
        idle.push(stream);
    }
    target.is_unharmed("1500 idle connections");
    // The oldest were put out, not those that had been let in.
    assert_eq!(rest(&idle[0]), b"");
    heard.write_all(alive.as_bytes()).unwrap();
    known.say(&json!({"type": "watch", "tasks": ["0000000000000000"]}));
    assert_eq!(known.hear_of("refused")["error"]["code"], "task_not_found");
    drop(idle);
    target.end();
}

/// What a client sends after its upgrade, and with which code it is put out; else it is told off and heard on.
fn attacks() -> Vec<(&'static str, Vec<u8>, Option<u16>)> {
    const PROTOCOL: Option<u16> = Some(1002);
    const UNSUPPORTED: Option<u16> = Some(1003);
    const INVALID: Option<u16> = Some(1007);
    const POLICY: Option<u16> = Some(1008);
    const SIZE: Option<u16> = Some(1009);
    let fragments: Vec<u8> = std::iter::once(frame(0x01, &[b' '; 1000]))
        .chain((0..5000).map(|_| frame(0x00, &[b' '; 1000])))
        .flatten()
        .collect();
    let announced = |bytes: u64| [&*head(TEXT, bytes, true), b"mask"].concat();
    let mut unmasked = head(TEXT, 2, false);
    unmasked.extend(b"{}");
    vec![
        ("fragments without end", fragments, SIZE),
        ("a frame of 2^62 bytes", announced(1 << 62), SIZE),
        ("a frame of 100 MB", announced(100 << 20), SIZE),
        ("a whole message of 8 MB", frame(TEXT, &vec![b' '; 8 << 20]), SIZE),
        ("an unmasked frame", unmasked, PROTOCOL),
        ("a compressed frame", frame(0xc1, b"\x78\x9c\x01"), PROTOCOL),
        ("a frame of an unknown kind", frame(0x83, b"{}"), PROTOCOL),
        ("a ping in fragments", frame(0x09, b""), PROTOCOL),
        ("a ping that is too long", frame(0x89, &[0; 126]), PROTOCOL),
        ("a fragment of nothing", frame(0x80, b"{}"), PROTOCOL),
        ("a close of one byte", frame(0x88, b"x"), PROTOCOL),
        ("text that is no UTF-8", frame(TEXT, b"\xff\xfe"), INVALID),
        ("binary", frame(0x82, b"{}"), UNSUPPORTED),
        ("nonsense again and again", frame(TEXT, b"{").repeat(65), POLICY),
        ("text that is no JSON", frame(TEXT, b"{"), None),
        ("JSON of another shape", frame(TEXT, b"{\"type\":\"subscribe\"}"), None),
        ("deep JSON", frame(TEXT, &b"[".repeat(100_000)), None),
        (
            "one fragment in many",
            [frame(0x01, b"{"), frame(0x00, b""), frame(0x80, b"")].concat(),
            None,
        ),
    ]
}

#[test]
fn live_clients_that_break_the_protocol_are_told_how_and_put_out() {
    let target = Target::new();
    for (what, bytes, ends) in attacks() {
        let mut client = WebSocket::open_by_network(&target.lab);
        assert_eq!(client.hear_of("hello")["type"], "hello");
        let _may_be_closed_early = client.wire.write_all(&bytes);
        if let Some(code) = ends {
            let since = Instant::now();
            while client.hear() != Heard::Closed {
                assert!(since.elapsed() < EVENT_WAIT, "{what}: still heard");
            }
            let Some((said, reason)) = client.closed_with else { panic!("{what}: no code") };
            assert!(said == code && !reason.is_empty(), "{what}: {said} {reason}");
        } else {
            let refused = client.hear_of("refused");
            assert_eq!(refused["error"]["code"], "invalid_argument", "{what}: {refused}");
        }
        target.is_unharmed(what);
    }
    // A server that leaves says so too.
    let mut client = WebSocket::open_by_network(&target.lab);
    client.hear_of("hello");
    target.end();
    client.hear_of("goodbye");
    assert_eq!(client.hear(), Heard::Closed);
    assert_eq!(client.closed_with.map(|(code, _)| code), Some(1001));
}

#[test]
fn a_stranger_who_tries_token_after_token_is_slowed_down_and_nobody_else_is() {
    let target = Target::new();
    let wrong = request_to(&target.host, ("GET", "/"), "Authorization: Bearer 00\r\n", b"");
    let since = Instant::now();
    let slowed = loop {
        let answer = target.lab.by_network().ask(&wrong);
        if answer.status != 401 {
            break answer;
        }
        assert!(since.elapsed() < PATIENCE, "tokens can be tried for ever");
    };
    assert_eq!((slowed.status, &*slowed.code()), (429, "limit_reached"), "{slowed:?}");
    assert!(slowed.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1, "{slowed:?}");
    target.is_unharmed("a thousand wrong tokens");
    target.end();
}

#[test]
fn an_upgrade_is_refused_without_token_or_with_unknown_protocols() {
    let target = Target::new();
    let bearer = target.lab.credentials();
    let cases = [
        (String::new(), 401),
        ("Sec-WebSocket-Protocol: axiom.v1\r\n".to_owned(), 401),
        (format!("{bearer}Sec-WebSocket-Protocol: axiom.v9\r\n"), 400),
        (format!("Sec-WebSocket-Protocol: axiom.bearer.{}\r\n", target.lab.token()), 400),
        (format!("{bearer}Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101),
        (bearer.clone(), 101),
    ];
    for (headers, status) in cases {
        let mut stream = target.dial();
        stream.write_all(upgrade(&target.host, &headers).as_bytes()).unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).unwrap();
        let answer = Answer::parse(&answer[..read]);
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        assert_eq!(answer.header("sec-websocket-extensions"), None, "{answer:?}");
        let said = answer.header("sec-websocket-protocol").unwrap_or_default();
        assert!(!said.contains("bearer"), "{answer:?}");
    }
    target.end();
}
