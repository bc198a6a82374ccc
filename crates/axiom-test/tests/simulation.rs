//! The simulator at work: many seeds without a broken promise, the same world twice from one seed, and each planted bug
//! found. `AXIOM_TEST_SEEDS=N` runs N seeds, `AXIOM_TEST_SEED=S` only the one.

use std::thread;

use axiom_test::sim::{Flaw, Report, run};

/// Seeds of an ordinary run.
const SEEDS: u64 = 500;

/// A planted bug must be found within so many.
const SEEDS_TO_FIND: u64 = 1000;

#[test]
fn no_seed_breaks_a_promise_and_each_gives_the_same_world_twice() {
    let of = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match of("AXIOM_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..of("AXIOM_TEST_SEEDS").unwrap_or(SEEDS),
    };
    let halves = [seeds.clone(), seeds.clone()];
    let handles: Vec<_> = halves
        .into_iter()
        .enumerate()
        .map(|(half, seeds)| {
            thread::spawn(move || {
                let mine = seeds.filter(|seed| seed % 2 == half as u64);
                mine.map(check).sum::<u64>()
            })
        })
        .collect();
    let steps: u64 = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
    println!("{} seeds, {steps} steps, each twice", seeds.end - seeds.start);
}

/// Runs a seed twice; says how many steps it took.
fn check(seed: u64) -> u64 {
    let first = run(seed, None);
    if let Some(violation) = &first.violation {
        panic!("{}", story(&first, &format!("{}: {}", violation.oracle, violation.detail)));
    }
    let second = run(seed, None);
    assert_eq!(first.hash, second.hash, "{}", story(&second, "two runs differ"));
    first.steps
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

#[test]
fn zz_stat() {
    let mut all = std::collections::BTreeMap::new();
    let mut took = 0;
    for seed in 0..500 {
        let report = run(seed, None);
        took += report.took;
        for (what, n) in report.counts {
            let e = all.entry(what).or_insert((0u64, 0u64));
            e.0 += n;
            e.1 += 1;
        }
    }
    for (k, v) in all {
        println!("{k}: {v:?}");
    }
    println!("virtual {took}");
}
