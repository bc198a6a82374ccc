//! A figure: its rounds, the reference's rounds, its goal, and the verdict that follows. Pure.
//! No verdict is better than a wrong one: an unsteady reference says that the machine was not fit to measure on.

use std::fmt;

use serde::Serialize;

use super::statistics::Rounds;

/// The reference's own spread from which on nothing is compared with it.
const REFERENCE_SPREAD_MAX: f64 = 0.30;

/// A value that must be reached, or stayed below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }

    /// The round that is furthest on the wrong side.
    fn worst(self, rounds: &Rounds) -> f64 {
        match self {
            Self::AtLeast(_) => rounds.least,
            Self::AtMost(_) | Self::Below(_) => rounds.most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
        }
    }
}

/// What a figure must be, and what we would like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Goal {
    pub(super) must: Bound,
    pub(super) reach: Option<Bound>,
}

/// How a figure is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Nature {
    /// Divided by the reference's: means nothing where that one was unsteady.
    Ratio,
    /// A time or a size: noise only makes it worse, so a worst round that is good enough settles it.
    Absolute,
    /// A count of what went wrong, or of what there was: every round counts.
    Count,
}

/// What became of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// What we would like.
    Reached,
    /// What must be.
    Met,
    Missed,
    /// The reference was unsteady by this part of its median.
    Unsteady(f64),
    /// There is no goal: it is told for comparison.
    Told,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached => write!(f, "met (reach)"),
            Self::Met => write!(f, "met"),
            Self::Missed => write!(f, "**missed**"),
            Self::Unsteady(spread) => {
                write!(f, "no verdict: reference spread {:.0} %", spread * 100.0)
            }
            Self::Told => write!(f, "–"),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) nature: Nature,
    pub(super) goal: Option<Goal>,
    pub(super) rounds: Vec<f64>,
    /// What the reference did beside each round; empty where there is none.
    pub(super) reference: Vec<f64>,
    pub(super) note: String,
}

impl Figure {
    pub(super) fn of(name: impl Into<String>, unit: &'static str, nature: Nature) -> Self {
        let (rounds, reference) = (Vec::new(), Vec::new());
        Self { name: name.into(), unit, nature, goal: None, rounds, reference, note: String::new() }
    }

    pub(super) fn goal(mut self, must: Bound, reach: Option<Bound>) -> Self {
        self.goal = Some(Goal { must, reach });
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The same with these rounds.
    pub(super) fn with(mut self, rounds: Vec<f64>, reference: Vec<f64>) -> Self {
        (self.rounds, self.reference) = (rounds, reference);
        self
    }

    /// What became of the goal.
    pub(super) fn verdict(&self) -> Verdict {
        let (Some(goal), Some(rounds)) = (self.goal, Rounds::of(&self.rounds)) else {
            return Verdict::Told;
        };
        let spread = Rounds::of(&self.reference).map_or(0.0, |reference| reference.spread());
        let steady = spread <= REFERENCE_SPREAD_MAX;
        let settled = |bound: Bound| match self.nature {
            Nature::Ratio => steady && bound.holds(rounds.median),
            Nature::Absolute => {
                bound.holds(bound.worst(&rounds)) || steady && bound.holds(rounds.median)
            }
            Nature::Count => bound.holds(bound.worst(&rounds)),
        };
        if goal.reach.is_some_and(settled) {
            return Verdict::Reached;
        }
        if settled(goal.must) {
            return Verdict::Met;
        }
        match self.nature {
            Nature::Ratio | Nature::Absolute if !steady => Verdict::Unsteady(spread),
            Nature::Ratio | Nature::Absolute | Nature::Count => Verdict::Missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(nature: Nature, rounds: &[f64], reference: &[f64]) -> Figure {
        Figure::of("throughput", "", nature).with(rounds.to_vec(), reference.to_vec())
    }

    #[test]
    fn a_ratio_beside_an_unsteady_reference_gets_no_verdict() {
        let goal = (Bound::AtLeast(0.85), Some(Bound::AtLeast(0.95)));
        let verdict = |rounds: &[f64], reference: &[f64]| {
            figure(Nature::Ratio, rounds, reference).goal(goal.0, goal.1).verdict()
        };
        assert_eq!(verdict(&[0.97, 0.96, 0.2], &[80.0, 82.0, 81.0]), Verdict::Reached);
        assert_eq!(verdict(&[0.9, 0.96, 0.2], &[80.0, 82.0, 81.0]), Verdict::Met);
        assert_eq!(verdict(&[0.8, 0.9, 0.2], &[80.0, 82.0, 81.0]), Verdict::Missed);
        assert_eq!(verdict(&[0.97, 0.96, 0.99], &[80.0, 40.0, 80.0]), Verdict::Unsteady(0.5));
    }

    #[test]
    fn a_time_whose_worst_round_is_good_enough_needs_no_steady_machine() {
        let verdict = |rounds: &[f64], reference: &[f64]| {
            figure(Nature::Absolute, rounds, reference).goal(Bound::Below(0.2), None).verdict()
        };
        assert_eq!(verdict(&[0.1, 0.19], &[1.0, 9.0]), Verdict::Met);
        assert_eq!(verdict(&[0.1, 0.1, 0.3], &[1.0, 1.0]), Verdict::Met);
        assert_eq!(verdict(&[0.1, 0.1, 0.3], &[1.0, 3.0]), Verdict::Unsteady(1.0));
        assert_eq!(verdict(&[0.3, 0.3, 0.1], &[]), Verdict::Missed);
    }

    #[test]
    fn one_lost_byte_in_any_round_is_a_miss() {
        let lost = figure(Nature::Count, &[0.0, 0.0, 1.0], &[1.0, 9.0]);
        assert_eq!(lost.goal(Bound::AtMost(0.0), None).verdict(), Verdict::Missed);
    }

    #[test]
    fn what_has_no_goal_or_no_round_is_told_only() {
        assert_eq!(figure(Nature::Absolute, &[1.0], &[]).verdict(), Verdict::Told);
        let empty = figure(Nature::Absolute, &[], &[]).goal(Bound::Below(1.0), None);
        assert_eq!(empty.verdict(), Verdict::Told);
    }
}
