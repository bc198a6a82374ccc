//! What axiom_wait takes, checked before anything is waited for. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use axiom_proto::cursor::Cursor;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::TaskView;
use serde::Deserialize;

use crate::answers::wrong;
use crate::face::Waits;
use crate::read::{TOKENS_DEFAULT, tokens_of};

use super::seeker::Pattern;
use super::vigil::{Mode, Until};

/// Tasks that one wait may name: each has a line in the answer.
const TASKS_MAX: usize = 200;

/// The silence that counts where nobody says, and the shortest: counters are told of five times a second.
const IDLE_DEFAULT: Duration = Duration::from_secs(2);
const IDLE_MIN: Duration = Duration::from_millis(250);

/// As it comes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitArguments {
    task_ids: Vec<String>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    until: Word,
    #[serde(rename = "match")]
    pattern: Option<String>,
    idle_ms: Option<u64>,
    #[serde(default)]
    cursors: BTreeMap<String, Cursor>,
    timeout_ms: Option<u64>,
    max_tokens: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Output,
    Idle,
    Blocked,
    Match,
    #[default]
    Exit,
}

/// As it is meant.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) task_ids: Vec<String>,
    pub(super) mode: Mode,
    pub(super) until: Until,
    pub(super) pattern: Option<Pattern>,
    cursors: BTreeMap<String, Cursor>,
    pub(super) timeout: Duration,
    pub(super) tokens_max: usize,
}

impl Asked {
    /// Where a task's reader stands. A cursor may go by the id as it was given, or by any beginning of it.
    pub(super) fn cursor_of(&self, given: &str, view: &TaskView) -> Option<Cursor> {
        let id = view.id.to_string();
        let by = |(key, cursor): (&String, &Cursor)| {
            let fits = key == given || (!key.is_empty() && id.starts_with(key.as_str()));
            fits.then_some(*cursor)
        };
        self.cursors.iter().find_map(by)
    }
}

/// # Errors
/// Something does not fit, or is not there yet.
pub(super) fn check(given: WaitArguments, waits: Waits) -> Result<Asked, Fault> {
    let WaitArguments { task_ids, mode, until, pattern, idle_ms, cursors, timeout_ms, max_tokens } =
        given;
    if task_ids.is_empty() || task_ids.len() > TASKS_MAX {
        return Err(wrong(format!("task_ids: between 1 and {TASKS_MAX}"), "axiom_list has ids"));
    }
    let idle = idle_ms.map_or(IDLE_DEFAULT, Duration::from_millis).max(IDLE_MIN);
    let until = match until {
        Word::Output => Until::Output,
        Word::Idle => Until::Idle(idle),
        Word::Match => Until::Match,
        Word::Exit => Until::Exit,
        Word::Blocked => {
            let message = "this version cannot tell when a task waits for a person";
            let hint = "wait until idle, or until match for its prompt";
            return Err(Fault::new(ErrorCode::NotSupported, message, hint));
        }
    };
    let pattern = match (until, pattern) {
        (Until::Match, Some(pattern)) => Some(Pattern::new(&pattern)?),
        (Until::Match, None) => {
            return Err(wrong("until match, but no match is given", "give match"));
        }
        (Until::Output | Until::Idle(_) | Until::Exit, None) => None,
        (Until::Output | Until::Idle(_) | Until::Exit, Some(_)) => {
            return Err(wrong("match is given, but it is not waited for", "set until to match"));
        }
    };
    let timeout = timeout_ms.map_or(waits.default, Duration::from_millis).min(waits.max);
    let tokens_max = tokens_of(max_tokens, TOKENS_DEFAULT);
    Ok(Asked { task_ids, mode, until, pattern, cursors, timeout, tokens_max })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(given: Value) -> Result<Asked, String> {
        let given = serde_json::from_value(given).map_err(|error| error.to_string())?;
        check(given, Waits::default()).map_err(|fault| fault.message)
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        let asked = checked(json!({"task_ids": ["a"]})).unwrap();
        assert_eq!((asked.mode, asked.until), (Mode::Any, Until::Exit));
        assert_eq!(asked.timeout, Waits::default().default);
        let asked =
            checked(json!({"task_ids": ["a"], "until": "idle", "timeout_ms": 3_600_000})).unwrap();
        assert_eq!((asked.until, asked.timeout), (Until::Idle(IDLE_DEFAULT), Waits::default().max));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (given, word) in [
            (json!({"task_ids": []}), "task_ids"),
            (json!({"task_ids": vec!["a"; 201]}), "task_ids"),
            (json!({"task_ids": ["a"], "until": "match"}), "no match is given"),
            (json!({"task_ids": ["a"], "match": "x"}), "not waited for"),
            (json!({"task_ids": ["a"], "until": "match", "match": "("}), "match"),
            (json!({"task_ids": ["a"], "until": "blocked"}), "waits for a person"),
            (json!({"task_ids": ["a"], "until": "never"}), "never"),
            (json!({"task_ids": ["a"], "cursors": {"a": "x"}}), "cursor"),
            (json!({"task_ids": ["a"], "timeout": 3}), "timeout"),
        ] {
            let refused = checked(given.clone()).unwrap_err();
            assert!(refused.contains(word), "{given}: {refused}");
        }
    }
}
