//! Journals as dead workers leave them, closed by a server; and real processes that carry a task's cookie.

use std::cell::RefCell;
use std::process::{Command, Stdio};

use axiom_proto::frame::FrameKind;
use axiom_proto::id::TaskId;
use axiom_proto::record::Stage;
use axiom_proto::task::Status;

use super::*;

fn unserved(folder: &Path) -> Unserved {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    let id = SessionId { task: TaskId::from_random(random), number: 1 };
    let (mode, leftovers, cgroup) = (Mode::Terminal, Leftovers::Keep, None);
    Unserved { id, folder: folder.to_owned(), mode, leftovers, cgroup }
}

/// A journal that a worker had begun when it died.
fn begun(session: &Unserved) {
    begun_with(session, 9, u32::MAX);
}

fn begun_with(session: &Unserved, started_unix_us: u64, pid: u32) {
    let note = format!("axiom-holder 1\npid 1\nstarted_unix_us {started_unix_us}\n");
    fs::write(session.folder.join("holder"), note).unwrap();
    let mut writer = Writer::create(&session.folder, session.id, started_unix_us).unwrap();
    let opened = Record::Opened {
        epoch: 3,
        role: WriterRole::Worker,
        pid: 1,
        version: "0".to_owned(),
        after: After::Start,
    };
    let started = Record::Started { pid, mode: Mode::Terminal, size: None };
    for record in [opened, started] {
        writer.append(FrameKind::Record, Micros(1), &record.encode()).unwrap();
    }
    writer.append(FrameKind::Output, Micros(2), b"some output").unwrap();
}

fn close(session: &Unserved) -> Result<Vec<Folded>, CloseError> {
    let published = RefCell::new(Vec::new());
    close_lost(session, &|folded| published.borrow_mut().push(folded))?;
    Ok(published.into_inner())
}

#[test]
fn a_session_of_which_nothing_is_known_is_lost_and_its_tree_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    begun(&session);
    fs::write(folder.path().join("link.sock"), b"").unwrap();
    // A process that the dead holder would have adopted.
    let mut left_over = Command::new("sleep")
        .arg("1000")
        .env("AXIOM_TASK", session.id.task.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let published = close(&session).unwrap();
    assert!(!left_over.wait().unwrap().success());
    assert_eq!(published[0].summary.status, Status::Lost, "said before the tree is emptied");
    let last = &published[1].summary;
    assert_eq!((last.epoch, last.gaps, last.tree_emptied, last.closed), (4, 1, true, true));
    assert_eq!(last.output_end, Some(OutputEnd::Lost));
    assert_eq!(history::fold(folder.path()).unwrap(), published[1]);
    assert!(!folder.path().join("link.sock").exists());
    let again = close(&session).unwrap();
    assert_eq!(again, [published[1].clone()], "closing twice adds nothing");
}

#[test]
fn a_child_that_has_dropped_the_cookie_is_known_by_its_pid_and_start() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    let mut child = Command::new("setsid")
        .args(["sh", "-c", "echo up; exec sleep 1000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 3];
    io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    begun_with(&session, now_us(), child.id());
    let last = close(&session).unwrap().pop().unwrap().summary;
    assert_eq!((last.status, last.tree_emptied), (Status::Lost, true));
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_session_whose_exit_is_known_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    begun(&session);
    fs::write(folder.path().join("exit"), format!("1 {} 77\n", 7 << 8)).unwrap();
    let last = close(&session).unwrap().pop().unwrap().summary;
    assert_eq!((last.status, last.exit), (Status::Failed, Some(Exit::Code(7))));
    assert!(last.closed && !last.tree_emptied);
}

#[test]
fn a_journal_whose_worker_lives_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    begun(&session);
    let before = fs::read(folder.path().join("000001.journal")).unwrap();
    let worker = axiom_journal::WriterLock::take(folder.path()).unwrap();
    assert!(matches!(close(&session), Err(CloseError::Alive)));
    drop(worker);
    let holder = HolderLock::take(folder.path()).unwrap().unwrap();
    assert!(matches!(close(&session), Err(CloseError::Alive)));
    drop(holder);
    assert_eq!(fs::read(folder.path().join("000001.journal")).unwrap(), before);
}

#[test]
fn a_session_that_died_before_its_first_frame_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    fs::write(folder.path().join("holder"), "axiom-holder 1\npid 1\nstarted_unix_us 9\n").unwrap();
    let last = close(&session).unwrap().pop().unwrap();
    assert_eq!((last.summary.status, last.started_unix_us), (Status::Lost, 9));
}

#[test]
fn a_session_that_could_not_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let session = unserved(folder.path());
    let message = "no holder".to_owned();
    let failure = Failure { stage: Stage::Holder, errno: 2, message, exit_code: 125 };
    close_unstarted(&session, &failure, &|_| {}).unwrap();
    let summary = history::fold(folder.path()).unwrap().summary;
    assert_eq!((summary.status, summary.failure), (Status::Failed, Some(failure)));
    assert!(summary.closed);
}
