//! Parts of different versions meet: they work together, or say so and name the way out.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{Finished, finish};
use crate::lab::{Lab, binary};
use crate::starts::{holder_of, spare};

/// A folder with programs of its own, as an installation has them.
struct Installation {
    folder: PathBuf,
}

impl Installation {
    fn new(lab: &Lab) -> Self {
        let folder = lab.home().join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let installation = Self { folder };
        for name in ["axiom", "axiom-worker", "axiom-holder"] {
            installation.install(name);
        }
        installation
    }

    /// Puts a program in, as a package does: a new file takes the name.
    fn install(&self, name: &str) {
        let new = self.folder.join(format!("{name}.new"));
        std::fs::copy(binary(name), &new).unwrap();
        std::fs::rename(&new, self.folder.join(name)).unwrap();
    }

    fn write_program(&self, name: &str, text: &str) {
        let new = self.folder.join(format!("{name}.new"));
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&new, self.folder.join(name)).unwrap();
    }

    fn command(&self, lab: &Lab, args: &[&str]) -> Command {
        let plain = lab.command(args);
        let mut command = Command::new(self.folder.join("axiom"));
        command.args(args).env_clear().envs(std::env::vars_os());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn axiom(&self, lab: &Lab, args: &[&str]) -> Finished {
        finish(&mut self.command(lab, args), b"")
    }
}

#[test]
fn a_server_whose_programs_were_replaced_goes_on() {
    let lab = Lab::new();
    let installed = Installation::new(&lab);
    let before = installed.axiom(&lab, &["spawn", "--json", "--", "sh", "-c", "read go; exit 3"]);
    let before = before.ok().json()["tasks"][0]["id"].as_str().unwrap().to_owned();
    installed.axiom(&lab, &["wait", "--any", "--timeout", "1s", &before]);
    let kept_ready = spare(&lab, &[holder_of(&lab, &before)]);
    for name in ["axiom", "axiom-worker", "axiom-holder"] {
        installed.install(name);
    }
    let doctor = installed.axiom(&lab, &["doctor"]).text();
    for name in ["axiom-holder", "axiom-worker"] {
        let line = format!("replaced since they were started: {name} ");
        assert!(doctor.contains(&line) && doctor.contains(&format!("({name} ")), "{doctor}");
    }
    let after = installed.axiom(&lab, &["spawn", "--json", "--", "sh", "-c", "read go; exit 5"]);
    let after = after.ok().json()["tasks"][0]["id"].as_str().unwrap().to_owned();
    installed.axiom(&lab, &["wait", "--any", "--timeout", "1s", &after]);
    let holder = holder_of(&lab, &after);
    let program = std::fs::read_link(format!("/proc/{holder}/exe")).unwrap();
    assert_eq!(program, installed.folder.join("axiom-holder"), "the new one, not {kept_ready}");
    installed.axiom(&lab, &["send", &after, ""]).ok();
    assert_eq!(installed.axiom(&lab, &["wait", &after]).code(), 5);
    installed.axiom(&lab, &["send", &before, ""]).ok();
    assert_eq!(installed.axiom(&lab, &["wait", &before]).code(), 3);
    installed.axiom(&lab, &["shutdown", "--stop-tasks"]).ok();
}

/// A worker of another time: it keeps to the holder's protocol, and offers the link protocols that it is given.
const OTHER_WORKER: &str = r#"#!/usr/bin/env python3
import array, json, socket, struct, sys, zlib
holder = socket.socket(fileno=0, family=socket.AF_UNIX, type=socket.SOCK_SEQPACKET)
fds = array.array("i")
packet, control, _, _ = holder.recvmsg(65536, socket.CMSG_SPACE(8 * fds.itemsize))
for _, _, data in control:
    fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
options = packet[packet.index(b'{"session"'):]
session = json.JSONDecoder().raw_decode(options.decode(errors="replace"))[0]["session"]
holder.send(struct.pack("<BBH", 16, 0, 0))
listener = socket.socket(fileno=fds[0])
listener.setblocking(True)
hello = {"type": "hello", "protocol": NEWEST, "protocol_oldest": OLDEST, "version": "9.9.9",
         "session": session, "epoch": 1, "worker_pid": 1, "holder_pid": 1, "started_unix_us": 0,
         "summary": json.loads(SUMMARY)}
text = json.dumps(hello).encode()
payload = struct.pack("<I", len(text)) + text
header = struct.pack("<IQQQ", 128 | len(payload) << 8, 0, 0, 0)
message = struct.pack("<I", zlib.crc32(header + payload)) + header + payload
while True:
    peer, _ = listener.accept()
    peer.sendall(message)
    while peer.recv(4096):
        pass
"#;

fn other_worker(oldest: u16, newest: u16) -> String {
    let summary = serde_json::to_string(&axiom_proto::summary::Summary::default()).unwrap();
    OTHER_WORKER
        .replace("OLDEST", &oldest.to_string())
        .replace("NEWEST", &newest.to_string())
        .replace("SUMMARY", &format!("{summary:?}"))
}

#[test]
fn a_worker_without_a_common_protocol_is_named_with_the_way_out() {
    let lab = Lab::new();
    let installed = Installation::new(&lab);
    installed.write_program("axiom-worker", &other_worker(7, 9));
    let id = installed.axiom(&lab, &["spawn", "--json", "--", "sleep", "600"]).ok().json();
    let id = id["tasks"][0]["id"].as_str().unwrap().to_owned();
    let refused = installed.axiom(&lab, &["send", &id, "words"]);
    assert_eq!(refused.code(), 125, "{refused:?}");
    let said = format!("{} {}", refused.stderr, status(&installed, &lab));
    assert!(said.contains("7 to 9") && said.contains("9.9.9"), "{said}");
    // The way out: the right program, and the holder brings in the next worker.
    installed.install("axiom-worker");
    let holder = lab.processes().into_iter().find(|(_, line)| line.contains("axiom-worker"));
    crate::lab::kill(holder.expect("the other worker runs").0, libc::SIGKILL);
    wait_for_link(&installed, &lab, &id);
    installed.axiom(&lab, &["stop", &id]).ok();
    installed.axiom(&lab, &["shutdown", "--stop-tasks"]).ok();
}

fn wait_for_link(installed: &Installation, lab: &Lab, id: &str) {
    let deadline = std::time::Instant::now() + crate::lab::EVENT_WAIT;
    loop {
        let task = installed.axiom(lab, &["show", "--json", id]).ok().json();
        if task["task"]["link"]["state"] == "connected" {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "waited in vain for the link: {task}");
    }
}

fn status(installed: &Installation, lab: &Lab) -> String {
    installed.axiom(lab, &["status", "--json"]).ok().text()
}

#[test]
fn a_newer_worker_that_still_speaks_our_protocol_is_linked() {
    let lab = Lab::new();
    let installed = Installation::new(&lab);
    installed.write_program("axiom-worker", &other_worker(1, 9));
    let id = installed.axiom(&lab, &["spawn", "--json", "--", "sleep", "600"]).ok().json();
    let id = id["tasks"][0]["id"].as_str().unwrap().to_owned();
    wait_for_link(&installed, &lab, &id);
    installed.install("axiom-worker");
    let worker = lab.processes().into_iter().find(|(_, line)| line.contains("axiom-worker"));
    crate::lab::kill(worker.expect("the newer worker runs").0, libc::SIGKILL);
    installed.axiom(&lab, &["stop", &id]).ok();
    installed.axiom(&lab, &["shutdown", "--stop-tasks"]).ok();
}

#[test]
fn a_missing_worker_program_is_waited_for_and_the_task_runs_meanwhile() {
    let lab = Lab::new();
    let installed = Installation::new(&lab);
    installed.axiom(&lab, &["ps"]).ok();
    std::fs::remove_file(installed.folder.join("axiom-worker")).unwrap();
    let mark = lab.home().join("mark");
    let line = format!("touch {}; echo done", mark.display());
    let id = installed.axiom(&lab, &["spawn", "--json", "--", "sh", "-c", &line]).ok().json();
    let id = id["tasks"][0]["id"].as_str().unwrap().to_owned();
    if !exists_soon(&mark) {
        // The server may refuse to start what has no worker: then it says so.
        let task = installed.axiom(&lab, &["show", "--json", &id]).ok().json();
        assert!(task.to_string().contains("axiom-worker"), "{task}");
        installed.axiom(&lab, &["shutdown", "--stop-tasks"]).ok();
        return;
    }
    installed.install("axiom-worker");
    assert_eq!(installed.axiom(&lab, &["wait", "--timeout", "20s", &id]).code(), 0);
    installed.axiom(&lab, &["shutdown", "--stop-tasks"]).ok();
}

fn exists_soon(path: &Path) -> bool {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3);
    crate::lab::wait_for_entry(path, &mut || std::time::Instant::now() > deadline);
    path.exists()
}
