//! `answers`: how soon a program that asks its terminal something has the answer, with nobody there: in the quiet, and within a
//! flood of its own.

use anyhow::Context;

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::stand::Stand;
use crate::bench::statistics::percentile;

/// Questions of one round.
const QUESTIONS: u32 = 100;

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut quiet, mut flooded) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        quiet.push(asked(stand, "quiet", round)?);
        flooded.push(asked(stand, "flood", round)?);
    }
    let at = |all: &[Vec<u64>], percent| all.iter().map(|times| ms(times, percent)).collect();
    let middle = |name| Figure::of(name, "ms", Nature::Absolute);
    Ok(vec![
        promised("answer, quiet: p99").with(at(&quiet, 99.0), Vec::new()),
        middle("answer, quiet: p50").with(at(&quiet, 50.0), Vec::new()),
        promised("answer, in a flood: p99")
            .with(at(&flooded, 99.0), Vec::new())
            .note("from the question's write on: what was printed before it is read first"),
        middle("answer, in a flood: p50").with(at(&flooded, 50.0), Vec::new()),
    ])
}

/// Nanoseconds of each answer.
fn asked(stand: &mut Stand, kind: &str, round: usize) -> anyhow::Result<Vec<u64>> {
    let file = stand.file(&format!("answers-{kind}-{round}"));
    let (times, path) = (QUESTIONS.to_string(), file.display().to_string());
    let flood = (kind == "flood").to_string();
    let line = stand.load(&["ask", "--times", &times, "--flood", &flood, "--file", &path]);
    let task = stand.spawn(&line)?;
    stand.until_all("ended", &[task], |view| view.status.is_ended())?;
    stand.remove(task)?;
    let noted = std::fs::read_to_string(&file).context("read what the child noted")?;
    noted.lines().map(|line| Ok(line.parse()?)).collect()
}

fn ms(times: &[u64], percent: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ms = percentile(times, percent) as f64 / 1e6;
    ms
}
