//! The guard of the hot path: instructions for each turn, counted by valgrind in a release build, beside kept figures.
//! Instructions do not know how busy the machine is. The kernel's are not counted: what a system call costs is the bench's matter.

mod kept;
mod turns;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use kept::{Count, Kept};
use turns::{CASES, Case};

/// Turns of the shorter run. The longer one has twice as many; the difference is free of start and end.
const TURNS: u64 = 1000;

/// The program: `turn CASE N`, `check FILE`, `keep FILE`.
///
/// # Errors
/// When a count changed by more than the kept figures allow, or nothing could be counted.
pub fn run(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let words: Vec<String> = arguments.collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["turn", name, turns] => turn(name, turns.parse().context("a number of turns")?),
        ["check", file] => check(Path::new(file)),
        ["keep", file] => keep(Path::new(file)),
        _ => bail!("axiom-hot check FILE, keep FILE, or turn CASE N; cases are {}", names()),
    }
}

fn turn(name: &str, turns: u64) -> anyhow::Result<()> {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.with_context(|| format!("there is no case {name}; they are {}", names()))?;
    (case.run)(turns)
}

fn names() -> String {
    CASES.iter().map(|case| case.name).collect::<Vec<_>>().join(", ")
}

#[expect(clippy::print_stdout, reason = "the counts are what was asked for")]
fn check(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let kept = Kept::parse(&text)?;
    let mut changes = Vec::new();
    for count in counted()? {
        println!("{:<16} {:>9} instructions a turn", count.case, count.instructions);
        changes.extend(kept.change(&count));
    }
    if changes.is_empty() {
        return Ok(());
    }
    let list = changes.join("\n  ");
    bail!("the hot path changed:\n  {list}\nif it is meant to: cargo xtask instructions --keep")
}

fn keep(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut kept = Kept::parse(&text)?;
    for count in counted()? {
        kept.replace(count);
    }
    std::fs::write(file, kept.to_string()).with_context(|| format!("write {}", file.display()))
}

fn counted() -> anyhow::Result<Vec<Count>> {
    CASES.iter().map(count).collect()
}

fn count(case: &Case) -> anyhow::Result<Count> {
    let (short, long) = (instructions_of(case, TURNS)?, instructions_of(case, 2 * TURNS)?);
    let instructions = long.saturating_sub(short) / TURNS;
    Ok(Count {
        machine: std::env::consts::ARCH.to_owned(),
        case: case.name.to_owned(),
        instructions,
    })
}

/// All instructions of a run of this program under valgrind.
fn instructions_of(case: &Case, turns: u64) -> anyhow::Result<u64> {
    let own = std::env::current_exe().context("find this program")?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(own).args(["turn", case.name, &turns.to_string()]).stdin(Stdio::null());
    let output = valgrind.output().context("start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("case {} ended with {} under valgrind: {said}", case.name, output.status);
    }
    total(&said).with_context(|| format!("valgrind does not say how many instructions: {said}"))
}

/// The number behind `I refs:`, with its commas.
fn total(said: &str) -> Option<u64> {
    let (_, number) = said.lines().find(|line| line.contains("refs:"))?.split_once("refs:")?;
    number.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_with_its_commas() {
        assert_eq!(total("==1== \n==1== I   refs:      12,345,678\n"), Some(12_345_678));
        assert_eq!(total("==1== nothing\n"), None);
    }

    #[test]
    fn every_case_runs() {
        for case in CASES {
            (case.run)(3).unwrap();
        }
    }
}
