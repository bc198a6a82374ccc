//! The kept figures: one line for each machine and case. Pure.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context;

/// A change below this part of the kept figure is a compiler's whim.
const CHANGE_MAX: f64 = 0.10;

const HEADER: &str = "\
# Instructions for each turn of the hot path, counted by valgrind in a release build: machine, case, count.
# A change of more than 10 % fails `cargo xtask test`. A new compiler, or a change that is meant: `cargo xtask instructions --keep`.
";

/// One count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) machine: String,
    pub(super) case: String,
    pub(super) instructions: u64,
}

/// All of them, by machine and case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept(BTreeMap<(String, String), u64>);

impl Kept {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [machine, case, number] = words[..] else {
                anyhow::bail!("`{line}` is not `machine case count`");
            };
            let instructions = number.parse().with_context(|| format!("`{line}`"))?;
            kept.replace(Count { machine: machine.into(), case: case.into(), instructions });
        }
        Ok(kept)
    }

    pub(super) fn replace(&mut self, count: Count) {
        self.0.insert((count.machine, count.case), count.instructions);
    }

    /// What is to be said of a count that is not the kept one, both figures in it.
    pub(super) fn change(&self, count: &Count) -> Option<String> {
        let Count { machine, case, instructions } = count;
        let Some(kept) = self.0.get(&(machine.clone(), case.clone())) else {
            return Some(format!("{case}: {instructions}, and nothing is kept for {machine}"));
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let change = (*instructions as f64 - *kept as f64) / (*kept).max(1) as f64;
        (change.abs() > CHANGE_MAX)
            .then(|| format!("{case}: {instructions} instead of {kept} ({:+.0} %)", change * 100.0))
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        for ((machine, case), instructions) in &self.0 {
            writeln!(f, "{machine} {case} {instructions}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(case: &str, instructions: u64) -> Count {
        Count { machine: "x".to_owned(), case: case.to_owned(), instructions }
    }

    #[test]
    fn a_change_of_more_than_a_tenth_is_told_with_both_figures() {
        let kept = Kept::parse("# why\nx fold 1000\n").unwrap();
        assert_eq!(kept.change(&count("fold", 1100)), None);
        assert_eq!(kept.change(&count("fold", 900)), None);
        let grown = kept.change(&count("fold", 1101)).unwrap();
        assert_eq!(grown, "fold: 1101 instead of 1000 (+10 %)");
        let shrunk = kept.change(&count("fold", 500)).unwrap();
        assert_eq!(shrunk, "fold: 500 instead of 1000 (-50 %)");
        assert!(kept.change(&count("new", 1)).unwrap().contains("nothing is kept for x"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut kept = Kept::default();
        kept.replace(count("fold", 7));
        kept.replace(count("append", 8));
        assert_eq!(Kept::parse(&kept.to_string()).unwrap(), kept);
        assert!(Kept::parse("fold 7").is_err());
    }
}
