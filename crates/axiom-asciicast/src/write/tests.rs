//! What is written of events, line by line, and that it is read again as it was.

use serde_json::{Value, json};

use super::super::Reader;
use super::*;

fn at(micros: u64, what: What) -> Event {
    Event { at: Micros(micros), what }
}

fn output(bytes: &[u8]) -> What {
    What::Output(bytes.to_vec().into())
}

fn written(form: Form, mode: Mode, events: &[Event]) -> (String, Writer) {
    let mut writer = Writer::new(form, mode);
    let mut lines = String::new();
    for event in events {
        writer.event(event, &mut lines);
    }
    writer.finish(&mut lines);
    (lines, writer)
}

fn sample() -> Vec<Event> {
    vec![
        at(1_500, output("é\u{1b}[1m\u{9b}2J\u{202e}\u{7f}\r\n".as_bytes())),
        at(1_500, What::Input(b"\x03".to_vec().into())),
        at(2_000_001, What::Resized(Size { cols: 100, rows: 50 })),
        at(2_000_001, What::Marker("interrupt: \"why\"".to_owned())),
        at(3_000_000, What::Exited(130)),
    ]
}

#[test]
fn version_2_has_times_since_the_start_and_nothing_that_acts() {
    let (lines, _) = written(Form::Two, Mode::Terminal, &sample());
    let expected = r#"[0.001500, "o", "é\u001b[1m\u009b2J\u202e\u007f\r\n"]
[0.001500, "i", "\u0003"]
[2.000001, "r", "100x50"]
[2.000001, "m", "interrupt: \"why\""]
[3.000000, "m", "exit 130"]
"#;
    assert_eq!(lines, expected);
}

#[test]
fn version_3_has_times_between_events_and_the_exit() {
    let (lines, _) = written(Form::Three, Mode::Terminal, &sample()[1..]);
    let expected = r#"[0.001500, "i", "\u0003"]
[1.998501, "r", "100x50"]
[0.000000, "m", "interrupt: \"why\""]
[0.999999, "x", "130"]
"#;
    assert_eq!(lines, expected);
}

#[test]
fn the_head_has_what_is_known() {
    let opening = Opening {
        size: Size { cols: 120, rows: 40 },
        timestamp: Some(1_795_233_833),
        command: "sh -c 'a\u{9b}b'".to_owned(),
        title: Some("x".to_owned()),
        term: Some("xterm".to_owned()),
        shell: Some("/bin/zsh".to_owned()),
    };
    let head = |form, opening: &Opening| {
        let mut lines = String::new();
        Writer::new(form, Mode::Terminal).header(opening, &mut lines);
        assert!(lines.starts_with("{\"version\":"), "{lines}");
        assert!(lines.ends_with('\n') && !lines.contains('\u{9b}'), "{lines}");
        serde_json::from_str::<Value>(&lines).unwrap()
    };
    assert_eq!(
        head(Form::Two, &opening),
        json!({"version": 2, "width": 120, "height": 40, "timestamp": 1_795_233_833,
            "command": "sh -c 'a\u{9b}b'", "title": "x", "env": {"TERM": "xterm", "SHELL": "/bin/zsh"}})
    );
    assert_eq!(
        head(Form::Three, &opening),
        json!({"version": 3, "term": {"cols": 120, "rows": 40, "type": "xterm"},
            "timestamp": 1_795_233_833, "command": "sh -c 'a\u{9b}b'", "title": "x",
            "env": {"SHELL": "/bin/zsh"}})
    );
    let unknown = Opening { title: None, timestamp: None, term: None, shell: None, ..opening };
    assert_eq!(
        head(Form::Three, &unknown),
        json!({"version": 3, "term": {"cols": 120, "rows": 40}, "command": "sh -c 'a\u{9b}b'"})
    );
}

#[test]
fn what_is_written_is_read_again_to_the_microsecond() {
    for form in [Form::Two, Form::Three] {
        let mut events = sample();
        let exit = events.pop().unwrap();
        // Times that no sum of floating numbers gives back exactly.
        for step in 0..5_000_u64 {
            events.push(at(3_000_000 + step * 333_333, output(b"x")));
        }
        events.push(at(9_999_999_999, exit.what));
        let (lines, writer) = written(form, Mode::Terminal, &events);
        let mut text = String::new();
        writer.header(&Opening::default(), &mut text);
        text.push_str(&lines);
        let mut reader = Reader::default();
        let read: Vec<Event> =
            text.lines().filter_map(|line| reader.line(line.as_bytes()).unwrap()).collect();
        let expected: Vec<Event> = events
            .into_iter()
            .map(|event| match (form, event.what) {
                (Form::Two, What::Exited(_)) => at(event.at.0, What::Marker("exit 130".to_owned())),
                (Form::Two | Form::Three, what) => at(event.at.0, what),
            })
            .collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn the_exit_stands_last_also_where_output_was_read_after_it() {
    let events = [at(1, What::Exited(0)), at(5, output(b"late"))];
    let (lines, _) = written(Form::Three, Mode::Terminal, &events);
    assert_eq!(lines, "[0.000005, \"o\", \"late\"]\n[0.000000, \"x\", \"0\"]\n");
}

#[test]
fn a_character_that_is_split_over_events_is_joined_and_streams_do_not_mix() {
    let events = [
        at(1, output(b"a\xe4\xbd")),
        at(2, What::ErrorOutput(b"\xc3".to_vec().into())),
        at(3, What::Input(b"\xf0\x9f".to_vec().into())),
        at(4, output(b"\xa0")),
        at(5, What::ErrorOutput(b"\xa9!".to_vec().into())),
        at(6, What::Input(b"\xa6\x80".to_vec().into())),
    ];
    let (lines, writer) = written(Form::Two, Mode::Pipes, &events);
    let expected = "[0.000001, \"o\", \"a\"]\n[0.000004, \"o\", \"你\"]\n\
                    [0.000005, \"o\", \"é!\"]\n[0.000006, \"i\", \"🦀\"]\n";
    assert_eq!(lines, expected);
    assert_eq!(writer.broken(), [&Broken::default(), &Broken::default()]);
}

#[test]
fn what_is_no_text_is_replaced_and_counted_and_a_character_without_its_end_is_written_last() {
    let (lines, writer) = written(
        Form::Three,
        Mode::Terminal,
        &[at(1, output(b"a\xffb")), at(9, output(b"\xe4\xbd"))],
    );
    assert_eq!(lines, "[0.000001, \"o\", \"a\u{fffd}b\"]\n[0.000000, \"o\", \"\u{fffd}\"]\n");
    let [output, input] = writer.broken();
    assert_eq!((output.bytes, &output.places[..], input.bytes), (3, &[1, 3][..], 0));
}

#[test]
fn newlines_of_pipes_are_written_as_a_terminal_shows_them() {
    let (lines, _) = written(Form::Two, Mode::Pipes, &[at(0, output(b"a\nb\n"))]);
    assert_eq!(lines, "[0.000000, \"o\", \"a\\r\\nb\\r\\n\"]\n");
}
