//! Servers that die, hosts that cancel, and what each of them hears.

use super::*;

fn to_server(acts: &[Act]) -> Vec<Value> {
    let text = |act: &Act| match act {
        Act::ToServer(text) => Some(serde_json::from_str(text).unwrap()),
        Act::ToHost(_) => None,
    };
    acts.iter().filter_map(text).collect()
}

fn to_host(acts: &[Act]) -> Vec<Value> {
    let text = |act: &Act| match act {
        Act::ToHost(text) => Some(serde_json::from_str(text).unwrap()),
        Act::ToServer(_) => None,
    };
    acts.iter().filter_map(text).collect()
}

fn call(id: u64, tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

fn answer(id: u64) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": {"of": id}}).to_string()
}

fn methods(sent: &[Value]) -> Vec<String> {
    sent.iter().map(|sent| sent["method"].as_str().unwrap().to_owned()).collect()
}

/// A relay whose host speaks the older era and has been greeted.
fn greeted() -> Relay {
    let mut relay = Relay::new("n".to_owned());
    let initialize =
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}).to_string();
    assert_eq!(relay.host_says(0, &initialize), []);
    assert_eq!(methods(&to_server(&relay.connected(0))), ["initialize"]);
    assert_eq!(to_host(&relay.server_says(0, &answer(0))).len(), 1);
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert_eq!(to_server(&relay.host_says(0, &initialized)).len(), 1);
    relay
}

#[test]
fn an_open_wait_is_asked_again_of_the_next_server_for_what_is_left_of_it() {
    let mut relay = greeted();
    let wait = call(1, "axiom_wait", &json!({"task_ids": ["a"], "timeout_ms": 30_000}));
    assert_eq!(to_server(&relay.host_says(1000, &wait)).len(), 1);
    relay.lost();
    assert!(relay.wants_server());
    // The new server is greeted first, and what it answers to that is not for the host.
    let sent = to_server(&relay.connected(11_000));
    assert_eq!(methods(&sent), ["initialize"]);
    let acts = relay.server_says(11_000, &answer(0));
    assert_eq!(to_host(&acts), Vec::<Value>::new());
    let sent = to_server(&acts);
    assert_eq!(methods(&sent), ["notifications/initialized", "tools/call"]);
    assert_eq!(sent[1]["params"]["arguments"]["timeout_ms"], json!(20_000));
    assert_eq!(
        to_host(&relay.server_says(12_000, &answer(1))),
        [json!({"jsonrpc": "2.0", "id": 1, "result": {"of": 1}})]
    );
    assert!(!relay.wants_server());
}

#[test]
fn what_acts_is_given_a_key_that_stays_the_same_and_keeps_the_hosts_own() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.connected(0));
    let first = to_server(&relay.host_says(0, &call(1, "axiom_spawn", &json!({"shell": "x"}))));
    let second =
        to_server(&relay.host_says(0, &call(2, "axiom_send", &json!({"idempotency_key": "own"}))));
    let third = to_server(&relay.host_says(0, &call(3, "axiom_read", &json!({}))));
    let key = |sent: &[Value]| sent[0]["params"]["arguments"]["idempotency_key"].clone();
    assert_eq!(
        (key(&first), key(&second), key(&third)),
        (json!("mcp-n-1"), json!("own"), Value::Null)
    );
    relay.lost();
    let again = to_server(&relay.connected(5));
    assert_eq!(again, [first, second, third].concat());
}

#[test]
fn whatever_ends_three_servers_is_answered_and_not_sent_again() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.connected(0));
    drop(relay.host_says(0, &call(7, "axiom_list", &json!({}))));
    for _ in 1..TRIES_MAX {
        relay.lost();
        assert_eq!(to_server(&relay.connected(0)).len(), 1);
    }
    relay.lost();
    let acts = relay.connected(0);
    let answers = to_host(&acts);
    assert_eq!((to_server(&acts).len(), answers.len()), (0, 1));
    assert_eq!((&answers[0]["id"], &answers[0]["result"]["isError"]), (&json!(7), &json!(true)));
}

#[test]
fn a_cancelled_call_is_not_asked_again_and_a_late_answer_not_told() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.connected(0));
    drop(relay.host_says(0, &call(1, "axiom_wait", &json!({}))));
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(to_server(&relay.host_says(0, &cancel.to_string())).len(), 1);
    assert_eq!(relay.server_says(0, &answer(1)), []);
    relay.lost();
    assert!(!relay.wants_server());
    assert_eq!(relay.connected(0), []);
}

#[test]
fn counts_of_progress_rise_over_a_servers_death_and_end_with_the_answer() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.connected(0));
    let mut wait: Value = serde_json::from_str(&call(1, "axiom_wait", &json!({}))).unwrap();
    wait["params"]["_meta"] = json!({"progressToken": "p"});
    drop(relay.host_says(0, &wait.to_string()));
    let told = |relay: &mut Relay, count: u64| {
        let params = json!({"progressToken": "p", "progress": count, "message": "m"});
        let text = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
        let told = to_host(&relay.server_says(0, &text.to_string()));
        told.first().and_then(|told| told["params"]["progress"].as_f64())
    };
    assert_eq!([1, 2].map(|count| told(&mut relay, count)), [Some(1.0), Some(2.0)]);
    relay.lost();
    drop(relay.connected(0));
    assert_eq!([1, 2].map(|count| told(&mut relay, count)), [Some(3.0), Some(4.0)]);
    drop(relay.server_says(0, &answer(1)));
    assert_eq!(told(&mut relay, 3), None);
}

#[test]
fn where_there_is_no_server_each_open_request_is_answered_in_its_own_way() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.host_says(0, &call(1, "axiom_list", &json!({}))));
    let mut modern: Value = serde_json::from_str(&call(2, "axiom_list", &json!({}))).unwrap();
    modern["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    drop(relay.host_says(0, &modern.to_string()));
    drop(relay.host_says(0, r#"{"jsonrpc":"2.0","id":"3","method":"tools/list"}"#));
    let answers = to_host(&relay.give_up("no server", true));
    assert_eq!(answers.len(), 3);
    let text = answers[0]["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("axiom_error code=unavailable retryable=true"), "{text}");
    assert_eq!(answers[0]["result"].get("resultType"), None);
    assert_eq!(answers[1]["result"]["resultType"], "complete");
    assert_eq!((&answers[2]["id"], &answers[2]["error"]["code"]), (&json!("3"), &json!(-32603)));
    assert!(!relay.wants_server());
}

#[test]
fn what_is_no_message_is_the_servers_to_refuse() {
    let mut relay = Relay::new("n".to_owned());
    drop(relay.connected(0));
    for line in ["nonsense", "[]", "3"] {
        assert_eq!(relay.host_says(0, line), [Act::ToServer(line.to_owned())]);
    }
}
