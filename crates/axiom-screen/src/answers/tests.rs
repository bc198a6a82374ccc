//! Each question of docs/terminal.md with its answer, and the questions that have none.

use super::*;
use crate::screen::Screen;
use crate::size::Size;

fn answers(output: &[u8]) -> String {
    let mut screen = Screen::new(Size::new(80, 24).unwrap());
    let mut answers = Answers::new((1, 2, 3), (0xff, 0, 0x10));
    screen.feed(output, &mut answers);
    String::from_utf8(answers.take()).unwrap()
}

#[test]
fn each_question_has_its_answer() {
    let version = env!("CARGO_PKG_VERSION");
    for (question, answer) in [
        ("\x1b[c", "\x1b[?62;22c".to_owned()),
        ("\x1b[0c", "\x1b[?62;22c".to_owned()),
        ("\x1b[>c", "\x1b[>1;10;0c".to_owned()),
        ("\x1b[>0q", format!("\x1bP>|axiom({version})\x1b\\")),
        ("\x1b[5n", "\x1b[0n".to_owned()),
        ("\x1b[3;7H\x1b[6n", "\x1b[3;7R".to_owned()),
        ("\x1b[5;9r\x1b[?6h\x1b[2;4H\x1b[6n", "\x1b[2;4R".to_owned()),
        ("\x1b[?25$p", "\x1b[?25;1$y".to_owned()),
        ("\x1b[?2026$p", "\x1b[?2026;2$y".to_owned()),
        ("\x1b[?1049h\x1b[?1049$p", "\x1b[?1049;1$y".to_owned()),
        ("\x1b[?1002h\x1b[?1000$p\x1b[?1002$p", "\x1b[?1000;2$y\x1b[?1002;1$y".to_owned()),
        ("\x1b[?2027$p", "\x1b[?2027;0$y".to_owned()),
        ("\x1b[4$p", "\x1b[4;2$y".to_owned()),
        ("\x1b]10;?\x07", "\x1b]10;rgb:0101/0202/0303\x07".to_owned()),
        ("\x1b]11;?\x1b\\", "\x1b]11;rgb:ffff/0000/1010\x1b\\".to_owned()),
        (
            "\x1b]10;?;?\x07",
            "\x1b]10;rgb:0101/0202/0303\x07\x1b]11;rgb:ffff/0000/1010\x07".to_owned(),
        ),
        (
            "\x1b]4;1;?;231;?\x07",
            "\x1b]4;1;rgb:cdcd/0000/0000\x07\x1b]4;231;rgb:ffff/ffff/ffff\x07".to_owned(),
        ),
        (
            "\x1bP+q544e;436f\x1b\\",
            "\x1bP1+r544E=787465726D2D323536636F6C6F72\x1b\\\x1bP1+r436F=323536\x1b\\".to_owned(),
        ),
        ("\x1bP+q4d73\x1b\\", "\x1bP0+r\x1b\\".to_owned()),
        ("\x1b[14t", "\x1b[4;384;640t".to_owned()),
        ("\x1b[18t", "\x1b[8;24;80t".to_owned()),
    ] {
        assert_eq!(answers(question.as_bytes()), answer, "{}", question.escape_debug());
    }
}

#[test]
fn nothing_else_is_answered() {
    for question in [
        "\x1b]2;rm -rf\x07\x1b[21t",
        "\x1b[20t",
        "\x1b[19t\x1b[16t\x1b[15t\x1b[13t\x1b[11t",
        "\x1bP$qm\x1b\\",
        "\x1bP$q\"p\x1b\\",
        "\x1b]52;c;?\x07",
        "\x1b]50;?\x07",
        "\x1b]13;?\x07\x1b]17;?\x07\x1b]104\x07",
        "\x05",
        "\x1bZ",
        "\x1b[=c",
        "\x1b[x",
        "\x1b[?u",
        "\x1b[?6n\x1b[?15n\x1b[?26n\x1b[?996n",
        "\x1b[1;1;1;1;1;1*y",
        "\x1b]4;1;#ff0000\x07\x1b]11;red\x07",
        "\x1b]4;256;?\x07\x1b]4;x;?\x07\x1b]4;1\x07",
        "\x1b_Gi=1,a=q;AAAA\x1b\\",
        "\x1b[>1c\x1b[1c\x1b[>1q",
    ] {
        assert_eq!(answers(question.as_bytes()), "", "{}", question.escape_debug());
    }
}

#[test]
fn answers_come_in_the_order_of_the_questions_wherever_they_are_cut() {
    let asked = b"\x1b[c\x1b]11;?\x07\x1b[6n\x1bP+q544e\x1b\\\x1b[5n";
    let whole = answers(asked);
    for cut in 0..asked.len() {
        let mut screen = Screen::new(Size::new(80, 24).unwrap());
        let mut split = Answers::new((1, 2, 3), (0xff, 0, 0x10));
        screen.feed(&asked[..cut], &mut split);
        screen.feed(&asked[cut..], &mut split);
        assert_eq!(String::from_utf8(split.take()).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn a_flood_of_questions_is_bounded() {
    let mut screen = Screen::new(Size::new(80, 24).unwrap());
    let mut answers = Answers::default();
    for _ in 0..1_000 {
        screen.feed(&b"\x1b[c".repeat(100), &mut answers);
    }
    assert!(answers.dropped() > 0);
    let taken = answers.take();
    assert!(taken.len() <= ANSWERS_BYTES_MAX);
    assert!(taken.ends_with(b"c"), "an answer was cut");
    screen.feed(b"\x1b[5n", &mut answers);
    assert_eq!(answers.take(), b"\x1b[0n");
}
