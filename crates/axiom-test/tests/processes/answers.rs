//! The terminal answers what programs ask it: with nobody there, in a flood, and once only whatever dies.

use std::fs;
use std::path::{Path, PathBuf};

use axiom_proto::frame::FrameKind;
use axiom_proto::mixed;
use axiom_proto::record::{InputNote, TERMINAL, Verdict};

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, wait_for_entry};

/// Asks, and gives what is answered. `told(path, text)` writes a file in one step.
const ASKER: &str = r#"
import os, select, sys, termios, tty
modes = termios.tcgetattr(0)
tty.setraw(0)
def ask(questions, last, longest=15):
    data = memoryview(questions)
    while data:
        data = data[os.write(1, data):]
    got = b""
    while not got.endswith(last):
        if not select.select([0], [], [], longest)[0]:
            break
        got += os.read(0, 65536)
    return got
def told(path, text):
    open(path + ".new", "wb").write(text)
    os.rename(path + ".new", path)
"#;

fn asker(script: &str, args: &[&Path]) -> Setup {
    let script = format!("{ASKER}{script}");
    let mut setup = Setup::command(&["python3", "-c", &script]);
    setup.args.extend(args.iter().map(|arg| arg.to_str().unwrap().to_owned()));
    setup
}

/// One of each kind, and the answers that docs/terminal.md promises.
fn questions() -> (String, String) {
    let version = env!("CARGO_PKG_VERSION");
    let each = [
        ("\x1b[c", "\x1b[?62;22c".to_owned()),
        ("\x1b[>c", "\x1b[>1;10;0c".to_owned()),
        ("\x1b[4;7H\x1b[6n", "\x1b[4;7R".to_owned()),
        ("\x1b[>q", format!("\x1bP>|axiom({version})\x1b\\")),
        ("\x1b[?2026$p", "\x1b[?2026;2$y".to_owned()),
        ("\x1b]10;?\x07", "\x1b]10;rgb:d0d0/d0d0/d0d0\x07".to_owned()),
        ("\x1b]11;?\x1b\\", "\x1b]11;rgb:0000/0000/0000\x1b\\".to_owned()),
        ("\x1bP+q436F\x1b\\", "\x1bP1+r436F=323536\x1b\\".to_owned()),
        ("\x1b[18t", "\x1b[8;24;80t".to_owned()),
        ("\x1b[21t\x1b]52;c;?\x07\x05\x1b[5n", "\x1b[0n".to_owned()),
    ];
    (each.iter().map(|(asked, _)| *asked).collect(), each.iter().map(|(_, told)| &**told).collect())
}

/// What was typed, by whom.
fn typed(direct: &Direct) -> Vec<(InputNote, Vec<u8>)> {
    let input = direct.frames.iter().filter(|frame| frame.header.kind == FrameKind::Input);
    input
        .map(|frame| {
            let (note, bytes) = mixed::decode::<InputNote>(&frame.payload).unwrap();
            (note, bytes.to_vec())
        })
        .collect()
}

fn answered(direct: &Direct) -> Vec<u8> {
    let typed = typed(direct).into_iter().filter(|(note, _)| note.author == TERMINAL);
    typed.flat_map(|(_, bytes)| bytes).collect()
}

fn fifo(lab: &Lab) -> PathBuf {
    let path = lab.home().join("go");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    path
}

#[test]
fn everything_in_the_list_is_answered_in_order_with_nobody_there() {
    let lab = Lab::new();
    let (asked, expected) = questions();
    let heard = lab.home().join("heard");
    let script = format!("told(sys.argv[1], ask({}, b'\\x1b[0n'))", python_bytes(asked.as_bytes()));
    let mut direct = Direct::launch(&lab, &asker(&script, &[&heard]));
    wait_for_entry(&heard, &mut || false);
    assert_eq!(String::from_utf8(fs::read(&heard).unwrap()).unwrap(), expected);
    direct.relink();
    direct.wait_for_end();
    let input = typed(&direct);
    assert!(input.iter().all(|(note, bytes)| {
        note.author == TERMINAL && !note.hidden && note.len == bytes.len() as u64
    }));
    assert_eq!(String::from_utf8(answered(&direct)).unwrap(), expected);
    let summary = &direct.summary;
    assert_eq!((summary.interventions, summary.open.len(), summary.outcomes.len()), (0, 0, 0));
}

fn python_bytes(bytes: &[u8]) -> String {
    format!("bytes({bytes:?})")
}

#[test]
fn questions_in_a_flood_are_answered_each_at_its_place() {
    let lab = Lab::new();
    let heard = lab.home().join("heard");
    let script = r#"
heard = b"".join(ask(b"x" * 60000 + b"\x1b[%d;%dH\x1b[6n" % (i % 24 + 1, i % 80 + 1), b"R") for i in range(200))
told(sys.argv[1], heard)
"#;
    let mut direct = Direct::start(&lab, &asker(script, &[&heard]));
    direct.wait_for("the journal's closing", |direct| direct.summary.closed);
    let expected: String =
        (0..200).map(|i| format!("\x1b[{};{}R", i % 24 + 1, i % 80 + 1)).collect();
    assert_eq!(String::from_utf8(fs::read(&heard).unwrap()).unwrap(), expected);
}

#[test]
fn a_task_whose_server_was_killed_is_answered() {
    let lab = Lab::new();
    let (go, ready, heard) = (fifo(&lab), lab.home().join("ready"), lab.home().join("heard"));
    let script = r#"
told(sys.argv[2], b"")
open(sys.argv[1]).read()
told(sys.argv[3], ask(b"\x1b[5n", b"n"))
"#;
    let args = asker(script, &[&go, &ready, &heard]).args;
    let spawn: Vec<&str> = std::iter::once("--").chain(args.iter().map(String::as_str)).collect();
    let id = lab.spawn(&spawn);
    wait_for_entry(&ready, &mut || false);
    lab.kill_server();
    fs::write(&go, "go").unwrap();
    wait_for_entry(&heard, &mut || false);
    assert_eq!(fs::read(&heard).unwrap(), b"\x1b[0n");
    assert_eq!(lab.wait(&[&id]).code(), 0);
    lab.shut_down();
}

#[test]
fn whatever_workers_die_no_question_is_answered_twice() {
    const KILLS: u64 = 12;
    let lab = Lab::new();
    let heard = lab.home().join("heard");
    // Each question has a number of its own, which the answer repeats. Lost with a worker can be one each.
    let script = r#"
heard = b"".join(ask(b"x" * 2000 + b"\x1b[?%d$p" % i, b"y", 1) for i in range(3000, 4500))
told(sys.argv[1], heard)
"#;
    let mut direct = Direct::start(&lab, &asker(script, &[&heard]));
    for kill in 1..=KILLS {
        direct.wait_for("more answers", |direct| direct.summary.answered.0 > kill * 200_000);
        direct.kill_worker();
        direct.relink();
    }
    direct.wait_for_end();
    let heard = String::from_utf8(fs::read(&heard).unwrap()).unwrap();
    let numbers = heard.split_terminator("$y").map(|answer| {
        answer
            .strip_prefix("\x1b[?")
            .and_then(|answer| answer.strip_suffix(";0"))
            .unwrap()
            .parse()
            .unwrap()
    });
    let numbers: Vec<u64> = numbers.collect();
    assert!(
        numbers.is_sorted_by(|first, second| first < second),
        "twice or out of order: {numbers:?}"
    );
    let lost = 1500 - numbers.len() as u64;
    assert!(lost <= KILLS, "{lost} questions without an answer over {KILLS} kills");
    assert!(numbers.contains(&4499), "the last worker answers too");
}

#[test]
fn a_child_that_asks_a_million_times_and_never_reads_costs_nobody_anything() {
    let lab = Lab::new();
    let (go, heard) = (fifo(&lab), lab.home().join("heard"));
    let script = r#"
for _ in range(100):
    data = b"\x1b[6n" * 10000
    while data:
        data = data[os.write(1, data):]
os.write(1, b"asked")
open(sys.argv[1]).read()
told(sys.argv[2], ask(b"", b"!"))
"#;
    let mut direct = Direct::start(&lab, &asker(script, &[&go, &heard]));
    direct.wait_for("the last question", |direct| {
        direct.frames.last().is_some_and(|frame| frame.payload.ends_with(b"asked"))
    });
    // The answers come behind the questions; what is typed before they fill the child's queue is still taken.
    let refused = loop {
        let outcome = direct.type_text("?");
        if outcome.verdict != Verdict::Applied {
            break outcome;
        }
    };
    assert_eq!((refused.verdict, refused.accepted), (Verdict::Refused, Some(0)), "{refused:?}");
    fs::write(&go, "go").unwrap();
    direct.wait_for("room for a word", |direct| direct.summary.answered.0 > 0);
    while direct.type_text("!").verdict != Verdict::Applied {}
    direct.wait_for_end();
    let heard = String::from_utf8(fs::read(&heard).unwrap()).unwrap();
    let answers = heard.trim_end_matches('!').replace('?', "");
    assert!(answers.len() <= 2 * 16 * 1024, "{} bytes of answers", answers.len());
    assert!(answers.split_terminator('R').all(|answer| answer == "\x1b[1;1"), "{answers:?}");
}

/// Starts a program that asks its terminal things, waits for a word of it, types, and sees it end.
#[track_caller]
fn starts_and_ends(program: &[&str], word: &str, typed: &[(&str, &str)]) {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::command(program));
    direct.wait_for_output(word);
    for (text, answer) in typed {
        direct.type_text(text);
        direct.wait_for_output(answer);
    }
    direct.wait_for_end();
    let output = String::from_utf8_lossy(&direct.output()).into_owned();
    for garbage in ["62;22c", ";10;0c", "$y", "rgb:"] {
        assert!(!output.contains(garbage), "an answer was taken for typing: {output:?}");
    }
    assert_eq!(direct.summary.exit, Some(axiom_proto::record::Exit::Code(0)));
}

#[test]
fn an_editor_a_prompt_and_a_redrawing_program_take_the_answers_for_what_they_are() {
    let vim = ["vim", "-u", "NONE", "-i", "NONE", "-n"];
    starts_and_ends(&vim, "VIM", &[("ihello\x1b", "hello"), (":q!\r", "")]);
    starts_and_ends(&["python3", "-q"], ">>>", &[("print(6*7)\r", "42"), ("exit()\r", "")]);
    starts_and_ends(&["top", "-d", "5"], "load average", &[("q", "")]);
}
