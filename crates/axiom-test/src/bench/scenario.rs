//! The scenarios, one file each: what is run beside what, and which figures come of it.

mod answers;
mod fanout;
mod idle;
mod journal;
mod lat;
mod lat_100;
mod lat_flood;
mod lat_load;
mod mem;
mod peers;
mod picture;
mod restart;
mod spawn;
mod thr;
mod thr_many;

use super::figure::Figure;
use super::stand::Stand;

/// One of them.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Measures in so many rounds.
    pub(super) run: fn(&mut Stand, usize) -> anyhow::Result<Vec<Figure>>,
}

pub(super) const SCENARIOS: &[Scenario] = &[
    // First: file systems are slow to make files for minutes after many were deleted, and the others delete theirs.
    Scenario { name: "spawn", run: spawn::run },
    Scenario { name: "thr", run: thr::run },
    Scenario { name: "thr-many", run: thr_many::run },
    Scenario { name: "lat", run: lat::run },
    Scenario { name: "lat-100", run: lat_100::run },
    Scenario { name: "lat-load", run: lat_load::run },
    Scenario { name: "lat-flood", run: lat_flood::run },
    Scenario { name: "mem", run: mem::run },
    Scenario { name: "restart", run: restart::run },
    Scenario { name: "fanout", run: fanout::run },
    Scenario { name: "idle", run: idle::run },
    Scenario { name: "journal", run: journal::run },
    Scenario { name: "answers", run: answers::run },
    Scenario { name: "picture", run: picture::run },
    Scenario { name: "peers", run: peers::run },
];

pub(super) fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}
