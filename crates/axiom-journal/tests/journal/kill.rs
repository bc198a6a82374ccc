//! A writer killed at any moment leaves a journal that goes on exactly where it stood.

use std::io::Write;

use axiom_journal::{CutReason, Writer};
use axiom_proto::frame::Seq;

use crate::child::{self, Running};
use crate::sample;

const KILLS: u64 = 50;
const PAYLOAD_MAX: u64 = 20_000;

#[test]
fn fifty_killed_writers_lose_no_frame_that_was_appended() {
    let folder = sample::folder();
    let mut next = 0;
    for kill in 0..KILLS {
        let mut child = Running::start("kill::writes_until_killed", folder.path());
        // A moment that differs from kill to kill; where in an append it falls is the scheduler's to say.
        for _ in 0..=(kill * 37 % 53) {
            next = announced(child.line("an appended frame").as_deref()).expect("a number") + 1;
        }
        if let Some(last) = child.kill().iter().rev().find_map(|line| announced(Some(line))) {
            next = last + 1;
        }
        let (mut writer, recovered) = Writer::recover(folder.path()).unwrap();
        let head = writer.head().seq.0;
        assert!(head == next || head == next + 1, "kill {kill}: head {head}, announced {next}");
        for cut in recovered.cuts {
            assert_eq!((cut.reason, cut.kept_aside), (CutReason::Torn, None), "kill {kill}");
        }
        sample::append(&mut writer, PAYLOAD_MAX);
        drop(writer);
        assert_eq!(sample::check_all(folder.path(), PAYLOAD_MAX), head + 1, "kill {kill}");
    }
}

fn announced(line: Option<&str>) -> Option<u64> {
    line?.parse().ok()
}

#[test]
fn writes_until_killed() {
    let Some(folder) = child::folder() else { return };
    let (mut writer, _) =
        Writer::open(&folder, sample::session(), sample::STARTED_UNIX_US).unwrap();
    loop {
        let Seq(seq) = sample::append(&mut writer, PAYLOAD_MAX).seq;
        if seq % 100 == 99 {
            writer.rotate().unwrap();
        }
        writeln!(std::io::stderr(), "{seq}").unwrap();
    }
}
