//! `axiom doctor`: looks for what is wrong, each with its remedy. Starts nothing and changes nothing but a probe of cgroups.

mod checks;
mod journal;
mod machine;
mod programs;
mod server;

use std::borrow::Cow;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
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
    /// Read and check every frame of this task's journal, and nothing else. Works without a server.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    journal: Option<String>,
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
    #[serde(skip_serializing_if = "is_empty")]
    remedy: Cow<'static, str>,
}

impl Finding {
    fn good(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Good, text: text.into(), remedy: Cow::Borrowed("") }
    }

    fn note(
        what: &'static str,
        text: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { what, verdict: Verdict::Note, text: text.into(), remedy: remedy.into() }
    }

    fn problem(
        what: &'static str,
        text: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { what, verdict: Verdict::Problem, text: text.into(), remedy: remedy.into() }
    }
}

fn is_empty(remedy: &str) -> bool {
    remedy.is_empty()
}

/// `--json`.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    findings: &'a [Finding],
}

impl Doctor {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let findings = match &self.journal {
            Some(id) => vec![journal::check(here, id)?],
            None => all(here).await,
        };
        if self.json {
            print_json(&Findings { findings: &findings })?;
        } else {
            print(&shown(&findings))?;
        }
        let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Problem);
        Ok(if wrong { EXIT_PROBLEM } else { 0 })
    }
}

async fn all(here: &Here) -> Vec<Finding> {
    let mut findings = vec![checks::home(here), checks::settings(), checks::token(here)];
    let (of_server, status) = server::look(here).await;
    findings.extend(of_server);
    findings.extend(programs::look(here, status.is_some()).await);
    findings.push(machine::terminals());
    findings.push(checks::trees(here, status.as_ref()));
    findings.push(checks::priority(here, status.as_ref()));
    findings.push(checks::disk(here, status.as_ref()));
    findings.push(machine::open_files());
    findings.push(machine::processes());
    findings.push(checks::sockets(here, status.is_some()));
    let problems = status.iter().flat_map(|status| &status.problems);
    findings.extend(problems.map(|text| Finding::problem("server", text, "")));
    if here.inside_task {
        let text = "this runs inside a task: it uses the server, but starts none";
        findings.push(Finding::note("task", text, ""));
    }
    findings.push(Finding::note("safety", BOUNDARY, ""));
    findings
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
            text.push_str(&format!("{:19}→ {}\n", "", one_line(&finding.remedy)));
        }
    }
    text
}
