//! What deaths cost: a worker's, a frozen worker's, a holder's.

use axiom_proto::command::Action;
use axiom_proto::record::{Exit, Record, Verdict};
use axiom_proto::task::Status;

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, assert_dies, is_alive, kill};

/// Kills under load, as the promise counts them, unless `AXIOM_TEST_KILLS` says otherwise.
const KILLS: u64 = 200;

/// Prints numbered lines until it is told to end, then how many they were.
const COUNTER: &str = r"
import os, sys, threading
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
n = 0
while not stop.is_set():
    os.write(1, b''.join(b'%09d\n' % i for i in range(n, n + 20)))
    n += 20
os.write(1, b'total %d\n' % n)
";

/// How many bytes the counter printed, by its own last word.
fn printed_bytes(output: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(output);
    let word = text.lines().find_map(|line| line.strip_prefix("total "));
    let total: u64 = word.expect("the child's own count came through").parse().unwrap();
    // Each line is nine digits and, on a terminal, two bytes of line end; the typed Enter echoes as two.
    total * 11 + format!("total {total}\r\n").len() as u64 + 2
}

#[test]
fn two_hundred_killed_workers_cost_at_most_one_read_each() {
    let kills = std::env::var("AXIOM_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::command(&["python3", "-c", COUNTER]));
    for kill in 1..=kills {
        let mark = direct.summary.offset.0 + (kill * 7919) % 20_000;
        direct.wait_for("more output", |direct| direct.summary.offset.0 > mark);
        direct.kill_worker();
        direct.relink();
        assert_eq!(direct.hello().epoch, kill + 1);
    }
    direct.type_text("\r");
    direct.wait_for_end();
    let (printed, kept) = (printed_bytes(&direct.output()), direct.summary.offset.0);
    let lost = printed.saturating_sub(kept);
    assert!(lost <= kills * 4096, "{lost} of {printed} bytes lost over {kills} kills");
    assert_eq!(direct.summary.gaps, kills, "every gap is declared");
    assert!(lost <= direct.summary.gap_bytes_max);
    eprintln!("{kills} kills under {printed} bytes: {lost} lost");
}

#[test]
fn a_worker_that_somebody_stopped_is_continued_without_being_asked() {
    let lab = Lab::new();
    let line = "read go; echo went";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    let worker = direct.hello().worker_pid;
    for _ in 0..3 {
        kill(worker, libc::SIGSTOP);
    }
    direct.type_text("\r");
    direct.wait_for_end();
    assert_eq!((direct.hello().worker_pid, direct.summary.epoch), (worker, 1));
}

#[test]
fn a_frozen_worker_is_replaced_without_losing_a_byte_and_never_writes_again() {
    let lab = Lab::new();
    let line = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; read go";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("line 10");
    let frozen = direct.hello().worker_pid;
    kill(frozen, libc::SIGSTOP);
    direct.replace_worker();
    kill(frozen, libc::SIGCONT);
    assert!(!is_alive(frozen), "the old worker is dead before the next one writes");
    direct.relink();
    direct.wait_for_output("line 1999");
    direct.type_text("\r");
    direct.wait_for_end();
    let expected: String = (0..2000).map(|i| format!("line {i}\r\n")).collect();
    assert_eq!(String::from_utf8_lossy(&direct.output()), expected + "\r\n");
    assert_eq!((direct.summary.epoch, direct.summary.gaps), (2, 0));
}

#[test]
fn a_worker_killed_between_intent_and_outcome_says_unknown_and_types_nothing_again() {
    let lab = Lab::new();
    // A child that never reads: the outcome of what is typed waits.
    let line = "stty raw -echo; echo ready; exec sleep 600";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("ready");
    let id = direct.send(Action::Type, &vec![b'x'; 256 * 1024]);
    direct.wait_for("the intent", |direct| direct.summary.open.contains(&id));
    direct.kill_worker();
    direct.relink();
    let outcome = direct.outcome(id, "an outcome from the next worker");
    assert_eq!(outcome.verdict, Verdict::Unknown);
    direct.command(Action::Stop { grace_ms: Some(0) }, b"");
    direct.wait_for_end();
}

#[test]
fn a_task_outlives_its_holder_and_its_exit_is_still_known() {
    let lab = Lab::new();
    let mut direct = Direct::start(&lab, &Setup::shell("echo one; read go; echo two; exit 7"));
    direct.wait_for_output("one");
    direct.holder.kill().unwrap();
    direct.holder.wait().unwrap();
    direct.wait_for_record("the word that it is unguarded", |record| *record == Record::Unguarded);
    direct.type_text("\r");
    direct.wait_for("the journal's closing", |direct| direct.summary.closed);
    assert!(direct.output().ends_with(b"two\r\n"));
    let exit = direct.summary.exit.unwrap();
    assert!(matches!(exit, Exit::Code(7) | Exit::Unknown), "{exit:?}");
    assert_eq!(exit, Exit::Code(7), "this kernel tells it");
}

#[test]
fn an_unguarded_task_is_still_stopped_with_its_whole_tree() {
    let lab = Lab::new();
    let line = "setsid sh -c 'echo $$; exec sleep 600' & echo child; wait";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_output("child");
    direct.wait_for("both lines", |direct| direct.summary.lines == 2);
    direct.holder.kill().unwrap();
    direct.holder.wait().unwrap();
    let text = String::from_utf8_lossy(&direct.output()).into_owned();
    let escaped: u32 = text.lines().find_map(|line| line.trim().parse().ok()).unwrap();
    let outcome = direct.command(Action::Stop { grace_ms: Some(100) }, b"");
    assert_eq!(outcome.verdict, Verdict::Applied, "{outcome:?}");
    direct.wait_for("the journal's closing", |direct| direct.summary.closed);
    assert_eq!(direct.summary.status, Status::Stopped);
    assert!(!is_alive(escaped), "the setsid descendant lives");
}

#[test]
fn a_worker_killed_after_the_child_ended_finishes_the_journal() {
    let lab = Lab::new();
    // The grandchild keeps the terminal, so that the session drains for two seconds.
    let line = "trap '' HUP; sleep 600 & echo $!; exit 5";
    let mut direct = Direct::start(&lab, &Setup::shell(line));
    direct.wait_for_record("the exit", |record| matches!(record, Record::Exited { .. }));
    direct.kill_worker();
    direct.wait_for_end();
    assert_eq!(direct.summary.exit, Some(Exit::Code(5)));
    let text = String::from_utf8_lossy(&direct.output()).into_owned();
    let kept: u32 = text.lines().next().unwrap().trim().parse().unwrap();
    kill(kept, libc::SIGKILL);
    assert_dies(kept, "the left-over process");
}
