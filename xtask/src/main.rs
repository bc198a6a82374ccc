//! The build's own commands: `cargo xtask VERB`.
//! Each verb is one file; this one only chooses. It refuses a verb that it does not know.

#![expect(clippy::print_stderr, reason = "the one place where a command of the build may speak")]
#![expect(clippy::print_stdout, reason = "the list of verbs is what was asked for")]

mod bench;
mod check;
mod demo;
mod dist_docs;
mod fuzz;
mod instructions;
mod picture;
mod provision;
mod step;
mod test;
mod workspace;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use step::StepError;
use workspace::Workspace;

/// One command of the build.
struct Verb {
    name: &'static str,
    line: &'static str,
    run: fn(&Workspace, &[OsString]) -> Result<(), StepError>,
}

const VERBS: &[Verb] = &[
    Verb {
        name: "check",
        line: "format, lints, pure crates and tidy: the fast loop",
        run: check::run,
    },
    Verb {
        name: "test",
        line: "provision, build and run every test (CI=true adds its own; --agents: with real agents)",
        run: test::run,
    },
    Verb {
        name: "provision",
        line: "fetch what the tests need beyond Rust, and nothing else (--agents: and the agents)",
        run: provision::verb,
    },
    Verb {
        name: "demo",
        line: "build for release and run the first demonstration",
        run: demo::run,
    },
    Verb {
        name: "picture",
        line: "run the demonstration on a terminal and draw docs/demo.svg",
        run: picture::run,
    },
    Verb {
        name: "dist-docs",
        line: "write manual pages, completions and docs/cli.md",
        run: dist_docs::run,
    },
    Verb {
        name: "bench",
        line: "build for release and measure (scenarios by name, --rounds N, --json FILE, --profile SCENARIO)",
        run: bench::run,
    },
    Verb {
        name: "instructions",
        line: "count the hot path's instructions beside the kept ones (--keep renews them)",
        run: instructions::run,
    },
    Verb {
        name: "fuzz",
        line: "look for inputs that break a target (--seconds N, TARGET…, or TARGET FILE)",
        run: fuzz::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(name) = arguments.next() else {
        print!("{}", list());
        return ExitCode::SUCCESS;
    };
    let Some(verb) = VERBS.iter().find(|verb| name == verb.name) else {
        let name = name.to_string_lossy();
        eprintln!("xtask: there is no verb `{name}`; the verbs are {}", names());
        return ExitCode::from(2);
    };
    let rest: Vec<OsString> = arguments.collect();
    match Workspace::find().and_then(|workspace| (verb.run)(&workspace, &rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {}: {error}", verb.name);
            ExitCode::FAILURE
        }
    }
}

/// What `cargo xtask` alone prints.
fn list() -> String {
    let mut text = String::from("usage: cargo xtask VERB\n\n");
    for verb in VERBS {
        text.push_str(&format!("  {:<12} {}\n", verb.name, verb.line));
    }
    text
}

fn names() -> String {
    VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_one_line_for_each_verb() {
        let list = list();
        for verb in VERBS {
            let lines = list.lines().filter(|line| line.contains(verb.line)).count();
            assert_eq!(lines, 1, "verb {}", verb.name);
        }
    }

    #[test]
    fn an_unknown_verb_is_answered_with_all_names() {
        assert_eq!(
            names(),
            "check, test, provision, demo, picture, dist-docs, bench, instructions, fuzz"
        );
    }
}
