//! Requests whose askers gave up while the server could not hear them: what nobody waits for any more is not begun.

use std::io::Read;

use serde_json::{Value, json};

use crate::lab::{EVENT_WAIT, Lab, freeze, kill};
use crate::wire::{Address, Answer, JSON, Wire, request_to};

/// A server that stands still, until this is let go.
struct Frozen(u32);

impl Frozen {
    fn server_of(lab: &Lab) -> Self {
        let pid = lab.server_pid().unwrap();
        freeze(pid);
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        kill(self.0, libc::SIGCONT);
    }
}

/// Sends a whole request and waits for nothing.
fn post(lab: &Lab, address: &Address, path: &str, body: &Value) -> Box<dyn Wire> {
    let host = match address {
        Address::Socket(_) => "localhost".to_owned(),
        Address::Network(port) => format!("127.0.0.1:{port}"),
    };
    let headers = format!("{JSON}{}", lab.credentials());
    let body = serde_json::to_vec(body).unwrap();
    let mut stream = address.dial_patiently(EVENT_WAIT);
    stream.write_all(&request_to(&host, ("POST", path), &headers, &body)).unwrap();
    stream
}

fn answer(mut stream: Box<dyn Wire>) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer::parse(&bytes)
}

#[test]
fn a_spawn_whose_asker_gave_up_while_the_server_stood_still_is_not_made() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    for address in [lab.by_socket(), lab.by_network()] {
        for key in [json!(null), json!("once")] {
            let frozen = Frozen::server_of(&lab);
            let spec = json!({"command": ["true"], "idempotency_key": key});
            drop(post(&lab, &address, "/api/v1/tasks", &spec));
            let patient = post(&lab, &address, "/api/v1/tasks", &json!({"command": ["true"]}));
            drop(frozen);
            let made = answer(patient);
            assert_eq!(made.status, 201, "{made:?}");
            let id = made.json()["tasks"][0]["id"].as_str().unwrap().to_owned();
            lab.wait(&[&id]).ok();
            let all = lab.axiom(&["ps", "--all", "--json"]).ok().json();
            let ids: Vec<&Value> =
                all["tasks"].as_array().unwrap().iter().map(|task| &task["id"]).collect();
            assert_eq!(ids, [&json!(id)], "by {address:?} with the key {key}");
            lab.axiom(&["rm", &id]).ok();
        }
    }
    lab.shut_down();
}

#[test]
fn what_was_to_be_typed_by_one_who_gave_up_is_not_typed() {
    let lab = Lab::new();
    let id = lab.spawn(&["--", "sh", "-c", "stty -echo; echo up; read line; echo got $line"]);
    let mut logs = lab.follow(&["logs", "-f", &id]);
    logs.wait_for_line("the task is up", |line| line == "up");
    let path = format!("/api/v1/tasks/{id}/input");
    let frozen = Frozen::server_of(&lab);
    drop(post(&lab, &lab.by_socket(), &path, &json!({"data": "ghost\n"})));
    let patient = post(&lab, &lab.by_socket(), &path, &json!({"data": "living\n"}));
    drop(frozen);
    assert_eq!(answer(patient).status, 200);
    logs.wait_for_line("what was typed", |line| line == "got living");
    let (status, _, _) = logs.finish(EVENT_WAIT);
    assert!(status.success());
    lab.shut_down();
}
