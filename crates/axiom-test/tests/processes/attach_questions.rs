//! What a program asks its terminal reaches no viewer, and what a viewer's terminal says by itself is typed into no program.

use crate::lab::Lab;
use crate::tty::Seat;

#[test]
fn run_shows_all_but_questions() {
    let lab = Lab::new();
    let line =
        "printf 'one\\033[6n\\033[31mtwo\\033]11;?\\007\\033[?u\\033P+q544e\\033\\\\three\\005\\n'";
    let mut seat = Seat::open(lab.command(&["run", "--", "sh", "-c", line]));
    seat.wait_for("three");
    assert!(seat.text().contains("one\u{1b}[31mtwothree\r\n"), "{:?}", seat.text());
    assert_eq!(seat.wait_for_exit(), 0);
    lab.shut_down();
}

#[test]
fn what_is_no_terminal_gets_questions_too() {
    let lab = Lab::new();
    // Without echo: the answer may come while the child still has its terminal.
    let line = "stty -echo; printf 'a\\033[6nb'";
    let ran = lab.axiom(&["run", "--pty", "--", "sh", "-c", line]);
    assert_eq!(ran.ok().stdout, b"a\x1b[6nb");
    lab.shut_down();
}

/// Says each byte that is typed, until a full stop.
const ECHO: &str = r#"
import os, tty
tty.setraw(0)
print("ready", end="", flush=True)
while (byte := os.read(0, 1)) != b".":
    print("<%02x>" % byte[0], end="", flush=True)
"#;

#[test]
fn a_terminals_own_words_are_not_typed_and_keys_are() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&["run", "--", "python3", "-c", ECHO]));
    seat.wait_for("ready");
    seat.type_text("a\x1b[24;80Rb\x1b[?62;22c\x1b]11;rgb:0000/0000/0000\x1b\\\x1bP>|x(1)\x1b\\");
    seat.type_text("\x1b[1;2Rc");
    seat.wait_for("ready<61><62><1b><5b><31><3b><32><52><63>");
    // A lone Escape is a key, a moment later.
    seat.type_text("\x1b");
    seat.wait_for("<63><1b>");
    seat.type_text("\x1b[200~\x1b[0n\x1b[201~.");
    seat.wait_for("<1b><5b><32><30><30><7e><1b><5b><30><6e><1b>");
    assert_eq!(seat.wait_for_exit(), 0);
    lab.shut_down();
}
