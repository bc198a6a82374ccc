//! Looks for inputs that break a target, led by what code they reach. libFuzzer's own program around our targets: its options
//! and folders are the arguments, the target is in the environment. `cargo xtask fuzz` calls it.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use axiom_fuzz::Target;
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(
    init: begin(),
    |input: &[u8]| (CHOSEN.get().expect("it was chosen before the first input").run)(input)
);

/// Chooses the target, and writes its seeds where they are asked for.
fn begin() {
    let name = std::env::var("AXIOM_FUZZ_TARGET").unwrap_or_default();
    let target = axiom_fuzz::target(&name).expect("AXIOM_FUZZ_TARGET names a target");
    let _first_time: Result<(), _> = CHOSEN.set(target);
    let Some(folder) = std::env::var_os("AXIOM_FUZZ_SEEDS").map(PathBuf::from) else { return };
    for (number, seed) in (target.seeds)().iter().enumerate() {
        let path = folder.join(format!("seed-{number}"));
        std::fs::write(&path, seed).expect("the folder for seeds can be written");
    }
}
