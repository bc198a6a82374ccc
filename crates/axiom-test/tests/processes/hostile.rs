//! Every attack through every exit: printed by a task and given as its arguments, then looked at in each way there is, mostly
//! on a terminal. docs/security.md has the table of what comes out; this test finds it, and that nothing in it acts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axiom_proto::frame::{Frame, FrameKind, Header};
use axiom_screen::{Answers, Screen, Size};
use serde_json::json;

use crate::hostile_judge::{Attack, Own, attacks, offence};
use crate::lab::{EVENT_WAIT, Lab};
use crate::tty::Seat;
use crate::websocket::WebSocket;
use crate::wire::request_to;

/// Wide enough for a whole command line, so that nothing is cut away before it is judged.
const COLUMNS: u16 = 1_000;
/// High enough for a row for each attack, and for each program that could not be run.
const ROWS: u16 = 300;

/// Attacks that are tried at once: most of the time is spent on starting programs and waiting for them.
const SHARES: usize = 4;

/// Where the table begins and ends in docs/security.md.
const TABLE: (&str, &str) =
    ("<!-- table of attacks: begin -->\n", "<!-- table of attacks: end -->\n");

/// Says to write the table anew.
const RENEW: &str = "AXIOM_TEST_RENEW";

/// The exits, as the table's columns.
const EXITS: &[&str] = &[
    "logs",
    "logs -f",
    "stream",
    "run --each",
    "replay",
    "attach",
    "export text",
    "export svg",
    "asciicast",
    "ps",
    "ps -w",
    "show",
    "messages",
    "--json",
    "/output",
    "/screen",
    "/events",
    "/live",
];

/// What came out of an exit of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Remains {
    Nothing,
    Text,
    /// Sequences that draw.
    Looks,
    /// Escapes of JSON or XML.
    Escaped,
    /// Every byte, in a message of bytes.
    Bytes,
}

impl Remains {
    fn mark(self) -> &'static str {
        match self {
            Self::Nothing => "–",
            Self::Text => "text",
            Self::Looks => "looks",
            Self::Escaped => "escaped",
            Self::Bytes => "bytes",
        }
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Findings {
    cells: BTreeMap<(usize, &'static str), Remains>,
    offences: Vec<String>,
    /// Where no mark was found.
    unmarked: Vec<(usize, &'static str)>,
}

impl Findings {
    /// Judges what an exit sent, and finds what is left of these attacks in it.
    fn take(&mut self, exit: &'static str, own: Own, bytes: &[u8], attacks: &[Attack]) {
        if let Some(offence) = offence(bytes, own) {
            let whose = attacks.iter().map(|attack| attack.name).next().unwrap_or_default();
            let all = if attacks.len() > 1 { " and others" } else { "" };
            self.offences.push(format!("{exit}, {whose}{all}: {offence}"));
        }
        let text = String::from_utf8_lossy(bytes);
        let text = if exit == "export svg" { drawn(&text) } else { text.into_owned() };
        for attack in attacks {
            let Some(remains) = attack.remains(&text) else {
                // Messages may not repeat it; on a screen it may have drawn over its own mark.
                let remains = if exit == "messages" { Remains::Nothing } else { Remains::Text };
                self.note(attack, exit, remains);
                self.unmarked.push((attack.number, exit));
                continue;
            };
            let is_escaped = ["\\u", "\\r", "\\b"];
            let is_xml = exit == "export svg" && remains.contains(['<', '&']);
            let remains = match remains {
                "" => Remains::Nothing,
                drawn if drawn.contains('\u{1b}') => Remains::Looks,
                coded if is_xml || is_escaped.iter().any(|escape| coded.contains(escape)) => {
                    Remains::Escaped
                }
                _ => Remains::Text,
            };
            self.note(attack, exit, remains);
        }
    }

    /// Of several looks by one exit the one that shows most counts.
    fn note(&mut self, attack: &Attack, exit: &'static str, remains: Remains) {
        let cell = self.cells.entry((attack.number, exit)).or_insert(remains);
        *cell = remains.max(*cell);
    }
}

/// The text of a picture's elements.
fn drawn(svg: &str) -> String {
    let texts =
        svg.lines().filter_map(|line| line.trim_end().strip_suffix("</text>")?.split_once('>'));
    let text: String = texts.map(|(_, text)| text).collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn seat(command: Command) -> Seat {
    Seat::open_sized(command, COLUMNS, ROWS)
}

/// What a person's terminal gets of a verb.
fn on_terminal(lab: &Lab, args: &[&std::ffi::OsStr]) -> Vec<u8> {
    let mut command = lab.command(args);
    command.env("NO_COLOR", "1");
    let mut seat = seat(command);
    seat.wait_for_exit();
    seat.bytes().to_vec()
}

/// A task for each attack, which prints what it is given as an argument.
fn spawned(lab: &Lab, attacks: &[Attack]) -> Vec<String> {
    let spawn = |attack: &Attack| {
        let name = format!("attack-{}", attack.number);
        let mut command = lab.command(&["spawn", "--json", "-n", &name, "--"]);
        command.args(["sh", "-c", "printf '%s\\n' \"$1\"", "sh"]).arg(attack.marked());
        let answer = crate::cli::finish(&mut command, b"").ok().json();
        answer["tasks"][0]["id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<String> = attacks.iter().map(spawn).collect();
    for id in &ids {
        assert_eq!(lab.wait(&[id]).code(), 0);
    }
    ids
}

#[test]
fn no_attack_reaches_anybody_by_any_exit() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    lab.spawn(&["--", "true"]);
    let attacks = attacks();
    let mut findings = Findings::default();
    let mut events = listen(&lab);
    let ids = spawned(&lab, &attacks);
    let found = Mutex::new(&mut findings);
    let each: Vec<_> = attacks.iter().zip(&ids).collect();
    std::thread::scope(|scope| {
        for share in each.chunks(each.len().div_ceil(SHARES)) {
            scope.spawn(|| share.iter().for_each(|(attack, id)| alone(&lab, attack, id, &found)));
        }
    });
    let heard = events.until(&attacks[attacks.len() - 1]);
    findings.take("/events", Own::Text, &heard, &attacks);
    together(&lab, &attacks, &ids, &mut findings);
    lab.shut_down();
    for exit in EXITS {
        let unmarked = findings.unmarked.iter().filter(|(_, other)| other == exit).count();
        assert!(unmarked < attacks.len() / 2, "{exit} shows hardly any: {:?}", findings.unmarked);
    }
    let offences = findings.offences.join("\n");
    assert!(offences.is_empty(), "{} offence(s):\n{offences}\n", findings.offences.len());
    check_table(&table(&attacks, &findings));
}

/// One attack through the exits that show one task.
fn alone(lab: &Lab, attack: &Attack, id: &str, all: &Mutex<&mut Findings>) {
    let mut findings = Findings::default();
    one_by_one(lab, attack, id, &mut findings);
    attached(lab, attack, &mut findings);
    live(lab, attack, id, &mut findings);
    by_http(lab, attack, id, &mut findings);
    messages(lab, attack, &mut findings);
    let mut all = all.lock().unwrap();
    all.cells.append(&mut findings.cells);
    all.offences.append(&mut findings.offences);
    all.unmarked.append(&mut findings.unmarked);
}

/// The exits that show one task.
fn one_by_one(lab: &Lab, attack: &Attack, id: &str, findings: &mut Findings) {
    let exits: [(&str, Own, &[&str]); 8] = [
        ("logs", Own::Text, &["logs", id]),
        ("logs -f", Own::Text, &["logs", "-f", id]),
        ("replay", Own::Drawing, &["replay", "--speed", "max", id]),
        ("export text", Own::Text, &["export", "--format", "text", id]),
        ("export svg", Own::Text, &["export", "--format", "svg", "-o", "-", id]),
        ("asciicast", Own::Text, &["export", "-o", "-", id]),
        ("show", Own::Text, &["show", id]),
        ("--json", Own::Text, &["show", "--json", id]),
    ];
    for (exit, own, args) in exits {
        let args: Vec<&std::ffi::OsStr> = args.iter().map(std::ffi::OsStr::new).collect();
        let bytes = on_terminal(lab, &args);
        findings.take(exit, own, &bytes, std::slice::from_ref(attack));
    }
}

/// What reaches a viewer who is there while it is printed.
fn attached(lab: &Lab, attack: &Attack, findings: &mut Findings) {
    let size = format!("{COLUMNS}x{ROWS}");
    let mut command = lab.command(&["spawn", "--json", "--size", &size, "--"]);
    let line = "stty -echo; read go; printf '%s\\n' \"$1\"; read go";
    command.args(["sh", "-c", line, "sh"]).arg(attack.marked());
    let answer = crate::cli::finish(&mut command, b"").ok().json();
    let id = answer["tasks"][0]["id"].as_str().unwrap();
    let mut viewer = seat(lab.command(&["attach", id]));
    viewer.wait_for("\u{1b}[?1049h");
    viewer.type_text("\r");
    let printed = [attack.marked().as_encoded_bytes(), b"\n"].concat();
    let printed = on_its_terminal(&printed);
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        let raw = lab.asked("GET", &format!("/api/v1/tasks/{id}/output?view=raw"), b"");
        let screen = lab.asked("GET", &format!("/api/v1/tasks/{id}/screen"), b"").json();
        if raw.body.ends_with(&printed) && shown(viewer.bytes()) == screen["rows"] {
            break;
        }
        assert!(Instant::now() < deadline, "attach does not show {:?}", attack.name);
        let _more: bool = viewer.read_until(Instant::now() + Duration::from_millis(20));
    }
    viewer.type_text("\u{1d}d");
    assert_eq!(viewer.wait_for_exit(), 0);
    findings.take("attach", Own::Painting, viewer.bytes(), std::slice::from_ref(attack));
    lab.axiom(&["stop", id]).ok();
}

/// The rows of a terminal that got these bytes.
fn shown(bytes: &[u8]) -> serde_json::Value {
    let mut screen = Screen::new(Size::nearest(COLUMNS.into(), ROWS.into()));
    screen.feed(bytes, &mut Answers::default());
    screen.view().rows.into_iter().map(|row| row.text).collect()
}

/// What a terminal makes of newlines.
fn on_its_terminal(bytes: &[u8]) -> Vec<u8> {
    let newline = |byte: &u8| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] };
    bytes.iter().flat_map(newline).collect()
}

/// The live connection: for programs, to which every byte goes, in messages of bytes and in no other.
fn live(lab: &Lab, attack: &Attack, id: &str, findings: &mut Findings) {
    let mut socket = WebSocket::open_by_network(lab);
    socket.say(&json!({"type": "watch", "tasks": [id]}));
    socket.subscribe(1, id, &json!("start"));
    let (mut texts, mut output) = (Vec::new(), Vec::new());
    loop {
        let (kind, message) = socket.hear_bytes().expect("it ends with the task");
        if kind == 1 {
            texts.extend_from_slice(&message);
            texts.push(b'\n');
            if serde_json::from_slice::<serde_json::Value>(&message).unwrap()["type"] == "ended" {
                break;
            }
            continue;
        }
        let mut frames = &message[4..];
        while !frames.is_empty() {
            let (frame, rest) = frames.split_at(Header::decode(frames).unwrap().frame_bytes());
            let frame = Frame::decode(frame).unwrap();
            if frame.header.kind == FrameKind::Output {
                output.extend_from_slice(frame.payload);
            }
            frames = rest;
        }
    }
    findings.offences.extend(offence(&texts, Own::Text).map(|said| format!("/live: {said}")));
    let raw = lab.asked("GET", &format!("/api/v1/tasks/{id}/output?view=raw"), b"").body;
    assert!(output == raw && !raw.is_empty(), "/live, {}: other bytes than printed", attack.name);
    findings.note(attack, "/live", Remains::Bytes);
}

fn by_http(lab: &Lab, attack: &Attack, id: &str, findings: &mut Findings) {
    for (exit, path) in [("/output", "output?view=text"), ("/screen", "screen")] {
        let answer = lab.asked("GET", &format!("/api/v1/tasks/{id}/{path}"), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        findings.take(exit, Own::Text, &answer.body, std::slice::from_ref(attack));
    }
}

/// Messages that repeat what somebody typed: a name, a file, a program, a word that is no option.
fn messages(lab: &Lab, attack: &Attack, findings: &mut Findings) {
    let word = attack.marked();
    let path = {
        let mut path = std::ffi::OsString::from("/nowhere/");
        path.push(&word);
        path
    };
    let others: [(&str, &std::ffi::OsStr); 6] = [
        ("logs", &word),
        ("stop", &word),
        ("wait", &word),
        ("replay", &path),
        ("export", &word),
        ("doctor", &word),
    ];
    // All of them by two verbs, and each of the others with some.
    let other = others[attack.number % others.len()];
    for (verb, word) in [("show", word.as_os_str()), ("run", &path), other] {
        let bytes = on_terminal(lab, &[std::ffi::OsStr::new(verb), word]);
        findings.take("messages", Own::Drawing, &bytes, std::slice::from_ref(attack));
    }
    let named = ["spawn".as_ref(), "-n".as_ref(), word.as_os_str(), "--".as_ref(), "true".as_ref()];
    let bytes = on_terminal(lab, &named);
    findings.take("messages", Own::Drawing, &bytes, &[]);
}

/// The exits that show all of them.
fn together(lab: &Lab, attacks: &[Attack], ids: &[String], findings: &mut Findings) {
    let mut stream = lab.command(&["logs", "-f"]);
    let mut stream = seat({
        stream.args(ids);
        stream
    });
    stream.wait_for_exit();
    findings.take("stream", Own::Drawing, stream.bytes(), attacks);
    let mut each = lab.command(&["run", "--each"]);
    for attack in attacks {
        let file = printed_by_cat(lab, attack);
        each.arg(format!("cat '{}'", file.display()));
    }
    let mut each = seat(each);
    each.wait_for_exit();
    findings.take("run --each", Own::Drawing, each.bytes(), attacks);
    let all = ["ps".as_ref(), "--all".as_ref()];
    findings.take("ps", Own::Text, &on_terminal(lab, &all), attacks);
    let mut watched = seat(lab.command(&["ps", "-w", "--all"]));
    watched.wait_for("<0:");
    watched.wait_for(&format!("<{}:", attacks.len() - 1));
    watched.type_text("\u{3}");
    watched.wait_for_exit();
    findings.take("ps -w", Own::Drawing, watched.bytes(), attacks);
    for args in [&["ps", "--all", "--json"][..], &["logs", "-f", "--json"]] {
        let mut command = lab.command(args);
        if args[0] == "logs" {
            command.args(ids);
        }
        let printed = crate::cli::finish(&mut command, b"").ok().stdout;
        findings.take("--json", Own::Text, &printed, attacks);
    }
}

/// A file of the attack's bytes between its marks.
fn printed_by_cat(lab: &Lab, attack: &Attack) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let file = lab.home().join(format!("attack-{}", attack.number));
    fs::write(&file, [attack.marked().as_bytes(), b"\n"].concat()).unwrap();
    file
}

/// Events as they come over HTTP.
struct Events {
    wire: Box<dyn crate::wire::Wire>,
    heard: Vec<u8>,
}

fn listen(lab: &Lab) -> Events {
    let host = format!("127.0.0.1:{}", lab.port().unwrap());
    let request = request_to(&host, ("GET", "/api/v1/events"), &lab.credentials(), b"");
    // An answer without chunks: it ends with the connection.
    let request = String::from_utf8(request).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    let mut wire = lab.by_network().dial_patiently(EVENT_WAIT);
    wire.write_all(request.as_bytes()).unwrap();
    let mut events = Events { wire, heard: Vec::new() };
    events.read_until("\r\n\r\n");
    events.heard.clear();
    events
}

impl Events {
    fn until(&mut self, attack: &Attack) -> Vec<u8> {
        let name = format!("\"attack-{}\"", attack.number);
        self.read_until(&name);
        self.read_until("task.ended");
        std::mem::take(&mut self.heard)
    }

    fn read_until(&mut self, text: &str) {
        let deadline = Instant::now() + EVENT_WAIT;
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&self.heard).contains(text) {
            assert!(Instant::now() < deadline, "waited in vain for {text:?}");
            let len = self.wire.read(&mut buffer).unwrap();
            assert!(len > 0, "the events end before {text:?}");
            self.heard.extend_from_slice(&buffer[..len]);
        }
    }
}

fn table(attacks: &[Attack], findings: &Findings) -> String {
    let mut text = format!("| Attack | Known from | {} |\n|---|---|", EXITS.join(" | "));
    text.push_str(&"---|".repeat(EXITS.len()));
    text.push('\n');
    for attack in attacks {
        let cell = |exit: &&'static str| findings.cells[&(attack.number, *exit)].mark();
        let cells: Vec<&str> = EXITS.iter().map(cell).collect();
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            attack.name,
            attack.source,
            cells.join(" | ")
        ));
    }
    text
}

fn check_table(found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(TABLE.0).unwrap();
    let (written, after) = rest.split_once(TABLE.1).unwrap();
    if std::env::var_os(RENEW).is_some() {
        fs::write(&path, [before, TABLE.0, found, TABLE.1, after].concat()).unwrap();
        return;
    }
    assert_eq!(found, written, "docs/security.md is of another day: run this with {RENEW}=1");
}
