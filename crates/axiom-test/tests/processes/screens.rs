//! The picture of a task's terminal, beside what an independent terminal makes of the same bytes.

use std::time::Instant;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::lab::{EVENT_WAIT, Lab};

/// Draws on the alternate page, in colours, with wide and combining characters, then waits.
const PAINTER: &str = r#"
import sys
def out(text):
    sys.stdout.buffer.write(text.encode()); sys.stdout.flush()
out("before\r\n\x1b]2;a title\x07\x1b[?1049h\x1b[2J\x1b[3;5H\x1b[1;31mred\x1b[0m")
out("\x1b[10;70Hwraps over the edge\x1b[15;1H漢字 e\u0301 ok\x1b[5;10r\x1b[10;1Hlast\n\nscrolled\x1b[r")
out("\x1b[20;1Hdone\x1b[12;34H")
sys.stdin.readline()
out("\x1b[?1049lafter\r\n")
sys.stdin.readline()
"#;

/// Asks for the screen until a row holds this.
fn screen_with(lab: &Lab, id: &str, text: &str) -> Value {
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        let answer = lab.asked("GET", &format!("/api/v1/tasks/{id}/screen?dump=true"), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        let screen = answer.json();
        if rows(&screen).iter().any(|row| row.contains(text)) {
            return screen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {text:?} in {screen}");
    }
}

fn rows(screen: &Value) -> Vec<String> {
    let rows = screen["rows"].as_array().unwrap();
    rows.iter().map(|row| row.as_str().unwrap().to_owned()).collect()
}

/// What the other terminal shows.
fn judged(bytes: &[u8], cols: u16, lines: u16) -> (Vec<String>, (u16, u16), bool) {
    let side = |side: u16| side.try_into().unwrap();
    let mut judge = vt100::Parser::new(side(lines), side(cols), 0);
    judge.process(bytes);
    let screen = judge.screen();
    let rows = screen.rows(0, cols).map(|row| row.trim_end().to_owned()).collect();
    (rows, screen.cursor_position(), screen.alternate_screen())
}

fn cursor(screen: &Value) -> (u16, u16) {
    let at = |side: &str| u16::try_from(screen["cursor"][side].as_u64().unwrap()).unwrap();
    (at("row"), at("column"))
}

/// The bytes of a dump, which JSON has as text or, where they are none, in base64.
fn dump(screen: &Value) -> Vec<u8> {
    let dump = &screen["dump"];
    if let Some(text) = dump.as_str() {
        return text.as_bytes().to_owned();
    }
    let coded = dump["base64"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(coded).unwrap()
}

fn raw(lab: &Lab, id: &str) -> Vec<u8> {
    lab.axiom(&["logs", "--view", "raw", id]).ok().stdout
}

#[test]
fn a_screen_is_what_another_terminal_makes_of_the_same_output() {
    let lab = Lab::new();
    let id = lab.spawn(&["--size", "80x24", "--", "python3", "-c", PAINTER]);
    for text in ["done", "after"] {
        let screen = screen_with(&lab, &id, text);
        let (expected, at, alternate) = judged(&raw(&lab, &id), 80, 24);
        assert_eq!(rows(&screen), expected, "{text}");
        assert_eq!(cursor(&screen), at, "{text}");
        assert_eq!(screen["alternate"], json!(alternate), "{text}");
        assert_eq!(screen["title"], "a title");
        assert_eq!(judged(&dump(&screen), 80, 24), (expected, at, alternate), "the dump, {text}");
        lab.kill_server();
        lab.axiom(&["ps"]).ok();
        let again = screen_with(&lab, &id, text);
        assert_eq!(again, screen, "the next server's picture");
        lab.axiom(&["send", &id, ""]).ok();
    }
    assert_eq!(lab.wait(&[&id]).code(), 0);
    let last = screen_with(&lab, &id, "after");
    assert!(rows(&last).iter().any(|row| row == "before"), "an ended task keeps its picture");
    lab.shut_down();
}

#[test]
fn a_screen_has_the_size_that_the_terminal_was_given() {
    let lab = Lab::new();
    let id = lab.spawn(&["--size", "40x5", "--", "sh", "-c", "seq 1 20; echo up; read go"]);
    let small = screen_with(&lab, &id, "up");
    assert_eq!(small["size"], json!({"cols": 40, "rows": 5}));
    assert_eq!(rows(&small), ["18", "19", "20", "up", ""]);
    let resize = json!({"size": {"cols": 100, "rows": 10}}).to_string();
    let path = format!("/api/v1/tasks/{id}/resize");
    assert_eq!(lab.asked("POST", &path, resize.as_bytes()).status, 200);
    let large = screen_with(&lab, &id, "up");
    assert_eq!(large["size"], json!({"cols": 100, "rows": 10}));
    // What scrolled off does not come back: the picture is the same whether it is made from the start or from a keyframe.
    assert_eq!(rows(&large)[..5], ["18", "19", "20", "up", ""], "{large}");
    assert_eq!(rows(&large).len(), 10);
    lab.shut_down();
}

#[test]
fn what_has_no_terminal_has_no_screen_and_what_has_not_printed_a_blank_one() {
    let lab = Lab::new();
    let piped = lab.spawn(&["--no-pty", "--", "echo", "text"]);
    let refused = lab.asked("GET", &format!("/api/v1/tasks/{piped}/screen"), b"");
    assert_eq!((refused.status, refused.code().as_str()), (501, "not_supported"));
    let first = lab.spawn(&["--max-tasks", "1", "--", "sh", "-c", "read go"]);
    let queued = lab.spawn(&["--max-tasks", "1", "--", "true"]);
    for id in [first, queued] {
        let answer = lab.asked("GET", &format!("/api/v1/tasks/{id}/screen"), b"");
        assert!(rows(&answer.json()).iter().all(String::is_empty), "{answer:?}");
    }
    lab.shut_down();
}
