//! What reaches a viewer's terminal, and that it is left as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const SIZE: Size = Size { cols: 20, rows: 5 };

/// What a terminal of this size shows once it has got these bytes.
fn shown(bytes: &[u8]) -> Screen {
    let mut screen = Screen::new(nearest(SIZE));
    screen.feed(bytes, &mut Answers::default());
    screen
}

const OUTPUT: &[u8] = "one\r\n\x1b[31mtwo\x1b[0m\x1b[?1049h\x1b[2;3Halt\x1b[?25l é".as_bytes();

#[test]
fn a_picture_that_is_drawn_is_the_one_that_playing_gives() {
    for cut in 0..=OUTPUT.len() {
        let mut played = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        let whole = shown(&played.show(OUTPUT));
        let mut sought = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        let mut bytes = sought.show(b"something else");
        sought.begin_again(SIZE);
        sought.skip(&OUTPUT[..cut]);
        bytes.extend(sought.draw());
        bytes.extend(sought.show(&OUTPUT[cut..]));
        let drawn = shown(&bytes);
        let picture =
            |screen: &Screen| (screen.view().text(), screen.view().cursor, screen.view().alternate);
        assert_eq!(picture(&drawn), picture(&whole), "cut at {cut}");
    }
}

#[test]
fn newlines_of_pipes_draw_no_stairs() {
    let mut stage = Stage::new(SIZE, Mode::Pipes, None);
    assert_eq!(stage.show(b"a\nb\n"), b"a\r\nb\r\n");
    assert_eq!(shown(&stage.draw()).view().text(), "a\nb");
}

#[test]
fn a_picture_that_is_larger_than_the_terminal_is_made_to_fit() {
    let large = Size { cols: 200, rows: 60 };
    let mut stage = Stage::new(large, Mode::Terminal, Some(SIZE));
    stage.show(format!("\x1b[60;1H{}", "x".repeat(30)).as_bytes());
    assert_eq!(stage.fitting().size(), nearest(SIZE));
}

/// What a terminal has switched on, compared by a dump of it once its picture is erased.
fn switches(bytes: &[u8]) -> String {
    let mut screen = shown(bytes);
    // Where programs last saved the cursor is nobody's to give back.
    screen.feed(b"\x1b[H\x1b[2J\x1b7", &mut Answers::default());
    screen.dump().escape_ascii().to_string()
}

/// What a terminal gets of this output, and what it gets at the end.
fn played(output: &[u8]) -> Vec<u8> {
    let mut stage = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
    let mut bytes = stage.show(output);
    bytes.extend(stage.leave());
    bytes
}

#[test]
fn whatever_was_played_the_terminal_is_left_as_it_was() {
    for output in [
        OUTPUT,
        b"\x1b[?6h\x1b[2;3r\x1b[?7l\x1b[4h\x1b(0lqk",
        b"\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[>1u\x1b]0;title\x07",
        b"\x1b[?2026hhalf of an update \x1b]8;;http://x\x07link\x1b[3",
        b"\x1b[1mbold\x1b[?5h\x1b[5 q",
        b"\x1b[?6h\x1b[?1049h\x1b[?6l",
    ] {
        assert_eq!(switches(&played(output)), switches(b""), "{}", output.escape_ascii());
    }
}

/// Output in which everything that a terminal can be told is frequent.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let mode = prop_oneof![
        Just(1),
        Just(5),
        Just(6),
        Just(7),
        Just(12),
        Just(25),
        Just(47),
        Just(66),
        Just(1000),
        Just(1003),
        Just(1004),
        Just(1006),
        Just(1007),
        Just(1047),
        Just(1048),
        Just(1049),
        Just(2004),
        Just(2026),
        0u16..3000,
    ];
    let piece = prop_oneof![
        (mode, any::<bool>()).prop_map(|(mode, on)| {
            format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' }).into_bytes()
        }),
        (0u8..30, 0u8..30, 0x20u8..0x7f).prop_map(|(a, b, last)| format!(
            "\x1b[{a};{b}{}",
            char::from(last)
        )
        .into_bytes()),
        (0x20u8..0x7f, 0x20u8..0x7f).prop_map(|(a, b)| vec![0x1b, a, b]),
        Just(b"\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1b]8;;http://x/\x07".to_vec()),
        Just(b"\x1bP$qm\x1b\\\x1b[>1u\x1b[>4;2m\x1b[5 q\x1b[6n".to_vec()),
        Just("text é漢 \r\n".as_bytes().to_vec()),
        vec(any::<u8>(), 0..5),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn after_any_output_the_terminal_is_as_it_was(output in output()) {
        prop_assert_eq!(switches(&played(&output)), switches(b""));
    }

    #[test]
    fn any_output_leaves_keyboard_mouse_and_title_alone(output in output()) {
        let mut stage = Stage::new(SIZE, Mode::Terminal, None);
        let view = shown(&stage.show(&output)).view();
        let fresh = shown(b"").view();
        prop_assert_eq!((view.input, view.title), (fresh.input, fresh.title));
    }

    #[test]
    fn any_output_may_come_in_pieces(output in output(), cut in any::<Index>()) {
        let (first, second) = output.split_at(cut.index(output.len() + 1));
        let mut whole = Stage::new(SIZE, Mode::Terminal, None);
        let mut parts = Stage::new(SIZE, Mode::Terminal, None);
        let pieces = [parts.show(first), parts.show(second)].concat();
        prop_assert_eq!(pieces, whole.show(&output));
    }

    #[test]
    fn a_picture_that_comes_with_a_place_goes_on_as_if_all_before_it_was_played(output in output(), cut in any::<Index>()) {
        let (first, second) = output.split_at(cut.index(output.len() + 1));
        let mut whole = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        let mut begun = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        begun.begin_with(SIZE, &shown(first).dump());
        let bytes = [begun.draw(), begun.show(second)].concat();
        let (begun, played) = (shown(&bytes).view(), shown(&whole.show(&output)).view());
        prop_assert_eq!((begun.rows, begun.cursor), (played.rows, played.cursor));
    }

    #[test]
    fn a_terminal_of_any_size_gets_a_picture_that_fits(output in output(), cols in 1u16..4, rows in 1u16..4) {
        let mut stage = Stage::new(SIZE, Mode::Terminal, Some(Size { cols, rows }));
        stage.show(&output);
        let drawn = stage.draw();
        prop_assert_eq!(stage.fitting().size(), nearest(Size { cols, rows }));
        let mut viewer = Screen::new(nearest(Size { cols, rows }));
        viewer.feed(&drawn, &mut Answers::default());
        prop_assert_eq!(viewer.view().rows.len(), usize::from(rows));
    }

    #[test]
    fn a_picture_that_was_sought_is_the_one_that_was_played(output in output(), cut in any::<Index>()) {
        let (first, second) = output.split_at(cut.index(output.len() + 1));
        let mut whole = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        let mut sought = Stage::new(SIZE, Mode::Terminal, Some(SIZE));
        sought.skip(first);
        let bytes = [sought.draw(), sought.show(second)].concat();
        let (sought, played) = (shown(&bytes).view(), shown(&whole.show(&output)).view());
        prop_assert_eq!((sought.rows, sought.cursor), (played.rows, played.cursor));
    }
}
