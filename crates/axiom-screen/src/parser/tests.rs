//! What the parser calls, for whole and for split input.

use super::*;

/// Every call as a line, text runs joined.
#[derive(Default)]
struct Lines(Vec<String>);

impl Actions for Lines {
    fn text(&mut self, run: &[u8]) {
        for byte in run {
            self.0.push(format!("{}", char::from(*byte)));
        }
    }
    fn character(&mut self, character: char) {
        self.0.push(format!("{character}"));
    }
    fn control(&mut self, byte: u8) {
        self.0.push(format!("C0 {byte:02x}"));
    }
    fn escape(&mut self, intermediates: &[u8], last: u8) {
        let text = String::from_utf8_lossy(intermediates).into_owned();
        self.0.push(format!("ESC {text}{}", char::from(last)));
    }
    fn csi(&mut self, csi: &Csi) {
        let mut bytes = vec![csi.prefix];
        csi.params.write(&mut bytes);
        bytes.extend_from_slice(csi.intermediates());
        bytes.push(csi.last);
        let text = String::from_utf8_lossy(&bytes).replace('\0', "");
        self.0.push(format!("CSI {text}"));
    }
    fn osc(&mut self, string: &[u8], end: StringEnd) {
        self.0.push(format!("OSC {} {end:?}", String::from_utf8_lossy(string)));
    }
    fn dcs(&mut self, string: &[u8]) {
        self.0.push(format!("DCS {}", String::from_utf8_lossy(string)));
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut lines = Lines::default();
    Parser::default().advance(bytes, &mut lines);
    lines.0
}

#[test]
fn text_controls_and_sequences_come_in_their_order() {
    let seen = lines(b"a\r\n\x1b[1;2Hb\x1b(0\x1b]0;t\x07\x1bP+q544e\x1b\\\x1b7");
    let expected =
        ["a", "C0 0d", "C0 0a", "CSI 1;2H", "b", "ESC (0", "OSC 0;t Bell", "DCS +q544e", "ESC 7"];
    assert_eq!(seen, expected);
}

#[test]
fn a_number_that_is_not_given_is_kept_apart_from_zero() {
    assert_eq!(lines(b"\x1b[;5H\x1b[38:2::1:2:3m"), ["CSI ;5H", "CSI 38:2::1:2:3m"]);
    assert_eq!(lines(b"\x1b[?99999999h"), ["CSI ?65535h"]);
}

#[test]
fn a_sequence_with_too_much_of_anything_means_nothing() {
    let many = format!("\x1b[{}mx", "1;".repeat(40));
    assert_eq!(lines(many.as_bytes()), ["x"]);
    assert_eq!(lines(b"\x1b[!!!!pX\x1b[1?2hY\x1b[??1hZ"), ["X", "Y", "Z"]);
}

#[test]
fn a_cancelled_sequence_means_nothing() {
    assert_eq!(lines(b"\x1b[1\x18m\x1b]0;t\x1ax\x1b]0;t\x1b[1mz"), ["m", "x", "CSI 1m", "z"]);
}

#[test]
fn a_control_inside_a_sequence_is_carried_out_first() {
    assert_eq!(lines(b"\x1b[2\nC"), ["C0 0a", "CSI 2C"]);
}

#[test]
fn an_endless_string_is_swallowed_and_not_kept() {
    let mut parser = Parser::default();
    let mut seen = Lines::default();
    parser.advance(b"\x1b]8;;", &mut seen);
    for _ in 0..1000 {
        parser.advance(&[b'a'; 1000], &mut seen);
    }
    assert!(parser.string.capacity() <= 2 * STRING_BYTES_MAX, "{}", parser.string.capacity());
    parser.advance(b"\x07x\x1b_", &mut seen);
    parser.advance(&[b'a'; 100_000], &mut seen);
    assert!(parser.string.capacity() <= 2 * STRING_BYTES_MAX, "{}", parser.string.capacity());
    assert_eq!(seen.0, ["x"]);
}

#[test]
fn neither_form_of_a_c1_control_is_one() {
    assert_eq!(lines(b"a\xc2\x9b1mb"), ["a", "1", "m", "b"]);
    assert_eq!(lines(b"a\x9b1mb"), ["a", "\u{fffd}", "1", "m", "b"]);
}

#[test]
fn bytes_that_are_no_character_are_replaced_once_for_each_beginning() {
    assert_eq!(lines(b"\xe2\x82x"), ["\u{fffd}", "x"]);
    assert_eq!(lines(b"\xf0\x9f\x1b[mx"), ["\u{fffd}", "CSI m", "x"]);
    assert_eq!(lines(b"\xc0\xaf\xed\xa0\x80"), ["\u{fffd}"; 5]);
    assert_eq!(lines("é漢😀".as_bytes()), ["é", "漢", "😀"]);
    let all: Vec<u8> = (0..=255).collect();
    let ours: String =
        lines(&all).into_iter().filter(|line| line.starts_with('\u{fffd}')).collect();
    let std: String = String::from_utf8_lossy(&all[0x80..]).into_owned();
    assert_eq!(ours.chars().count(), std.chars().count());
}

/// Every kind of thing, broken ones included.
const MIXED: &[u8] =
    b"ab\x1b[?1;2$p\xf0\x9f\x98\x80\x1b]8;id=1;http://x\x1b\\\xe2\x82\x1b(0\x1bP+q\x18\
\x1b_apc\x07\x1b\\\x1b[!!!!m\x1b[38:2::1:2:3mz\x1b]0;\x1b\x1b[1\r2m\x9b\xc2\x9c\x1b]52;c;x\x07q";

#[test]
fn any_chunk_border_gives_the_same_calls() {
    let whole = lines(MIXED);
    for cut in 0..=MIXED.len() {
        let mut parser = Parser::default();
        let mut seen = Lines::default();
        parser.advance(&MIXED[..cut], &mut seen);
        parser.advance(&MIXED[cut..], &mut seen);
        assert_eq!(seen.0, whole, "cut at {cut}");
    }
}

#[test]
fn what_is_unfinished_can_be_said_again() {
    let whole = lines(MIXED);
    for cut in 0..=MIXED.len() {
        let mut parser = Parser::default();
        let mut seen = Lines::default();
        parser.advance(&MIXED[..cut], &mut seen);
        let said = parser.unfinished();
        assert_eq!(said.is_empty(), parser.is_at_rest(), "cut at {cut}");
        let mut next = Parser::default();
        next.advance(&said, &mut seen);
        next.advance(&MIXED[cut..], &mut seen);
        assert_eq!(seen.0, whole, "cut at {cut}: {said:?}");
    }
}
