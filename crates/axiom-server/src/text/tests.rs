//! What must go, what must stay, and that no splitting changes either.

use super::*;

fn text_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut filter = TextFilter::default();
    filter.push(bytes, &mut text);
    filter.finish(&mut text);
    text
}

const CASES: &[(&[u8], &str)] = &[
    (b"plain\ttext\n", "plain\ttext\n"),
    (b"a\r\nb\r\n", "a\nb\n"),
    (b"a\r\r\nb", "a\nb"),
    (b"10%\r20%\r30%\n", "10%\n20%\n30%\n"),
    (b"\r10%\r\n\r20%", "10%\n20%"),
    (b"line\n\r\x1b[K   Compiling\n", "line\n   Compiling\n"),
    (b"\x1b[1;31mred\x1b[0m", "red"),
    (b"\x1b[?1049h\x1b[2J\x1b[38;2;1;2;3mx", "x"),
    (b"\x1b]0;title\x07after", "after"),
    (b"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
    (b"\x1bPq#0;2;0;0;0~-\nmore\x1b\\after", "after"),
    (b"\x1b]unterminated\nnext line", "\nnext line"),
    (b"\x1b(Bx\x1b=y\x1bM\x1b7z\x1b#8", "xyz"),
    (b"bell\x07 back\x08space \x00nul \x7fdel \x0e\x0f", "bell backspace nul del "),
    (b"\x1b[31\x18cancelled \x1b]x\x1ay", "cancelled y"),
    ("ä€😀".as_bytes(), "ä€😀"),
    (b"\xff\xfe\xc3", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\xe2\x82x\xf0\x9f\x98", "\u{fffd}x\u{fffd}"),
    (b"\x9b31mraw", "\u{fffd}31mraw"),
    (b"\xc2\x9b31mtwo\xc2\x9d0;t\x07\xc2\x85\xc2\x90q\x1b\\x", "twox"),
    (b"\x1b]0;a\x1b[31mb", "b"),
    (b"\x1b\x1b[1mx", "x"),
    (b"\x1b[1\nm", "\n"),
    (b"\x1b[\xc3\xa4", "ä"),
];

#[test]
fn what_could_act_on_a_terminal_goes_and_text_stays() {
    for (bytes, text) in CASES {
        assert_eq!(text_of(bytes), *text, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn no_splitting_changes_the_text() {
    for (bytes, text) in CASES {
        for cut in 0..=bytes.len() {
            let mut filter = TextFilter::default();
            let mut shown = String::new();
            filter.push(&bytes[..cut], &mut shown);
            filter.push(&bytes[cut..], &mut shown);
            filter.finish(&mut shown);
            assert_eq!(shown, *text, "{:?} cut at {cut}", String::from_utf8_lossy(bytes));
        }
    }
}

/// A reader cut off at a settled place goes on with a new filter, and misses and doubles nothing.
#[test]
fn another_filter_goes_on_from_a_settled_place() {
    for (bytes, text) in CASES {
        for cut in 0..=bytes.len() {
            let mut first = TextFilter::default();
            let mut shown = String::new();
            first.push(&bytes[..cut], &mut shown);
            if !first.is_settled() {
                continue;
            }
            let mut second = TextFilter::at_line_start(first.line_is_empty);
            second.push(&bytes[cut..], &mut shown);
            second.finish(&mut shown);
            assert_eq!(shown, *text, "{:?} cut at {cut}", String::from_utf8_lossy(bytes));
        }
    }
}

fn is_harmless(text: &str) -> bool {
    text.chars().all(|shown| matches!(shown, '\n' | '\t') || !shown.is_control())
}

#[test]
fn every_sequence_of_three_special_bytes_is_harmless() {
    let bytes: Vec<u8> = (0..=255).collect();
    for first in &bytes {
        for second in &bytes {
            assert!(is_harmless(&text_of(&[*first, *second])), "{first:x} {second:x}");
        }
    }
    let special = [
        0, 7, 8, 9, 10, 13, 0x18, 0x1a, 0x1b, b' ', b'[', b']', b'P', b'\\', b'm', b';', b'0',
        0x7f, 0x80, 0x85, 0x90, 0x9b, 0x9c, 0x9d, 0xc2, 0xe2, 0xf0, 0xff,
    ];
    let count = special.len();
    for code in 0..count.pow(4) {
        let bytes: Vec<u8> = (0..4).map(|place| special[code / count.pow(place) % count]).collect();
        assert!(is_harmless(&text_of(&bytes)), "{bytes:x?}");
    }
}

#[test]
fn a_string_or_sequence_that_never_ends_hides_no_more_than_its_bound() {
    let mut bytes = b"\x1bP".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', STRING_BYTES_MAX + 10));
    assert_eq!(text_of(&bytes).len(), 10);
    let mut bytes = b"\x1b[".to_vec();
    bytes.extend(std::iter::repeat_n(b'1', SEQUENCE_BYTES_MAX + 10));
    assert_eq!(text_of(&bytes).len(), 10);
}

#[test]
fn plain_text_taken_at_once_is_the_same_as_byte_by_byte() {
    let pieces: [&[u8]; 12] = [
        b"plain text\n",
        b"\r",
        b"\n",
        b"\t|",
        b"\x1b[31m",
        b"red",
        b"\x1b]0;title",
        b"\x07",
        b"\xc3",
        b"\xa4",
        b"\x7f",
        b"~ ",
    ];
    // Every order of three, which brings each behind each state.
    for code in 0..12_usize.pow(3) {
        let bytes = [pieces[code % 12], pieces[code / 12 % 12], pieces[code / 144]].concat();
        let (mut at_once, mut by_bytes) = (String::new(), String::new());
        let (mut first, mut second) = (TextFilter::default(), TextFilter::default());
        first.push(&bytes, &mut at_once);
        bytes.iter().for_each(|byte| second.push_byte(*byte, &mut by_bytes));
        assert_eq!((&at_once, first.is_settled()), (&by_bytes, second.is_settled()), "{bytes:?}");
        first.push(b"x", &mut at_once);
        second.push_byte(b'x', &mut by_bytes);
        assert_eq!(at_once, by_bytes, "{bytes:?} x");
    }
}
