//! A screen and any output: wherever it is cut the screen is the same, what it says is harmless, and it stays small.

use axiom_screen::{ANSWERS_BYTES_MAX, Answers, HISTORY_ROWS_MAX, Screen};

use crate::script::{Script, Step};

/// A title has at most so many bytes; see docs/terminal.md.
const TITLE_BYTES_MAX: usize = 1024;

/// Runs one input.
pub(crate) fn run(bytes: &[u8]) {
    let script = Script::read(bytes);
    let (whole, answers) = played(&script.whole());
    for other in [&script, &script.in_bytes()] {
        let (screen, said) = played(other);
        assert_same(&screen, &whole, "another cut");
        assert_eq!(screen.scrolled(), whole.scrolled(), "rows that scrolled off");
        assert_eq!(screen.bells(), whole.bells(), "bells");
        assert!(
            screen.history().eq(whole.history()),
            "another cut gives other rows above the screen"
        );
        assert_eq!(said.escape_ascii().to_string(), answers.escape_ascii().to_string(), "answers");
    }
    assert_harmless(&whole);
    assert!(answers.len() <= ANSWERS_BYTES_MAX, "{} bytes of answers", answers.len());
    assert!(!answers.contains(&b'\r') && !answers.contains(&b'\n'), "an answer presses return");
    assert!(whole.history().count() <= HISTORY_ROWS_MAX, "the rows above the screen grow");
}

/// Plays a script. Gives the screen, and what the terminal answered.
pub(crate) fn played(script: &Script) -> (Screen, Vec<u8>) {
    let mut screen = Screen::with_history(script.size);
    let mut answers = Answers::default();
    for step in &script.steps {
        match step {
            Step::Output(output) => screen.feed(output, &mut answers),
            Step::Resize(size) => screen.resize(*size),
        }
    }
    (screen, answers.take())
}

/// Two screens show the same, and would be drawn again by the same bytes: those have every mode in them.
pub(crate) fn assert_same(seen: &Screen, expected: &Screen, what: &str) {
    let view = |screen: &Screen| {
        let mut view = screen.view();
        // The last row has nothing that it could go on in.
        view.rows.iter_mut().next_back().into_iter().for_each(|row| row.wrapped = false);
        view
    };
    assert_eq!(view(seen), view(expected), "{what} shows another picture");
    // Spaces are the picture's: one behind the last column of a row that wrapped may have been written, or be blank.
    let dump = |screen: &Screen| screen.dump().escape_ascii().to_string().replace(' ', "");
    assert_eq!(dump(seen), dump(expected), "{what} is another state");
}

/// Nothing in the picture acts on whoever prints it.
fn assert_harmless(screen: &Screen) {
    let view = screen.view();
    let rows = view.rows.iter().map(|row| row.text.as_str());
    for text in rows.chain([view.title.as_str()]) {
        assert!(!text.chars().any(acts), "{text:?} acts");
    }
    assert!(view.title.len() <= TITLE_BYTES_MAX, "a title of {} bytes", view.title.len());
    for run in view.rows.iter().flat_map(|row| &row.runs) {
        assert!(run.column + run.columns <= view.size.columns(), "{run:?} is beyond the row");
        let address = run.link.as_deref().unwrap_or_default();
        assert!(!address.chars().any(char::is_control), "{address:?} acts");
    }
    assert!(view.cursor.row < view.size.rows() && view.cursor.column < view.size.columns());
}

/// Controls of both sets, and characters that turn or hide what stands around them. Written apart from the model's list.
pub(crate) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{61c}')
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2060}'..='\u{206f}').contains(&character)
        || ('\u{e0000}'..='\u{e007f}').contains(&character)
}
