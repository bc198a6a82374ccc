//! The fence: one worker at a time, each in a later epoch than the one before, and the session
//! never without the next.

use std::fs;
use std::os::unix::fs::symlink;

use axiom_holder::wire::{Ask, Control, ControlReply, Launched, Reply, ToHolder, ToWorker};
use rustix::process::Signal;

use crate::stage::{Session, WORKER, Worker, await_death, bytes, read_until, signal};

fn type_and_read(worker: &Worker, line: &str) {
    rustix::io::write(worker.master(), format!("{line}\n").as_bytes()).unwrap();
    // Once echoed by the terminal, once by the child.
    let echoed = format!("{line}\r\n{line}\r\n");
    read_until(worker.master(), &echoed);
}

#[test]
fn a_killed_worker_is_followed_by_one_in_the_next_epoch_with_a_working_terminal() {
    let session = Session::start(|_| ());
    let first = session.ready_worker();
    assert_eq!((first.grant.epoch, first.grant.orderly), (1, true));
    type_and_read(&first, "to the first");
    for epoch in 2..=4 {
        let worker = if epoch == 2 { None } else { Some(session.ready_worker()) };
        worker.as_ref().unwrap_or(&first).kill();
        if let Some(worker) = worker {
            assert_eq!(worker.grant.epoch, epoch - 1);
        }
    }
    let last = session.ready_worker();
    assert_eq!((last.grant.epoch, last.grant.orderly), (4, false));
    assert_eq!(last.grant.launched, first.grant.launched);
    assert_eq!(last.grant.started_mono_ns, first.grant.started_mono_ns);
    type_and_read(&last, "to the last");
}

#[test]
fn a_replaced_worker_retires_and_its_heir_is_told_that_nothing_is_missing() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    let caller = session.call();
    caller.say(&Control::Replace);
    assert_eq!(worker.hear("the order to retire"), ToWorker::Retire);
    worker.exit(0);
    let heir = session.worker();
    assert_eq!((heir.grant.epoch, heir.grant.orderly), (2, true));
    heir.say(&ToHolder::Ready);
    assert_eq!(caller.hear("the replacement"), Some(ControlReply::Replaced { epoch: 2 }));
    type_and_read(&heir, "to the heir");
}

#[test]
fn a_worker_that_will_not_retire_is_dead_before_the_next_is_granted() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    session.call().say(&Control::Replace);
    assert_eq!(worker.hear("the order to retire"), ToWorker::Retire);
    let heir = session.ready_worker();
    assert_eq!((heir.grant.epoch, heir.grant.orderly), (2, false));
    assert_eq!(crate::stage::state(worker.pid), 'X', "dead and reaped before the grant");
}

#[test]
fn a_stopped_worker_is_continued_to_retire_and_never_shares_the_terminal() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    signal(&worker.pidfd, Signal::STOP);
    let caller = session.call();
    caller.say(&Control::Replace);
    assert_eq!(worker.hear("the order to retire"), ToWorker::Retire);
    worker.exit(0);
    let heir = session.ready_worker();
    assert_eq!((heir.grant.epoch, heir.grant.orderly), (2, true));
    assert_eq!(caller.hear("the replacement"), Some(ControlReply::Replaced { epoch: 2 }));
    // Nobody is left to be continued.
    assert_eq!(crate::stage::state(worker.pid), 'X');
    type_and_read(&heir, "to the heir alone");
}

#[test]
fn a_worker_that_is_missing_is_started_as_soon_as_it_is_there() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("worker");
    let session = Session::start(|spec| {
        spec.worker.clone_from(&path);
        spec.args = bytes(&["sh", "-c", "echo begun; cat"]);
    });
    let caller = session.call();
    let status = caller.ask(&Control::Status);
    let ControlReply::Status { epoch: 0, worker: None, child: Some(_), exited: false } = status
    else {
        panic!("{status:?}");
    };
    symlink(WORKER, &path).unwrap();
    let worker = session.ready_worker();
    assert_eq!((worker.grant.epoch, worker.grant.orderly), (1, true));
    read_until(worker.master(), "begun");
}

#[test]
fn a_worker_that_does_not_listen_is_replaced() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    worker.flood();
    await_death(&worker.pidfd, "a worker that floods its holder");
    let heir = session.ready_worker();
    assert_eq!(heir.grant.epoch, 2);
    type_and_read(&heir, "to the heir");
}

#[test]
fn a_worker_that_breaks_the_protocol_is_replaced_but_a_newer_one_is_not() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    // A packet of a later version, then a request of one.
    worker.say_bytes(&[200, 0, 0, 0, 1, 2, 3]);
    worker.say_bytes(&[18, 0, 0, 0, 9, 0, 0, 0, 99]);
    let refused = Reply::Failed { errno: libc::ENOSYS };
    assert_eq!(worker.hear("a refusal"), ToWorker::Reply { request: 9, reply: refused });
    worker.say_bytes(&[18, 0, 0, 0, 9]);
    await_death(&worker.pidfd, "a worker that sends half a request");
    assert_eq!(session.ready_worker().grant.epoch, 2);
}

#[test]
fn an_exit_between_two_workers_is_in_the_next_grant() {
    let session = Session::of_script("read line; exit 5");
    let worker = session.ready_worker();
    rustix::io::write(worker.master(), b"\n").unwrap();
    worker.await_exit();
    worker.kill();
    let heir = session.ready_worker();
    assert_eq!(heir.grant.exit, Some(5 << 8));
    session.finish(heir);
}

#[test]
fn what_the_child_wrote_before_it_exited_waits_for_the_next_worker() {
    let session = Session::of_script("read line; echo last words; exit 0");
    let worker = session.ready_worker();
    rustix::io::write(worker.master(), b"\n").unwrap();
    worker.await_exit();
    worker.kill();
    let heir = session.ready_worker();
    read_until(heir.master(), "last words\r\n");
    session.finish(heir);
}

#[test]
fn done_is_believed_only_with_a_dead_child_and_a_clean_exit() {
    let session = Session::of_script("read line");
    let mistaken = session.ready_worker();
    mistaken.say(&ToHolder::Done);
    mistaken.exit(0);
    let unclean = session.ready_worker();
    assert_eq!(unclean.grant.epoch, 2);
    rustix::io::write(unclean.master(), b"\n").unwrap();
    unclean.await_exit();
    unclean.say(&ToHolder::Done);
    unclean.exit(1);
    let clean = session.ready_worker();
    assert_eq!((clean.grant.epoch, clean.grant.exit), (3, Some(0)));
    session.finish(clean);
}

#[test]
fn two_hundred_killed_workers_never_cost_the_child_a_line() {
    let session = Session::start(|spec| {
        // Raw, so that what is read is what the child wrote.
        spec.args = bytes(&["sh", "-c", "stty raw -echo; echo go; exec cat"]);
    });
    let mut worker = session.ready_worker();
    read_until(worker.master(), "go");
    for number in 0..200 {
        rustix::io::write(worker.master(), format!("<{number}>").as_bytes()).unwrap();
        worker.kill();
        if number > 0 {
            // Asked for, the next one does not wait any longer.
            session.call().say(&Control::Replace);
        }
        worker = session.ready_worker();
        read_until(worker.master(), &format!("<{number}>"));
    }
    assert!(worker.grant.epoch > 200, "{}", worker.grant.epoch);
}

#[test]
fn a_session_outlives_a_replaced_worker_program() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("worker");
    fs::copy(WORKER, &path).unwrap();
    let session = Session::start(|spec| spec.worker.clone_from(&path));
    let worker = session.ready_worker();
    fs::remove_file(&path).unwrap();
    worker.kill();
    let Launched::Child { pid } = worker.grant.launched else { panic!("no child") };
    fs::copy(WORKER, place.path().join("new")).unwrap();
    fs::rename(place.path().join("new"), &path).unwrap();
    let heir = session.ready_worker();
    assert_eq!(heir.grant.launched, Launched::Child { pid });
    assert_eq!(
        heir.ask(Ask::Signal { signal: 0, scope: axiom_holder::wire::Scope::Child }),
        Reply::Failed { errno: libc::EINVAL }
    );
}
