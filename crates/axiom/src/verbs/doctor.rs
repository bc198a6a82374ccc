//! `axiom doctor`: looks for what is wrong, each with its remedy. Starts nothing and changes nothing but a probe of cgroups.

mod checks;

use axiom_client::{ClientError, Connection, DialError, StartError};
use axiom_proto::api::ServerStatus;
use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::here::Here;
use crate::lines::one_line;
use crate::printing::{print, print_json};

/// The exit code where something is wrong.
const EXIT_PROBLEM: u8 = 1;

/// What the boundary between tasks is worth today.
const BOUNDARY: &str = "the boundary between tasks is one against mistakes: until the sandbox is built, a process of \
                        your user can read and write this home";

/// `axiom doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Doctor {
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Something will not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    what: &'static str,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    remedy: &'static str,
}

impl Finding {
    fn good(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Good, text: text.into(), remedy: "" }
    }

    fn note(what: &'static str, text: impl Into<String>, remedy: &'static str) -> Self {
        Self { what, verdict: Verdict::Note, text: text.into(), remedy }
    }

    fn problem(what: &'static str, text: impl Into<String>, remedy: &'static str) -> Self {
        Self { what, verdict: Verdict::Problem, text: text.into(), remedy }
    }
}

/// `--json`.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    findings: &'a [Finding],
}

impl Doctor {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut findings = vec![checks::home(here), checks::settings()];
        let (server, status) = server(here).await;
        findings.extend(server);
        findings.extend(checks::programs());
        findings.push(checks::terminals());
        findings.push(checks::trees(here, status.as_ref()));
        findings.push(checks::disk(here, status.as_ref()));
        findings.push(checks::open_files());
        findings.push(checks::sockets(here, status.is_some()));
        let problems = status.iter().flat_map(|status| &status.problems);
        findings.extend(problems.map(|text| Finding::problem("server", text, "")));
        if here.inside_task {
            let text = "this runs inside a task: it uses the server, but starts none";
            findings.push(Finding::note("task", text, ""));
        }
        findings.push(Finding::note("safety", BOUNDARY, ""));
        if self.json {
            print_json(&Findings { findings: &findings })?;
        } else {
            print(&shown(&findings))?;
        }
        let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Problem);
        Ok(if wrong { EXIT_PROBLEM } else { 0 })
    }
}

/// The server, if one runs, and what it says.
async fn server(here: &Here) -> (Vec<Finding>, Option<ServerStatus>) {
    const WHAT: &str = "server";
    let status = match Connection::open(here.place_to_look_at()).await {
        Ok(mut connection) => connection.status().await,
        Err(ClientError::Start(StartError::Dial(DialError::NoServer { .. }))) => {
            let text = "none runs; the next command starts one";
            return (vec![Finding::good(WHAT, text)], None);
        }
        Err(error) => Err(error),
    };
    match status {
        Ok(status) if status.version != env!("CARGO_PKG_VERSION") => {
            let text =
                format!("version {}, and this is {}", status.version, env!("CARGO_PKG_VERSION"));
            let remedy = "axiom shutdown: tasks run on, and the next command starts the new one";
            (vec![Finding::note(WHAT, text, remedy)], Some(status))
        }
        Ok(status) => {
            let text = format!("version {}, pid {}", status.version, status.pid);
            (vec![Finding::good(WHAT, text)], Some(status))
        }
        Err(error) => {
            let fault = error.to_fault();
            let remedy = "run/server.json has its pid: kill it, which harms no task";
            (vec![Finding::problem(WHAT, fault.message, remedy)], None)
        }
    }
}

fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => "ok     ",
            Verdict::Note => "note   ",
            Verdict::Problem => "PROBLEM",
        };
        text.push_str(&format!("{mark}  {:<10}{}\n", finding.what, one_line(&finding.text)));
        if !finding.remedy.is_empty() {
            text.push_str(&format!("{:19}→ {}\n", "", finding.remedy));
        }
    }
    text
}
