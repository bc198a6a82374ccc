//! The last bytes before an exit: a session per run, as nothing else would show a lost tail.

use crate::direct::{Direct, Setup};
use crate::lab::Lab;

/// Runs, unless `AXIOM_TEST_RUNS` says otherwise. The promise was measured over 10,000.
const RUNS: u32 = 300;

#[test]
fn what_is_printed_right_before_the_exit_always_arrives() {
    let runs = std::env::var("AXIOM_TEST_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let mut total = 0;
    for run in 0..runs {
        let bytes = 1 + u64::from(run) * 7919 % 70_000;
        let line = format!("head -c {bytes} /dev/zero | tr '\\0' x");
        let setup = if run % 4 == 3 { Setup::shell(&line).on_pipes() } else { Setup::shell(&line) };
        let lab = Lab::new();
        let mut direct = Direct::start(&lab, &setup);
        direct.wait_for_end();
        assert_eq!(direct.output().len() as u64, bytes, "run {run}");
        total += bytes;
    }
    eprintln!("{runs} runs, {total} bytes, none lost");
}
