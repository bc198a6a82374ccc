//! Hostile output through `axiom attach`: of all that a program can print, a viewer's terminal gets only what draws, and the
//! program gets nothing that it made the viewer's terminal say.

use crate::attach_viewer::Viewer;
use crate::hostile_judge::{Own, attacks, offence};
use crate::lab::Lab;

/// Prints each attack of a file in a screen of its own, then says what was typed until an exclamation mark.
const ATTACKER: &str = r#"
import os, sys, tty
tty.setraw(0)
attacks = [bytes.fromhex(line) for line in open(sys.argv[1])]
attacks += [
    b"\x1b]0;a title that never ends " * 1000, b"\x1b[" + b"9" * 100000, b"e" + "\u0301".encode() * 10000, b"\x1bc",
    b"\x1b[99999999999999999999;99999999999999999999H", b"\x1b[3J\x1b[?1049h\x1b[?47h\x1b[?3h\x1b[?40h",
    b"\x1b]8;;file:///etc/passwd\x07here\x1b]8;;\x07",
]
out = sys.stdout.buffer
for attack in attacks:
    for at in range(0, len(attack), 1000):
        out.write(attack[at:at + 1000]); out.flush()
    out.write(b"\x18\x1b\\\x1bc."); out.flush()
out.write(b"\x1bcready"); out.flush()
typed = b""
while not typed.endswith(b"!"):
    typed += os.read(0, 100)
bad = [word for word in (b"payload", b"cGF5", b"7061") if word in typed]
out.write(b"\r\ntyped %d %s over" % (len(typed), b"bad" if bad else b"good"))
out.flush()
os.read(0, 1)
"#;

/// Only what a painter may write is in it.
fn assert_painted(bytes: &[u8]) {
    assert_eq!(offence(bytes, Own::Painting), None);
}

#[test]
fn nothing_that_acts_reaches_a_viewer_and_nothing_comes_back() {
    let lab = Lab::new();
    let file = lab.home().join("attacks");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines = attacks().iter().map(|attack| hex(&attack.bytes) + "\n").collect::<String>();
    std::fs::write(&file, lines).unwrap();
    let script = lab.home().join("attacker.py");
    std::fs::write(&script, ATTACKER).unwrap();
    let line = format!("read go; exec python3 {} {}", script.display(), file.display());
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", &line]);
    let mut viewer = Viewer::attach(&lab, &[&id], (80, 24));
    viewer.type_text("\r");
    viewer.wait_for("ready");
    viewer.type_text("!");
    viewer.wait_for("good over");
    let viewer = viewer.detach();
    assert_painted(viewer.seat.bytes());
    // Late, and so from the dump.
    let mut late = Viewer::attach(&lab, &[&id], (79, 20));
    late.wait_for("good over");
    assert_painted(late.detach().seat.bytes());
    lab.shut_down();
}

#[test]
fn a_viewer_of_random_hostile_output_is_given_the_terminal_back() {
    let lab = Lab::new();
    let program = crate::lab::binary("axiom-test");
    // What it is answered would be echoed behind its last word.
    let line = format!(
        "stty raw -echo; {} hostile --bytes 2000000 --seed 7; printf '\\030\\033\\\\\\033cover'; read go",
        program.display()
    );
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", &line]);
    let mut viewer = Viewer::attach(&lab, &[&id], (70, 30));
    viewer.wait_for("over");
    assert_painted(viewer.detach().seat.bytes());
    lab.shut_down();
}
