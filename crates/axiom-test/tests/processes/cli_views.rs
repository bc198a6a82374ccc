//! What the command line shows of the fleet: the list, live and as a tree.

use crate::lab::{EVENT_WAIT, Lab, binary, freeze, kill};
use crate::tty::Seat;

#[test]
fn the_live_list_shows_who_comes_and_gives_the_terminal_back() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&["ps", "-w"]));
    let before = seat.before.clone();
    seat.wait_for("no tasks yet");
    lab.spawn(&["-n", "newcomer", "--", "sh", "-c", "read go; exit 3"]);
    seat.wait_for("newcomer");
    lab.axiom(&["send", "newcomer", ""]).ok();
    seat.wait_for("1 failed");
    seat.type_text("\u{3}");
    seat.wait_for("\u{1b}[?25h");
    assert_eq!(seat.wait_for_exit(), 0);
    assert_eq!(before.local_modes, seat.modes().local_modes);
    lab.shut_down();
}

#[test]
fn the_live_list_forgets_what_was_removed() {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", "gone", "--", "true"]);
    lab.wait(&[&id]);
    let mut lines = lab.follow(&["ps", "-w", "--all"]);
    lines.wait_for_line("the task", |line| line.contains("gone"));
    let mut seat = Seat::open(lab.command(&["ps", "-w", "--all"]));
    seat.wait_for("gone");
    lab.axiom(&["rm", "gone"]).ok();
    lines.wait_for_line("its removal", |line| line.ends_with(&format!("{}  removed", &id[..8])));
    seat.wait_for("no tasks yet");
    seat.type_text("\u{3}");
    seat.wait_for_exit();
    lab.shut_down();
}

#[test]
fn the_live_list_is_a_line_for_each_change_where_it_is_no_terminal() {
    let lab = Lab::new();
    lab.axiom(&["run", "--", "true"]).ok();
    let mut ps = lab.follow(&["ps", "-w"]);
    ps.wait_for_line("the ended task", |line| line.contains("succeeded"));
    lab.spawn(&["-n", "later", "--", "false"]);
    ps.wait_for_line("the later one's end", |line| line.ends_with("failed: exit 1  later"));
    kill(ps.child.id(), libc::SIGTERM);
    let (status, _, _) = ps.finish(EVENT_WAIT);
    assert!(status.success());
    lab.shut_down();
}

#[test]
fn the_tree_shows_children_under_their_parents_and_groups_together() {
    let lab = Lab::new();
    let axiom = binary("axiom");
    let line = format!("{0} spawn -n kid -- true; {0} spawn --each true true", axiom.display());
    let parent = lab.spawn(&["-n", "parent", "--", "sh", "-c", &line]);
    assert_eq!(lab.wait(&[&parent]).code(), 0);
    let tree = lab.axiom(&["ps", "--tree", "--all"]).ok().text();
    let depth = |word: &str| {
        let line = tree.lines().find(|line| line.contains(word));
        line.map(|line| line.len() - line.trim_start().len())
    };
    assert_eq!(
        (depth("  parent "), depth("  kid "), depth("group ")),
        (Some(0), Some(2), Some(2)),
        "{tree}"
    );
    assert_eq!(tree.lines().filter(|line| line.starts_with("    ")).count(), 2, "{tree}");
    lab.shut_down();
}

#[test]
fn ctrl_c_takes_a_queued_task_out_of_the_queue() {
    let lab = Lab::new();
    let busy = lab.spawn(&["--", "sleep", "600"]);
    let mut seat =
        Seat::open(lab.command(&["run", "-n", "waits", "--max-tasks", "1", "--", "true"]));
    seat.wait_for("queued");
    seat.type_text("\u{3}");
    assert_eq!(seat.wait_for_exit(), 130);
    assert_eq!(lab.status_of("waits"), "stopped");
    lab.axiom(&["stop", &busy]).ok();
    let again = lab.axiom(&["stop", &busy]).ok();
    assert!(
        again.stderr.contains("ended already") || again.text().contains("stopped"),
        "{again:?}"
    );
    lab.axiom(&["rm", &busy]).ok();
    let removed = lab.axiom(&["rm", &busy]);
    assert_eq!(removed.code(), 125);
    assert!(removed.stderr.contains("removed already"), "{removed:?}");
    lab.shut_down();
}

#[test]
fn run_in_the_background_of_a_terminal_goes_on_without_input() {
    let lab = Lab::new();
    let mut command = std::process::Command::new("bash");
    let axiom = binary("axiom");
    let line = format!("{} run -n back -- sh -c 'cat; echo en''d of it'\n", axiom.display());
    let like = lab.command::<&str>(&[]);
    command.args(["--norc", "-i"]).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").env("HOME", lab.home());
    let mut seat = Seat::open(command);
    seat.wait_for("bash");
    seat.type_text(&line.replace('\n', " &\r"));
    seat.wait_for("has no input");
    seat.wait_for("end of it");
    seat.type_text("exit\r");
    assert_eq!(seat.wait_for_exit(), 0);
    lab.shut_down();
}

#[test]
fn a_server_that_stands_still_is_named_by_those_who_wait_and_by_doctor() {
    let lab = Lab::new();
    lab.axiom(&["run", "--", "true"]).ok();
    let server = lab.server_pid().unwrap();
    freeze(server);
    let doctor = lab.axiom(&["doctor"]);
    let mut ps = lab.follow(&["ps"]);
    ps.wait_for_error("who stands still", |line| line.contains(&format!("kill -9 {server}")));
    kill(server, libc::SIGCONT);
    let (status, _, _) = ps.finish(EVENT_WAIT);
    assert!(status.success());
    assert_eq!(doctor.code(), 1);
    assert!(doctor.text().contains(&format!("process {server} listens")), "{doctor:?}");
    lab.shut_down();
}

#[test]
fn a_damaged_journal_is_found_without_a_server() {
    let lab = Lab::new();
    let id = lab.spawn(&["--", "seq", "1000"]);
    lab.wait(&[&id]);
    lab.shut_down();
    let check = || lab.axiom(&["doctor", "--journal", &id[..8]]);
    assert!(check().ok().text().contains("1 segment"));
    let file = lab.home().join(format!("tasks/{id}/1/000001.journal"));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1500] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damaged = check();
    assert_eq!(damaged.code(), 1);
    assert!(damaged.text().contains("damaged in segment 1 at byte"), "{damaged:?}");
}

#[test]
fn the_tab_key_knows_tasks_by_id_and_name() {
    let lab = Lab::new();
    let live = lab.spawn(&["-n", "lively", "--", "sleep", "600"]);
    let ended = lab.spawn(&["--", "true"]);
    lab.wait(&[&ended]);
    let complete = |verb: &str| {
        let mut command = lab.command(&["--", "axiom", verb, ""]);
        command.env("AXIOM_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
        command.env("_CLAP_IFS", "\n");
        crate::cli::finish(&mut command, b"").ok().text()
    };
    let stop = complete("stop");
    assert!(stop.contains("lively") && stop.contains(&live[..8]), "{stop}");
    assert!(!stop.contains(&ended[..8]), "{stop}");
    let rm = complete("rm");
    assert!(rm.contains(&ended[..8]) && !rm.contains("lively"), "{rm}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(lab.axiom(&["completions", shell]).ok().text().contains("AXIOM_COMPLETE"));
    }
    lab.shut_down();
}
