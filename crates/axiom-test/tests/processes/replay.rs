//! `axiom replay`: the same bytes into a pipe, the picture on a terminal, keys, and the terminal as it was on every way out.

use std::fs;
use std::path::PathBuf;

use axiom_screen::{Answers, Screen, Size};
use rustix::event::Timespec;
use serde_json::{Value, json};

use crate::lab::{EVENT_WAIT, Lab, assert_dies, kill};
use crate::tty::Seat;

const HEAD: &str = "{\"version\":2,\"width\":80,\"height\":24}\n";

/// Events of a recording that is too long to be played from its start for every key.
const LONG: u32 = 120_000;

/// A recording of these lines.
fn cast(lab: &Lab, lines: &str) -> PathBuf {
    let path = lab.home().join("made.cast");
    fs::write(&path, format!("{HEAD}{lines}")).unwrap();
    path
}

/// Replays a file for a person.
fn seat(lab: &Lab, file: &std::path::Path, args: &[&str]) -> Seat {
    Seat::open(lab.command(&[&["replay", file.to_str().unwrap()], args].concat()))
}

/// Nothing of the terminal's modes is different.
fn assert_as_before(seat: &Seat) {
    let (before, after) = (&seat.before, seat.modes());
    assert_eq!(before.local_modes, after.local_modes);
    assert_eq!((before.input_modes, before.output_modes), (after.input_modes, after.output_modes));
}

#[test]
fn a_task_and_its_recording_play_every_byte_into_a_pipe() {
    let lab = Lab::new();
    let line = "seq 1 20000; printf '\\377\\033[31m\\033]52;c;aGk=\\007end\\n'";
    let id = lab.spawn(&["-n", "bytes", "--", "sh", "-c", line]);
    lab.wait(&[&id]);
    let raw = lab.raw_output(&id);
    assert!(lab.axiom(&["replay", "bytes"]).ok().stdout == raw);
    let file = lab.home().join("a.cast");
    lab.axiom(&["export", &id, "-o", file.to_str().unwrap()]).ok();
    let played = lab.axiom(&["replay", "--speed", "max", file.to_str().unwrap()]).ok().stdout;
    assert!(String::from_utf8(played).unwrap() == String::from_utf8_lossy(&raw));
    let exported = lab.axiom(&["export", &id]).ok().stdout;
    let piped = lab.axiom_with_input(&["replay", "-", "--speed", "max"], &exported).ok().stdout;
    assert!(String::from_utf8(piped).unwrap() == String::from_utf8_lossy(&raw));
    lab.shut_down();
}

#[test]
fn every_version_plays_and_needs_no_server() {
    let lab = Lab::new();
    let file = lab.home().join("a.cast");
    let three = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n# hello\n[0.1,\"o\",\"a\"]\n[0.1,\"x\",\"0\"]\n";
    let one = "{\"version\":1,\"width\":80,\"height\":24,\n\"stdout\":[[0.1,\"a\"]]}";
    for text in [three.to_owned(), one.to_owned(), format!("{HEAD}[0.1,\"o\",\"a\"]\n")] {
        fs::write(&file, text).unwrap();
        assert_eq!(lab.axiom(&["replay", file.to_str().unwrap()]).ok().text(), "a");
    }
    assert_eq!(lab.server_pid(), None);
}

#[test]
fn a_bad_recording_is_refused_with_its_line_before_anything_is_played() {
    let lab = Lab::new();
    let good = "[0.1,\"o\",\"played\"]\n";
    for (text, told) in [
        (format!("{HEAD}{good}[0.2,\"o\",\"cut"), "line 3: the file ends inside it"),
        (format!("{HEAD}{good}[0.05,\"o\",\"back\"]\n"), "line 3: its time, 0.050000 s, is before"),
        (format!("{HEAD}{good}[NaN,\"o\",\"\"]\n"), "line 3: not an event"),
        (format!("{HEAD}{good}[1,\"r\",\"0x0\"]\n"), "line 3: 0x0 is no terminal's size"),
        (HEAD.replace("80", "0"), "line 1: 0x24 is no terminal's size"),
        (HEAD.replace('2', "9"), "line 1: an asciicast of version 9"),
        ("plain text\n".to_owned(), "line 1: this is no asciicast"),
        (String::new(), "line 1: this is no asciicast"),
        (format!("{HEAD}[1,\"o\",\"{}\"]", "x".repeat(17 << 20)), "line 2: longer than 16 MiB"),
    ] {
        let file = lab.home().join("bad.cast");
        fs::write(&file, text).unwrap();
        let refused = lab.axiom(&["replay", file.to_str().unwrap()]);
        assert_eq!((refused.code(), refused.text().as_str()), (125, ""), "{told}");
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    let missing = lab.axiom(&["replay", "./nothing"]);
    assert!(missing.stderr.contains("read ./nothing: No such file"), "{missing:?}");
    for args in [["--speed", "0"], ["--speed", "fast"], ["--from", "-1"], ["--idle-limit", "x"]] {
        assert_eq!(lab.axiom(&["replay", "./a", args[0], args[1]]).code(), 125);
    }
    assert_eq!(lab.server_pid(), None);
}

#[test]
fn on_a_terminal_nothing_acts_and_keyboard_mouse_and_title_stay_the_viewers() {
    let lab = Lab::new();
    let hostile = "a\\u001b]52;c;aGk=\\u0007b\\u001b[6n\\u001bP$qm\\u001b\\\\c\\u009b5n\\u001b]0;title\\u0007\
                   \\u001b[?1000;2004hd\\u001b[>1u\\u001b[31mred";
    let file = cast(&lab, &format!("[0.1,\"o\",\"{hostile}\"]\n"));
    let mut seat = seat(&lab, &file, &[]);
    assert_eq!(seat.wait_for_exit(), 0);
    let text = seat.text();
    // A control of the second set is nothing, and what follows it is text.
    assert!(text.contains("abc5nd\u{1b}[31mred"), "{text:?}");
    for bad in ["]52", "[6n", "$q", "title", "1000h", "2004h", "[>1u", "\u{9b}"] {
        assert!(!text.contains(bad), "{bad} in {text:?}");
    }
    assert_as_before(&seat);
}

/// Until what was drawn last is this.
fn wait_for_picture(seat: &mut Seat, what: &str, is: impl Fn(&str) -> bool) {
    // A picture begins with the erasing of the screen, and ends with the cursor's place on a row of its own.
    while !seat.text().rsplit_once("\u{1b}[2J").is_some_and(|(_, picture)| is(picture)) {
        seat.wait_for_more(what);
    }
}

#[test]
fn keys_pause_step_seek_and_leave() {
    let lab = Lab::new();
    let lines: String =
        (1..=9).map(|n| format!("[{}, \"o\", \"line{n}\\r\\n\"]\n", n * 100)).collect();
    let file = cast(&lab, &lines);
    let mut seat = seat(&lab, &file, &["--from", "250"]);
    seat.wait_for("line2");
    assert!(!seat.text().contains("line3"));
    seat.type_text(" ");
    // An arrow up is a minute.
    seat.type_text("\u{1b}[A");
    seat.wait_for("line3");
    seat.type_text(".");
    seat.wait_for("line4");
    assert!(!seat.text().contains("line5"));
    seat.type_text(",,");
    wait_for_picture(&mut seat, "two steps back", |picture| {
        picture.contains("line2") && !picture.contains("line3")
    });
    seat.type_text("0");
    wait_for_picture(&mut seat, "the start", |picture| !picture.contains("line"));
    seat.type_text("q");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_as_before(&seat);
}

/// Its name, the exit code, and how it is done.
type Way = (&'static str, i32, fn(&mut Seat));

#[test]
fn the_terminal_is_as_it_was_after_every_way_out() {
    let lab = Lab::new();
    let program = "\\u001b[?1049h\\u001b[?25l\\u001b[2;5r\\u001b[7mfull screen";
    let file = cast(&lab, &format!("[0.1,\"o\",\"{program}\"]\n[900,\"o\",\"late\"]\n"));
    let ways: [Way; 4] = [
        ("q", 0, |seat| seat.type_text("q")),
        ("Ctrl-C", 130, |seat| seat.type_text("\u{3}")),
        ("SIGTERM", 143, |seat| kill(seat.child.id(), libc::SIGTERM)),
        ("SIGHUP", 143, |seat| kill(seat.child.id(), libc::SIGHUP)),
    ];
    for (way, code, leave) in ways {
        let mut seat = seat(&lab, &file, &[]);
        seat.wait_for("full screen");
        leave(&mut seat);
        assert_eq!(seat.wait_for_exit(), code, "{way}");
        let text = seat.text();
        let after = text.rsplit("full screen").next().unwrap();
        for undone in ["\u{1b}[?1049l", "\u{1b}[?25h", "\u{1b}[r", "\u{1b}[m"] {
            assert!(after.contains(undone), "{way}: {undone:?} is not in {after:?}");
        }
        assert_as_before(&seat);
    }
}

#[test]
fn a_reader_that_hangs_up_ends_it_even_in_a_long_silence() {
    let lab = Lab::new();
    let file = cast(&lab, "[0.1,\"o\",\"first\"]\n[900,\"o\",\"late\"]\n");
    let line = format!(
        "{} replay '{}' | head -c 5",
        crate::lab::binary("axiom").display(),
        file.display()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).env("AXIOM_HOME", lab.home());
    let finished = crate::cli::finish(&mut shell, b"");
    assert_eq!(finished.text(), "first");
}

#[test]
fn a_signal_ends_it_also_while_its_reader_stands_still() {
    let lab = Lab::new();
    let lines: String =
        (0..200).map(|_| format!("[0, \"o\", \"{}\"]\n", "x".repeat(10_000))).collect();
    let file = cast(&lab, &lines);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = lab.command(&["replay", file.to_str().unwrap()]);
    let mut replay = command.stdin(std::process::Stdio::null()).stdout(writer).spawn().unwrap();
    drop(command);
    // It has begun, and the pipe holds far less than all.
    let readable = rustix::event::PollFd::new(&reader, rustix::event::PollFlags::IN);
    let patience = Timespec { tv_sec: EVENT_WAIT.as_secs().cast_signed(), tv_nsec: 0 };
    assert_eq!(rustix::event::poll(&mut [readable], Some(&patience)), Ok(1), "nothing was played");
    kill(replay.id(), libc::SIGTERM);
    assert_dies(replay.id(), "a replay whose reader stands still");
    assert_eq!(replay.wait().unwrap().code(), Some(143));
}

#[test]
fn a_task_is_found_before_a_file_of_its_name() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "both", "--", "echo", "the task"]);
    lab.wait(&[&id]);
    fs::write(lab.home().join("both"), format!("{HEAD}[0,\"o\",\"the file\"]\n")).unwrap();
    fs::write(lab.home().join("only"), format!("{HEAD}[0,\"o\",\"the file\"]\n")).unwrap();
    let replay = |name: &str| {
        let mut command = lab.command(&["replay", name]);
        crate::cli::finish(command.current_dir(lab.home()), b"")
    };
    assert!(replay("both").ok().text().contains("the task"));
    assert_eq!(replay("./both").ok().text(), "the file");
    assert_eq!(replay("only").ok().text(), "the file");
    let nobody = replay("nobody");
    assert!(nobody.stderr.contains("no task has the id or name"), "{nobody:?}");
    lab.shut_down();
}

#[test]
fn a_running_task_plays_up_to_now_and_a_killed_server_costs_nothing() {
    let lab = Lab::new();
    let id = lab.spawn_shell("seq 1 300000; exec sleep 600");
    lab.follow(&["logs", "-f", &id]).wait_for_line("the last line", |line| line == "300000");
    let mut replay = lab.follow(&["replay", "--speed", "max", &id]);
    replay.wait_for_line("the first line", |line| line.starts_with('1'));
    lab.kill_server();
    let (status, lines, stderr) = replay.finish(crate::lab::EVENT_WAIT);
    assert!(status.success(), "{stderr}");
    assert_eq!(lines.len(), 300_000);
    assert!(stderr.contains("runs on"), "{stderr}");
    lab.shut_down();
}

#[test]
fn a_long_task_is_sought_through_by_its_pictures_and_each_is_the_one_from_the_start() {
    let lab = Lab::new();
    let id = lab.spawn(&["--", "sh", "-c", "seq 1 200000; printf '\\033[31mthe end'"]);
    lab.wait(&[&id]);
    let (size, outputs) = outputs_of(&lab, &id);
    // What a screen shows that was fed with so many outputs, from the start.
    let from_start = |count: usize| {
        let mut screen = Screen::new(size);
        outputs[..count]
            .iter()
            .for_each(|output| screen.feed(output.as_bytes(), &mut Answers::default()));
        screen.view().text()
    };
    let command = lab.command(&["replay", "--speed", "0.01", &id]);
    let mut seat = Seat::open_sized(command, size.columns(), size.rows());
    seat.wait_for("1\r\n");
    seat.type_text(" ");
    // A minute on, and more minutes where the task took longer.
    seat.type_text(&"\u{1b}[A".repeat(20));
    wait_for_screen(&mut seat, size, &from_start(outputs.len()));
    let mut count = outputs.len();
    for steps in [1, 2, 70, 300] {
        seat.type_text(&",".repeat(steps));
        count -= steps;
        wait_for_screen(&mut seat, size, &from_start(count));
    }
    seat.type_text("..");
    wait_for_screen(&mut seat, size, &from_start(count + 2));
    seat.type_text(&"\u{1b}[B".repeat(20));
    wait_for_screen(&mut seat, size, "");
    seat.type_text("q");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_as_before(&seat);
    lab.shut_down();
}

#[test]
fn a_seek_back_in_a_long_file_gives_the_picture_from_the_start_without_reading_from_there() {
    let lab = Lab::new();
    let line = |n: u32| format!("\u{1b}[{}mline {n} of a long recording\r\n", 31 + n % 7);
    let event = |n: u32| format!("[{}, \"o\", {}]\n", f64::from(n) / 1000.0, json!(line(n)));
    let file = cast(&lab, &(0..LONG).map(event).collect::<String>());
    let size = Size::nearest(80, 24);
    let from_start = |count: u32| {
        let mut screen = Screen::new(size);
        let lines: String = (0..count).map(line).collect();
        screen.feed(lines.as_bytes(), &mut Answers::default());
        screen.view().text()
    };
    let mut seat = seat(&lab, &file, &["--speed", "0.01"]);
    seat.wait_for("line 0 ");
    seat.type_text(" ");
    seat.type_text(&"\u{1b}[A".repeat(4));
    wait_for_screen(&mut seat, size, &from_start(LONG));
    let pid = seat.child.id();
    let read = || {
        let counts = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
        counts.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = read();
    assert!(before > 6_000_000, "{before} bytes only were read: it is no long file");
    let mut count = LONG;
    for steps in 1..=2 {
        seat.type_text(&",".repeat(steps as usize));
        count -= steps;
        wait_for_screen(&mut seat, size, &from_start(count));
    }
    // Five seconds each.
    seat.type_text("\u{1b}[D");
    count -= 5000;
    wait_for_screen(&mut seat, size, &from_start(count));
    let more = read() - before;
    assert!(more < before, "{more} bytes were read for a few seeks, and {before} for all of it");
    seat.type_text("0");
    wait_for_screen(&mut seat, size, &from_start(1));
    seat.type_text("q");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_as_before(&seat);
}

/// The terminal's size, and all outputs, as its recording has them.
fn outputs_of(lab: &Lab, id: &str) -> (Size, Vec<String>) {
    let cast = lab.axiom(&["export", id]).ok().text();
    let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let head = lines.next().unwrap();
    let side = |name: &str| u32::try_from(head["term"][name].as_u64().unwrap()).unwrap();
    let outputs: Vec<String> = lines
        .filter(|event| event[1] == "o")
        .map(|event| event[2].as_str().unwrap().to_owned())
        .collect();
    assert!(outputs.len() > 400, "{} outputs only", outputs.len());
    (Size::nearest(side("cols"), side("rows")), outputs)
}

/// Until the terminal shows this.
fn wait_for_screen(seat: &mut Seat, size: Size, expected: &str) {
    loop {
        let mut screen = Screen::new(size);
        screen.feed(seat.bytes(), &mut Answers::default());
        if screen.view().text() == expected {
            return;
        }
        seat.wait_for_more(&format!("this screen:\n{expected}\n"));
    }
}

#[test]
fn a_terminal_of_one_cell_or_of_no_size_is_played_on_and_sought_through() {
    let lab = Lab::new();
    let file =
        cast(&lab, "[0.1,\"o\",\"\\u001b[5;10Hone\"]\n[60,\"o\",\"two\"]\n[900,\"o\",\"three\"]\n");
    let id = lab.spawn(&["--", "sh", "-c", "printf '\\033[5;10Hone two'"]);
    lab.wait(&[&id]);
    for (cols, rows) in [(1, 1), (0, 0), (1, 0), (0, 1)] {
        for what in [file.to_str().unwrap(), &id] {
            let command = lab.command(&["replay", "--from", "30", what]);
            let mut seat = Seat::open_sized(command, cols, rows);
            seat.wait_for("\u{1b}[2J");
            seat.type_text("\u{1b}[A,,.0q");
            assert_eq!(seat.wait_for_exit(), 0, "{cols}x{rows}: {}", seat.text());
            assert!(!seat.text().contains("panicked"), "{}", seat.text());
            assert_as_before(&seat);
        }
    }
    lab.shut_down();
}
