//! What is typed as it came, what is taken out, and what is waited for.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::answers::Answers;
use crate::samples::output;
use crate::screen::Screen;
use crate::size::Size;

/// What is typed of this if no more comes.
fn typed(sent: &[u8]) -> Vec<u8> {
    let mut keys = Vec::new();
    let mut replies = Replies::new();
    replies.feed(sent, &mut keys);
    replies.flush(&mut keys);
    for cut in 0..sent.len().min(64) {
        let mut parts = Vec::new();
        let mut replies = Replies::new();
        replies.feed(&sent[..cut], &mut parts);
        replies.feed(&sent[cut..], &mut parts);
        replies.flush(&mut parts);
        assert_eq!(parts.escape_ascii().to_string(), keys.escape_ascii().to_string(), "at {cut}");
    }
    keys
}

#[track_caller]
fn assert_typed(sent: &[u8]) {
    assert_eq!(typed(sent).escape_ascii().to_string(), sent.escape_ascii().to_string());
}

/// Everything that a person can do with keyboard and mouse.
const KEYS: &[&[u8]] = &[
    b"plain text\r\n\t\x7f\x00\x1c\x1d\x03",
    "é 漢字 👩\u{200d}💻".as_bytes(),
    b"\x1b",
    b"\x1b\x1b",
    b"\x1bx\x1bP\x1b]\x1b_\x1b^\x1bX\x1b\\\x1b[",
    b"\x1bPlain \x1b]abc \x1b_x \x1bP\r \x1b]\r",
    b"\x1bOP\x1bOA\x1bOM\x1b\x1bOA\x1b\x1b[A",
    b"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F\x1b[Z\x1b[E\x1b[P\x1b[Q\x1b[R\x1b[S",
    b"\x1b[a\x1b[b\x1b[c\x1b[d\x1b[3$\x1b[3^\x1b[3@",
    b"\x1b[[A\x1b[[E",
    b"\x1b[1;5A\x1b[1;2P\x1b[1;2R\x1b[1;5R\x1b[1;16R\x1b[1;2:3R\x1b[1;2S",
    b"\x1b[3~\x1b[15~\x1b[15;5~\x1b[27;5;93~\x1b[>1;2A",
    b"\x1b[97u\x1b[97;5u\x1b[97:65;2:1;97u\x1b[57441;1:3u\x1b[1;1:3A",
    b"\x1b[I\x1b[O",
    b"\x1b[M !!\x1b[M#\x7f\x7f\x1b[<0;10;20M\x1b[<0;10;20m\x1b[32;10;20M\x1b[<64;1;1M",
    b"\x1b[200~pasted \x1b[6n\x1b[?62;22c \x1b]11;rgb:0/0/0\x07 text\x1b[201~after",
];

/// Everything that a terminal says when it is asked, or by itself.
const REPORTS: &[&[u8]] = &[
    b"\x1b[?62;22c",
    b"\x1b[>1;10;0c",
    b"\x1b[=0c",
    b"\x1b[0n",
    b"\x1b[?13n",
    b"\x1b[?997;1n",
    b"\x1b[24;80R",
    b"\x1b[1;1R",
    b"\x1b[1;17R",
    b"\x1b[2;2R",
    b"\x1b[?24;80;1R",
    b"\x1b[?1049;2$y",
    b"\x1b[4;2$y",
    b"\x1b[4;384;640t",
    b"\x1b[8;24;80t",
    b"\x1b[9;24;80t",
    b"\x1b[1t",
    b"\x1b[48;24;80;384;640t",
    b"\x1b[2;1;1;128;128;1;0x",
    b"\x1b[?31u",
    b"\x1b[?0u",
    b"\x1b[?1;0;256S",
    b"\x1b[>4;2m",
    b"\x1b[0*q",
    b"\x1b]4;1;rgb:cdcd/0000/0000\x07",
    b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\",
    b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1b]12;rgba:0000/0000/0000/ffff\x07",
    b"\x1b]52;c;cGFzdGVk\x07",
    b"\x1b]Ltitle\x1b\\",
    "\x1b]ltitel mit ü\x1b\\".as_bytes(),
    b"\x1bP>|xterm(390)\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP0+r\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1bP!|00000000\x1b\\",
    b"\x1bP1!~1234\x1b\\",
    b"\x1bP@kitty-cmd{\"ok\": true}\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
];

#[test]
fn keys_mouse_focus_and_pastes_are_typed_as_they_came() {
    for keys in KEYS {
        assert_typed(keys);
    }
}

#[test]
fn reports_are_taken_out_and_nothing_else() {
    for report in REPORTS {
        let sent = [b"a\x1b[A", *report, b"\x1b[200~p\x1b[201~b"].concat();
        let shown = String::from_utf8_lossy(&typed(&sent)).into_owned();
        assert_eq!(shown, "a\x1b[A\x1b[200~p\x1b[201~b", "{}", report.escape_ascii());
    }
}

#[test]
fn a_lone_escape_is_waited_for_as_a_key_and_a_report_for_longer() {
    let pending = |sent: &[u8]| {
        let mut replies = Replies::new();
        replies.feed(sent, &mut Vec::new());
        replies.pending()
    };
    for key in
        [&b"\x1b"[..], b"\x1b[", b"\x1b[1;5", b"\x1bP", b"\x1bP1", b"\x1b]", b"\x1b]1", b"\x1b]l"]
    {
        assert_eq!(pending(key), Some(Patience::Key), "{}", key.escape_ascii());
    }
    for report in [&b"\x1b[?62"[..], b"\x1b]11;rgb", b"\x1bP1+r5", b"\x1b[>", b"\x1bP>|x\x1b"] {
        assert_eq!(pending(report), Some(Patience::Report), "{}", report.escape_ascii());
    }
    for nothing in [&b"x"[..], b"\x1b[A", b"\x1b[200~\x1b", b"\x1b[0n", b"\x1b[M", b"\x1bO"] {
        assert_eq!(pending(nothing), None, "{}", nothing.escape_ascii());
    }
}

#[test]
fn a_report_without_an_end_costs_no_key() {
    assert_typed(b"\x1b]11;rgb:\rls\r");
    assert_typed(b"\x1bP1+r\x03");
    let long = [b"\x1b]52;c;", &[b'A'; 100_000][..]].concat();
    let mut replies = Replies::new();
    let mut keys = Vec::new();
    replies.feed(&long, &mut keys);
    assert!(keys.is_empty() && replies.held.len() <= STRING_BYTES_MAX);
    replies.feed(b"\rls\x1b[A", &mut keys);
    assert_eq!(keys, b"\rls\x1b[A");
    assert_eq!(typed(&[&long[..], b"\x1b\\x"].concat()), b"x");
    assert_typed(&[b"\x1b]l", &[b'A'; 10_000][..]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_model_answers_is_known_as_a_report(bytes in output()) {
        let mut answers = Answers::default();
        let mut screen = Screen::new(Size::new(20, 6).unwrap());
        // A place in the first row may be F3; below it is none.
        screen.feed(b"\x1b[2;6r\x1b[2H", &mut answers);
        screen.feed(&bytes, &mut answers);
        let answers = answers.take();
        let left = typed(&answers);
        let is_f3 = |key: &[u8]| key.starts_with(b"1;") && key.ends_with(b"R");
        let keys = left.split(|byte| *byte == 0x1b).skip(1).map(|key| &key[1..]);
        prop_assert!(keys.clone().all(is_f3), "{}", left.escape_ascii());
    }

    #[test]
    fn reports_among_keys_change_no_key(
        pieces in prop::collection::vec((select(&KEYS[3..]), select(REPORTS)), 0..6),
    ) {
        let keys: Vec<u8> = pieces.iter().flat_map(|(key, _)| [*key, b"."].concat()).collect();
        let sent: Vec<u8> =
            pieces.iter().flat_map(|(key, report)| [*key, b".", *report].concat()).collect();
        // A lone Escape before what follows is Alt with it, which is typed as it is.
        prop_assert_eq!(typed(&sent).escape_ascii().to_string(), keys.escape_ascii().to_string());
    }

    #[test]
    fn any_bytes_may_be_split_anywhere(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        typed(&bytes);
    }
}
