//! Fuzz targets: each takes any bytes and panics where something does not hold that must. Pure, so that an input which once
//! failed fails again. `cargo xtask fuzz` looks for new inputs; a plain test runs those that were found.

mod cast;
mod dump;
mod sanitizer;
mod screen;
mod script;
mod seeds;
mod transcript;

/// The longest input that is looked at: some screenfuls, and quick enough for hundreds of tries a second.
pub const INPUT_BYTES_MAX: usize = 16 * 1024;

/// One thing that is tried.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// How it is named on the command line.
    pub name: &'static str,
    /// Tries one input. Panics if what must hold does not.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "screen", run: screen::run, seeds: seeds::of_screens },
    Target { name: "dump", run: dump::run, seeds: seeds::of_screens },
    Target { name: "sanitizer", run: sanitizer::run, seeds: seeds::of_screens },
    Target { name: "transcript", run: transcript::run, seeds: seeds::of_screens },
    Target { name: "asciicast", run: cast::run, seeds: seeds::of_recordings },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
