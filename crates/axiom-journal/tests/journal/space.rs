//! A full disk: nothing is appended, nothing is lost, and it goes on when there is room.
//! The disk is a tmpfs of 1 MiB in a mount namespace of a child, so that it is gone with the child.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use axiom_journal::{AppendError, Writer, verify};
use axiom_proto::frame::{FrameKind, Micros};

use crate::child::{self, Running};
use crate::sample;

const PAYLOAD_MAX: u64 = 8000;

/// How this user gets a mount namespace, if at all.
fn unshare() -> Option<Command> {
    let with = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(arguments);
        command
    };
    [&["--mount"][..], &["--user", "--map-root-user", "--mount"]].into_iter().find_map(
        |arguments| {
            let mut probe = with(arguments);
            probe.arg("true").stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success()).then(|| with(arguments))
        },
    )
}

#[test]
fn a_full_disk_loses_nothing_and_the_journal_goes_on_when_there_is_room() {
    let Some(mut command) = unshare() else {
        writeln!(
            std::io::stderr(),
            "skipped: a small disk needs mount namespaces: run the tests as root, or allow user namespaces"
        )
        .unwrap();
        return;
    };
    let folder = sample::folder();
    let script = r#"mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@""#;
    command.args(["sh", "-c", script]).arg(folder.path());
    command
        .arg(std::env::current_exe().unwrap())
        .args(child::arguments("space::fills_a_small_disk"));
    command.env(child::FOLDER, folder.path()).stdin(Stdio::null());
    let (status, said) = Running::from(&mut command).finish("the small disk's child");
    assert!(status.success(), "{}", said.join("\n"));
    assert_eq!(said.last().map(String::as_str), Some("all good"), "the child ran");
    assert!(sample::names(folder.path()).is_empty(), "the disk is gone with the child");
}

#[test]
fn fills_a_small_disk() {
    let Some(folder) = child::folder() else { return };
    let reserve = folder.join("reserve");
    fs::write(&reserve, vec![1; 256 << 10]).unwrap();
    let mut writer = sample::create(&folder);
    append_until_full(&folder, &mut writer);
    let before = writer.head();
    refuse_all(&folder, &mut writer);

    fs::remove_file(&reserve).unwrap();
    sample::append(&mut writer, PAYLOAD_MAX);
    assert_eq!(writer.head().seq, before.seq.next(), "the refused frame is the next one");
    writer.rotate().unwrap();
    append_until_full(&folder, &mut writer);
    let head = writer.head();
    assert_eq!(verify(&folder).unwrap().head, head);
    drop(writer);
    let (_writer, recovered) = Writer::recover(&folder).unwrap();
    assert_eq!((recovered.head, recovered.cuts.len()), (head, 0));
    assert_eq!(sample::check_all(&folder, PAYLOAD_MAX), head.seq.0);
    writeln!(std::io::stderr(), "all good").unwrap();
}

/// Appends until there is no space; checks that the refused frame left no byte behind.
fn append_until_full(folder: &Path, writer: &mut Writer) {
    let seen = verify(folder).unwrap().frames();
    loop {
        let head = writer.head();
        let payload = sample::payload_of(head.seq, PAYLOAD_MAX);
        match writer.append(sample::kind_of(head.seq), Micros(head.seq.0 * 10), &payload) {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, AppendError::NoSpace { .. }), "{error:?}");
                assert_eq!(writer.head(), head);
                break;
            }
        }
    }
    let report = verify(folder).unwrap();
    assert!(report.frames() > seen, "there was room for some");
    assert_eq!((report.head, report.damage()), (writer.head(), None));
    assert!(report.segments.iter().all(|segment| segment.unfinished_bytes == 0), "{report:?}");
}

/// With every page taken: larger, smaller and first frames are refused, again and again.
fn refuse_all(folder: &Path, writer: &mut Writer) {
    let mut last_pages = File::create(folder.join("last pages")).unwrap();
    while last_pages.write_all(&[1; 4096]).is_ok() {}
    let (head, names) = (writer.head(), sample::names(folder));
    let bytes = fs::read(sample::segment(folder, 1)).unwrap();
    for payload in [vec![1; 1 << 20], vec![2; 5000], vec![3; 1 << 22]] {
        let refused = writer.append(FrameKind::Output, Micros(0), &payload);
        assert!(matches!(refused, Err(AppendError::NoSpace { .. })), "{refused:?}");
        assert!(matches!(writer.rotate(), Err(AppendError::NoSpace { .. })));
        assert_eq!(writer.head(), head);
        assert!(fs::read(sample::segment(folder, 1)).unwrap() == bytes, "nothing half-written");
    }
    assert_eq!(sample::names(folder), names, "no half-begun segment");
    fs::remove_file(folder.join("last pages")).unwrap();
}
