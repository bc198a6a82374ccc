//! The whole tree: with a cgroup and without, nobody gets away by `setsid` or a double fork, and
//! nobody is continued who was not running.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use axiom_holder::tree::{Root, Tree};
use axiom_holder::wire::{Ask, LaunchSpec, Means, Process, Reply, Scope};
use axiom_holder::{cgroup, exit_of_pidfd};
use rustix::event::PollFlags;
use rustix::process::{Pid, Signal};
use std::os::fd::AsFd;

use crate::stage::{
    Patience, Session, Worker, await_death, await_fd, bytes, pidfd, read_until, signal, state,
};

/// A child, a grandchild in a session of its own, and one that a dead parent has left to the
/// holder.
const FAMILY: &str = "setsid sleep 1001 & (setsid sleep 1002 &) ; sleep 1003 & echo complete; wait";

/// Where there are cgroups for us, a leaf for a task; else the test goes on without.
fn leaf(spec: &LaunchSpec) -> Option<PathBuf> {
    // The folder is this test's alone, and with it the directory of cgroups.
    match cgroup::find(&spec.folder) {
        Ok(root) => Some(root.leaf(&spec.task, 1)),
        Err(why) => {
            assert!(!crate::stage::is_root(), "root has no cgroups here: {why}");
            None
        }
    }
}

/// Runs a test's body for both ways.
fn both_ways(script: &str, body: impl Fn(&Session, &Worker, Means)) {
    for by in [Means::Signals, Means::Cgroup] {
        let session = Session::start(|spec| {
            spec.args = bytes(&["sh", "-c", script]);
            spec.cgroup = if by == Means::Cgroup { leaf(spec) } else { None };
        });
        if by == Means::Cgroup && session.spec.cgroup.is_none() {
            continue;
        }
        let worker = session.ready_worker();
        assert_eq!(worker.grant.cgroup, session.spec.cgroup);
        read_until(worker.master(), "complete");
        body(&session, &worker, by);
    }
}

fn tree(worker: &Worker) -> Vec<Process> {
    let reply = worker.ask(Ask::Tree);
    let Reply::Tree { processes, truncated: false } = reply else { panic!("{reply:?}") };
    processes
}

/// The family's processes but the shell, once all three are what they are to be.
fn sleepers(worker: &Worker) -> Vec<u32> {
    // `setsid` becomes `sleep` a moment after it was started, and nothing tells when: look again.
    let patience = Patience::begin();
    loop {
        let processes = tree(worker);
        let sleepers = processes.iter().filter(|process| process.name == b"sleep");
        let pids: Vec<u32> = sleepers.map(|process| process.pid).collect();
        if pids.len() == 3 {
            return pids;
        }
        patience.check(&format!("three sleepers: {processes:?}"));
        std::thread::yield_now();
    }
}

#[test]
fn the_tree_has_the_whole_family_and_neither_worker_nor_holder() {
    both_ways(FAMILY, |session, worker, by| {
        sleepers(worker);
        let pids: Vec<u32> = tree(worker).iter().map(|process| process.pid).collect();
        assert_eq!(pids.len(), 4, "{by:?}");
        assert!(pids.contains(&worker.child_pid()));
        assert!(!pids.contains(&worker.pid) && !pids.contains(&session.holder.id()));
    });
}

#[test]
fn a_frozen_tree_stands_still_and_goes_on_when_thawed() {
    both_ways(FAMILY, |session, worker, by| {
        let pids = sleepers(worker);
        let frozen = worker.ask(Ask::Freeze);
        assert_eq!(frozen, Reply::Frozen { by, already_stopped: Vec::new() });
        match &session.spec.cgroup {
            None => assert!(pids.iter().all(|pid| state(*pid) == 'T'), "{:?}", tree(worker)),
            Some(cgroup) => {
                let events = fs::read_to_string(cgroup.join("cgroup.events")).unwrap();
                assert!(events.contains("frozen 1"), "{events}");
                let procs = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
                assert_eq!(procs.lines().count(), 4, "{procs}");
            }
        }
        assert_eq!(worker.ask(Ask::Thaw { keep_stopped: Vec::new() }), Reply::Done);
        assert!(pids.iter().all(|pid| state(*pid) != 'T'), "{by:?}: {:?}", tree(worker));
    });
}

#[test]
fn a_suspended_tree_can_be_killed_to_the_last_process() {
    both_ways(FAMILY, |_, worker, by| {
        let family: Vec<_> = sleepers(worker).into_iter().map(pidfd).collect();
        assert!(matches!(worker.ask(Ask::Freeze), Reply::Frozen { .. }));
        assert_eq!(worker.ask(Ask::Kill), Reply::Killed { left: Vec::new() }, "{by:?}");
        for member in &family {
            await_death(member, "a member of the family");
        }
        assert_eq!(ExitStatus::from_raw(worker.await_exit()).signal(), Some(libc::SIGKILL));
        assert_eq!(tree(worker), []);
    });
}

#[test]
fn a_tree_that_forks_all_the_time_is_killed_too() {
    let bomb =
        "(while :; do (setsid sh -c 'sleep 1001 & sleep 1002' &) ; done) & echo complete; wait";
    both_ways(bomb, |_, worker, by| {
        assert_eq!(worker.ask(Ask::Kill), Reply::Killed { left: Vec::new() }, "{by:?}");
    });
}

#[test]
fn who_was_stopped_before_a_freeze_stays_stopped_after_it() {
    let script = "sleep 1001 & until grep -q sleep /proc/$!/comm; do :; done; \
                  kill -STOP $!; setsid sleep 1002 & \
                  sleep 1003 & echo complete; wait";
    both_ways(script, |_, worker, by| {
        let pids = sleepers(worker);
        let patience = Patience::begin();
        let stopped = loop {
            match pids.iter().find(|pid| state(**pid) == 'T') {
                Some(pid) => break vec![*pid],
                None => patience.check("the stop signal to work"),
            }
        };
        let Reply::Frozen { by: means, already_stopped } = worker.ask(Ask::Freeze) else {
            panic!("not frozen");
        };
        assert_eq!(means, by);
        if by == Means::Signals {
            assert_eq!(already_stopped, stopped);
        }
        worker.ask(Ask::Thaw { keep_stopped: already_stopped });
        let still: Vec<u32> = pids.iter().copied().filter(|pid| state(*pid) == 'T').collect();
        assert_eq!(still, stopped, "{by:?}");
    });
}

#[test]
fn a_signal_reaches_the_childs_group_or_the_whole_tree() {
    both_ways(FAMILY, |_, worker, by| {
        let all: Vec<_> = sleepers(worker).into_iter().map(|pid| (pid, pidfd(pid))).collect();
        let in_group = |pid: u32| group_of(pid) == worker.child_pid();
        let (near, far): (Vec<_>, Vec<_>) = all.into_iter().partition(|(pid, _)| in_group(*pid));
        assert_eq!((near.len(), far.len()), (1, 2));
        let group = Ask::Signal { signal: libc::SIGTERM, scope: Scope::Child };
        assert_eq!(worker.ask(group.clone()), Reply::Done, "{by:?}");
        worker.await_exit();
        await_death(&near[0].1, "the sleeper in the child's group");
        let left: Vec<u32> = tree(worker).iter().map(|process| process.pid).collect();
        let expected: Vec<u32> = far.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(left, expected, "those with sessions of their own");
        assert_eq!(worker.ask(group), Reply::Failed { errno: libc::ESRCH }, "it was reaped");
        let tree = Ask::Signal { signal: libc::SIGTERM, scope: Scope::Tree };
        assert_eq!(worker.ask(tree), Reply::Done);
        for (_, sleeper) in &far {
            await_death(sleeper, "a sleeper");
        }
    });
}

fn group_of(pid: u32) -> u32 {
    let group = rustix::process::getpgid(Pid::from_raw(pid.cast_signed())).unwrap();
    group.as_raw_nonzero().get().cast_unsigned()
}

#[test]
fn an_empty_cgroup_goes_with_its_holder() {
    let mut cgroup = None;
    let session = Session::start(|spec| {
        spec.args = bytes(&["true"]);
        spec.cgroup = leaf(spec);
        cgroup.clone_from(&spec.cgroup);
    });
    let Some(cgroup) = cgroup else { return };
    let worker = session.ready_worker();
    assert!(cgroup.exists());
    let above = cgroup.parent().unwrap();
    let _session = session.finish(worker);
    assert!(!cgroup.exists());
    assert!(!above.exists(), "the last session takes it along");
}

#[test]
fn a_cgroup_that_cannot_be_entered_is_gone_on_without() {
    let session = Session::start(|spec| {
        spec.args = bytes(&["sh", "-c", FAMILY]);
        spec.cgroup = Some(PathBuf::from("/proc/no/cgroup"));
    });
    let worker = session.ready_worker();
    assert_eq!(worker.grant.cgroup, None);
    read_until(worker.master(), "complete");
    sleepers(&worker);
    let frozen = Reply::Frozen { by: Means::Signals, already_stopped: Vec::new() };
    assert_eq!(worker.ask(Ask::Freeze), frozen);
}

#[test]
fn a_tree_whose_holder_was_killed_is_found_by_its_cookie() {
    let mut session = Session::of_script(FAMILY);
    let worker = session.ready_worker();
    read_until(worker.master(), "complete");
    let family: Vec<_> = sleepers(&worker).into_iter().map(pidfd).collect();
    session.holder.kill().unwrap();
    session.holder_exit();
    // It loses its only channel, and this one gives up.
    await_death(&worker.pidfd, "the worker");
    let lost = Tree::new(Root::Lost { child: None }, &session.spec.task, None);
    // The shell may have been hung up on with its terminal.
    assert!(lost.list().unwrap().len() >= family.len(), "{:?}", lost.list());
    assert_eq!(lost.kill(&mut || ()).unwrap(), []);
    for member in &family {
        await_death(member, "a member of the family");
    }
    assert_eq!(lost.list().unwrap(), []);
}

#[test]
fn a_process_is_found_by_its_cookie_also_while_it_changes_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("again");
    fs::write(&script, "exec sh \"$0\"").unwrap();
    let task = format!("changes-{}", std::process::id());
    let mut restless =
        std::process::Command::new("sh").arg(&script).env("AXIOM_TASK", &task).spawn().unwrap();
    let lost = Tree::new(Root::Lost { child: None }, &task, None);
    let looks: Vec<usize> = (0..300).map(|_| lost.list().unwrap().len()).collect();
    assert_eq!(lost.kill(&mut || ()).unwrap(), []);
    restless.wait().unwrap();
    assert!(looks.iter().all(|found| *found == 1), "{looks:?}");
}

#[test]
fn the_kernel_still_knows_how_a_child_ended_whose_holder_was_killed() {
    let mut session = Session::of_script("trap '' HUP; read line; exit 9");
    let worker = session.ready_worker();
    session.holder.kill().unwrap();
    session.holder_exit();
    let child = worker.granted.child.as_ref().unwrap();
    assert_eq!(exit_of_pidfd(child.pidfd.as_fd()).unwrap(), None, "it lives");
    rustix::io::write(worker.master(), b"\n").unwrap();
    // Init reaps it, and that hangs up.
    await_fd(&child.pidfd, PollFlags::HUP, "the child to be reaped by somebody else");
    let kept = exit_of_pidfd(child.pidfd.as_fd()).unwrap();
    assert!(kept == Some(9 << 8) || !kernel_keeps_exits(), "{kept:?}");
}

/// Kernels keep the exit of a reaped process from 6.15 on.
fn kernel_keeps_exits() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn a_worker_whose_holder_was_killed_can_freeze_and_kill_the_tree_by_itself() {
    both_ways(FAMILY, |session, worker, by| {
        let family = sleepers(worker);
        let holder = pidfd(session.holder.id());
        signal(&holder, Signal::KILL);
        await_death(&holder, "the holder");
        let child = Some(worker.child_pid());
        let cgroup = session.spec.cgroup.as_deref();
        let tree = Tree::new(Root::Lost { child }, &session.spec.task, cgroup);
        assert_eq!(tree.freeze().unwrap().by, by);
        let pids: Vec<u32> = tree.list().unwrap().iter().map(|process| process.pid).collect();
        assert!(family.iter().all(|pid| pids.contains(pid)), "{pids:?}, {family:?}");
        assert_eq!(tree.kill(&mut || ()).unwrap(), []);
        assert!(family.iter().all(|pid| matches!(state(*pid), 'X' | 'Z')));
    });
}
