//! Inputs that broke a target once, and those that fuzzing begins with: nothing of them breaks it now.

use std::fs;
use std::path::Path;

use axiom_fuzz::{INPUT_BYTES_MAX, TARGETS};

#[test]
fn no_input_that_was_found_breaks_its_target_again() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    for entry in fs::read_dir(&found).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        let target = axiom_fuzz::target(&name).unwrap_or_else(|| panic!("no target {name}"));
        for input in fs::read_dir(entry.path()).unwrap().flatten() {
            println!("{name}: {}", input.path().display());
            (target.run)(&fs::read(input.path()).unwrap());
        }
    }
}

#[test]
fn every_target_has_seeds_and_none_breaks_it() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() > 5, "{}", target.name);
        for (number, seed) in seeds.iter().enumerate() {
            println!("{}: seed {number}", target.name);
            assert!(seed.len() <= INPUT_BYTES_MAX, "{} bytes", seed.len());
            (target.run)(seed);
        }
    }
}
