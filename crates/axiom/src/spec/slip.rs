//! One command that was given to `--each` without quotes, as `run --each echo hi`: each word would be a task of its own.
//! Only what cannot be meant is told: a first word that can run, and a later word that cannot.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What the shell runs itself.
const OF_SHELL: &[&str] = &[
    ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec",
    "exit", "export", "false", "fg", "for", "getopts", "hash", "if", "jobs", "kill", "local",
    "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "times", "trap", "true",
    "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
];

/// The word that is no command, if these lines look like the words of one command.
pub(super) fn word_of_another(lines: &[String], runs: impl Fn(&str) -> bool) -> Option<&str> {
    let (first, later) = lines.split_first()?;
    if !is_word(first) || !runs(first) {
        return None;
    }
    later.iter().map(String::as_str).find(|line| is_word(line) && !runs(line))
}

/// True if `sh -c` would find something to run, as far as can be seen without asking it.
pub(super) fn runs(word: &str) -> bool {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if OF_SHELL.contains(&word) {
        return true;
    }
    if word.contains('/') {
        return is_program(Path::new(word));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_program(&folder.join(word)))
}

/// One word in which nothing is the shell's.
fn is_word(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|c| c.is_alphanumeric() || "._-+/:@,%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(lines: &[String]) -> Option<&str> {
        word_of_another(lines, |word| ["echo", "make", "true", "ls"].contains(&word))
    }

    fn lines(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_of_one_command_are_seen_and_commands_are_not() {
        assert_eq!(slip(&lines(&["echo", "hi"])), Some("hi"));
        assert_eq!(slip(&lines(&["ls", "-l", "src"])), Some("-l"));
        for meant in [
            &["echo"][..],
            &["make", "ls"],
            &["echo a", "echo b"],
            &["nope", "hi"],
            &["make", "x y"],
            &["ls", "$CMD"],
        ] {
            assert_eq!(slip(&lines(meant)), None, "{meant:?}");
        }
    }

    #[test]
    fn what_a_shell_finds_runs() {
        assert!(runs("sh") && runs("cd") && runs("/bin/sh"));
        assert!(!runs("no-such-program-anywhere") && !runs("/no/such") && !runs("/"));
    }
}
