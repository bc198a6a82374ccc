//! The whole tree: stop, suspend and resume reach every descendant, with a cgroup and without.

use std::path::PathBuf;

use axiom_proto::command::Action;
use axiom_proto::record::{FreezeMeans, Record, Verdict};
use axiom_proto::task::{Leftovers, Status};

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, freeze, is_alive, state, wait_until_stopped};

/// A child with a `setsid` descendant and a double-forked one, each printing its pid and then ticking.
const FAMILY: &str = r"
import os, sys, time
def tick(name):
    os.write(1, b'%s %d\n' % (name, os.getpid()))
    while True:
        time.sleep(0.05)
if os.fork() == 0:
    os.setsid()
    tick(b'setsid')
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        tick(b'orphan')
    os._exit(0)
os.wait()
tick(b'child')
";

/// The cgroup to run in, where this machine lets us make one.
fn cgroup(lab: &Lab) -> Option<PathBuf> {
    match axiom_holder::cgroup::find(lab.home()) {
        Ok(root) => Some(root.leaf("test", 1)),
        Err(why) => {
            eprintln!("skipped: no cgroup here: {why}");
            None
        }
    }
}

fn family(lab: &Lab, cgroup: Option<PathBuf>) -> (Direct, Vec<u32>) {
    let setup = Setup { cgroup, ..Setup::command(&["python3", "-c", FAMILY]) };
    let mut direct = Direct::start(lab, &setup);
    direct.wait_for("all three members", |direct| direct.summary.lines == 3);
    let output = direct.output();
    let pids = String::from_utf8_lossy(&output)
        .lines()
        .map(|line| line.split_whitespace().last().unwrap().parse().unwrap())
        .collect();
    (direct, pids)
}

fn stop_reaches_all(cgroup: impl Fn(&Lab) -> Option<PathBuf>) {
    let lab = Lab::new();
    let (mut direct, pids) = family(&lab, cgroup(&lab));
    let outcome = direct.command(Action::Stop { grace_ms: Some(200) }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied, "{outcome:?}");
    for pid in pids {
        assert!(!is_alive(pid), "{pid} lives after the task was said to be stopped");
    }
    direct.wait_for_end();
    assert_eq!(direct.summary.status, Status::Stopped);
}

#[test]
fn stop_reaches_setsid_and_double_forked_descendants_with_a_cgroup() {
    stop_reaches_all(cgroup);
}

#[test]
fn stop_reaches_setsid_and_double_forked_descendants_without_a_cgroup() {
    stop_reaches_all(|_| None);
}

fn suspend_and_resume(cgroup: Option<PathBuf>, lab: &Lab) {
    let means = cgroup.as_ref().map_or(FreezeMeans::Signals, |_| FreezeMeans::Cgroup);
    let (mut direct, pids) = family(lab, cgroup);
    // One of them was stopped before: it must stay so.
    freeze(pids[0]);
    direct.command(Action::Suspend, b"");
    let freeze = direct.summary.freeze.clone().expect("it is frozen");
    assert_eq!(freeze.means, means);
    assert_eq!(direct.summary.status, Status::Suspended);
    if means == FreezeMeans::Signals {
        assert_eq!(freeze.already_stopped, [pids[0]]);
        assert!(pids.iter().all(|pid| state(*pid) == 'T'), "all are stopped");
    }
    direct.command(Action::Resume, b"");
    assert_eq!(direct.summary.status, Status::Running);
    // What was stopped before stays stopped.
    wait_until_stopped(pids[0]);
    assert!(pids[1..].iter().all(|pid| state(*pid) != 'T'), "the others run");
    // A suspended task can be stopped.
    direct.command(Action::Suspend, b"");
    let outcome = direct.command(Action::Stop { grace_ms: Some(200) }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied, "{outcome:?}");
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    direct.wait_for_end();
}

#[test]
fn suspend_and_resume_reach_the_tree_with_a_cgroup() {
    let lab = Lab::new();
    if let Some(cgroup) = cgroup(&lab) {
        suspend_and_resume(Some(cgroup), &lab);
    }
}

#[test]
fn suspend_and_resume_reach_the_tree_without_a_cgroup() {
    let lab = Lab::new();
    suspend_and_resume(None, &lab);
}

#[test]
fn a_cgroup_holds_the_childs_tree_and_nothing_else() {
    let lab = Lab::new();
    let Some(cgroup) = cgroup(&lab) else { return };
    let (mut direct, mut pids) = family(&lab, Some(cgroup.clone()));
    let listed = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
    let mut listed: Vec<u32> = listed.lines().map(|line| line.parse().unwrap()).collect();
    listed.sort_unstable();
    pids.sort_unstable();
    assert_eq!(listed, pids);
    direct.command(Action::Stop { grace_ms: Some(0) }, b"");
    direct.wait_for_end();
    assert!(!cgroup.exists(), "the session's cgroup is removed");
}

#[test]
fn left_over_processes_are_stopped_where_that_was_asked() {
    let lab = Lab::new();
    let mut setup = Setup::shell("trap '' HUP; sleep 600 </dev/null >/dev/null 2>&1 & echo $!");
    setup.leftovers = Leftovers::Stop;
    let mut direct = Direct::start(&lab, &setup);
    direct.wait_for_end();
    assert_eq!(direct.summary.status, Status::Succeeded);
    assert!(direct.records().contains(&Record::TreeEmptied));
    assert_eq!(direct.summary.leftovers.len(), 1);
}
