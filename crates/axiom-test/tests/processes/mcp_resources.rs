//! What a host may look at by an address, be told of, and ask by later: resources, subscriptions, prompts, completions, MCP tasks.

use std::time::Instant;

use serde_json::{Value, json};

use crate::lab::{EVENT_WAIT, Lab};
use crate::mcp::{ERAS, Era, Host, text_of};

const UPDATED: &str = "notifications/resources/updated";
const LISTENS: &str = "notifications/subscriptions/acknowledged";

fn read(host: &mut Host, uri: &str) -> Value {
    host.ask("resources/read", json!({"uri": uri}))["result"]["contents"][0].clone()
}

fn go(host: &mut Host, task: &str) {
    host.facts("axiom_send", &json!({"task_id": task, "text": "go"}));
}

#[test]
fn tasks_are_resources_with_a_version_and_what_is_none_is_not_found() {
    let lab = Lab::new();
    for era in ERAS {
        let mut host = Host::start(&lab, era);
        let task = host.spawn_waiting();
        let address = format!("axiom://tasks/{task}");
        let list = host.ask("resources/list", json!({}))["result"]["resources"].clone();
        assert_eq!(list[0]["uri"], "axiom://tasks", "{list}");
        assert!(list.to_string().contains(&address), "{list}");
        let templates = host.ask("resources/templates/list", json!({}));
        let templates = templates["result"]["resourceTemplates"].as_array().cloned().unwrap();
        assert_eq!(templates.len(), 4, "{templates:?}");
        for (rest, part) in [
            ("", "\"running\""),
            ("/output", "\nready"),
            ("/screen", "\nready"),
            ("/events", "\"history\""),
        ] {
            let content = read(&mut host, &format!("{address}{rest}"));
            assert!(
                content["text"].as_str().unwrap_or_default().contains(part),
                "{rest}: {content}"
            );
        }
        let all = read(&mut host, "axiom://tasks");
        assert!(all["text"].as_str().unwrap().contains(&task), "{all}");
        let output = format!("{address}/output");
        let version =
            |content: &Value| content["_meta"]["axiom/version"].as_str().unwrap().to_owned();
        let before = read(&mut host, &output);
        assert_eq!(version(&before), version(&read(&mut host, &output)));
        go(&mut host, &task);
        host.output("axiom_wait", &json!({"task_ids": [task]}));
        assert_ne!(version(&before), version(&read(&mut host, &output)));
        let code = if era == Era::Newer { -32602 } else { -32002 };
        for none in ["axiom://tasks/0000000000000000", "axiom://tasks/a/b", "file:///etc/passwd"] {
            let answer = host.ask("resources/read", json!({"uri": none}));
            assert_eq!(answer["error"]["code"], code, "{none}: {answer}");
        }
        host.leave();
    }
    lab.shut_down();
}

#[test]
fn a_subscriber_is_told_of_changes_over_a_servers_death() {
    let lab = Lab::new();
    let mut host = Host::start(&lab, Era::Older);
    let task = host.spawn("while read line; do echo got $line; done");
    let output = format!("axiom://tasks/{task}/output");
    assert_eq!(host.ask("resources/subscribe", json!({"uri": output}))["result"], json!({}));
    assert!(
        host.ask("resources/subscribe", json!({"uri": "axiom://tasks/none"}))["error"].is_object()
    );
    let is_it = |said: &Value| said["method"] == UPDATED && said["params"]["uri"] == *output;
    host.hear("the first word", is_it);
    go(&mut host, &task);
    host.hear("a word of what was printed", is_it);
    lab.kill_server();
    host.facts("axiom_list", &json!({}));
    host.hear("a word of the next server", is_it);
    go(&mut host, &task);
    host.hear("a word of what was printed since", is_it);
    assert_eq!(host.ask("resources/unsubscribe", json!({"uri": output}))["result"], json!({}));
    host.leave();
    lab.shut_down();
}

#[test]
fn who_listens_is_told_of_changes_of_the_list_and_of_what_it_named() {
    let lab = Lab::new();
    let mut host = Host::start(&lab, Era::Newer);
    let task = host.spawn("while read line; do echo got $line; done");
    let screen = format!("axiom://tasks/{task}/screen");
    let wanted = json!({"resourcesListChanged": true, "toolsListChanged": true, "resourceSubscriptions": [screen, "file:///x"]});
    let listen = host.begin("subscriptions/listen", json!({"notifications": wanted}));
    let told = host.hear("that it is heard", |said| said["method"] == LISTENS);
    let accepted = &told["params"]["notifications"];
    assert_eq!(accepted, &json!({"resourcesListChanged": true, "resourceSubscriptions": [screen]}));
    let of_it = |said: &Value, method: &str| {
        said["method"] == method
            && said["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == listen
    };
    host.hear("the first word", |said| of_it(said, UPDATED));
    host.hear("the first word of the list", |said| {
        of_it(said, "notifications/resources/list_changed")
    });
    go(&mut host, &task);
    host.hear("a word of the screen", |said| {
        of_it(said, UPDATED) && said["params"]["uri"] == *screen
    });
    host.spawn("true");
    host.hear("a word of the list", |said| of_it(said, "notifications/resources/list_changed"));
    lab.kill_server();
    host.hear("a word of the next server", |said| of_it(said, UPDATED));
    let params = json!({"requestId": listen});
    host.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    let said = host.leave();
    assert!(!said.iter().any(|said| said["method"] == LISTENS), "it is said once: {said:?}");
    lab.shut_down();
}

#[test]
fn prompts_say_what_to_do_and_ids_are_completed() {
    let lab = Lab::new();
    for era in ERAS {
        let mut host = Host::start(&lab, era);
        let task = host.spawn("echo error: broken pipe; exit 3");
        host.output("axiom_wait", &json!({"task_ids": [task]}));
        let prompts = host.ask("prompts/list", json!({}))["result"]["prompts"].clone();
        assert_eq!(prompts.as_array().map(Vec::len), Some(4), "{prompts}");
        let get = json!({"name": "what_went_wrong", "arguments": {"task_id": task}});
        let text = host.ask("prompts/get", get)["result"]["messages"][0]["content"]["text"].clone();
        let text = text.as_str().unwrap();
        assert!(text.contains("exit=3") && text.contains("\nerror: broken pipe"), "{text}");
        let missing = host.ask("prompts/get", json!({"name": "what_went_wrong"}));
        assert_eq!(missing["error"]["code"], -32602, "{missing}");
        for reference in [
            json!({"type": "ref/resource", "uri": "axiom://tasks/{id}/output"}),
            json!({"type": "ref/prompt", "name": "what_went_wrong"}),
        ] {
            let name = if reference["type"] == "ref/prompt" { "task_id" } else { "id" };
            let argument = json!({"name": name, "value": &task[..4]});
            let answer =
                host.ask("completion/complete", json!({"ref": reference, "argument": argument}));
            assert_eq!(answer["result"]["completion"]["values"], json!([task]), "{answer}");
        }
        host.leave();
    }
    lab.shut_down();
}

/// Asks until an MCP task is no longer at work.
fn outcome(host: &mut Host, id: &Value) -> Value {
    let deadline = Instant::now() + EVENT_WAIT;
    loop {
        let answer = host.ask("tasks/get", json!({"taskId": id}));
        if answer["result"]["status"] != "working" {
            return answer["result"].clone();
        }
        assert!(Instant::now() < deadline, "waited for its end: {answer}");
    }
}

#[test]
fn a_wait_is_an_mcp_task_for_hosts_that_take_one_and_outlives_its_server() {
    let lab = Lab::new();
    let takes = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let mut host = Host::start(&lab, Era::Newer);
    host.capabilities = takes.clone();
    let task = host.spawn("echo ready; read go; echo went");
    let begun = host.call("axiom_wait", &json!({"task_ids": [task]}));
    assert_eq!(
        (&begun["resultType"], &begun["status"]),
        (&json!("task"), &json!("working")),
        "{begun}"
    );
    let id = begun["taskId"].clone();
    let working = host.ask("tasks/get", json!({"taskId": id}))["result"].clone();
    assert_eq!(working["status"], "working", "{working}");
    lab.kill_server();
    go(&mut host, &task);
    let done = outcome(&mut host, &id);
    assert_eq!(done["status"], "completed", "{done}");
    let text = text_of(&done["result"]);
    assert!(text.contains("why=exit") && text.contains("\nwent"), "{text}");
    // Ended by its host, it ends nothing else.
    host.capabilities = json!({});
    let other = host.spawn_waiting();
    host.capabilities = takes;
    let begun = host.call("axiom_wait", &json!({"task_ids": [other], "timeout_ms": 600_000}));
    let id = begun["taskId"].clone();
    assert!(host.ask("tasks/cancel", json!({"taskId": id}))["error"].is_null());
    assert_eq!(outcome(&mut host, &id)["status"], "cancelled");
    assert_eq!(lab.status_of(&other), "running");
    for forged in [json!("x"), json!(format!("{}0", id.as_str().unwrap()))] {
        let answer = host.ask("tasks/get", json!({"taskId": forged}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    // What is short, or wrong, is answered at once.
    let short = host.output("axiom_wait", &json!({"task_ids": [other], "timeout_ms": 1}));
    assert!(short.starts_with("[axiom wait=timeout"), "{short}");
    let wrong = host.call("axiom_wait", &json!({"task_ids": ["none"]}));
    assert_eq!(wrong["isError"], true, "{wrong}");
    host.capabilities = json!({});
    let plain = host.output(
        "axiom_wait",
        &json!({"task_ids": [other], "timeout_ms": 20_000, "until": "output"}),
    );
    assert!(plain.contains("why=output"), "{plain}");
    host.leave();
    lab.axiom(&["stop", "--grace", "0s", &other]).ok();
    lab.shut_down();
}
