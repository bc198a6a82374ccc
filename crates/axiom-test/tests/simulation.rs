//! The simulator at work: many seeds without a broken promise, the same world twice from one seed, and each planted bug
//! found. `AXIOM_TEST_SEEDS=N` runs N seeds, `AXIOM_TEST_SEED=S` only the one.

use std::collections::BTreeMap;
use std::thread;

use axiom_test::sim::{Flaw, Report, run};

/// Seeds of an ordinary run.
const SEEDS: u64 = 500;

/// A planted bug must be found within so many.
const SEEDS_TO_FIND: u64 = 1000;

/// What the worlds of an ordinary run must come to, each in some of them: a simulator that misses one shows nothing.
const REACHED: [&str; 32] = [
    "accept",
    "append by server",
    "applied",
    "behind",
    "closing",
    "disk full",
    "frame again",
    "grant",
    "handover",
    "held open",
    "holder killed",
    "holder leaves",
    "limit",
    "link cut",
    "lost",
    "message lost",
    "output missing",
    "paused",
    "reader ends",
    "refused",
    "refused frame",
    "replaced",
    "retire",
    "server killed",
    "stop",
    "suspend",
    "torn write",
    "torn write by server",
    "unguarded",
    "unknown",
    "worker held",
    "worker killed",
];

/// How often each kind of thing happened.
type Counts = BTreeMap<&'static str, u64>;

#[test]
fn no_seed_breaks_a_promise_and_each_gives_the_same_world_twice() {
    let of = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match of("AXIOM_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..of("AXIOM_TEST_SEEDS").unwrap_or(SEEDS),
    };
    let count = seeds.end - seeds.start;
    let halves = [0, 1].map(|half| {
        let mine = seeds.clone().filter(move |seed| seed % 2 == half);
        thread::spawn(move || mine.map(check).fold(Counts::new(), add))
    });
    let counts = halves.into_iter().map(|half| half.join().unwrap()).fold(Counts::new(), add);
    println!("{count} seeds, {} steps, each twice", counts.values().sum::<u64>());
    for what in REACHED.into_iter().filter(|_| count >= SEEDS) {
        assert!(counts.contains_key(what), "no world reached {what:?}: {counts:?}");
    }
}

fn add(mut sum: Counts, more: Counts) -> Counts {
    more.into_iter().for_each(|(what, times)| *sum.entry(what).or_default() += times);
    sum
}

/// Runs a seed twice; says what happened in it.
fn check(seed: u64) -> Counts {
    let first = run(seed, None);
    if let Some(violation) = &first.violation {
        panic!("{}", story(&first, &format!("{}: {}", violation.oracle, violation.detail)));
    }
    let second = run(seed, None);
    assert_eq!(first.hash, second.hash, "{}", story(&second, "two runs differ"));
    first.counts
}

fn story(report: &Report, what: &str) -> String {
    let Report { seed, steps, trace, .. } = report;
    format!("seed {seed}, step {steps}: {what}\n{trace}repeat it with AXIOM_TEST_SEED={seed}")
}

#[test]
fn each_planted_bug_is_found() {
    let handles = Flaw::ALL.map(|flaw| (flaw, thread::spawn(move || find(flaw))));
    for (flaw, handle) in handles {
        let (seed, oracle, steps) = handle.join().unwrap();
        println!("{flaw:?}: found by seed {seed} at step {steps}: {oracle}");
    }
}

fn find(flaw: Flaw) -> (u64, &'static str, u64) {
    (0..SEEDS_TO_FIND)
        .map(|seed| run(seed, Some(flaw)))
        .find_map(|report| Some((report.seed, report.violation?.oracle, report.steps)))
        .unwrap_or_else(|| panic!("{flaw:?} was not found in {SEEDS_TO_FIND} seeds"))
}
