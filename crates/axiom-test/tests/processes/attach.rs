//! `axiom attach`: the screen at once, live both ways, and the terminal given back as it was.

use std::time::Instant;

use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::attach_viewer::Viewer;
use crate::lab::{EVENT_WAIT, Lab, kill};

const SIZE: (u16, u16) = (80, 24);

/// Says each byte that is typed, until a full stop, and its size whenever that changes.
const ECHO: &str = r#"
import os, signal, sys, tty
tty.setraw(0)
def say(text):
    sys.stdout.write(text); sys.stdout.flush()
signal.signal(signal.SIGWINCH, lambda *_: say("{%dx%d}" % os.get_terminal_size()))
say("ready")
while (byte := os.read(0, 1)) != b".":
    say("<%02x>" % byte[0])
sys.exit(3)
"#;

/// It is spawned, and listens.
fn echo(lab: &Lab, size: &str) -> String {
    let id = lab.spawn(&["--size", size, "--", "python3", "-c", ECHO]);
    let deadline = Instant::now() + EVENT_WAIT;
    while rows_of(lab, &id)[0] != "ready" {
        assert!(Instant::now() < deadline, "waited in vain for the program to be ready");
    }
    id
}

#[test]
fn the_screen_is_there_at_once_and_keys_go_to_the_task() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("ready");
    viewer.type_text("ab\x03\x1a");
    viewer.wait_for("ready<61><62><03><1a>");
    viewer.type_text("\x1b");
    viewer.wait_for("<1a><1b>");
    viewer.type_text("\x1b[24;80R\x1b]11;rgb:0/0/0\x07\x1b[?62c\x1b[A");
    viewer.wait_for("<1a><1b><1b><5b><41>");
    viewer.wait_for_no_note();
    viewer.detach();
    assert_eq!(lab.status_of(&id), "running");
    let mut again = Viewer::attach(&lab, &[&id], SIZE);
    again.wait_for("ready<61><62><03><1a><1b>");
    again.type_text(".");
    assert_eq!(again.seat.wait_for_exit(), 3, "its exit code is ours");
    again.assert_given_back();
    assert!(again.seat.text().contains("has ended: failed: exit 3"), "{}", again.seat.text());
    lab.shut_down();
}

#[test]
fn what_stood_on_the_terminal_stands_there_again() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut command = std::process::Command::new("sh");
    let line =
        format!("echo before; {} attach {id}; echo after", crate::lab::binary("axiom").display());
    command.args(["-c", &line]).env("AXIOM_HOME", lab.home());
    let mut viewer = Viewer::open(command, SIZE);
    viewer.wait_for("ready");
    viewer.type_text("\x1dd");
    assert_eq!(viewer.seat.wait_for_exit(), 0);
    viewer.assert_given_back();
    let rows = viewer.rows();
    let starts = ["before", "axiom: task", "axiom: detached", "after", ""];
    assert!(starts.iter().zip(&rows).all(|(start, row)| row.starts_with(start)), "{rows:#?}");
    lab.shut_down();
}

#[test]
fn the_task_has_the_size_of_who_attached_typed_or_was_resized_last() {
    let lab = Lab::new();
    let id = echo(&lab, "90x30");
    let mut first = Viewer::attach(&lab, &[&id], (80, 24));
    first.wait_for("ready{80x24}");
    let mut second = Viewer::attach(&lab, &[&id], (60, 20));
    second.wait_for("{60x20}");
    first.wait_for("{60x20}");
    first.wait_until("dots beyond the task's screen", |viewer| {
        let rows = viewer.rows();
        rows[0].ends_with("....................") && rows[22].starts_with("....")
    });
    first.type_text("a");
    first.wait_for("{60x20}{80x24}<61>");
    second.seat.resize(70, 21);
    first.wait_for("<61>{70x21}");
    // A terminal that was looked at or away from has typed nothing.
    first.type_text("\x1b[O");
    first.wait_for("{70x21}<1b><5b><4f>");
    let onlooker = Viewer::attach(&lab, &["--read-only", &id], (40, 10));
    first.type_text("b");
    first.wait_for("<4f>{80x24}<62>");
    onlooker.detach();
    let shown: String = first.rows().concat();
    assert!(!shown.contains("{40x10}"), "{shown}");
    for viewer in [first, second] {
        viewer.detach();
    }
    let size = lab.asked("GET", &format!("/api/v1/tasks/{id}/screen"), b"").json()["size"].clone();
    assert_eq!(size, json!({"cols": 80, "rows": 24}), "the size stays");
    lab.shut_down();
}

#[test]
fn who_only_looks_types_nothing_and_leaves_with_ctrl_c() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut viewer = Viewer::attach(&lab, &["--read-only", &id], SIZE);
    viewer.wait_for("ready");
    viewer.wait_for("read-only");
    viewer.type_text("abc.\x1b[A");
    viewer.type_text("\x03");
    assert_eq!(viewer.seat.wait_for_exit(), 0);
    viewer.assert_given_back();
    lab.axiom(&["send", "--no-enter", &id, "x."]).ok();
    lab.wait(&[&id]);
    assert!(String::from_utf8_lossy(&lab.raw_output(&id)).ends_with("ready<78>"));
    lab.shut_down();
}

#[test]
fn a_killed_server_changes_nothing_on_the_screen() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("ready");
    viewer.type_text("a");
    viewer.wait_for("ready<61>");
    lab.kill_server();
    viewer.type_text("bc");
    viewer.wait_for("ready<61><62><63>");
    viewer.wait_for_no_note();
    assert_eq!(viewer.rows()[0], "ready<61><62><63>");
    viewer.detach();
    lab.shut_down();
}

#[test]
fn a_server_that_stays_away_is_said_and_the_note_goes_when_one_is_back() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("ready");
    viewer.wait_for_no_note();
    // Whoever has the home's lock is its server: none comes while somebody else has it.
    let folder = std::fs::File::open(lab.home()).unwrap();
    let deadline = Instant::now() + EVENT_WAIT;
    let lock = FlockOperation::NonBlockingLockExclusive;
    lab.kill_server();
    while flock(&folder, lock).is_err() {
        assert!(Instant::now() < deadline, "the next server is always there before us");
        lab.kill_server();
    }
    viewer.wait_for("the server is away");
    assert_eq!(viewer.rows()[0], "ready", "what was there stays");
    viewer.type_text("a");
    drop(folder);
    viewer.wait_for("ready<61>");
    viewer.wait_until("the note to go", |viewer| {
        !viewer.rows().iter().any(|row| row.contains("the server is away"))
    });
    viewer.detach();
    lab.shut_down();
}

#[test]
fn signals_and_a_hung_up_line_give_the_terminal_back() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
        let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
        viewer.wait_for("ready");
        kill(viewer.seat.child.id(), signal);
        assert_eq!(viewer.seat.wait_for_exit(), 0, "signal {signal}");
        viewer.assert_given_back();
    }
    assert_eq!(lab.status_of(&id), "running");
    lab.shut_down();
}

#[test]
fn a_suspended_viewer_gives_the_terminal_back_and_takes_it_again() {
    let lab = Lab::new();
    let id = echo(&lab, "80x24");
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("ready");
    let pid = viewer.seat.child.id();
    kill(pid, libc::SIGTSTP);
    crate::lab::wait_until_stopped(pid);
    viewer.wait_until("the first page", |viewer| !viewer.screen().alternate_screen());
    viewer.assert_given_back();
    kill(pid, libc::SIGCONT);
    viewer.wait_for("ready");
    viewer.type_text("a");
    viewer.wait_for("<61>");
    viewer.detach();
    lab.shut_down();
}

#[test]
fn what_cannot_be_attached_to_is_said() {
    let lab = Lab::new();
    let piped = lab.spawn(&["--no-pty", "--", "sh", "-c", "read go"]);
    let refused = lab.axiom(&["attach", &piped]);
    assert_eq!(refused.code(), 125);
    assert!(refused.stderr.contains("runs on pipes") && refused.stderr.contains("logs -f"));
    let id = echo(&lab, "80x24");
    let refused = lab.axiom(&["attach", &id]);
    assert_eq!(refused.code(), 125);
    assert!(refused.stderr.contains("needs a terminal"), "{}", refused.stderr);
    let unknown = lab.axiom(&["attach", "nosuchtask"]);
    assert_eq!(unknown.code(), 125);
    lab.shut_down();
}

#[test]
fn of_an_ended_task_the_last_screen_is_printed() {
    let lab = Lab::new();
    let line = "printf 'one\\033[31mred\\033]52;c;eA==\\007\\ntwo'; exit 4";
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", line]);
    lab.wait(&[&id]);
    let shown = lab.axiom(&["attach", &id]).ok();
    assert_eq!(shown.text(), "onered\ntwo\n");
    assert!(shown.stderr.contains("has ended: failed: exit 4"), "{}", shown.stderr);
    lab.shut_down();
}

#[test]
fn a_flood_costs_the_viewer_little_and_ends_in_the_right_picture() {
    let lab = Lab::new();
    let line = "read go; seq 1 300000; echo over; read go";
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", line]);
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.type_text("\r");
    viewer.wait_for("over");
    let rows = viewer.rows();
    assert!(
        rows.contains(&"300000".to_owned()) && rows.contains(&"299990".to_owned()),
        "{rows:#?}"
    );
    let (shown, printed) = (viewer.seat.bytes().len(), lab.raw_output(&id).len());
    assert!(shown * 2 < printed, "{shown} bytes reached the terminal, {printed} were printed");
    viewer.detach();
    lab.shut_down();
}

#[test]
fn lines_that_scrolled_off_can_be_read_while_the_task_goes_on() {
    let lab = Lab::new();
    let line = "seq -f 'row %g.' 1 3000; read go; echo more; read go";
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", line]);
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("row 3000.");
    viewer.type_text("\x1d[");
    viewer.wait_for("rows below");
    viewer.type_text("\x1b[5~\x1b[A\x1b[A");
    viewer.wait_for("row 2940.");
    viewer.type_text("\x1b[H");
    viewer.wait_until("the first row", |viewer| viewer.rows()[0] == "row 1.");
    lab.axiom(&["send", &id, ""]).ok();
    let deadline = Instant::now() + EVENT_WAIT;
    while !rows_of(&lab, &id).contains(&"more".to_owned()) {
        assert!(Instant::now() < deadline, "waited in vain for more to be printed");
    }
    viewer.type_text("\x1b[F");
    viewer.wait_for("more");
    viewer.type_text("\x1b[5~q");
    viewer.wait_until("the live screen", |viewer| {
        viewer.rows()[21..] == ["", "more", ""] && viewer.rows()[20] == "row 3000."
    });
    assert!(
        !String::from_utf8_lossy(&lab.raw_output(&id)).contains("^["),
        "no key reached the task"
    );
    viewer.detach();
    lab.shut_down();
}

#[test]
fn a_terminal_that_shrank_and_grew_shows_viewers_what_the_server_has() {
    let lab = Lab::new();
    let line = "seq -f 'line %g is of some length' 1 100; printf 'the end'; read go";
    let id = lab.spawn(&["--size", "80x24", "--", "sh", "-c", line]);
    let mut viewer = Viewer::attach(&lab, &["--read-only", &id], SIZE);
    viewer.wait_for("the end");
    viewer.wait_for_no_note();
    for (cols, rows) in [(80, 10), (80, 24), (12, 24), (80, 20), (30, 5), (80, 24)] {
        let asked = json!({"size": {"cols": cols, "rows": rows}}).to_string();
        let path = format!("/api/v1/tasks/{id}/resize");
        assert_eq!(lab.asked("POST", &path, asked.as_bytes()).status, 200);
        let expected = rows_of(&lab, &id);
        assert_eq!(expected.len(), rows);
        viewer.wait_until(&format!("{cols}x{rows}: {expected:#?}"), |viewer| {
            let shown = viewer.rows().into_iter().take(rows);
            let left = |row: String| row.chars().take(cols).collect::<String>().trim_end().into();
            shown.map(left).collect::<Vec<String>>() == expected
        });
    }
    // What a late viewer is given is the same again.
    let mut late = Viewer::attach(&lab, &["--read-only", &id], SIZE);
    late.wait_for("the end");
    late.wait_for_no_note();
    assert_eq!(late.rows(), viewer.rows());
    late.detach();
    viewer.detach();
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}

/// The screen as the server has it.
fn rows_of(lab: &Lab, id: &str) -> Vec<String> {
    let screen = lab.asked("GET", &format!("/api/v1/tasks/{id}/screen"), b"").json();
    let rows = screen["rows"].as_array().unwrap();
    rows.iter().map(|row| row.as_str().unwrap().to_owned()).collect()
}

/// Waits until the viewer's terminal shows what the server's model does.
fn wait_for_the_same(viewer: &mut Viewer, lab: &Lab, id: &str) {
    viewer.wait_for_no_note();
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        let expected = rows_of(lab, id);
        if viewer.rows() == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{:#?} is not {expected:#?}", viewer.rows());
        let _more: bool =
            viewer.seat.read_until(Instant::now() + std::time::Duration::from_millis(20));
    }
}

fn is_there(program: &str) -> bool {
    let there = std::path::Path::new("/usr/bin").join(program).exists();
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

#[test]
fn vim_is_the_same_after_a_detach_and_a_killed_server() {
    if !is_there("vim") {
        return;
    }
    let lab = Lab::new();
    let file = lab.home().join("text");
    let path = file.to_str().unwrap();
    let id =
        lab.spawn(&["--size", "80x24", "--", "vim", "-u", "NONE", "-N", "-c", "set mouse=a", path]);
    let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
    viewer.wait_for("~");
    viewer.wait_for_no_note();
    viewer.type_text("ifirst line\rsecond 漢字 line\x1b");
    viewer.wait_for("second 漢字 line");
    viewer.type_text("0ll");
    viewer.wait_until("the cursor", |viewer| viewer.screen().cursor_position() == (1, 2));
    wait_for_the_same(&mut viewer, &lab, &id);
    let (rows, place) = (viewer.rows(), viewer.screen().cursor_position());
    let modes = (viewer.screen().mouse_protocol_mode(), viewer.screen().application_cursor());
    assert_ne!(modes.0, vt100::MouseProtocolMode::None, "vim asks for the mouse");
    viewer.detach();
    lab.kill_server();
    let mut again = Viewer::attach(&lab, &[&id], SIZE);
    again.wait_for("second");
    again.wait_for_no_note();
    assert_eq!((again.rows(), again.screen().cursor_position()), (rows, place));
    assert_eq!((again.screen().mouse_protocol_mode(), again.screen().application_cursor()), modes);
    again.type_text("x:wq\r");
    assert_eq!(again.seat.wait_for_exit(), 0);
    again.assert_given_back();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "first line\nseond 漢字 line\n");
    lab.shut_down();
}

#[test]
fn real_programs_look_as_the_model_has_them() {
    let lab = Lab::new();
    let file = lab.home().join("lines");
    std::fs::write(&file, (1..200).map(|line| format!("line {line}\n")).collect::<String>())
        .unwrap();
    let path = file.to_str().unwrap();
    for (program, args, seen, keys, then) in [
        ("less", vec![path], "line 23", "\x20/150\r", "line 150"),
        ("python3", vec!["-q"], ">>>", "print('six', 7 * 6)\r", "six 42"),
        ("top", vec!["-d", "60"], "PID", "1", "PID"),
        ("htop", vec!["-d", "600"], "PID", "\x1bOB\x1bOB", "PID"),
        (
            "tmux",
            vec!["-f", "/dev/null", "-L", "axiom-test-attach", "new", "sh"],
            "[0]",
            "echo in$((1))side\r",
            "in1side",
        ),
    ] {
        if program != "python3" && !is_there(program) {
            continue;
        }
        let mut command = vec!["--size", "80x24", "--env", "TERM=xterm-256color", "--", program];
        command.extend(args);
        let id = lab.spawn(&command);
        let mut viewer = Viewer::attach(&lab, &[&id], SIZE);
        viewer.wait_for(seen);
        viewer.type_text(keys);
        viewer.wait_for(then);
        wait_for_the_same(&mut viewer, &lab, &id);
        let viewer = viewer.detach();
        drop(viewer);
        if program == "tmux" {
            lab.axiom(&["send", &id, "tmux -L axiom-test-attach kill-server"]).ok();
        }
        lab.axiom(&["stop", &id]);
    }
    lab.shut_down();
}
