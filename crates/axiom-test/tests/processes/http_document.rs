//! The OpenAPI document against the server: a stranger's tool asks every route what the document allows, and more.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cli::Followed;
use crate::equipment::python;
use crate::lab::{Lab, wait_for_entry};
use crate::wire::Address;

/// How long one round may take on a busy machine.
const ROUND_WAIT: Duration = Duration::from_secs(180);

/// Examples for each route, and the number that they grow from: a failure can be repeated.
const EXAMPLES: &str = "20";
const SEED: &str = "7";

/// Not asked: what ends the server, what says that it is not built yet, and what waits.
const LEFT_OUT: [&str; 6] = [
    "--exclude-path=/api/v1/shutdown",
    "--exclude-tag=later",
    "--exclude-path=/api/v1/events",
    "--exclude-path-regex=/wait$",
    // A shape cannot say all that a command needs: exactly one of two fields, a cursor that exists.
    "--exclude-checks=positive_data_acceptance,negative_data_rejection",
    "--checks=all",
];

/// A server of its own, in a folder where stray commands can make what they like.
struct Served {
    lab: Lab,
    server: std::process::Child,
}

impl Served {
    fn start() -> Self {
        let lab = Lab::new();
        let run = lab.home().join("run");
        for folder in [&run, &lab.home().join("scratch")] {
            std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
                .create(folder)
                .unwrap();
        }
        let mut command = lab.command(&["serve", "--max-tasks", "4"]);
        command.current_dir(lab.home().join("scratch")).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        wait_for_entry(&run.join("axiom.sock"), &mut || server.try_wait().unwrap().is_some());
        Self { lab, server }
    }

    fn end(mut self) {
        self.lab.shut_down();
        self.server.wait().unwrap();
    }
}

/// Asks every route, with this as the task; nothing may fail that the document does not say.
fn ask_all(served: &Served, mut tool: Command, task: &str) {
    let Address::Network(port) = served.lab.by_network() else { panic!("no port") };
    let settings = served.lab.home().join("schemathesis.toml");
    let token = served.lab.token();
    let text = format!(
        "headers = {{ Authorization = \"Bearer {token}\" }}\n[parameters]\n\"path.id\" = \"{task}\"\n"
    );
    std::fs::write(&settings, text).unwrap();
    tool.current_dir(served.lab.home().join("scratch"));
    tool.args(["-m", "schemathesis.cli", "--config-file"]).arg(&settings).arg("run");
    tool.arg(format!("http://127.0.0.1:{port}/openapi.json")).args(LEFT_OUT);
    tool.args(["--phases", "examples,coverage,fuzzing", "--generation-database", "none"]);
    tool.args(["--max-examples", EXAMPLES, "--seed", SEED, "--no-color"]);
    let (status, said, stderr) = Followed::start(tool).finish(ROUND_WAIT);
    assert!(status.success(), "with task {task}:\n{}\n{stderr}", said.join("\n"));
    let tested = said.iter().any(|line| line.contains("Tested:"));
    assert!(tested && Path::new(&settings).exists(), "nothing was tested: {said:?}");
}

#[test]
fn a_stranger_who_believes_the_document_is_never_surprised() {
    let served = Served::start();
    let Some(tool) = python(&served.lab) else { return served.end() };
    let subject = served.lab.spawn(&["-n", "subject", "--", "cat"]);
    served.lab.axiom(&["logs", "--tail", "1", &subject]).ok();
    ask_all(&served, tool, "subject");
    served.end();
}

#[test]
fn a_stranger_who_asks_for_what_is_not_there_is_told_so() {
    let served = Served::start();
    let Some(tool) = python(&served.lab) else { return served.end() };
    ask_all(&served, tool, "nobody");
    served.end();
}
