//! What the server holds once tasks are over: what it held before them.

use std::time::Instant;

use crate::lab::{EVENT_WAIT, Lab};

/// Ten rings of 1 MiB were full. Views, journals' names and metrics of ten more tasks stay, and take some KiB each; so do the few
/// transcripts that were read last.
const GROWTH_MAX: u64 = 6 << 20;

/// Bytes of the server that lie in no file: its heaps and stacks.
fn anonymous(lab: &Lab) -> u64 {
    let pid = lab.server_pid().unwrap();
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn what_tasks_filled_is_given_back_when_they_are_over() {
    let lab = Lab::new();
    // Threads, tables and the like are there after a first task.
    let first = lab.spawn_shell("yes | head -c 100000");
    lab.wait(&[&first]).ok();
    let before = anonymous(&lab);
    let mut most = before;
    for _round in 0..2 {
        let ids: Vec<String> = (0..10).map(|_| lab.spawn_shell("seq 1 400000; read go")).collect();
        for id in &ids {
            let mut printed = lab.follow(&["logs", "-f", id]);
            printed.wait_for_line("the last line", |line| line == "400000");
        }
        most = most.max(anonymous(&lab));
        for id in &ids {
            lab.axiom(&["send", id, ""]).ok();
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        lab.wait(&ids).ok();
    }
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        let grown = anonymous(&lab).saturating_sub(before);
        if grown < GROWTH_MAX {
            eprintln!("{} KiB more than before, {} KiB at most", grown >> 10, most >> 10);
            break;
        }
        assert!(Instant::now() < deadline, "{} KiB stay, of {} KiB", grown >> 10, most >> 10);
    }
    assert!(most > before + GROWTH_MAX, "{most} bytes: too little was held to tell");
    lab.shut_down();
}
