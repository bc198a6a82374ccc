//! Rules about source files: length, opening line, sleeping tests, unfinished work, `unsafe`.

use super::offence::Offence;
use super::rust::{code_only, words};
use super::tree::Tree;

/// Longer than this, nobody holds a file whole.
const LINES_MAX: usize = 600;

/// Files that may be longer, each with the length that it must not pass again. Empty: keep it so.
const LONG_FILES: &[(&str, usize)] = &[];

/// Tests that may sleep, each with its reason. Empty: wait for the event instead.
const SLEEPING_TESTS: &[(&str, &str)] = &[];

/// The files where a system call may need `unsafe`. `*` stands for any text.
const UNSAFE_FILES: &[&str] = &[
    "crates/axiom-holder/src/*",
    "crates/axiom-server/src/allocator.rs",
    "crates/axiom-worker/src/sys*.rs",
    "crates/axiom/src/bin/*",
    "crates/axiom-test/*",
];

const SOURCES: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".py"];

pub(crate) fn long_files(tree: &Tree) -> Vec<Offence> {
    long_files_but(tree, LONG_FILES)
}

/// The rule with its ratchet: an exception that became shorter must be tightened.
pub(crate) fn long_files_but(tree: &Tree, exceptions: &[(&str, usize)]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_source(path)) {
        let lines = text.lines().count();
        let exception = exceptions.iter().find(|(name, _)| *name == path).map(|(_, max)| *max);
        match exception {
            None if lines > LINES_MAX => {
                let sentence = format!("{lines} lines, {LINES_MAX} is the most; split it by noun");
                offences.push(Offence::of(path, sentence));
            }
            Some(max) if lines > max => {
                let sentence = format!("{lines} lines; it was already too long at {max}");
                offences.push(Offence::of(path, sentence));
            }
            Some(max) if lines < max => {
                let sentence = format!("only {lines} lines now; tighten its exception of {max}");
                offences.push(Offence::of(path, sentence));
            }
            None | Some(_) => {}
        }
    }
    offences
}

pub(crate) fn files_without_duty(tree: &Tree) -> Vec<Offence> {
    tree.ending(".rs")
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| Offence::at(path, 1, "open with `//! ` and say what the file is for"))
        .collect()
}

pub(crate) fn sleeps_in_tests(tree: &Tree) -> Vec<Offence> {
    const SLEEPS: &[&str] = &["sleep", "sleep_ms", "sleep_until", "nanosleep", "usleep"];
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_test(path)) {
        if SLEEPING_TESTS.iter().any(|(name, _)| *name == path) {
            continue;
        }
        let code = code_only(text);
        for word in words(&code).iter().filter(|word| SLEEPS.contains(&word.text)) {
            if word.is_call() {
                let sentence = "a test sleeps; wait for the event, with a deadline";
                offences.push(Offence::at(path, word.line, sentence));
            }
        }
    }
    offences
}

pub(crate) fn unfinished(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let code = code_only(text);
        for word in &words(&code) {
            let left = matches!(word.text, "todo" | "unimplemented") && word.after.starts_with('!');
            if left {
                let sentence = format!("`{}!` is left; finish it or leave it out", word.text);
                offences.push(Offence::at(path, word.line, sentence));
            }
            let attribute = word.before.ends_with("#[") || word.before.contains("#[cfg_attr(");
            if word.text == "ignore" && attribute {
                let sentence = "a test is ignored; let it find out by itself what it lacks";
                offences.push(Offence::at(path, word.line, sentence));
            }
        }
    }
    offences
}

pub(crate) fn stray_unsafe(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".rs") {
        if UNSAFE_FILES.iter().any(|pattern| fits(pattern, path)) {
            continue;
        }
        let code = code_only(text);
        for word in words(&code).iter().filter(|word| word.text == "unsafe") {
            let sentence = "`unsafe` outside the files at the system call edge";
            offences.push(Offence::at(path, word.line, sentence));
        }
    }
    offences
}

/// True for a path in a crate's tests.
fn is_test(path: &str) -> bool {
    path.starts_with("crates/") && path.split('/').nth(2) == Some("tests")
}

fn is_source(path: &str) -> bool {
    SOURCES.iter().any(|end| path.ends_with(end))
}

/// True if the path is the pattern with some text for its one star.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else {
        return pattern == path;
    };
    path.len() >= start.len() + end.len() && path.starts_with(start) && path.ends_with(end)
}
