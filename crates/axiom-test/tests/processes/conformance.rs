//! The protocol's own suite of tests asks a server that has the product's gate, router and mount, and the suite's fixtures:
//! every scenario that a revision requires must pass, and the table of all is written to the documents.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::{Followed, finish};
use crate::equipment::{file, newer_node};
use crate::lab::{EVENT_WAIT, Lab, binary};

const SUITE: &str = ".cache/node/node_modules/@modelcontextprotocol/conformance";
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Written by this test where `AXIOM_WRITE_DOCS` is set; else it must be what the test found.
const TABLE: &str = "docs/mcp-conformance.md";

const HEAD: &str = "\
# Conformance of MCP

What the official suite, `@modelcontextprotocol/conformance`, found: checks that passed, of those that were made. It asks a server
with Axiom's gate, router and mount, whose tools, resources and prompts are the suite's own fixtures; the suite shows the home's
token, as every client must. Written by the test `conformance`, with `AXIOM_WRITE_DOCS=1`; the versions are in xtask/packages.txt.

";

const FOOT: &str = "
**Bold**: required by that revision. The others are reported by the suite and required by none: those of `tasks-*` call fixtures
of the tasks extension, which this server does not have.
";

/// What a scenario's checks came to.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    failed: Vec<String>,
}

#[test]
fn every_scenario_that_a_revision_requires_passes() {
    let lab = Lab::new();
    if newer_node(&lab).is_none() {
        return;
    }
    let mut command = Command::new(binary("axiom-conformance"));
    command.env("AXIOM_HOME", lab.home()).env("AXIOM_DISK_MIN_FREE", "0");
    let mut server = Followed::start(command);
    server.wait_for_line("the server", |line| line == "serving");
    let mut table: BTreeMap<String, [String; 2]> = BTreeMap::new();
    for (column, revision) in REVISIONS.into_iter().enumerate() {
        let results = lab.home().join(revision);
        let said = suite(&lab, revision, &results);
        let outcomes = outcomes(&results);
        let required = required(revision);
        assert!(required.len() >= 30, "{required:?}");
        for name in &required {
            let outcome =
                outcomes.get(name).unwrap_or_else(|| panic!("{name} did not run: {said}"));
            assert!(outcome.failed.is_empty() && outcome.passed > 0, "{name}: {outcome:?}");
        }
        for (name, Outcome { passed, failed }) in &outcomes {
            let mark = if required.contains(name) { "**" } else { "" };
            let cell = format!("{mark}{passed} of {}{mark}", passed + failed.len());
            table.entry(name.clone()).or_default()[column] = cell;
        }
    }
    lab.shut_down();
    assert!(server.finish(EVENT_WAIT).0.success());
    compare(&table);
}

/// Runs the suite for a revision, to its end.
fn suite(lab: &Lab, revision: &str, results: &Path) -> String {
    let mut node = newer_node(lab).unwrap();
    node.arg("--require").arg(file("crates/axiom-test/clients/mcp_token.cjs"));
    node.arg(file(SUITE).join("dist/index.js")).args(["server", "--requirements", revision]);
    node.args(["--url", &format!("http://127.0.0.1:{}/mcp", lab.port().unwrap())]);
    let finished = finish(node.arg("-o").arg(results).env("HOME", lab.home()), b"");
    finished.text()
}

/// What the suite wrote down: a folder for each scenario, named after it and the time.
fn outcomes(results: &Path) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    for folder in std::fs::read_dir(results).unwrap().flatten() {
        let named = folder.file_name().into_string().unwrap();
        let name = named.strip_prefix("server-").unwrap();
        // `-2026-11-22T01-08-28-670Z`
        let name = name[..name.len() - 25].to_owned();
        let checks: Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("checks.json")).unwrap())
                .unwrap();
        let mut outcome = Outcome::default();
        for check in checks.as_array().unwrap() {
            match check["status"].as_str().unwrap() {
                "SUCCESS" => outcome.passed += 1,
                "FAILURE" | "WARNING" => {
                    outcome.failed.push(format!("{}: {}", check["id"], check["errorMessage"]));
                }
                "INFO" | "SKIPPED" => {}
                status => panic!("the suite says {status}"),
            }
        }
        outcomes.insert(name, outcome);
    }
    outcomes
}

/// The scenarios for servers that a revision requires: the list `server:` of its file.
fn required(revision: &str) -> Vec<String> {
    let path: PathBuf = file(SUITE).join("requirements").join(format!("{revision}.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    let of_servers = text.split("\nserver:\n").nth(1).unwrap();
    let items = of_servers.lines().map_while(|line| line.strip_prefix("  - "));
    items.map(str::to_owned).collect()
}

fn compare(table: &BTreeMap<String, [String; 2]>) {
    let mut text = format!("{HEAD}| Scenario | {} |\n|---|---|---|\n", REVISIONS.join(" | "));
    for (name, cells) in table {
        writeln!(text, "| `{name}` | {} |", cells.join(" | ")).unwrap();
    }
    text.push_str(FOOT);
    let path = file(TABLE);
    if std::env::var_os("AXIOM_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, text, "{TABLE} is renewed by this test with AXIOM_WRITE_DOCS=1");
}
