//! The control socket: what servers, the doctor and strangers may do there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use axiom_holder::wire::{Ask, Control, ControlReply, Reply, ToHolder, VERSION};

use crate::stage::{Patience, Session, WORKER, await_child, is_root};

#[test]
fn a_caller_learns_version_and_status() {
    let session = Session::of_script("read line");
    let worker = session.ready_worker();
    let caller = session.call();
    assert_eq!(caller.ask(&Control::Version), ControlReply::Version(VERSION));
    let living = ControlReply::Status {
        epoch: 1,
        worker: Some(worker.pid),
        child: Some(worker.child_pid()),
        exited: false,
    };
    assert_eq!(caller.ask(&Control::Status), living);
    rustix::io::write(worker.master(), b"\n").unwrap();
    worker.await_exit();
    let ended =
        ControlReply::Status { epoch: 1, worker: Some(worker.pid), child: None, exited: true };
    assert_eq!(caller.ask(&Control::Status), ended);
}

#[test]
fn shutdown_is_refused_until_the_journal_is_done() {
    let mut session = Session::of_script("read line");
    let worker = session.ready_worker();
    let caller = session.call();
    let busy = ControlReply::Refused { errno: libc::EBUSY };
    assert_eq!(caller.ask(&Control::Shutdown), busy, "the child lives");
    rustix::io::write(worker.master(), b"\n").unwrap();
    worker.await_exit();
    assert_eq!(caller.ask(&Control::Shutdown), busy, "the journal is not done");
    worker.say(&ToHolder::Done);
    // The answer shows that what was said before it has been taken.
    worker.ask(Ask::Tree);
    let done = ControlReply::Reply { request: 0, reply: Reply::Done };
    assert_eq!(caller.ask(&Control::Shutdown), done);
    assert_eq!(session.holder_exit(), Some(0));
    assert!(!session.has("holder.sock"));
}

#[test]
fn what_a_newer_caller_asks_is_refused_and_no_harm_is_done() {
    let session = Session::start(|_| ());
    let worker = session.ready_worker();
    let caller = session.call();
    caller.say_bytes(&[250, 0, 0, 0]);
    let unknown = ControlReply::Refused { errno: libc::ENOSYS };
    assert_eq!(caller.hear("a refusal"), Some(unknown));
    caller.say_bytes(&[35, 0, 0, 0, 4, 0, 0, 0, 77]);
    let reply = Reply::Failed { errno: libc::ENOSYS };
    assert_eq!(caller.hear("a refusal"), Some(ControlReply::Reply { request: 4, reply }));
    caller.say_bytes(&[35]);
    let garbled = ControlReply::Refused { errno: libc::EBADMSG };
    assert_eq!(caller.hear("a refusal"), Some(garbled));
    assert_eq!(
        worker.ask(Ask::Signal { signal: 999, scope: axiom_holder::wire::Scope::Tree }),
        Reply::Failed { errno: libc::EINVAL }
    );
}

#[test]
fn one_caller_too_many_is_told_so_and_the_others_are_served() {
    let session = Session::start(|_| ());
    let _worker = session.ready_worker();
    let callers: Vec<_> = (0..8).map(|_| session.call()).collect();
    for caller in &callers {
        assert_eq!(caller.ask(&Control::Version), ControlReply::Version(VERSION));
    }
    let busy = ControlReply::Refused { errno: libc::EBUSY };
    assert_eq!(session.call().hear("a refusal"), Some(busy));
    drop(callers);
    // A program that another test starts at this moment holds copies of them until it executes.
    let patience = Patience::begin();
    while session.call().attempt(&Control::Version) != Some(ControlReply::Version(VERSION)) {
        patience.check("a place to be free again");
    }
}

#[test]
fn a_caller_that_takes_no_answers_does_not_stop_the_others() {
    let session = Session::start(|_| ());
    let _worker = session.ready_worker();
    let deaf = session.call();
    // Until its questions or the answers fill a buffer: then the holder hangs up.
    while deaf.try_say(&Control::Status) {}
    assert_eq!(session.call().ask(&Control::Version), ControlReply::Version(VERSION));
}

#[test]
fn another_user_is_hung_up_on() {
    if !is_root() {
        // Only root can become another user to try it.
        return;
    }
    let session = Session::start(|_| ());
    let _worker = session.ready_worker();
    let open = |path: &std::path::Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    };
    let folder = &session.spec.folder;
    open(folder);
    open(folder.parent().unwrap());
    open(&folder.join("holder.sock"));
    // A copy, since the build's folder may be closed to others.
    let copy = folder.join("caller");
    fs::copy(WORKER, &copy).unwrap();
    open(&copy);
    let call = |uid: u32| {
        let mut command = Command::new(&copy);
        command.arg("--call").arg(folder).uid(uid);
        await_child(&mut command.spawn().unwrap(), "a caller's exit")
    };
    assert_eq!(call(0), Some(0), "our own user is answered");
    assert_eq!(call(65_534), Some(1), "another is not");
}
