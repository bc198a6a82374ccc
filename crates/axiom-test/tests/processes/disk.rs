//! A full disk: reading pauses, it is said, and all goes on without a lost byte when there is room.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use axiom_proto::command::Action;
use axiom_proto::link::Control;
use axiom_proto::record::{Exit, Record, Verdict};

use crate::direct::{Direct, Setup};
use crate::lab::{Lab, is_alive};

/// A small disk of its own, unmounted at the end.
pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// None without the right to mount; the test then says that it was skipped.
    pub(crate) fn mount(at: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={bytes},mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: mounting a small disk needs root");
            return None;
        }
        Some(Self { at: at.to_owned() })
    }

    pub(crate) fn fill(&self, bytes: usize) {
        std::fs::write(self.at.join("filler"), vec![0; bytes]).unwrap();
    }

    /// Leaves not a byte.
    pub(crate) fn fill_up(&self) {
        let mut filler = std::fs::File::create(self.at.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.at).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "unmount {}", self.at.display());
    }
}

pub(crate) const MIB: usize = 1 << 20;

/// 800,000 numbered lines, 6.1 MiB with what a terminal makes of them: a worker asks the disk every 4 MiB.
const LONG: &str = "seq -w 0 799999; exit 3";

fn expected() -> String {
    (0..800_000).map(|i| format!("{i:06}\r\n")).collect()
}

fn pauses_and_goes_on(disk_bytes: usize, filler: usize, min_free: usize) {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::mount(&lab.home().join("session"), disk_bytes as u64) else {
        return;
    };
    disk.fill(filler);
    let setup = Setup { min_free: min_free as u64, ..Setup::shell(LONG) };
    let mut direct = Direct::start(&lab, &setup);
    direct.wait_for("the word that the disk is full", |direct| {
        let full = |control: &Control| {
            matches!(control, Control::Paused { reason: Some(why) } if why.contains("disk_full"))
        };
        direct.said.iter().any(full) || direct.summary.paused.is_some()
    });
    let child = direct.summary.pid.expect("the child waits, it is not killed");
    assert!(is_alive(child));
    disk.free();
    direct.wait_for_end();
    assert!(String::from_utf8_lossy(&direct.output()) == expected(), "not all output is there");
    assert_eq!(direct.summary.exit, Some(Exit::Code(3)));
    assert!(direct.records().iter().any(|record| matches!(record, Record::Paused { .. })));
    assert!(direct.records().contains(&Record::Unpaused));
    let report = axiom_journal::verify(&direct.folder).unwrap();
    assert_eq!(report.damage(), None);
    drop(direct);
    drop(disk);
}

#[test]
fn a_disk_without_any_room_pauses_the_task_and_loses_nothing() {
    pauses_and_goes_on(16 * MIB, 15 * MIB, 0);
}

#[test]
fn a_disk_below_the_kept_free_bound_pauses_the_task_before_it_is_full() {
    // Eight are free: the worker finds less than five when it looks after the first four.
    pauses_and_goes_on(32 * MIB, 24 * MIB, 5 * MIB);
}

#[test]
fn one_flooded_disk_pauses_one_task_while_others_and_the_server_live() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::mount(lab.home(), 24 * MIB as u64) else { return };
    let axiom = |args: &[&str]| {
        let least = (8 * MIB).to_string();
        crate::cli::finish(lab.command(args).env("AXIOM_DISK_MIN_FREE", least), b"")
    };
    let spawned = axiom(&["spawn", "--json", "--", "sh", "-c", "read go; echo on"]).ok().json();
    let quiet = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    disk.fill(10 * MIB);
    let long = ["spawn", "--json", "--", "sh", "-c", "seq -w 0 1199999; exit 3"];
    let spawned = axiom(&long).ok().json();
    let flood = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    while !lab.show(&flood)["task"]["paused"].as_str().unwrap_or("").contains("disk_full") {
        assert!(std::time::Instant::now() < deadline, "waited in vain for disk_full");
    }
    let refused = axiom(&["spawn", "--", "true"]);
    assert!(refused.code() == 125 && refused.stderr.contains("free"), "{refused:?}");
    lab.axiom(&["send", &quiet, ""]).ok();
    assert_eq!(lab.wait(&[&quiet]).code(), 0);
    lab.kill_server();
    assert_eq!(lab.status_of(&flood), "running", "the next server lives on such a disk too");
    disk.free();
    assert_eq!(lab.wait(&[&flood]).code(), 3);
    let expected: String = (0..1_200_000).map(|i| format!("{i:07}\r\n")).collect();
    assert!(lab.raw_output(&flood) == expected.as_bytes(), "not all output is there");
    lab.shut_down();
    drop(disk);
}

#[test]
fn a_task_on_a_full_disk_can_still_be_stopped() {
    let lab = Lab::new();
    let Some(disk) = SmallDisk::mount(&lab.home().join("session"), 4 * MIB as u64) else { return };
    disk.fill(3 * MIB);
    let mut direct = Direct::start(&lab, &Setup::command(&["yes"]));
    direct.wait_for("the word that the disk is full", |direct| {
        direct.said.iter().any(|control| matches!(control, Control::Paused { reason: Some(_) }))
    });
    let child = direct.summary.pid.expect("it waits");
    let id = direct.send(Action::Stop { grace_ms: Some(0) }, b"");
    crate::lab::assert_dies(child, "the child on a full disk");
    // The room that is kept back suffices for the end.
    assert_eq!(direct.outcome(id, "the stop's outcome").verdict, Verdict::Applied);
    direct.wait_for_end();
    assert!(!direct.folder.join("reserve").exists(), "the kept room is given back");
    disk.free();
    drop(direct);
    drop(disk);
}
