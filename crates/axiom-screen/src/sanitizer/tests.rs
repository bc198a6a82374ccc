//! What passes, what does not, and that the picture stays the same.

use proptest::prelude::*;

use super::*;
use crate::answers::Answers;
use crate::dump::RESET;
use crate::recordings::{Event, recordings};
use crate::samples::output;
use crate::screen::Screen;
use crate::size::Size;
use crate::view::View;

fn harmless(output: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Sanitizer::new().feed(output, &mut bytes);
    bytes
}

fn shown(output: &[u8]) -> String {
    String::from_utf8(harmless(output)).unwrap().escape_debug().to_string()
}

#[test]
fn text_looks_and_movement_pass() {
    for bytes in [
        &b"plain \t text\r\n\x08"[..],
        "漢字 é e\u{301} 👩\u{200d}💻".as_bytes(),
        b"\x1b[1;38;5;200m\x1b[38;2;1;2;3m\x1b[4:3m\x1b[58:2::1:2:3m\x1b[m",
        b"\x1b[2;3H\x1b[A\x1b[5C\x1b[K\x1b[2J\x1b[3L\x1b[2;5r\x1b7\x1b8\x1bM\x1b(0\x1b[s\x1b[u",
        b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?2026h\x1b[?1h\x1b=\x1b[4h",
        b"\x1b[3 q\x1b[!p\x1b[>1u\x1b[<1u\x1b[=5;1u\x1b[>4;2m",
        b"\x1b]2;title\x1b\\\x1b]8;id=1;https://a/b\x1b\\",
    ] {
        assert_eq!(harmless(bytes), bytes, "{}", bytes.escape_ascii());
    }
}

#[test]
fn of_several_modes_the_known_ones_pass() {
    assert_eq!(shown(b"\x1b[?25;3;2048;1004h"), "\\u{1b}[?25h\\u{1b}[?1004h");
    assert_eq!(shown(b"\x1b[?3;40;69;80h\x1b[2h\x1b[12h"), "");
}

#[test]
fn huge_numbers_are_made_small() {
    assert_eq!(shown(b"\x1b[99999999999999C"), "\\u{1b}[9999C");
}

#[test]
fn links_that_could_start_something_lose_their_address() {
    for address in
        ["file:///etc/passwd", "ssh://-oProxyCommand=x", "x-man-page://ls", "javascript:1"]
    {
        let bytes = format!("\x1b]8;;{address}\x07text");
        assert_eq!(harmless(bytes.as_bytes()), b"\x1b]8;;\x1b\\text", "{address}");
    }
}

#[test]
fn a_reset_leaves_what_is_above_the_viewers_screen() {
    let bytes = harmless(b"\x1bc\x1b[3J");
    assert!(!bytes.windows(2).any(|pair| pair == b"\x1bc"), "{}", bytes.escape_ascii());
    assert!(!bytes.windows(3).any(|three| three == b"[3J"), "{}", bytes.escape_ascii());
}

/// Attacks that are known by name, and their kin: the name, and what a hostile program printed.
pub(crate) fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let lines = include_str!("../../tests/hostile.tsv").lines();
    let attack = |line: &'static str| {
        let mut parts = line.split('\t');
        let name = parts.next().unwrap();
        (name, unescaped(parts.nth(1).unwrap()))
    };
    lines.filter(|line| !line.starts_with('#')).map(attack).collect()
}

/// `\\`, `\n`, `\r` and `\xNN` stand for bytes.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match (byte, (byte == b'\\').then(|| bytes.next()).flatten()) {
            (_, Some(b'n')) => b'\n',
            (_, Some(b'r')) => b'\r',
            (_, Some(b'x')) => {
                let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
                u8::try_from(digit() * 16 + digit()).unwrap()
            }
            (_, Some(other)) => other,
            (plain, None) => plain,
        });
    }
    plain
}

/// Only what the sanitizer's list has may be in it. Written apart from the list, as a second opinion.
pub(crate) fn assert_harmless(name: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{name}: no UTF-8"));
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix('\u{1b}') {
            let kind = sequence.chars().next().unwrap_or_else(|| panic!("{name}: an open end"));
            assert!(!"PX^_Zclm\\%& \"G".contains(kind), "{name}: ESC {kind}");
            match kind {
                ']' => {
                    let (string, after) = sequence[1..]
                        .split_once("\u{1b}\\")
                        .unwrap_or_else(|| panic!("{name}: open"));
                    assert!(
                        string.starts_with("2;") || string.starts_with("8;"),
                        "{name}: {string}"
                    );
                    assert!(!string.contains(char::is_control), "{name}: {string:?}");
                    rest = after;
                }
                '[' => {
                    let end = sequence[1..].find(|c: char| ('@'..='~').contains(&c)).unwrap();
                    let last = sequence.as_bytes()[end + 1];
                    assert!(!b"cintxyQR{|}".contains(&last), "{name}: {}", &sequence[..end + 2]);
                    assert!(!sequence[1..=end].contains('$'), "{name}: {}", &sequence[..end + 2]);
                    rest = &sequence[end + 2..];
                }
                _ => rest = &sequence[kind.len_utf8()..],
            }
            continue;
        }
        assert!(
            !character.is_control() || ('\u{7}'..='\u{f}').contains(&character),
            "{name}: {character:?}"
        );
        rest = &rest[character.len_utf8()..];
    }
}

#[test]
fn no_known_attack_reaches_a_viewer() {
    for (name, attack) in &attacks() {
        let passed = harmless(attack);
        assert_harmless(name, &passed);
        let mut answers = Answers::default();
        let mut viewer = Screen::new(Size::new(80, 24).unwrap());
        viewer.feed(&passed, &mut answers);
        assert!(answers.is_empty(), "{name}: {}", passed.escape_ascii());
    }
}

#[test]
fn no_known_attack_makes_the_model_type_what_it_was_told() {
    for (name, attack) in &attacks() {
        let mut answers = Answers::default();
        let mut screen = Screen::new(Size::new(80, 24).unwrap());
        screen.feed(attack, &mut answers);
        let answers = String::from_utf8(answers.take()).unwrap();
        for hidden in ["payload", "7061796C6F6164", "7061796c6f6164", "cGF5bG9hZA"] {
            assert!(!answers.contains(hidden), "{name}: {answers:?}");
        }
        assert!(!answers.contains(['\r', '\n']), "{name}: {answers:?}");
        let view = screen.view();
        assert!(!view.text().contains(|c: char| c.is_control() && c != '\n'), "{name}");
        assert!(!view.title.contains(char::is_control), "{name}");
        assert!(!view.text().contains(is_unseen), "{name}");
        assert_harmless(name, &harmless(&screen.dump()));
    }
}

#[test]
fn of_many_marks_on_a_letter_few_pass() {
    let many = format!("e{}x", "\u{301}".repeat(100_000));
    assert!(harmless(many.as_bytes()).len() < 40);
}

/// The picture without what a viewer is not shown: links that lead elsewhere, and the keyboard's stack.
fn picture(bytes: &[u8]) -> View {
    let mut screen = Screen::new(Size::new(20, 6).unwrap());
    screen.feed(bytes, &mut Answers::default());
    let mut view = screen.view();
    view.title = String::new();
    view.input.key_flags = 0;
    view
}

#[test]
fn recordings_look_the_same() {
    for recording in recordings() {
        let mut original = Screen::new(recording.size);
        let mut viewer = Screen::new(recording.size);
        let mut sanitizer = Sanitizer::new();
        for event in &recording.events {
            match event {
                Event::Output(bytes) => {
                    let mut passed = Vec::new();
                    sanitizer.feed(bytes, &mut passed);
                    assert_harmless(recording.name, &passed);
                    original.feed(bytes, &mut Answers::default());
                    viewer.feed(&passed, &mut Answers::default());
                }
                Event::Resize(size) => {
                    original.resize(*size);
                    viewer.resize(*size);
                }
            }
            assert_eq!(viewer.view(), original.view(), "{}", recording.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn any_output_is_made_harmless_and_looks_the_same(bytes in output()) {
        let passed = harmless(&bytes);
        assert_harmless("random", &passed);
        prop_assert_eq!(harmless(&passed).escape_ascii().to_string(), passed.escape_ascii().to_string());
        prop_assert_eq!(picture(&passed), picture(&bytes));
    }

    #[test]
    fn a_viewer_that_comes_late_sees_the_same(bytes in output()) {
        let mut screen = Screen::new(Size::new(20, 6).unwrap());
        screen.feed(&bytes, &mut Answers::default());
        let passed = harmless(&screen.dump());
        assert_harmless("dump", &passed);
        prop_assert_eq!(picture(&passed), picture(&bytes));
    }

    #[test]
    fn a_reset_takes_back_all_that_passed(bytes in output()) {
        let mut viewer = Screen::new(Size::new(20, 6).unwrap());
        viewer.feed(&harmless(&bytes), &mut Answers::default());
        viewer.feed(RESET, &mut Answers::default());
        let terminal = &viewer.terminal;
        let fresh = &Screen::new(viewer.size()).terminal;
        let (now, before) = (terminal.cursor, fresh.cursor);
        prop_assert!(!terminal.on_alternate);
        prop_assert_eq!((now.pen, now.charsets), (before.pen, before.charsets));
        prop_assert_eq!((terminal.modes, terminal.region), (fresh.modes, fresh.region));
        prop_assert_eq!((terminal.mouse, terminal.mouse_encoding), (fresh.mouse, fresh.mouse_encoding));
        prop_assert_eq!((&terminal.tabs, terminal.other_keys), (&fresh.tabs, fresh.other_keys));
        prop_assert_eq!(terminal.cursor_style, fresh.cursor_style);
        prop_assert_eq!(viewer.view().input, Screen::new(viewer.size()).view().input);
    }

    #[test]
    fn any_chunk_border_gives_the_same_bytes(bytes in output(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(bytes.len() + 1);
        let mut passed = Vec::new();
        let mut sanitizer = Sanitizer::new();
        sanitizer.feed(&bytes[..cut], &mut passed);
        assert_harmless("first part", &passed);
        sanitizer.feed(&bytes[cut..], &mut passed);
        prop_assert_eq!(passed.escape_ascii().to_string(), harmless(&bytes).escape_ascii().to_string());
    }

    #[test]
    fn any_bytes_at_all_are_made_harmless(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        assert_harmless("bytes", &harmless(&bytes));
    }
}
