//! The HTTP face with bad input, byte by byte: clear errors with code and hint, and nothing half-made.

use serde_json::Value;

use crate::lab::Lab;
use crate::wire::{Answer, JSON, request};

/// Method, path, headers and body; then the status and the error code that must come.
type Bad<'a> = (&'a str, &'a str, &'a str, &'a [u8], u16, &'a str);

#[test]
fn bad_requests_get_a_code_and_a_hint() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let tasks = "/api/v1/tasks";
    let deep = [b"[".repeat(20_000), b"]".repeat(20_000)].concat();
    let cases: [Bad<'_>; 10] = [
        ("POST", tasks, JSON, b"{", 400, "invalid_argument"),
        ("POST", tasks, JSON, b"{\"comand\":[\"true\"]}", 400, "invalid_argument"),
        (
            "POST",
            tasks,
            JSON,
            b"{\"command\":[\"true\"],\"shell\":\"true\"}",
            400,
            "invalid_argument",
        ),
        ("POST", tasks, JSON, b"{}", 400, "invalid_argument"),
        ("POST", tasks, JSON, b"{\"command\":[\"\xff\"]}", 400, "invalid_argument"),
        ("POST", tasks, JSON, &deep, 400, "invalid_argument"),
        ("POST", tasks, "", b"{\"command\":[\"true\"]}", 400, "invalid_argument"),
        ("GET", "/api/v1/tasks/zzzzzzzz", "", b"", 404, "task_not_found"),
        ("GET", "/api/v1/nothing", "", b"", 404, ""),
        ("PATCH", tasks, "", b"", 405, ""),
    ];
    for (method, path, headers, body, status, code) in cases {
        let Answer { status: found, head, body: answered } =
            lab.by_socket().ask(&request(method, path, headers, body));
        let answer: Value = serde_json::from_slice(&answered).unwrap_or(Value::Null);
        let about =
            format!("{method} {path} {}", String::from_utf8_lossy(&body[..body.len().min(60)]));
        let close = if status == 400 { (400..=422).contains(&found) } else { found == status };
        assert!(close, "{about}: {head} {answer}");
        let error = &answer["error"];
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{about}: {answer}"
        );
        assert!(code.is_empty() || error["code"] == code, "{about}: {answer}");
        assert!(head.to_ascii_lowercase().contains("x-request-id"), "{about}: {head}");
    }
    let list = lab.axiom(&["ps", "--all", "--json"]).ok().json();
    assert_eq!(list["tasks"].as_array().unwrap().len(), 0, "something half-made: {list}");
    lab.shut_down();
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let head = format!(
        "POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{JSON}\
         Content-Length: 4000000000\r\n\r\n{{"
    );
    let answer = lab.by_socket().ask(head.as_bytes());
    assert_eq!((answer.status, answer.code()), (413, "too_large".to_owned()), "{answer:?}");
    lab.shut_down();
}

#[test]
fn the_home_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let id = lab.spawn(&["--env", "SECRET=hunter2", "--", "true"]);
    lab.wait(&[&id]);
    let mut folders = vec![lab.home().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        // What is taken away while we look is closed enough.
        let Ok(found) = std::fs::metadata(&folder) else { continue };
        assert_eq!(found.permissions().mode() & 0o777, 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => files.push(entry.path()),
                Err(_gone) => {}
            }
        }
    }
    for file in files {
        let Ok(found) = std::fs::metadata(&file) else { continue };
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} is open to others", file.display());
        let holds = std::fs::read(&file)
            .is_ok_and(|bytes| bytes.windows(7).any(|window| window == b"hunter2"));
        let may = file.ends_with("task.json");
        assert_eq!(holds, may, "{}: the environment lies in task.json alone", file.display());
    }
    lab.shut_down();
}

#[test]
fn more_tasks_than_are_stopped_at_once_end_with_their_server() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    // Some must be killed: they hold up none of the others.
    let line =
        "if [ $((AXIOM_INDEX % 10)) = 0 ]; then trap '' INT TERM; fi; while :; do sleep 1000; done";
    let body = serde_json::json!({"shell": line, "count": 80}).to_string();
    let spawned = lab.asked("POST", "/api/v1/tasks", body.as_bytes());
    assert_eq!(spawned.status, 201, "{spawned:?}");
    let answer = lab.asked("POST", "/api/v1/shutdown", br#"{"stop_tasks":true}"#);
    assert_eq!(answer.json(), serde_json::json!({"running": 0, "stopped": 80}));
}

#[test]
fn a_name_that_several_tasks_had_can_be_read_by_and_not_removed_by() {
    let lab = Lab::new();
    let ids = [1, 2].map(|code| {
        let id = lab.spawn(&["-n", "build", "--", "sh", "-c", &format!("exit {code}")]);
        lab.wait(&[&id]);
        id
    });
    let newest = lab.asked("GET", "/api/v1/tasks/build", b"").json();
    assert_eq!(newest["task"]["id"], ids[1].as_str());
    let refused = lab.asked("DELETE", "/api/v1/tasks/build", b"");
    assert_eq!((refused.status, &*refused.code()), (409, "ambiguous_id"), "{refused:?}");
    let message = refused.json()["error"]["message"].to_string();
    assert!(ids.iter().all(|id| message.contains(id.as_str())), "{message}");
    let by_command = lab.axiom(&["rm", "build"]);
    assert!(by_command.code() == 125 && by_command.stderr.contains(&ids[0]), "{by_command:?}");
    assert_eq!(lab.asked("DELETE", &format!("/api/v1/tasks/{}", ids[0]), b"").status, 200);
    lab.axiom(&["rm", "build"]).ok();
    lab.shut_down();
}
