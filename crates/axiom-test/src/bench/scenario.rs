//! The scenarios, one file each: what is run beside what, and which figures come of it.

mod lat;
mod thr;

use super::figure::Figure;
use super::stand::Stand;

/// One of them.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Measures in so many rounds.
    pub(super) run: fn(&mut Stand, usize) -> anyhow::Result<Vec<Figure>>,
}

pub(super) const SCENARIOS: &[Scenario] =
    &[Scenario { name: "thr", run: thr::run }, Scenario { name: "lat", run: lat::run }];

pub(super) fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}
