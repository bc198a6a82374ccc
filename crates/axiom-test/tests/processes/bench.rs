//! The gauges of the bench, as the bench starts them: what they count, and that they leave nobody behind.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::fs::{CWD, FileType, Mode};
use serde_json::Value;

/// A gauge whose child waits at a gate.
struct Gauge {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Gauge {
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axiom-bench"));
        let mut child = command.args(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { child, told }
    }

    /// What it saw, once the gate is open.
    fn finish(mut self, gate: &Path) -> Value {
        let _open = OpenOptions::new().read(true).write(true).open(gate).unwrap();
        let mut text = String::new();
        self.told.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&text).unwrap()
    }
}

fn gate(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("gate");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path
}

#[test]
fn a_bare_chain_hands_every_byte_on() {
    for count in ["1", "2", "3"] {
        let folder = tempfile::tempdir().unwrap();
        let (gate, sum) = (gate(folder.path()), folder.path().join("sum"));
        let load = env!("CARGO_BIN_EXE_axiom-test");
        let mut words = vec!["relayed", "bytes", count, load, "flood", "--bytes", "3000000"];
        let (shut, kept) = (gate.to_str().unwrap(), sum.to_str().unwrap());
        words.extend(["--ready", "true", "--gate", shut, "--sum", kept]);
        let seen = Gauge::start(&words).finish(&gate);
        let sum = std::fs::read_to_string(&sum).unwrap();
        let printed: u64 = sum.split(' ').nth(1).unwrap().parse().unwrap();
        // The end of the child's first line may come by itself.
        let came = seen["streams"][0]["bytes"].as_u64().unwrap();
        assert!([printed, printed + 2].contains(&came), "{came} of {printed}, chain of {count}");
    }
}

#[test]
fn what_a_peer_leaves_running_is_counted_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, pid) = (gate(folder.path()), folder.path().join("pid"));
    let load = env!("CARGO_BIN_EXE_axiom-test");
    // As a multiplexer does: its client ends, its server lives on, without a terminal and in a session of its own.
    let script = format!(
        "mkfifo {pid}-told
         setsid -f sh -c 'echo $$ > {pid}-told; exec {load} burn' < /dev/null > /dev/null 2>&1
         cat {pid}-told > {pid}; echo ready; read line < {gate}; echo line",
        pid = pid.display(),
        gate = gate.display()
    );
    let gauge = Gauge::start(&["onlooker", "bytes", "sh", "-c", &script]);
    // The script reads a line where a load waits for an open gate only.
    let opened = OpenOptions::new().read(true).write(true).open(&gate).unwrap();
    std::io::Write::write_all(&mut &opened, b"go\n").unwrap();
    let seen = gauge.finish(&gate);
    assert!(seen["streams"][0]["bytes"].as_u64().unwrap() >= 6, "{seen}");
    assert!(seen["cpu_us"].as_u64().unwrap() > 100_000, "a burner counts: {seen}");
    let pid = std::fs::read_to_string(&pid).unwrap();
    let left = Path::new("/proc").join(pid.trim());
    assert!(!left.exists(), "process {} is alive", pid.trim());
}
