//! Clients of other worlds with stock libraries: they follow ten tasks through the death of servers, and lose nothing.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cli::{Followed, finish};
use crate::equipment::{file, node, python};
use crate::lab::{Lab, assert_dies};

const TASKS: usize = 10;

/// How long ten tasks may take on a busy machine.
const FOLLOW_WAIT: Duration = Duration::from_secs(120);

/// Prints until it is told to end, and keeps what it printed.
const PRINTS: &str = "\
n=0
while [ ! -e END ]; do seq -f \"line $n %.0f\" 1 200; n=$((n+1)); sleep 0.01; done | tee FILE
";

#[test]
fn a_python_client_follows_ten_tasks_through_two_server_kills() {
    let lab = Lab::new();
    if let Some(mut python) = python(&lab) {
        python.arg(file("crates/axiom-test/clients/follow.py"));
        follow(&lab, python);
    }
}

#[test]
fn a_node_client_follows_ten_tasks_through_two_server_kills() {
    let lab = Lab::new();
    if let Some(mut node) = node(&lab) {
        node.arg(file("crates/axiom-test/clients/follow.cjs"));
        follow(&lab, node);
    }
}

#[test]
fn a_python_client_hears_why_it_is_put_out() {
    let lab = Lab::new();
    let Some(mut python) = python(&lab) else { return };
    lab.axiom(&["ps"]).ok();
    let said = finish(python.arg(file("crates/axiom-test/clients/break.py")), b"").ok().text();
    let expected = [
        "unmasked 1002",
        "binary 1003",
        "no text 1007",
        "nonsense 1008",
        "large 1009",
        "goodbye 1000",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    lab.shut_down();
}

fn follow(lab: &Lab, mut client: Command) {
    lab.axiom(&["ps"]).ok();
    let end = lab.home().join("end");
    let files: Vec<_> = (0..TASKS).map(|task| lab.home().join(format!("printed-{task}"))).collect();
    let ids: Vec<String> = files
        .iter()
        .map(|file| {
            let line = PRINTS.replace("END", &end.display().to_string());
            let line = line.replace("FILE", &file.display().to_string());
            let body = json!({"shell": line, "mode": "pipes"}).to_string();
            let spawned = lab.asked("POST", "/api/v1/tasks", body.as_bytes());
            spawned.json()["tasks"][0]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    client.args(&ids);
    let mut client = Followed::start(client);
    for kill in 0..2 {
        client.wait_for_line("output of every task", |line| line == "following");
        let pid = lab.kill_server();
        assert_dies(pid, "the server");
        client.wait_for_line("the end of the connection", |line| line == "away");
        lab.axiom(&["ps"]).ok();
        eprintln!("kill {kill}: the next server serves");
    }
    client.wait_for_line("output from the third server", |line| line == "following");
    std::fs::write(&end, "").unwrap();
    let (status, said, stderr) = client.finish(FOLLOW_WAIT);
    assert!(status.success(), "{stderr}");
    for (id, file) in ids.iter().zip(&files) {
        let printed = std::fs::read(file).unwrap();
        let hash: String =
            Sha256::digest(&printed).iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = format!("{id} {hash}");
        assert!(
            said.contains(&expected),
            "{} bytes: {expected} is not in {:?}",
            printed.len(),
            said.last()
        );
    }
    lab.shut_down();
}
