//! Medians, spreads and percentiles. Pure; every figure of the bench goes through here.

use serde::Serialize;

/// The middle of some rounds and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Rounds {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Rounds {
    /// Nothing for no rounds.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self { median, least, most })
    }

    /// How far the rounds lie apart, as a part of their median.
    pub(super) fn spread(&self) -> f64 {
        if self.median == 0.0 {
            return if self.most == self.least { 0.0 } else { f64::INFINITY };
        }
        (self.most - self.least) / self.median.abs()
    }
}

/// The value that so many percent do not pass, by nearest rank. Zero for no values.
pub(super) fn percentile(values: &[u64], percent: f64) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is small")]
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^52")]
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        let rounds = |values: &[f64]| Rounds::of(values).unwrap();
        assert_eq!(rounds(&[3.0, 1.0, 2.0]), Rounds { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(rounds(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(rounds(&[7.0]), Rounds { median: 7.0, least: 7.0, most: 7.0 });
        assert_eq!(Rounds::of(&[]), None);
    }

    #[test]
    fn the_spread_is_a_part_of_the_median() {
        let spread = |values: &[f64]| Rounds::of(values).unwrap().spread();
        assert_eq!(spread(&[80.0, 100.0, 120.0]), 0.4);
        assert_eq!(spread(&[0.0, 0.0]), 0.0);
        assert_eq!(spread(&[0.0, 0.0, 1.0]), f64::INFINITY);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let values: Vec<u64> = (1..=1000).rev().collect();
        assert_eq!(percentile(&values, 50.0), 500);
        assert_eq!(percentile(&values, 99.0), 990);
        assert_eq!(percentile(&values, 100.0), 1000);
        assert_eq!(percentile(&[5], 0.0), 5);
        assert_eq!(percentile(&[5], 99.9), 5);
        assert_eq!(percentile(&[], 50.0), 0);
    }
}
