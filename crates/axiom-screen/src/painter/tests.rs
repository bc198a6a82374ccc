//! Painted step by step, painted anew, and the screen itself: all the same, in this model and in two that others wrote.

use proptest::prelude::*;

use super::*;
use crate::answers::Answers;
use crate::judges::{assert_judges_see, assert_judges_see_cells};
use crate::recordings::{Event, recordings};
use crate::samples::{Output, output};
use crate::sanitizer::tests::{assert_harmless, attacks};
use crate::view::{InputModes, View, ViewRow};

fn size(columns: u32, rows: u32) -> Size {
    Size::new(columns, rows).unwrap()
}

fn feed(screen: &mut Screen, bytes: &[u8]) {
    screen.feed(bytes, &mut Answers::default());
}

/// A viewer's terminal with its painter.
struct Viewer {
    terminal: Screen,
    painter: Painter,
    painted: Vec<u8>,
}

impl Viewer {
    fn enter(mut terminal: Screen) -> Self {
        feed(&mut terminal, ENTER);
        Self { terminal, painter: Painter::new(), painted: Vec::new() }
    }

    fn new(room: Size) -> Self {
        Self::enter(Screen::new(room))
    }

    fn paint(&mut self, screen: &Screen) {
        self.paint_with(&Painting {
            screen,
            room: self.terminal.size(),
            note: None,
            input: Input::Task,
        });
    }

    fn paint_with(&mut self, what: &Painting<'_>) {
        self.painted.clear();
        self.painter.paint(what, &mut self.painted);
        feed(&mut self.terminal, &self.painted);
    }

    fn view(&self) -> View {
        plain(self.terminal.view())
    }
}

/// What a painter does not keep: whether rows were wrapped, where the cursor waits at the edge, which page it is.
fn plain(view: View) -> View {
    let rows = view.rows.into_iter().map(|row| ViewRow { wrapped: false, ..row }).collect();
    let cursor = crate::ViewCursor { pending_wrap: false, ..view.cursor };
    // Where it is hidden, it is of no use to compare how it looks when it is shown.
    View { rows, cursor, alternate: true, ..view }
}

#[test]
fn a_screen_of_the_viewers_size_is_shown_as_it_is() {
    let mut screen = Screen::new(size(20, 5));
    let mut viewer = Viewer::new(screen.size());
    for step in [
        "plain text\r\nand \x1b[1;31mred\x1b[m\r\n漢字 e\u{301} 👩\u{200d}💻 end",
        "\x1b]2;a title\x07\x1b[2;3H\x1b[?2004h\x1b[?1002;1006h\x1b[?1h\x1b=\x1b[?1004h\x1b[>5u\x1b[>4;2m",
        "\x1b[5 q\x1b[?25l\x1b]8;;http://a/b\x07link\x1b]8;;\x07\x1b[44m\x1b[K\x1b[m",
        "\x1b[?5h\x1b[5;20Hx",
        "\x1b[H\x1b[2J\x1b[?25h\x1b[0 q\x1b[?1000h\x1b[?1006l\x1b[?1l\x1b>\x1b]2;\x07",
        "\x1b[?1049h\x1b[Hother page",
        "\x1b[?1049l",
        "\x1bc",
    ] {
        feed(&mut screen, step.as_bytes());
        viewer.paint(&screen);
        assert_eq!(viewer.view(), plain(screen.view()), "{}", step.escape_debug());
        viewer.paint(&screen);
        assert!(viewer.painted.is_empty(), "{}", viewer.painted.escape_ascii());
    }
}

#[test]
fn a_keystrokes_echo_is_a_few_bytes() {
    let mut screen = Screen::new(size(80, 24));
    feed(&mut screen, b"$ echo ");
    let mut viewer = Viewer::new(screen.size());
    viewer.paint(&screen);
    feed(&mut screen, b"x");
    viewer.paint(&screen);
    assert_eq!(
        viewer.painted.escape_ascii().to_string(),
        r"\x1b[?2026h\x1b[?25l\x1b[1;8Hx\x1b[1;9H\x1b[?25h\x1b[?2026l"
    );
}

#[test]
fn a_scrolled_screen_is_scrolled() {
    let mut screen = Screen::new(size(80, 24));
    for line in 0..40 {
        feed(&mut screen, format!("\r\nline {line} of a long list of lines").as_bytes());
    }
    let mut viewer = Viewer::new(screen.size());
    viewer.paint(&screen);
    feed(&mut screen, b"\r\none\r\ntwo");
    viewer.paint(&screen);
    assert!(viewer.painted.len() < 80, "{}", viewer.painted.escape_ascii());
    assert_eq!(viewer.view(), plain(screen.view()));
    assert_judges_see_cells(&viewer_bytes(&screen, viewer.terminal.size()), &screen);
}

/// Everything that a viewer's terminal gets for one picture.
fn viewer_bytes(screen: &Screen, room: Size) -> Vec<u8> {
    let mut bytes = ENTER.to_vec();
    let what = Painting { screen, room, note: None, input: Input::Task };
    Painter::new().paint(&what, &mut bytes);
    bytes
}

#[test]
fn a_smaller_viewer_sees_the_part_around_the_cursor() {
    let mut screen = Screen::new(size(10, 6));
    feed(&mut screen, b"0123456789abcdefghijABCDEFGHIJ");
    let mut viewer = Viewer::new(size(4, 2));
    viewer.paint(&screen);
    assert_eq!(viewer.painter.place(), Place { top: 1, left: 6 });
    assert_eq!(viewer.terminal.view().text(), "ghij\nGHIJ");
    feed(&mut screen, b"\x1b[2;8H");
    viewer.paint(&screen);
    assert_eq!(viewer.painter.place(), Place { top: 1, left: 6 }, "it moves only if it must");
    feed(&mut screen, b"\x1b[1;1H");
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.view().text(), "0123\nabcd");
    assert_eq!(viewer.terminal.view().cursor.column, 0);
}

#[test]
fn half_of_a_wide_letter_at_the_edge_is_blank() {
    let mut screen = Screen::new(size(6, 1));
    feed(&mut screen, "漢字漢".as_bytes());
    let mut viewer = Viewer::new(size(3, 1));
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.view().text(), " 漢");
    feed(&mut screen, b"\x1b[H");
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.view().text(), "漢");
}

#[test]
fn a_larger_viewer_sees_dots_around_it() {
    let mut screen = Screen::new(size(3, 2));
    feed(&mut screen, b"abc\r\nd");
    let mut viewer = Viewer::new(size(5, 3));
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.view().text(), "abc..\nd  ..\n.....");
    screen.resize(size(5, 3));
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.view().text(), "abc\nd");
}

#[test]
fn a_note_covers_the_last_row_and_goes_again() {
    let mut screen = Screen::new(size(6, 2));
    feed(&mut screen, b"one\r\ntwo\x1b]2;t\x07");
    let mut viewer = Viewer::new(screen.size());
    let room = screen.size();
    let note = Some("a\x1b[31mway 漢\u{202e}");
    viewer.paint_with(&Painting { screen: &screen, room, note, input: Input::Task });
    assert_eq!(viewer.terminal.view().text(), "one\na[31mw");
    assert!(!viewer.terminal.view().cursor.shown, "it stands under the note");
    viewer.paint(&screen);
    assert_eq!(viewer.view(), plain(screen.view()));
}

#[test]
fn who_may_not_type_keeps_keyboard_and_mouse() {
    let mut screen = Screen::new(size(6, 2));
    feed(&mut screen, b"\x1b[?1003;1006;2004;1004;1h\x1b=\x1b[>31u\x1b[>4;2m\x1b[?1049h");
    let mut viewer = Viewer::new(screen.size());
    for (input, wheel) in [(Input::None, false), (Input::Ours, true)] {
        let room = screen.size();
        viewer.paint_with(&Painting { screen: &screen, room, note: None, input });
        assert_eq!(viewer.terminal.view().input, InputModes::default());
        assert_eq!(viewer.terminal.terminal.modes.has(crate::mode::Mode::AlternateScroll), wheel);
    }
}

#[test]
fn the_bell_rings_once_for_many_and_not_for_those_before() {
    let mut screen = Screen::new(size(6, 2));
    feed(&mut screen, b"\x07\x07");
    let mut viewer = Viewer::new(screen.size());
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.bells(), 0);
    feed(&mut screen, b"\x07\x07\x07");
    viewer.paint(&screen);
    assert_eq!(viewer.terminal.bells(), 1);
}

#[test]
fn no_known_attack_reaches_a_viewer() {
    for (name, attack) in attacks() {
        let mut screen = Screen::new(size(40, 6));
        let mut painted = Vec::new();
        let mut painter = Painter::new();
        for chunk in attack.chunks(3) {
            feed(&mut screen, chunk);
            let what =
                Painting { screen: &screen, room: size(38, 6), note: None, input: Input::Task };
            painter.paint(&what, &mut painted);
        }
        assert_harmless(name, &painted);
        let mut answers = Answers::default();
        Screen::new(size(38, 6)).feed(&painted, &mut answers);
        assert!(answers.is_empty(), "{name}");
    }
}

#[test]
fn links_that_could_start_something_lead_nowhere() {
    let mut screen = Screen::new(size(40, 2));
    feed(
        &mut screen,
        b"\x1b]8;;file:///etc/passwd\x07a\x1b]8;id=x;https://b\x07b\x1b]8;;ssh://x\x07c",
    );
    let mut viewer = Viewer::new(screen.size());
    viewer.paint(&screen);
    let row = &viewer.terminal.view().rows[0];
    let links: Vec<_> = row.runs.iter().filter_map(|run| run.link.as_deref()).collect();
    assert_eq!((row.text.as_str(), links), ("abc", vec!["https://b"]));
}

#[test]
fn the_judges_see_recordings_as_they_are_painted() {
    for recording in recordings() {
        let mut screen = Screen::new(recording.size);
        let mut viewer = Viewer::new(recording.size);
        let mut all = ENTER.to_vec();
        for (index, event) in recording.events.iter().enumerate() {
            match event {
                Event::Output(bytes) => feed(&mut screen, bytes),
                Event::Resize(to) => screen.resize(*to),
            }
            viewer.paint(&screen);
            all.extend_from_slice(&viewer.painted);
            if screen.size() == recording.size {
                assert_eq!(viewer.view(), plain(screen.view()), "{} {index}", recording.name);
            }
            if index % 16 == 0 {
                assert_judges_see(&all, &viewer.terminal);
            }
        }
        assert_judges_see(&all, &viewer.terminal);
    }
}

/// The room, and steps of output between paintings; some forget, some resize the task.
fn steps() -> impl Strategy<Value = (Size, Vec<(Output, u8)>)> {
    let room = (1u32..24, 1u32..8).prop_map(|(columns, rows)| size(columns, rows));
    (room, prop::collection::vec((output(), any::<u8>()), 1..6))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn painted_step_by_step_it_is_what_is_painted_anew((room, steps) in steps()) {
        let mut screen = Screen::new(size(17, 5));
        let mut viewer = Viewer::new(room);
        let mut all = ENTER.to_vec();
        for (bytes, chance) in &steps {
            feed(&mut screen, bytes);
            match chance % 8 {
                0 => screen.resize(room),
                1 => viewer.painter.forget(),
                2 => screen.resize(size(9, 3)),
                _ => {}
            }
            let note = (chance % 16 == 3).then_some("a note");
            let what = Painting { screen: &screen, room, note, input: Input::Task };
            viewer.paint_with(&what);
            all.extend_from_slice(&viewer.painted);
            assert_harmless("painted", &viewer.painted);
            if screen.size() == room && note.is_none() {
                let mut expected = plain(screen.view());
                if viewer.view().title.is_empty() {
                    expected.title.clear();
                }
                prop_assert_eq!(viewer.view(), expected);
            }
            let mut anew = Viewer::new(room);
            anew.painter.place = viewer.painter.place();
            anew.paint_with(&what);
            prop_assert_eq!(viewer.view().rows, anew.view().rows);
            prop_assert_eq!(viewer.view().cursor, anew.view().cursor);
            prop_assert_eq!(viewer.view().input, anew.view().input);
            viewer.paint_with(&what);
            prop_assert!(viewer.painted.is_empty(), "{}", viewer.painted.escape_ascii());
        }
        assert_judges_see(&all, &viewer.terminal);
    }

    #[test]
    fn a_viewers_terminal_is_given_back_as_it_was(
        (room, steps) in steps(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut before = Screen::new(room);
        feed(&mut before, b"\x1b]2;shell\x07$ axiom attach\r\nx\x1b[31m\x1b[2;2H");
        let mut viewer = Viewer::enter(before.clone());
        let mut screen = Screen::new(size(17, 5));
        let mut last = Vec::new();
        for (bytes, _) in &steps {
            feed(&mut viewer.terminal, &last);
            feed(&mut screen, bytes);
            last.clear();
            viewer.painter.paint(&Painting { screen: &screen, room, note: None, input: Input::Task }, &mut last);
        }
        feed(&mut viewer.terminal, &last[..cut.index(last.len() + 1)]);
        feed(&mut viewer.terminal, LEAVE);
        prop_assert_eq!(viewer.terminal.view().text(), before.view().text());
        prop_assert_eq!(viewer.terminal.view().title, before.view().title);
        prop_assert!(!viewer.terminal.view().alternate);
        prop_assert_eq!(viewer.terminal.view().input, before.view().input);
        let (now, then) = (viewer.terminal.view().cursor, before.view().cursor);
        prop_assert_eq!((now.row, now.column, now.shown, now.style), (then.row, then.column, then.shown, then.style));
        let (now, then) = (&viewer.terminal.terminal, &before.terminal);
        prop_assert_eq!(now.modes, then.modes);
        prop_assert_eq!(now.other_keys, then.other_keys);
        prop_assert_eq!(now.page().keys.stack(), then.page().keys.stack());
    }
}
