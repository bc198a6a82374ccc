//! What the command line shows of the fleet: the list, live and as a tree.

use crate::lab::{EVENT_WAIT, Lab, binary, kill};
use crate::tty::Seat;

#[test]
fn the_live_list_shows_who_comes_and_gives_the_terminal_back() {
    let lab = Lab::new();
    let mut seat = Seat::open(lab.command(&["ps", "-w"]));
    let before = seat.modes();
    seat.wait_for("no tasks yet");
    lab.spawn(&["-n", "newcomer", "--", "sh", "-c", "read go; exit 3"]);
    seat.wait_for("newcomer");
    lab.axiom(&["send", "newcomer", ""]).ok();
    seat.wait_for("1 failed");
    seat.type_text("\u{3}");
    assert_eq!(seat.wait_for_exit(), 0);
    assert!(seat.text().contains("\u{1b}[?25h"), "{:?}", seat.text());
    assert_eq!(before.local_modes, seat.modes().local_modes);
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
