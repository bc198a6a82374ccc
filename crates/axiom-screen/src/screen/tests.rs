//! What a person sees of a screen: text, resizes, pages, titles; and that nothing makes it grow.

use proptest::prelude::*;

use super::*;
use crate::view::ViewRow;

fn size(columns: u32, rows: u32) -> Size {
    Size::new(columns, rows).unwrap()
}

fn screen(columns: u32, rows: u32, output: &[u8]) -> Screen {
    let mut screen = Screen::new(size(columns, rows));
    screen.feed(output, &mut Answers::default());
    screen
}

fn with_history(columns: u32, rows: u32, output: &[u8]) -> Screen {
    let mut screen = Screen::with_history(size(columns, rows));
    screen.feed(output, &mut Answers::default());
    screen
}

fn text(screen: &Screen) -> String {
    screen.view().text()
}

fn cursor(screen: &Screen) -> (u16, u16) {
    let cursor = screen.view().cursor;
    (cursor.row, cursor.column)
}

#[test]
fn text_stands_where_it_was_printed() {
    let screen = screen(20, 4, b"one\r\ntwo\x1b[4;10Hfour\x1b[2;2H");
    assert_eq!(text(&screen), "one\ntwo\n\n         four");
    assert_eq!(cursor(&screen), (1, 1));
    assert_eq!(screen.row_text(3), "         four");
    assert_eq!(screen.row_text(99), "");
}

#[test]
fn a_view_tells_looks_and_links() {
    let view = screen(20, 1, b"a\x1b[1;31mbc\x1b[m d\x1b]8;;http://x\x07e\x1b]8;;\x07").view();
    let row = &view.rows[0];
    assert_eq!(row.text, "abc de");
    let runs: Vec<(u16, u16, Option<&str>)> =
        row.runs.iter().map(|run| (run.column, run.columns, run.link.as_deref())).collect();
    assert_eq!(runs, [(1, 2, None), (5, 1, Some("http://x"))]);
    assert_eq!(row.runs[0].style.foreground, crate::Color::Indexed(1));
}

#[test]
fn lines_that_leave_are_kept_for_a_while() {
    let lines: String = (0..1000).map(|line| format!("line {line}\r\n")).collect();
    let mut screen = with_history(20, 4, lines.as_bytes());
    let history: Vec<ViewRow> = screen.history().collect();
    assert_eq!(history.len(), HISTORY_ROWS_MAX);
    assert_eq!(history.last().unwrap().text, "line 996");
    assert_eq!(screen.scrolled(), 997);
    screen.feed(b"\x1bc", &mut Answers::default());
    assert_eq!(
        (screen.history().count(), screen.scrolled()),
        (0, 997),
        "what ever left stays counted"
    );
}

#[test]
fn a_narrower_screen_wraps_and_a_wider_one_joins_again() {
    let mut screen = screen(10, 4, b"0123456789abcde\r\n$ ");
    assert_eq!(text(&screen), "0123456789\nabcde\n$");
    screen.resize(size(6, 4));
    assert_eq!(text(&screen), "012345\n6789ab\ncde\n$");
    assert_eq!(cursor(&screen), (3, 2));
    screen.resize(size(20, 4));
    assert_eq!(text(&screen), "0123456789abcde\n$");
    assert_eq!(cursor(&screen), (1, 2));
}

#[test]
fn a_wide_glyph_is_not_parted_by_a_resize() {
    let mut screen = screen(6, 4, "ab漢字cd漢".as_bytes());
    assert_eq!(text(&screen), "ab漢字\ncd漢");
    for columns in [5, 4, 3, 2, 6] {
        screen.resize(size(columns, 8));
        let joined: String = screen.view().rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(joined, "ab漢字cd漢", "{columns}");
    }
    screen.resize(size(1, 8));
    assert!(text(&screen).contains('\u{fffd}'), "{}", text(&screen));
}

#[test]
fn a_lower_screen_keeps_the_cursors_row_and_a_higher_one_brings_rows_back() {
    let mut screen = with_history(10, 5, b"1\r\n2\r\n3\r\n4\r\n5");
    screen.resize(size(10, 2));
    assert_eq!((text(&screen).as_str(), cursor(&screen)), ("4\n5", (1, 1)));
    screen.resize(size(10, 4));
    assert_eq!((text(&screen).as_str(), cursor(&screen)), ("2\n3\n4\n5", (3, 1)));
}

#[test]
fn a_cleared_screen_stays_clear_when_its_width_changes() {
    let mut screen = screen(10, 3, b"1\r\n2\r\n3\r\n4\r\n5\x1b[H\x1b[2J$ ");
    screen.resize(size(12, 3));
    assert_eq!((text(&screen).as_str(), cursor(&screen)), ("$", (0, 2)));
}

#[test]
fn the_primary_page_reflows_beneath_the_alternate_one() {
    let mut screen = screen(10, 3, b"0123456789abc\x1b[?1049h\x1b[Hfull screen program");
    screen.resize(size(5, 4));
    screen.feed(b"\x1b[?1049l!", &mut Answers::default());
    assert_eq!(text(&screen), "01234\n56789\nabc!");
}

#[test]
fn leaving_the_alternate_page_brings_the_cursor_back() {
    for before in ["", "\r\n  "] {
        let entered = format!("{before}\x1b[?1049h\x1b[3;3Hx");
        let mut screen = screen(10, 4, entered.as_bytes());
        screen.feed(b"\x1b[?1049l", &mut Answers::default());
        let expected = if before.is_empty() { (0, 0) } else { (1, 2) };
        assert_eq!(cursor(&screen), expected);
        screen.feed(b"\x1b[4;4H\x1b[?1049l", &mut Answers::default());
        let again = if before.is_empty() { (3, 3) } else { (1, 2) };
        assert_eq!(cursor(&screen), again, "left once more");
    }
}

#[test]
fn a_full_row_keeps_its_last_character() {
    for after in ["\x1b[K", "\x1b[J", "\x1b[X", "\t", "\x1b[K\t\x1b[31m"] {
        let output = format!("0123456789{after}next");
        assert_eq!(text(&screen(10, 4, output.as_bytes())), "0123456789\nnext", "{after:?}");
    }
}

#[test]
fn a_storm_of_resizes_is_harmless() {
    let mut screen = screen(80, 24, "text 漢字 more\r\n".repeat(200).as_bytes());
    for step in 0u32..3_000 {
        let next = size(step * 7 % 120 + 1, step * 13 % 50 + 1);
        screen.resize(next);
        screen.feed(b"x\x1b[6n\x1b[?1049h\x1b[5;5Hy\x1b[?1049l", &mut Answers::default());
        assert_eq!(screen.view().rows.len(), usize::from(next.rows()));
    }
}

#[test]
fn the_smallest_screen_works() {
    let mut tiny =
        screen(1, 1, "a漢\x1b[?1049h漢b\r\n\t\x1b[5;5H\x1b[9L\x1b[9M\x1b[9P\x1b[9@c".as_bytes());
    assert_eq!(text(&tiny), "c");
    tiny.resize(size(2, 1));
    tiny.feed("漢".as_bytes(), &mut Answers::default());
    assert_eq!(tiny.view().size, size(2, 1));
}

#[test]
fn a_revision_tells_whether_and_where_something_changed() {
    let mut screen = screen(20, 5, b"one\r\ntwo");
    let before = screen.revision();
    screen.feed(b"", &mut Answers::default());
    screen.feed(b"\x1b[c", &mut Answers::default());
    assert_eq!(screen.revision(), before, "a question changes nothing");
    assert_eq!(screen.changed_rows(before).count(), 0);
    screen.feed(b"!\x1b[4;1Hfour", &mut Answers::default());
    assert_eq!(screen.revision(), before + 1);
    assert_eq!(screen.changed_rows(before).collect::<Vec<_>>(), [1, 3]);
    let before = screen.revision();
    screen.resize(size(20, 6));
    assert_eq!(screen.changed_rows(before).count(), 6);
}

#[test]
fn an_open_update_and_a_shells_marks_are_told() {
    let mut screen = screen(20, 5, b"\x1b[?2026h\x1b]133;C\x07");
    assert!(screen.is_updating());
    assert_eq!(screen.mark(), Some(Mark::Output));
    screen.feed(b"\x1b[?2026l\x1b]133;D;2\x07\x07", &mut Answers::default());
    assert!(!screen.is_updating());
    assert_eq!(screen.mark(), Some(Mark::End(Some(2))));
    assert_eq!(screen.bells(), 1);
}

#[test]
fn a_title_is_short_and_printable() {
    let long = format!("\x1b]0;a\u{202e}b\t{}\x07", "x".repeat(2_000));
    let title = screen(20, 5, long.as_bytes()).view().title;
    assert_eq!(title.chars().count(), 256);
    assert!(title.starts_with("abx"), "{title}");
}

#[test]
fn deceiving_characters_are_not_on_a_screen() {
    let screen = screen(40, 1, "a\u{202e}b\u{200b}c\u{2066}d\u{e0041}e\u{feff}f".as_bytes());
    assert_eq!(text(&screen), "abcdef");
}

#[test]
fn ten_million_marks_on_a_letter_are_not_kept() {
    let mut screen = screen(20, 5, b"e");
    let marks = "\u{301}\u{302}".repeat(50_000);
    for _ in 0..10 {
        screen.feed(marks.as_bytes(), &mut Answers::default());
    }
    assert!(screen.row_text(0).chars().count() <= 10);
    assert!(screen.terminal.clusters.len() <= 16);
}

#[test]
fn tables_are_swept_of_what_is_no_longer_shown() {
    let mut screen = screen(20, 5, b"");
    for number in 0..20_000 {
        let text = format!("\x1b]8;;http://host/{number}\x07link\x1b]8;;\x07\r\n");
        screen.feed(text.as_bytes(), &mut Answers::default());
    }
    assert!(screen.terminal.links.len() <= crate::link::LINKS_MAX);
    let last = screen.view().rows[3].runs[0].link.clone();
    assert_eq!(last.as_deref(), Some("http://host/19999"));
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
    for number in 0u32..60_000 {
        let marks =
            (0..3).map(|place| char::from_u32(0x300 + number / 40u32.pow(place) % 40).unwrap());
        let text: String = std::iter::once(letters[number as usize % 52]).chain(marks).collect();
        screen.feed(text.as_bytes(), &mut Answers::default());
    }
    assert!(screen.terminal.clusters.len() <= 16_384);
    assert_eq!(screen.row_text(4).chars().filter(|c| c.is_ascii()).count(), 20);
}

#[test]
fn huge_numbers_are_clamped() {
    for last in "@ABCDEFGHIJKLMPSTXZ`abdefgr".chars() {
        let mut screen = screen(30, 5, b"some text\r\nmore");
        screen.feed(format!("\x1b[99999999;99999999{last}x").as_bytes(), &mut Answers::default());
        let view = screen.view();
        assert!(view.cursor.row < 5 && view.cursor.column < 30, "{last}");
    }
}

/// The lines that were printed, from history and screen, joined where they were wrapped.
fn lines(screen: &Screen) -> Vec<String> {
    let mut lines = vec![String::new()];
    for row in screen.history().chain(screen.view().rows) {
        lines.last_mut().unwrap().push_str(&row.text);
        if !row.wrapped {
            lines.push(String::new());
        }
    }
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines.truncate(last);
    lines
}

proptest! {
    #[test]
    fn no_resize_loses_a_line(
        words in prop::collection::vec("[a-z漢字é]{0,30}", 1..12),
        // Not so narrow that the history could not hold it.
        sizes in prop::collection::vec((5u32..40, 1u32..10), 1..6),
    ) {
        let mut screen = with_history(20, 5, words.join("\r\n").as_bytes());
        let last = words.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1);
        prop_assert_eq!(&lines(&screen)[..], &words[..last]);
        for (columns, rows) in sizes {
            screen.resize(size(columns, rows));
            prop_assert_eq!(&lines(&screen)[..], &words[..last], "{} {}", columns, rows);
        }
    }
}
