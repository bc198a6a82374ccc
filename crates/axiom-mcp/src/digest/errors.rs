//! Whether a line says that something went wrong, as compilers, test runners and shells say it. Pure.
//! Rather too often than too seldom: what is found is shown to whoever can tell.

/// Words that say it wherever they stand, in lower case.
const WORDS: &[&str] = &[
    "error",
    "errors",
    "failed",
    "failure",
    "failures",
    "fail",
    "fatal",
    "panic",
    "panicked",
    "exception",
    "traceback",
    "assertion",
    "segfault",
    "aborted",
    "undefined",
    "unresolved",
    "denied",
    "oom",
    "killed",
    "fehler",
];

/// Several words that say it together.
const PHRASES: &[&str] = &[
    "segmentation fault",
    "no such file",
    "not found",
    "cannot ",
    "can't ",
    "timed out",
    "core dumped",
];

/// Words that take it back: `0 failed`, `no errors`, `without failures`.
const NONE: &[&str] = &["0", "no", "without", "zero"];

/// True if the line says so.
pub(super) fn says_error(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let mut before = String::new();
    let words = line.split(|character: char| !character.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        // `TypeError`, `FileNotFoundException`; but not `thiserror`.
        let is_named = word.ends_with("Error") || word.ends_with("Exception");
        let word = word.to_ascii_lowercase();
        let is_error = is_named || WORDS.contains(&word.as_str());
        if is_error && !NONE.contains(&before.as_str()) && !is_counted_zero(&lower, &word) {
            return true;
        }
        before = word;
    }
    PHRASES.iter().any(|phrase| lower.contains(phrase))
}

/// `failures: 0`, `errors=0`.
fn is_counted_zero(lower: &str, word: &str) -> bool {
    let Some((_, behind)) = lower.split_once(word) else { return false };
    let behind = behind.trim_start_matches([':', '=', ' ']);
    behind
        .strip_prefix('0')
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_heard() {
        for line in [
            "error[E0308]: mismatched types",
            "error: could not compile `x`",
            "src/a.c:3:5: fatal error: stdio.h: No such file or directory",
            "thread 'main' panicked at src/main.rs:3:5",
            "FAILED tests/test_a.py::test_b - assert 1 == 2",
            "E   AssertionError: assert 1 == 2",
            "Traceback (most recent call last):",
            "ValueError: bad",
            "java.lang.NullPointerException",
            "bash: foo: command not found",
            "ls: cannot access 'x'",
            "Segmentation fault (core dumped)",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored",
            "make: *** [Makefile:2: all] Error 1",
            "permission denied",
        ] {
            assert!(says_error(line), "{line:?}");
        }
    }

    #[test]
    fn what_went_well_is_not() {
        for line in [
            "test result: ok. 3 passed; 0 failed; 0 ignored",
            "0 errors, 2 warnings",
            "no errors",
            "failures: 0",
            "errors=0 warnings=1",
            "   Compiling thiserror v2.0.21",
            "finished in 3 s",
            "",
        ] {
            assert!(!says_error(line), "{line:?}");
        }
    }
}
