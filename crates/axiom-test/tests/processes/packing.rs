//! Long tasks' journals are packed beside them: whoever reads sees the same bytes, before, meanwhile and after.

use std::path::{Path, PathBuf};

use crate::cli::finish;
use crate::lab::{LOW_WAIT, Lab, assert_dies, wait_long_for_entry};

/// Numbered lines that fill two segments and a bit.
const LINES: usize = 4_200_000;

fn printed() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LINES * 9);
    for line in 0..LINES {
        bytes.extend_from_slice(format!("{line:07}\r\n").as_bytes());
    }
    bytes
}

fn session_folder(lab: &Lab, id: &str) -> PathBuf {
    let folder = lab.show(id)["folder"].as_str().unwrap().to_owned();
    PathBuf::from(folder)
}

fn raw(lab: &Lab, id: &str) -> Vec<u8> {
    lab.axiom(&["logs", "--view", "raw", id]).ok().stdout
}

fn has(folder: &Path, name: &str) -> bool {
    folder.join(name).exists()
}

#[test]
fn segments_of_a_task_that_runs_are_packed_and_read_as_before() {
    let lab = Lab::new();
    let line = format!("seq -w 0 {} | cat; read go; exit 3", LINES - 1);
    // The server that this starts packs at once.
    let mut spawn = lab.command(&["spawn", "--json", "--", "sh", "-c", &line]);
    let spawned = finish(spawn.env("AXIOM_PACK_AFTER", "0"), b"").ok().json();
    let id = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    lab.axiom(&["wait", "--any", "--timeout", "1s", &id]);
    let folder = session_folder(&lab, &id);
    let ended = &mut || lab.status_of(&id) != "running";
    wait_long_for_entry(&folder.join("000002.journal.zst"), LOW_WAIT, ended);
    let expected = printed();
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    while lab.show(&id)["task"]["bytes"] != expected.len() {
        assert!(std::time::Instant::now() < deadline, "waited in vain for the last line");
    }
    assert!(raw(&lab, &id) == expected, "all of it, while the task runs");
    let stored = lab.show(&id)["stored"].clone();
    assert!(stored["packed"].as_u64().unwrap() >= 1, "{stored}");
    assert!(stored["bytes"].as_u64().unwrap() < expected.len() as u64 / 2, "{stored}");
    lab.kill_server();
    assert!(raw(&lab, &id) == expected, "the same for the next server");
    lab.axiom(&["send", &id, ""]).ok();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let journal = lab.axiom(&["doctor", "--journal", &id]).ok().text();
    assert!(journal.contains("frames"), "{journal}");
    let newest = format!("{:06}.journal", stored["segments"].as_u64().unwrap());
    assert!(has(&folder, &newest), "the newest stays as it is");
    lab.shut_down();
}

#[test]
fn what_a_killed_server_left_plain_is_packed_by_the_next() {
    let lab = Lab::new();
    let line = format!("seq -w 0 {} | cat; exit 3", LINES - 1);
    let mut spawn = lab.command(&["spawn", "--json", "--", "sh", "-c", &line]);
    let spawned = finish(spawn.env("AXIOM_PACK_AFTER", "off"), b"").ok().json();
    let id = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.wait(&[&id]).code(), 3);
    let folder = session_folder(&lab, &id);
    assert!(has(&folder, "000001.journal") && !has(&folder, "000001.journal.zst"));
    lab.kill_server();
    finish(lab.command(&["ps"]).env("AXIOM_PACK_AFTER", "0"), b"").ok();
    wait_long_for_entry(&folder.join("000002.journal.zst"), LOW_WAIT, &mut || false);
    assert!(raw(&lab, &id) == printed());
    lab.shut_down();
}

#[test]
fn what_ended_while_there_was_no_server_is_packed_by_the_next() {
    let lab = Lab::new();
    let line = format!("read go; seq -w 0 {} | cat; exit 3", LINES / 2 - 1);
    let mut spawn = lab.command(&["spawn", "--json", "--", "sh", "-c", &line]);
    let spawned = finish(spawn.env("AXIOM_PACK_AFTER", "off"), b"").ok().json();
    let id = spawned["tasks"][0]["id"].as_str().unwrap().to_owned();
    let folder = session_folder(&lab, &id);
    let holder = lab.show(&id)["task"]["holder_pid"].as_u64().unwrap();
    lab.axiom(&["send", &id, ""]).ok();
    lab.kill_server();
    assert_dies(u32::try_from(holder).unwrap(), "the holder of a task that prints and ends");
    assert!(has(&folder, "000002.journal"), "all of it was written");
    finish(lab.command(&["ps"]).env("AXIOM_PACK_AFTER", "0"), b"").ok();
    wait_long_for_entry(&folder.join("000001.journal.zst"), LOW_WAIT, &mut || false);
    // The line that was typed is echoed.
    assert!(raw(&lab, &id).strip_prefix(b"\r\n") == Some(&printed()[..LINES / 2 * 9]));
    lab.shut_down();
}
