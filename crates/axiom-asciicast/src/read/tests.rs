//! What a reader of asciicasts takes, and what it refuses with which words.

use super::*;

fn read(text: &str) -> Result<Vec<Event>, BadLine> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for line in text.lines() {
        events.extend(reader.line(line.as_bytes())?);
    }
    Ok(events)
}

fn output(at: u64, text: &str) -> Event {
    Event { at: Micros(at), what: What::Output(text.to_owned().into()) }
}

const TWO: &str = r#"{"version": 2, "width": 80, "height": 24}"#;
const THREE: &str = r#"{"version": 3, "term": {"cols": 80, "rows": 24}}"#;

#[test]
fn times_of_version_2_count_from_the_start_and_those_of_version_3_from_the_event_before() {
    let events = "\n[0.1, \"o\", \"a\"]\n[0.25, \"o\", \"b\"]";
    let two = read(&format!("{TWO}{events}")).unwrap();
    assert_eq!(two, [output(100_000, "a"), output(250_000, "b")]);
    let three = read(&format!("{THREE}{events}")).unwrap();
    assert_eq!(three, [output(100_000, "a"), output(350_000, "b")]);
}

#[test]
fn every_kind_of_event_is_read_and_unknown_ones_count_for_the_time_only() {
    let text = format!(
        "{THREE}\n# a comment\n[1, \"i\", \"\\u0003\"]\n[1, \"z\", {{\"new\": 1}}]\n[1, \"r\", \"100x50\"]\n\
         [0, \"m\", \"here\"]\n\n[0.000001, \"x\", \"130\"]\r"
    );
    let what = |at, what| Event { at: Micros(at), what };
    assert_eq!(
        read(&text).unwrap(),
        [
            what(1_000_000, What::Input("\u{3}".into())),
            what(3_000_000, What::Resized(Size { cols: 100, rows: 50 })),
            what(3_000_000, What::Marker("here".into())),
            what(3_000_001, What::Exited(130)),
        ]
    );
}

#[test]
fn the_head_says_size_and_the_longest_pause() {
    let mut reader = Reader::default();
    assert_eq!(reader.header(), None);
    let head = br#"{"version":2,"width":100,"height":30,"idle_time_limit":1.5,"theme":{"x":[1]}}"#;
    assert_eq!(reader.line(head), Ok(None));
    let size = Size { cols: 100, rows: 30 };
    assert_eq!(reader.header(), Some(Header { size, idle_max: Some(Micros(1_500_000)) }));
}

/// What is wrong with a text, as it is told.
fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn what_is_no_recording_is_refused_at_its_first_line() {
    for text in ["hello", "[1,2]", "{\"name\":1}", "{", "\u{7f}ELF", "{\"version\": 1}", "\n"] {
        assert!(refusal(text).starts_with("line 1: this is no asciicast"), "{text:?}");
    }
    for version in ["4", "0", "-1", "\"2\"", "2.5", "null"] {
        let said = refusal(&format!("{{\"version\":{version},\"width\":1,\"height\":1}}"));
        assert!(said.starts_with(&format!("line 1: an asciicast of version {version}")), "{said}");
    }
}

#[test]
fn a_terminal_that_cannot_be_is_refused() {
    for (cols, rows) in [("0", "24"), ("80", "0"), ("10000001", "1"), ("-1", "1"), ("\"8\"", "1")] {
        let two = format!("{{\"version\":2,\"width\":{cols},\"height\":{rows}}}");
        assert!(refusal(&two).contains("is no terminal's size"), "{two}");
        let three = format!("{{\"version\":3,\"term\":{{\"cols\":{cols},\"rows\":{rows}}}}}");
        assert!(refusal(&three).contains("is no terminal's size"), "{three}");
    }
    assert!(refusal("{\"version\":3}").contains("nothingxnothing"));
    for size in ["0x0", "80", "x", "80x", "99999x1", "-1x5", "80x24x2"] {
        let said = refusal(&format!("{TWO}\n[1,\"r\",\"{size}\"]"));
        assert!(said.starts_with("line 2: ") && said.contains(size), "{said}");
    }
}

#[test]
fn a_time_that_cannot_be_is_refused_with_its_line() {
    for (time, words) in [
        ("NaN", "not an event"),
        ("-0.1", "-0.1 is no time"),
        ("1e999", "not an event"),
        ("1e300", "is no time"),
        ("\"1\"", "not an event"),
        ("null", "not an event"),
    ] {
        for head in [TWO, THREE] {
            let said = refusal(&format!("{head}\n[0,\"o\",\"\"]\n[{time},\"o\",\"\"]"));
            assert!(said.starts_with("line 3: ") && said.contains(words), "{time}: {said}");
        }
    }
    let said = refusal(&format!("{TWO}\n[2,\"o\",\"\"]\n[1.5,\"i\",\"\"]"));
    let expected =
        "line 3: its time, 1.500000 s, is before that of the event before it, 2.000000 s";
    assert_eq!(said, expected);
}

#[test]
fn a_line_that_is_no_event_is_refused_with_its_number_and_column() {
    for line in
        ["x", "[1,\"o\"]", "[1,\"o\",\"", "[1,\"o\",5]", "{}", "[1,2,3]", "[1,\"x\",\"no\"]"]
    {
        let said = refusal(&format!("{TWO}\n{line}"));
        assert!(said.starts_with("line 2: not an event"), "{line}: {said}");
        assert!(!said.contains("at line 1"), "{said}");
    }
    let mut reader = Reader::default();
    reader.line(TWO.as_bytes()).unwrap();
    assert!(reader.line(b"[1,\"o\",\"\xff\"]").is_err());
    assert_eq!(reader.next_line(), 3);
}

#[test]
fn what_is_said_of_a_bad_line_is_short_however_long_the_line_is() {
    let said = refusal(&format!("{TWO}\n\"{}\"", "\\u001b[2m".repeat(1000)));
    assert!(said.len() < 400 && said.contains("… at column"), "{said}");
}

#[test]
fn any_bytes_are_an_event_or_an_error_and_never_a_panic() {
    let line = br#"[1.5, "o", "a\u00e9\n\ud83e\udd80"]"#;
    for cut in 0..line.len() {
        for byte in [0, b'"', b'\\', b'[', b'9', b'e', 0x80, 0xff] {
            let mut damaged = line.to_vec();
            damaged[cut] = byte;
            for piece in [&damaged[..], &damaged[..cut], &damaged[cut..]] {
                let mut reader = Reader::default();
                reader.line(TWO.as_bytes()).unwrap();
                drop(reader.line(piece));
                drop(Reader::default().line(piece));
            }
        }
    }
}
