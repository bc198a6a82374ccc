//! The bench: the product's figures beside a bare terminal's, and beside its peers'.
//! A round of ours and a round of the reference take turns, so that both see the same machine; what is said is the
//! median with its spread, and no verdict where the reference itself was unsteady. docs/performance.md has the method.

mod browser;
mod chain;
mod cpu;
mod ending;
mod events;
mod figure;
mod follower;
mod gate;
mod goals;
mod machine;
mod memory;
mod observation;
mod offspring;
mod onlooker;
mod reference;
mod report;
mod scenario;
mod stand;
mod statistics;
mod terminal;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, bail};

use report::Report;
use scenario::SCENARIOS;

/// Rounds where nobody says: fewer give no spread worth the name.
const ROUNDS: usize = 5;

/// "Many" tasks or viewers, where nobody says.
const MANY: u32 = 1000;

/// What was asked for.
#[derive(Debug)]
struct Asked {
    scenarios: Vec<String>,
    rounds: usize,
    many: u32,
    peers: Option<PathBuf>,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

/// Runs the bench, or one of the processes that it is made of.
///
/// # Errors
/// Whatever kept a figure from being taken. A figure that misses its goal is no error.
pub fn run(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let arguments: Vec<String> = arguments
        .map(|argument| argument.into_string())
        .collect::<Result<_, _>>()
        .map_err(|argument| anyhow::anyhow!("{argument:?} is not UTF-8"))?;
    match arguments.first().map(String::as_str) {
        Some("browser") => browser::run(&arguments[1..]),
        Some("chain") => chain::run(&arguments[1..]),
        Some("follower") => follower::run(&arguments[1..]),
        Some("onlooker") => onlooker::run(&arguments[1..]),
        Some("relayed") => chain::run_relayed(&arguments[1..]),
        Some("witness") => onlooker::run_witness(&arguments[1..]),
        Some("reference") => reference::run(&arguments[1..]),
        _ => measure(&asked(&arguments)?),
    }
}

fn asked(arguments: &[String]) -> anyhow::Result<Asked> {
    let (mut scenarios, mut rounds, mut many) = (Vec::new(), ROUNDS, MANY);
    let (mut json, mut markdown, mut peers) = (None, None, None);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => rounds = value()?.parse().context("--rounds needs a number")?,
            "--many" => many = value()?.parse().context("--many needs a number")?,
            "--peers" => peers = Some(PathBuf::from(value()?)),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--markdown" => markdown = Some(PathBuf::from(value()?)),
            name if SCENARIOS.iter().any(|scenario| scenario.name == name) => {
                scenarios.push(name.to_owned());
            }
            other => bail!("there is no scenario `{other}`; they are {}", scenario::names()),
        }
    }
    if rounds == 0 || many == 0 {
        bail!("--rounds and --many must be at least 1");
    }
    Ok(Asked { scenarios, rounds, many, peers, json, markdown })
}

fn measure(asked: &Asked) -> anyhow::Result<()> {
    let mut report = Report::begin(asked.rounds);
    let wanted = SCENARIOS.iter().filter(|scenario| {
        asked.scenarios.is_empty() || asked.scenarios.iter().any(|name| name == scenario.name)
    });
    let mut failed = Vec::new();
    for scenario in wanted {
        report.say_start(scenario.name);
        let busy = machine::Load::now();
        // Each has a home of its own, so that none inherits what another left.
        let result = stand::Stand::new(asked.many, asked.peers.clone())
            .and_then(|mut stand| (scenario.run)(&mut stand, asked.rounds).map(|out| (stand, out)))
            .and_then(|(stand, out)| stand.leave().map(|()| out));
        match result {
            Ok(figures) => report.add(scenario.name, figures, busy.idle_share_since()),
            Err(error) => {
                report.say_failed(scenario.name, &error);
                failed.push(scenario.name);
            }
        }
        // A run that is broken off keeps what it has.
        report.keep(asked.json.as_deref(), asked.markdown.as_deref())?;
    }
    report.print();
    if !failed.is_empty() {
        bail!("these scenarios could not be measured: {}", failed.join(", "));
    }
    Ok(())
}
