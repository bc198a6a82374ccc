//! What each figure must be and what we reach for, in one table; a scenario takes its rows from here by name.

use super::figure::Bound::{self, AtLeast, AtMost, Below};
use super::figure::{Figure, Nature};

/// One promise.
struct Row {
    name: &'static str,
    unit: &'static str,
    nature: Nature,
    must: Bound,
    reach: Option<Bound>,
}

const fn row(
    name: &'static str,
    unit: &'static str,
    nature: Nature,
    (must, reach): (Bound, Option<Bound>),
) -> Row {
    Row { name, unit, nature, must, reach }
}

const RATIO: Nature = Nature::Ratio;
const ABSOLUTE: Nature = Nature::Absolute;
const COUNT: Nature = Nature::Count;

const ROWS: &[Row] = &[
    // With a live screen in the worker. Without one they were 0.85 and 1.6.
    row("throughput ÷ reference, plain", "", RATIO, (AtLeast(0.75), Some(AtLeast(0.95)))),
    row("throughput ÷ reference, colour", "", RATIO, (AtLeast(0.75), Some(AtLeast(0.95)))),
    row("throughput ÷ reference, escape", "", RATIO, (AtLeast(0.75), Some(AtLeast(0.95)))),
    row("CPU of all ÷ reference, plain", "", RATIO, (AtMost(2.4), Some(AtMost(2.0)))),
    row("CPU of all ÷ reference, colour", "", RATIO, (AtMost(2.4), Some(AtMost(2.0)))),
    row("CPU of all ÷ reference, escape", "", RATIO, (AtMost(2.4), Some(AtMost(2.0)))),
    row("ten: total ÷ reference total", "", RATIO, (AtLeast(0.65), Some(AtLeast(0.80)))),
    row("ten: journals unlike their source", "", COUNT, (AtMost(0.0), None)),
    row("ten: slowest ÷ fastest", "", RATIO, (AtLeast(0.7), None)),
    row("quiet: p50", "ms", ABSOLUTE, (Below(0.2), Some(Below(0.1)))),
    row("quiet: p99", "ms", ABSOLUTE, (Below(2.0), Some(Below(0.5)))),
    row("quiet, over TCP: p50 beyond the socket's", "ms", ABSOLUTE, (Below(0.05), None)),
    row("100 × 10 lines/s: worst session's p99", "ms", ABSOLUTE, (Below(10.0), Some(Below(4.0)))),
    row("beside burning tasks: p99", "ms", ABSOLUTE, (Below(10.0), Some(Below(2.0)))),
    row("beside a flood: p99", "ms", ABSOLUTE, (Below(10.0), Some(Below(2.0)))),
    row("ten idle tasks, server and all: PSS", "MB", ABSOLUTE, (Below(30.0), Some(Below(15.0)))),
    row("one idle task at many: PSS", "MB", ABSOLUTE, (Below(0.8), Some(Below(0.5)))),
    row("server at many: PSS", "MB", ABSOLUTE, (Below(100.0), Some(Below(50.0)))),
    row("ten after 50 MB each: growth of a task", "MB", ABSOLUTE, (Below(1.0), None)),
    row("ten after 50 MB each: growth of the server", "MB", ABSOLUTE, (Below(12.0), None)),
    row("ten after 50 MB each: server and all", "MB", ABSOLUTE, (Below(80.0), None)),
    row("call → id: p99", "ms", ABSOLUTE, (Below(10.0), Some(Below(3.0)))),
    row("call → first byte: p50", "ms", ABSOLUTE, (Below(5.0), Some(Below(4.0)))),
    row("many tasks all started", "s", ABSOLUTE, (Below(20.0), Some(Below(8.0)))),
    row("server killed, 100 tasks: all linked", "s", ABSOLUTE, (Below(0.5), Some(Below(0.1)))),
    row("server killed, many tasks: all linked", "s", ABSOLUTE, (Below(5.0), Some(Below(2.0)))),
    row("lost or doubled", "", COUNT, (AtMost(0.0), None)),
    row("throughput with one frozen ÷ none", "", RATIO, (AtLeast(0.95), Some(AtLeast(0.99)))),
    row("idle: CPU of server and tasks", "% of a core", ABSOLUTE, (Below(1.0), Some(Below(0.1)))),
    row("append: p99", "µs", ABSOLUTE, (Below(20.0), Some(Below(5.0)))),
    row("recovery of 1 GB", "ms", ABSOLUTE, (Below(100.0), None)),
    row("read back by offset", "ms", ABSOLUTE, (Below(20.0), None)),
    row("jump and read 4 MiB", "ms", ABSOLUTE, (Below(100.0), None)),
    row("jump and read 4 MiB, packed", "ms", ABSOLUTE, (Below(100.0), None)),
    row("packed: plain log ÷ stored", "", RATIO, (AtLeast(3.3), None)),
    row("packed: colour listing ÷ stored", "", RATIO, (AtLeast(8.0), None)),
    row("attach → picture after 100 MB: p99", "ms", ABSOLUTE, (Below(50.0), None)),
    row("picture anywhere in 1 GB: p99", "ms", ABSOLUTE, (Below(100.0), None)),
    row("answer, quiet: p99", "ms", ABSOLUTE, (Below(20.0), None)),
    row("answer, in a flood: p99", "ms", ABSOLUTE, (Below(200.0), None)),
    row("transcript read by a client", "MB/s", ABSOLUTE, (AtLeast(50.0), None)),
    row("throughput ÷ asciinema", "", RATIO, (AtLeast(1.2), None)),
    row("throughput ÷ shpool", "", RATIO, (AtLeast(1.5), None)),
    row("throughput ÷ tmux attached", "", RATIO, (AtLeast(1.5), None)),
    row("throughput ÷ tmux attached, escape", "", RATIO, (AtLeast(6.0), None)),
    row("throughput ÷ tmux -C", "", RATIO, (AtLeast(5.0), None)),
    row("p50 ÷ tmux attached", "", RATIO, (Below(1.0), None)),
    row("p99 ÷ tmux attached", "", RATIO, (Below(1.0), None)),
    row("p50 ÷ shpool", "", RATIO, (Below(1.0), None)),
    row("p99 ÷ shpool", "", RATIO, (Below(1.0), None)),
    row("p50 ÷ asciinema", "", RATIO, (Below(1.0), None)),
    row("p99 ÷ asciinema", "", RATIO, (Below(1.0), None)),
    row("p50 ÷ node-pty + ws", "", RATIO, (Below(1.0), None)),
    row("p99 ÷ node-pty + ws", "", RATIO, (Below(1.0), None)),
    row("p50 ÷ script", "", RATIO, (AtMost(2.0), None)),
    row("p99 ÷ script", "", RATIO, (AtMost(2.0), None)),
];

/// The promised figure of this name, without its rounds.
pub(super) fn promised(name: &str) -> Figure {
    promised_if_any(name).expect("scenarios name rows of this table")
}

/// The same, where something is promised of it.
pub(super) fn promised_if_any(name: &str) -> Option<Figure> {
    let row = ROWS.iter().find(|row| row.name == name)?;
    Some(Figure::of(name, row.unit, row.nature).goal(row.must, row.reach))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_promise_is_made_twice() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..index].iter().all(|other| other.name != row.name), "{}", row.name);
        }
    }
}
