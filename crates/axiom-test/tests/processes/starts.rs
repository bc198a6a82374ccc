//! The holder that a server keeps ready: the next task gets it, and nothing depends on it.

use std::time::Instant;

use crate::lab::{EVENT_WAIT, Lab, assert_dies, kill};

/// Waits for a holder that the server keeps ready: a child of its own without a session.
pub(crate) fn spare(lab: &Lab, not: &[u32]) -> u32 {
    let threads = format!("/proc/{}/task", lab.server_pid().unwrap());
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        // Nothing tells of it: it is the server's own affair.
        let lists = std::fs::read_dir(&threads).unwrap().flatten();
        let children: String = lists
            .map(|thread| std::fs::read_to_string(thread.path().join("children")))
            .map(Result::unwrap_or_default)
            .collect();
        let mut pids = children.split_ascii_whitespace().map(|pid| pid.parse().unwrap());
        if let Some(pid) = pids.find(|pid| !not.contains(pid)) {
            return pid;
        }
        assert!(Instant::now() < deadline, "waited in vain for a holder that is kept ready");
        std::thread::yield_now();
    }
}

pub(crate) fn holder_of(lab: &Lab, id: &str) -> u32 {
    u32::try_from(lab.show(id)["task"]["holder_pid"].as_u64().unwrap()).unwrap()
}

#[test]
fn the_next_task_gets_the_holder_that_was_kept_ready() {
    let lab = Lab::new();
    let first = lab.spawn(&["--", "sh", "-c", "read go"]);
    lab.axiom(&["wait", "--any", "--timeout", "1s", &first]);
    let mut holders = vec![holder_of(&lab, &first)];
    for _ in 0..3 {
        let ready = spare(&lab, &holders);
        let id = lab.spawn(&["--", "sh", "-c", "echo up; read go; exit 3"]);
        lab.follow(&["logs", "-f", &id]).wait_for_line("its output", |line| line == "up");
        assert_eq!(holder_of(&lab, &id), ready);
        holders.push(ready);
    }
    lab.shut_down();
}

#[test]
fn a_killed_spare_is_not_missed_and_a_killed_server_leaves_none() {
    let lab = Lab::new();
    let first = lab.spawn(&["--", "sh", "-c", "read go"]);
    lab.axiom(&["wait", "--any", "--timeout", "1s", &first]);
    let holders = [holder_of(&lab, &first)];
    let ready = spare(&lab, &holders);
    kill(ready, libc::SIGKILL);
    assert_dies(ready, "the spare");
    assert_eq!(lab.axiom(&["run", "--", "sh", "-c", "exit 4"]).code(), 4);
    let ready = spare(&lab, &[&holders[..], &[ready]].concat());
    lab.kill_server();
    assert_dies(ready, "the spare of a killed server");
    assert_eq!(lab.axiom(&["run", "--", "sh", "-c", "exit 5"]).code(), 5);
    lab.shut_down();
}
