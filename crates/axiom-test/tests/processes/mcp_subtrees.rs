//! What asks from within a task: it sees and touches the task and its descendants, however it asks and whatever environment it
//! has; what it starts is below it; and it starts no more than is allowed.

use serde_json::{Value, json};

use crate::lab::{Lab, binary};
use crate::mcp::{Era, Host};
use crate::wire::{Address, Answer, JSON, request_to};

/// A line for `sh -c` in which `$axiom` is our program.
fn line(script: &str) -> String {
    format!("axiom={}; {script}", binary("axiom").display())
}

/// Runs a script in a task, to its end. Gives what it printed.
fn run_in_task(lab: &Lab, script: &str) -> String {
    let task = lab.spawn(&["--", "sh", "-c", &line(script)]);
    lab.wait(&[&task]);
    String::from_utf8(lab.axiom(&["logs", &task]).ok().stdout).unwrap()
}

/// A task's own token, as the task sees it.
fn token_of(lab: &Lab, task: &str) -> String {
    let output = String::from_utf8(lab.raw_output(task)).unwrap();
    let (_, rest) = output.split_once("token ").unwrap_or_else(|| panic!("{output:?}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// A task that tells its token, and waits for a line.
fn teller(lab: &Lab) -> String {
    let task = lab.spawn_shell("echo token $AXIOM_TASK_TOKEN .; read go");
    wait_for(lab, &task, "token ");
    task
}

/// Waits until a task has printed this.
fn wait_for(lab: &Lab, task: &str, text: &str) {
    let mut host = Host::start(lab, Era::Newer);
    let wait = json!({"task_ids": [task], "until": "match", "match": text, "timeout_ms": 50_000});
    let waited = host.output("axiom_wait", &wait);
    assert!(waited.contains("why=match"), "{waited}");
    host.leave();
}

fn ask(address: &Address, token: &str, (method, path): (&str, &str), body: &Value) -> Answer {
    let host = match address {
        Address::Socket(_) => "localhost".to_owned(),
        Address::Network(port) => format!("127.0.0.1:{port}"),
    };
    let headers = format!("Authorization: Bearer {token}\r\n{JSON}");
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    address.ask(&request_to(&host, (method, path), &headers, &body))
}

#[test]
fn the_command_line_in_a_task_sees_its_subtree_whatever_its_environment_is() {
    let lab = Lab::new();
    let outside = lab.spawn(&["-n", "outside", "--", "cat"]);
    let see = "see() { \"$@\" $axiom ps --all --json | tr , '\\n' | grep -c '\"id\"'; \
               \"$@\" $axiom show outside > /dev/null 2>&1; echo show $?; \
               \"$@\" $axiom stop outside > /dev/null 2>&1; echo stop $?; \
               \"$@\" $axiom shutdown > /dev/null 2>&1; echo shutdown $?; };";
    let bare = "env -i AXIOM_HOME=$AXIOM_HOME PATH=$PATH";
    let plain = run_in_task(&lab, &format!("{see} see env"));
    assert_eq!(plain.trim(), "1\nshow 125\nstop 125\nshutdown 125");
    // A host that clears the environment of what it starts.
    assert_eq!(run_in_task(&lab, &format!("{see} see {bare}")), plain);
    // One that has also left its parents behind: it goes on once they are gone.
    let folder = lab.home().join("orphan");
    std::fs::create_dir(&folder).unwrap();
    let script = "read line < go\n$1 ps --all --json | tr , '\\n' | grep -c '\"id\"'\n\
                  $1 stop outside > /dev/null 2>&1\necho stop $?\n";
    std::fs::write(folder.join("script"), script).unwrap();
    let orphan = format!(
        "cd {}; mkfifo out go; (setsid {bare} sh ./script $axiom > out 2>&1 &); cat out & echo gone > go; wait",
        folder.display()
    );
    assert_eq!(run_in_task(&lab, &orphan).trim(), "1\nstop 125");
    assert_eq!(lab.status_of(&outside), "running");
    lab.shut_down();
}

#[test]
fn who_shows_a_tasks_token_sees_and_starts_below_it_by_either_door() {
    let lab = Lab::new();
    let outside = lab.spawn(&["-n", "outside", "--", "cat"]);
    let task = teller(&lab);
    let token = token_of(&lab, &task);
    for address in [lab.by_network(), lab.by_socket()] {
        let asked = |what: (&str, &str), body: &Value| ask(&address, &token, what, body);
        let spawned = asked(("POST", "/api/v1/tasks"), &json!({"shell": "echo kid"}));
        assert_eq!(spawned.status, 201, "{spawned:?}");
        let kid = spawned.json()["tasks"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(lab.show(&kid)["task"]["parent"], *task);
        let listed = asked(("GET", "/api/v1/tasks"), &Value::Null).json();
        let ids: Vec<&str> = listed["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap())
            .collect();
        assert!(ids.contains(&&*task) && ids.contains(&&*kid), "{listed}");
        assert!(!ids.contains(&&*outside), "{listed}");
        for (method, rest) in [
            ("GET", ""),
            ("GET", "/output"),
            ("GET", "/frames"),
            ("GET", "/screen"),
            ("POST", "/input"),
            ("POST", "/interrupt"),
            ("POST", "/stop"),
            ("POST", "/wait"),
            ("POST", "/suspend"),
            ("POST", "/resume"),
            ("DELETE", ""),
        ] {
            for name in [&*outside, &outside[..8], "outside"] {
                let path = format!("/api/v1/tasks/{name}{rest}");
                let body = if rest == "/input" { json!({"data": "x"}) } else { Value::Null };
                let answer = asked((method, &path), &body);
                assert_eq!(
                    (answer.status, &*answer.code()),
                    (404, "task_not_found"),
                    "{method} {path}"
                );
            }
        }
        let below = json!({"shell": "true", "parent": outside});
        assert_eq!(asked(("POST", "/api/v1/tasks"), &below).code(), "task_not_found");
        for (method, path) in [
            ("GET", "/metrics"),
            ("GET", "/api/v1/status"),
            ("POST", "/api/v1/shutdown"),
            ("POST", "/api/v1/prune"),
        ] {
            assert_eq!(asked((method, path), &Value::Null).code(), "denied", "{path}");
        }
        let (rest, last) = token.split_at(token.len() - 1);
        let forged = format!("{rest}{}", if last == "0" { "1" } else { "0" });
        if matches!(address, Address::Network(_)) {
            assert_eq!(ask(&address, &forged, ("GET", "/api/v1/tasks"), &Value::Null).status, 401);
        }
    }
    assert_eq!(lab.status_of(&outside), "running");
    // The next server knows the token too.
    lab.kill_server();
    lab.axiom(&["ps"]).ok();
    let listed = ask(&lab.by_network(), &token, ("GET", "/api/v1/tasks"), &Value::Null);
    assert_eq!(listed.json()["tasks"].as_array().map(Vec::len), Some(3), "{listed:?}");
    lab.shut_down();
    let log = std::fs::read_to_string(lab.home().join("run/server.log")).unwrap();
    assert!(!log.contains(&token), "a token stands in the log");
}

#[test]
fn what_is_spawned_from_within_tasks_has_its_limits_and_says_so() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.home()).unwrap();
    let limits = "[subtree]\ndepth = 1\ntasks = 2\nspawns_per_minute = 4\n";
    std::fs::write(lab.home().join("config.toml"), limits).unwrap();
    let task = teller(&lab);
    let token = token_of(&lab, &task);
    let network = lab.by_network();
    let spawn = |token: &str, line: &str, count: u32| {
        ask(&network, token, ("POST", "/api/v1/tasks"), &json!({"shell": line, "count": count}))
    };
    let first = spawn(&token, "echo token $AXIOM_TASK_TOKEN .; read go", 1).json();
    let kid = first["tasks"][0]["id"].as_str().unwrap_or_else(|| panic!("{first}")).to_owned();
    wait_for(&lab, &kid, "token ");
    let deeper = spawn(&token_of(&lab, &kid), "true", 1);
    let error = &deeper.json()["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("limit_reached"), &json!(false)));
    assert!(error["hint"].as_str().unwrap().contains("subtree.depth"), "{error}");
    let many = spawn(&token, "true", 2);
    let error = &many.json()["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("limit_reached"), &json!(true)));
    assert!(error["hint"].as_str().unwrap().contains("subtree.tasks"), "{error}");
    for _ in 0..3 {
        let short = spawn(&token, "true", 1).json();
        lab.wait(&[short["tasks"][0]["id"].as_str().unwrap_or_else(|| panic!("{short}"))]);
    }
    let often = spawn(&token, "true", 1);
    let error = &often.json()["error"];
    assert!(error["hint"].as_str().unwrap().contains("spawns_per_minute"), "{error}");
    lab.shut_down();
}

#[test]
fn a_subtree_is_stopped_as_one() {
    let lab = Lab::new();
    let other = lab.spawn(&["--", "cat"]);
    let grandchild = line("exec $axiom run -n grandchild -- sh -c 'echo all up; exec cat'");
    let child = format!("$axiom run -n child -- sh -c \"{}\"", grandchild.replace('"', "\\\""));
    let top = lab.spawn(&["-n", "top", "--", "sh", "-c", &line(&child)]);
    wait_for(&lab, &top, "all up");
    let told = lab.axiom(&["stop", "--subtree", "--grace", "1s", "--json", &top]).ok().json();
    let text = told.to_string();
    assert_eq!(text.matches("descendants").count(), 1, "{text}");
    for name in ["top", "child", "grandchild"] {
        let shown = lab.show(name);
        assert!(
            !["running", "stopping"].contains(&shown["task"]["status"].as_str().unwrap()),
            "{shown}"
        );
    }
    assert_eq!(lab.status_of(&other), "running");
    lab.shut_down();
}
