//! What is drawn where, and that nothing of a task's output is anything but drawn.

use proptest::prelude::*;

use super::*;
use crate::answers::Answers;
use crate::samples::output;
use crate::size::Size;

fn svg(columns: u32, rows: u32, bytes: &[u8]) -> String {
    let mut screen = Screen::new(Size::new(columns, rows).unwrap());
    screen.feed(bytes, &mut Answers::default());
    screen.svg("a <title>")
}

/// The lines that hold a text element, in order.
fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| line.starts_with("<text")).collect()
}

#[test]
fn stretches_of_one_look_stand_at_their_columns_and_text_stays_text() {
    let svg = svg(20, 2, b"\x1b[1;32mok\x1b[0m  a<b&\"c\"\r\n\x1b[3;38;2;1;2;3mslant");
    let texts = texts(&svg);
    assert_eq!(texts.len(), 3, "{svg}");
    assert!(texts[0].contains("x=\"16.0\" y=\"29.5\" fill=\"#a5d66f\" font-weight=\"bold\""));
    assert!(texts[0].ends_with(">ok</text>"));
    assert!(texts[1].contains("x=\"49.6\"") && texts[1].contains("textLength=\"58.8\""), "{svg}");
    assert!(texts[1].ends_with(">a&lt;b&amp;&quot;c&quot;</text>"), "{svg}");
    assert!(texts[2].contains("fill=\"#010203\" font-style=\"italic\""), "{svg}");
    assert!(svg.contains("<title>a &lt;title&gt;</title>"));
}

#[test]
fn wide_glyphs_take_two_columns_each_and_marks_stay_on_their_letters() {
    let svg = svg(20, 1, "a漢字e\u{301}b".as_bytes());
    let shown: Vec<_> = texts(&svg).iter().map(|text| text.rsplit_once('"').unwrap().1).collect();
    assert_eq!(shown, [">a</text>", ">漢</text>", ">字</text>", ">e\u{301}b</text>"]);
    assert!(
        texts(&svg)[1].contains("x=\"24.4\"") && texts(&svg)[1].contains("textLength=\"16.8\"")
    );
    assert!(
        texts(&svg)[3].contains("x=\"58.0\"") && texts(&svg)[3].contains("textLength=\"16.8\"")
    );
}

#[test]
fn every_attribute_is_drawn() {
    for (bytes, drawn) in [
        (&b"\x1b[44m \x1b[0m"[..], "fill=\"#6cb6ff\"/>"),
        (b"\x1b[7mx", "height=\"18.0\" fill=\"#d5dbe5\"/>"),
        (b"\x1b[2mx", "fill=\"#737880\""),
        (b"\x1b[4mx", "<line x1=\"16.0\" y1=\"31.5\" x2=\"24.4\" y2=\"31.5\" stroke=\"#d5dbe5\"/>"),
        (b"\x1b[4:2mx", "y1=\"30.5\""),
        (b"\x1b[4:3;58:5:1mx", "q2.1 2.0 4.2 0t4.2 0 \" fill=\"none\" stroke=\"#f07178\"/>"),
        (b"\x1b[4:4mx", "stroke-dasharray=\"1.4\""),
        (b"\x1b[4:5mx", "stroke-dasharray=\"4.2 2.8\""),
        (b"\x1b[9mx", "y1=\"25.5\""),
        (b"\x1b[53mx", "y1=\"17.5\""),
        (b"\x1b[38;5;196mx", "fill=\"#ff0000\""),
        (b"\x1b[38;5;232mx", "fill=\"#080808\""),
    ] {
        let svg = svg(10, 1, bytes);
        assert!(svg.contains(drawn), "{}: {svg}", bytes.escape_ascii());
    }
    assert!(texts(&svg(10, 1, b"\x1b[8mhidden")).is_empty());
}

#[test]
fn the_cursor_is_where_and_as_it_is() {
    let block = "<rect x=\"24.4\" y=\"16.0\" width=\"8.4\" height=\"18.0\" fill=\"#d5dbe5\"/>";
    assert!(svg(10, 1, b"a").contains(block));
    assert!(!svg(10, 1, b"a\x1b[?25l").contains("<rect x="));
    assert!(svg(10, 1, b"a\x1b[6 q").contains("width=\"2.0\" height=\"18.0\""));
    assert!(svg(10, 1, b"a\x1b[4 q").contains("y=\"32.0\" width=\"8.4\" height=\"2.0\""));
    let over = svg(10, 1, b"ab\x08");
    assert!(texts(&over)[1].contains("fill=\"#11151c\""), "the letter under it shows: {over}");
    assert!(svg(10, 1, "漢\r".as_bytes()).contains("width=\"16.8\" height=\"18.0\""));
}

#[test]
fn the_smallest_and_the_largest_screen_can_be_drawn() {
    assert!(svg(1, 1, b"x").contains("viewBox=\"0 0 40 50\""));
    assert!(svg(1000, 500, b"x").contains("viewBox=\"0 0 8432 9032\""));
}

proptest! {
    #[test]
    fn any_output_gives_elements_that_draw_and_nothing_else(bytes in output()) {
        let svg = svg(20, 6, &bytes);
        for line in svg.lines() {
            let element = line.strip_prefix('<').and_then(|rest| rest.split([' ', '>']).next());
            let draws = matches!(element, Some("svg" | "title" | "rect" | "text" | "line" | "path" | "/svg"));
            prop_assert!(draws, "{line}");
            prop_assert_eq!(line.matches('<').count(), line.matches('>').count());
            prop_assert!(!line.contains(char::is_control) && !line.contains(is_unseen), "{line:?}");
            prop_assert!(!line.contains("href") && line.matches("http").count() <= 1, "{line}");
        }
    }
}
