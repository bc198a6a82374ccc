//! Any output on its way to a viewer: what passes is of a known kind, asks nothing, and draws the same picture.

use axiom_screen::{Answers, Sanitizer, Screen, Size, View};

use crate::script::{Script, Step};

/// Runs one input.
pub(crate) fn run(bytes: &[u8]) {
    let script = Script::read(bytes);
    let output = script.output();
    let passed = harmless(&[&output]);
    assert_only_known(&passed);
    let mut sanitizer = Sanitizer::new();
    let mut in_pieces = Vec::new();
    for step in &script.steps {
        if let Step::Output(piece) = step {
            let before = in_pieces.len();
            sanitizer.feed(piece, &mut in_pieces);
            // Each piece is whole by itself: it may be the last one that a viewer gets.
            assert_only_known(&in_pieces[before..]);
        }
    }
    assert_eq!(shown(&in_pieces), shown(&passed), "another cut lets something else pass");
    assert_eq!(shown(&harmless(&[&passed])), shown(&passed), "a second time something is left out");
    let mut answers = Answers::default();
    let mut viewer = Screen::new(script.size);
    viewer.feed(&passed, &mut answers);
    assert!(answers.is_empty(), "a viewer's terminal answers {}", shown(&answers.take()));
    assert_eq!(picture(&viewer), picture(&fed(script.size, &output)), "another picture");
}

fn harmless(pieces: &[&[u8]]) -> Vec<u8> {
    let mut passed = Vec::new();
    let mut sanitizer = Sanitizer::new();
    pieces.iter().for_each(|piece| sanitizer.feed(piece, &mut passed));
    passed
}

fn fed(size: Size, output: &[u8]) -> Screen {
    let mut screen = Screen::new(size);
    screen.feed(output, &mut Answers::default());
    screen
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The picture without what is kept from viewers: where links lead, and the keyboard's stack.
fn picture(screen: &Screen) -> View {
    let mut view = screen.view();
    view.title = String::new();
    view.input.key_flags = 0;
    for row in &mut view.rows {
        row.runs.clear();
    }
    view
}

/// Text, and sequences of the kinds that may pass. Written apart from the sanitizer's list, as a second opinion.
fn assert_only_known(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("no UTF-8: {}", shown(bytes)));
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '\u{1b}' => after_sequence(after),
            '\u{7}'..='\u{f}' => after,
            _ => {
                assert!(!crate::screen::acts(character), "{character:?} passed");
                after
            }
        };
    }
}

/// What follows a sequence, of which ESC is gone.
fn after_sequence(sequence: &str) -> &str {
    let (kind, rest) = sequence.split_at_checked(1).unwrap_or_else(|| panic!("ESC at the end"));
    match kind {
        "]" => {
            let (string, after) = rest.split_once("\u{1b}\\").expect("a string that goes on");
            assert!(string.starts_with("2;") || string.starts_with("8;"), "OSC {string:?} passed");
            assert!(!string.contains(char::is_control), "OSC {string:?} passed");
            after
        }
        "[" => {
            let end = rest.find(|last: char| ('@'..='~').contains(&last)).expect("CSI goes on");
            let (body, last) = (&rest[..end], rest.as_bytes()[end]);
            assert!(body.bytes().all(|byte| (b' '..=b'?').contains(&byte)), "CSI {body:?} passed");
            // What asks, prints, moves windows, plays keys or media.
            assert!(!b"cintxyQR{|}".contains(&last), "CSI {}{} passed", body, char::from(last));
            assert!(!body.contains('$'), "CSI {}{} passed", body, char::from(last));
            &rest[end + 1..]
        }
        "(" | ")" | "*" | "+" | "#" => &rest[1..],
        "7" | "8" | "=" | ">" | "D" | "E" | "H" | "M" | "N" | "O" | "n" | "o" => rest,
        _ => panic!("ESC {kind:?} passed"),
    }
}
