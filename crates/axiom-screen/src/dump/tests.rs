//! Feed, dump, feed: the same screen. Whole state compared, not only what is seen.

use proptest::prelude::*;

use super::*;
use crate::answers::Answers;
use crate::samples::output;
use crate::size::Size;

fn screen(columns: u32, rows: u32, bytes: &[u8]) -> Screen {
    let mut screen = Screen::new(Size::new(columns, rows).unwrap());
    screen.feed(bytes, &mut Answers::default());
    screen
}

/// Everything that a dump keeps, readable.
fn state(screen: &Screen) -> String {
    let terminal = &screen.terminal;
    let mut lines = vec![format!("alternate {}", terminal.on_alternate)];
    for page in [&terminal.primary, &terminal.alternate] {
        for index in 0..page.grid.height() {
            lines.push(row(terminal, page, index));
        }
        lines.push(format!("saved {}", cursor(terminal, &page.saved)));
        lines.push(format!("keys {:?}", page.keys));
    }
    let mut modes = terminal.modes;
    modes.set(Mode::Synchronized, false);
    lines.push(format!("cursor {}", cursor(terminal, &terminal.cursor)));
    lines.push(format!("after {:?}", terminal.after));
    lines.push(format!("region {:?} modes {modes:?}", terminal.region));
    lines.push(format!("tabs {:?}", terminal.tabs.stops().collect::<Vec<_>>()));
    lines.push(format!("mouse {:?} {:?}", terminal.mouse, terminal.mouse_encoding));
    lines.push(format!("keys {} {:?}", terminal.other_keys, terminal.cursor_style));
    lines.push(format!("title {:?} {:?}", terminal.title, terminal.mark));
    lines.push(format!("unfinished {:?}", screen.parser.unfinished()));
    lines.join("\n")
}

fn row(terminal: &Terminal, page: &Page, index: usize) -> String {
    let row = page.grid.row(index);
    let cells: Vec<String> = (0..row.filled())
        .map(|column| {
            let cell = row.cell(column);
            let mut text = String::new();
            terminal.write_glyph(cell.glyph, &mut text);
            let link = terminal.links.value(u32::from(cell.pen.link));
            let looks = if cell.pen == Default::default() {
                String::new()
            } else {
                format!("{:?}{link:?}", cell.pen.style)
            };
            if cell.glyph.is_spacer() { "_".to_owned() } else { format!("{text}{looks}") }
        })
        .collect();
    // The last row has nothing that it could go on in.
    let wrapped = row.wrapped && index + 1 < page.grid.height();
    format!("{index} {wrapped} {}", cells.join("|"))
}

fn cursor(terminal: &Terminal, cursor: &Cursor) -> String {
    let link = terminal.links.value(u32::from(cursor.pen.link));
    let mut cursor = *cursor;
    cursor.pen.link = 0;
    format!("{cursor:?} {link:?}")
}

/// The lines in which two states differ.
fn difference(seen: &str, expected: &str) -> String {
    seen.lines()
        .zip(expected.lines())
        .filter(|(seen, expected)| seen != expected)
        .map(|(seen, expected)| format!("seen     {seen}\nexpected {expected}\n"))
        .collect()
}

fn assert_same(screen: &Screen) {
    let dump = screen.dump();
    let mut again = Screen::new(screen.size());
    again.feed(&dump, &mut Answers::default());
    let (expected, seen) = (state(screen), state(&again));
    assert!(
        seen == expected,
        "{}\nscreen {:?}, dump: {}",
        difference(&seen, &expected),
        screen.size(),
        String::from_utf8_lossy(&dump).escape_debug()
    );
}

#[test]
fn plain_text_comes_back() {
    let screen = screen(10, 4, b"hello\r\nworld, this wraps\x1b[2;3H");
    assert_same(&screen);
    assert_eq!(screen.view().text(), "hello\nworld, thi\ns wraps");
}

#[test]
fn every_mode_and_attribute_comes_back() {
    for bytes in [
        &b"\x1b[1;2;3;4;5;7;8;9;53;31;48;5;200mx\x1b[4:3;58:2::1:2:3;38;2;9;8;7my"[..],
        b"\x1b[?1;5;6;66;1003;1004;1006;2004h\x1b[?7;25;1007l\x1b[4;20h",
        b"\x1b[2;3r\x1b[?6h\x1b[2;2Hx",
        b"\x1b(0\x1b)A\x0eq#\x1b*0\x1bN",
        b"\x1b[3g\x1b[5G\x1bH\x1b[7G\x1bH",
        b"\x1b[31mab\x1b7\x1b[0m\x1b[3;3H",
        b"primary\x1b7\x1b[3;3H\x1b[32m\x1b[?1049halternate\x1b[2;2H\x1b7\x1b[1;1H\x1b[>1u\x1b[>5u",
        b"primary\x1b[=3u\x1b[?47halternate",
        b"0123456789",
        b"0123456789\x1b7\x1b[2;2H\x1b[44m\x1b[2K",
        b"\x1b]2;one\x07\x1b[22t\x1b]2;two\x07\x1b]133;D;3\x07",
        b"\x1b]8;id=a;http://a\x07link\x1b]8;;http://b\x07next",
        b"\x1b[3 q\x1b[?12l\x1b[>4;2m",
        "e\u{301}\u{327}漢\u{fe0f}字012345字x".as_bytes(),
        "012345678漢\u{200d}".as_bytes(),
        b"\x1b[?2026hopen",
        b"ab\x1b[31",
        b"ab\xe6\xbc",
        b"ab\x1b]0;tit",
        b"\x1b[41m\x1b[2J\x1b[2;2H\x1b[K",
        b"0123456789ABCDE\x1b[1;1H\x1b[P",
        b"0123456789 x\x1b[2;1H\x1b[1K",
        // Found by chance, one after the other.
        b"0123456789\x1b[?7l",
        b"\x1b[?7l0123456789",
        b"0123456789\x1b[S",
        b"0123456789\x1bM",
        b"\x1bN\x1b7a\x1b[@",
        b"\x1b[2B01234567890123\x1b[T",
        b"0123456789\x1b7\x1b[?1049h\x1b8x",
    ] {
        assert_same(&screen(10, 4, bytes));
    }
}

#[test]
fn what_follows_has_the_same_effect() {
    let before = b"0123456789\x1b[31mabc\x1b[4;4H\x1b[1m0123456";
    let after = b"x\x1b[3by\x1b8z\r\n\n\nend\x1b[A\x08";
    let mut original = screen(10, 4, before);
    let mut copy = screen(10, 4, &original.dump());
    original.feed(after, &mut Answers::default());
    copy.feed(after, &mut Answers::default());
    assert_eq!(state(&copy), state(&original));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn any_output_comes_back(columns in 1u32..24, rows in 1u32..8, bytes in output()) {
        assert_same(&screen(columns, rows, &bytes));
    }

    #[test]
    fn any_output_may_be_split_anywhere(bytes in output(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = screen(20, 6, &bytes);
        let mut split = Screen::new(whole.size());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            split.feed(&bytes[from..cut], &mut Answers::default());
            from = cut;
        }
        let (seen, expected) = (state(&split), state(&whole));
        prop_assert!(seen == expected, "{}", difference(&seen, &expected));
    }

    #[test]
    fn after_a_resize_it_comes_back_too(
        from in (1u32..24, 1u32..8),
        to in (1u32..24, 1u32..8),
        bytes in output(),
        more in output(),
    ) {
        let mut screen = screen(from.0, from.1, &bytes);
        screen.resize(Size::new(to.0, to.1).unwrap());
        assert_same(&screen);
        screen.feed(&more, &mut Answers::default());
        screen.resize(Size::new(from.0, from.1).unwrap());
        assert_same(&screen);
    }

    #[test]
    fn any_output_that_follows_has_the_same_effect(bytes in output(), more in output()) {
        let mut original = screen(17, 5, &bytes);
        let mut copy = screen(17, 5, &original.dump());
        // What is left out of a dump: above the screen a fresh one has nothing.
        original.feed(&more, &mut Answers::default());
        copy.feed(&more, &mut Answers::default());
        let (seen, expected) = (state(&copy), state(&original));
        prop_assert!(seen == expected, "{}", difference(&seen, &expected));
    }
}
