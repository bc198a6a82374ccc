//! docs/http.md: its examples run as they stand, it names every route, and its client is the one that is tested.

use std::process::Command;

use crate::cli::finish;
use crate::equipment::file;
use crate::lab::{Lab, binary};

fn page() -> String {
    std::fs::read_to_string(file("docs/http.md")).unwrap()
}

/// The blocks of a language, in order.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let blocks = page.split(&opening).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_examples_run_as_they_stand() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let mut shell = Command::new("sh");
    shell.arg("-eu").env("AXIOM_HOME", lab.home()).env("PATH", path_with_axiom());
    let script = blocks(&page(), "sh").join("\n");
    let run = finish(&mut shell, script.as_bytes());
    assert!(run.status.success(), "{}\n{}", run.text(), run.stderr);
    for expected in ["\"version\"", "hello", "event: head", "501", "\"ended\":true", "# HELP"] {
        assert!(run.text().contains(expected), "no {expected} in {}", run.text());
    }
    assert!(!run.text().contains(&lab.token()), "the token is shown");
}

fn path_with_axiom() -> std::ffi::OsString {
    let own = binary("axiom").parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).unwrap()
}

#[test]
fn every_route_stands_on_the_page() {
    let lab = Lab::new();
    lab.axiom(&["ps"]).ok();
    let document = lab.asked("GET", "/openapi.json", b"").json();
    let page = page();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let named = format!("`{} {path}`", method.to_uppercase());
            assert!(page.contains(&named) || path == "/", "{named} is not in docs/http.md");
        }
    }
    lab.shut_down();
}

#[test]
fn the_client_on_the_page_is_the_one_that_is_tested() {
    let tested = std::fs::read_to_string(file("crates/axiom-test/clients/follow.py")).unwrap();
    assert_eq!(blocks(&page(), "python"), [tested]);
}
