//! What a request to spawn may ask for. Pure; each refusal names the field and what it may be.
//! Refuses what the kernel could never start; what only this machine cannot start is told by the task itself.

use axiom_proto::api::COUNT_MAX;
use axiom_proto::task::TaskSpec;
use thiserror::Error;

/// The longest name of a task: a table has room for it.
const NAME_CHARS_MAX: usize = 100;

/// The most tags of a task, and the longest: words to find it by, not notes about it.
const TAGS_MAX: usize = 32;
const TAG_CHARS_MAX: usize = 64;

/// The largest environment: a kernel takes about 2 MiB of environment and arguments together.
const ENV_BYTES_MAX: usize = 1 << 20;

/// The largest command, for the same reason.
const COMMAND_BYTES_MAX: usize = 1 << 20;

/// The longest idempotency key: a digest or an id in any usual form.
const KEY_CHARS_MAX: usize = 128;

/// Columns and rows that programs can still count in.
const SIZE_MAX: u16 = 10_000;

/// Why a request is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub(crate) struct SpecRefused {
    field: &'static str,
    problem: String,
}

fn refuse(field: &'static str, problem: impl Into<String>) -> Result<(), SpecRefused> {
    Err(SpecRefused { field, problem: problem.into() })
}

/// Checks everything that can be checked without touching the world.
pub(crate) fn check(spec: &TaskSpec) -> Result<(), SpecRefused> {
    check_command(spec)?;
    check_env(spec)?;
    check_words(spec)?;
    check_terminal(spec)?;
    let is_path = |path: &[u8]| path.starts_with(b"/") && !path.contains(&0);
    if spec.cwd.as_ref().is_some_and(|cwd| !is_path(&cwd.0)) {
        return refuse("cwd", "must be an absolute path");
    }
    if spec.umask.is_some_and(|umask| umask > 0o777) {
        return refuse("umask", "must be within 0 and 0777");
    }
    if spec.count.is_some_and(|count| count == 0 || count > COUNT_MAX) {
        return refuse("count", format!("must be within 1 and {COUNT_MAX}"));
    }
    if spec.limits.timeout_ms == Some(0) {
        return refuse("limits.timeout_ms", "must be at least 1");
    }
    if spec.limits.output_bytes_max == Some(0) {
        return refuse("limits.output_bytes_max", "must be at least 1");
    }
    if spec.limits.tasks_max == Some(0) {
        return refuse("limits.tasks_max", "must be at least 1");
    }
    if spec.parallel_max == Some(0) {
        return refuse("parallel_max", "must be at least 1");
    }
    Ok(())
}

fn check_command(spec: &TaskSpec) -> Result<(), SpecRefused> {
    if spec.command.is_empty() == spec.shell.is_none() {
        return refuse("command", "give either a command or a shell line");
    }
    if let Some(line) = &spec.shell {
        if line.contains('\0') || line.len() > COMMAND_BYTES_MAX {
            return refuse("shell", "must be at most 1 MiB, without a zero byte");
        }
        return Ok(());
    }
    if spec.command.first().is_some_and(|program| program.0.is_empty()) {
        return refuse("command", "the program's name is empty");
    }
    let bytes: usize = spec.command.iter().map(|word| word.0.len() + 1).sum();
    if bytes > COMMAND_BYTES_MAX || spec.command.iter().any(|word| word.0.contains(&0)) {
        return refuse("command", "must be at most 1 MiB, without a zero byte");
    }
    Ok(())
}

fn check_env(spec: &TaskSpec) -> Result<(), SpecRefused> {
    let bytes: usize = spec.env.iter().map(|(name, value)| name.len() + value.0.len() + 2).sum();
    if bytes > ENV_BYTES_MAX {
        return refuse("env", format!("{bytes} bytes, more than {ENV_BYTES_MAX}"));
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return refuse("env", format!("{name:?} is no name of a variable"));
        }
        if value.0.contains(&0) {
            return refuse("env", format!("the value of {name} holds a zero byte"));
        }
    }
    Ok(())
}

fn check_words(spec: &TaskSpec) -> Result<(), SpecRefused> {
    let is_word = |text: &str, chars_max: usize| {
        !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control)
    };
    if spec.name.as_ref().is_some_and(|name| !is_word(name, NAME_CHARS_MAX)) {
        return refuse("name", format!("must be 1 to {NAME_CHARS_MAX} characters, no controls"));
    }
    if spec.tags.len() > TAGS_MAX {
        return refuse("tags", format!("at most {TAGS_MAX}"));
    }
    if spec.tags.iter().any(|tag| !is_word(tag, TAG_CHARS_MAX)) {
        return refuse(
            "tags",
            format!("each must be 1 to {TAG_CHARS_MAX} characters, no controls"),
        );
    }
    if spec.idempotency_key.as_ref().is_some_and(|key| !is_word(key, KEY_CHARS_MAX)) {
        let problem = format!("must be 1 to {KEY_CHARS_MAX} characters, no controls");
        return refuse("idempotency_key", problem);
    }
    Ok(())
}

fn check_terminal(spec: &TaskSpec) -> Result<(), SpecRefused> {
    let sides = spec.size.map(|size| [size.cols, size.rows]).unwrap_or([1, 1]);
    if sides.iter().any(|side| *side == 0 || *side > SIZE_MAX) {
        return refuse("size", format!("columns and rows must be within 1 and {SIZE_MAX}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axiom_proto::task::{Limits, Size};

    use super::*;

    fn good() -> TaskSpec {
        TaskSpec { command: vec!["ls".into(), "".into()], ..TaskSpec::default() }
    }

    fn refused(change: impl FnOnce(&mut TaskSpec)) -> &'static str {
        let mut spec = good();
        change(&mut spec);
        check(&spec).expect_err("refused").field
    }

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(check(&good()), Ok(()));
        let shell = Some("a | b".to_owned());
        assert_eq!(check(&TaskSpec { shell, ..TaskSpec::default() }), Ok(()));
    }

    #[test]
    fn each_refusal_names_its_field() {
        assert_eq!(refused(|spec| spec.command.clear()), "command");
        assert_eq!(refused(|spec| spec.shell = Some("ls".into())), "command");
        assert_eq!(refused(|spec| spec.command[0] = "".into()), "command");
        assert_eq!(refused(|spec| spec.command[1] = "a\0b".into()), "command");
        assert_eq!(refused(|spec| spec.cwd = Some("relative".into())), "cwd");
        assert_eq!(refused(|spec| spec.name = Some("\x1b[31m".into())), "name");
        assert_eq!(refused(|spec| spec.tags = vec![String::new()]), "tags");
        assert_eq!(refused(|spec| spec.count = Some(0)), "count");
        assert_eq!(refused(|spec| spec.count = Some(COUNT_MAX + 1)), "count");
        assert_eq!(refused(|spec| spec.umask = Some(0o1000)), "umask");
        assert_eq!(refused(|spec| spec.size = Some(Size { cols: 0, rows: 1 })), "size");
        let env = |name: &str, value: &str| [(name.to_owned(), value.into())].into();
        assert_eq!(refused(|spec| spec.env = env("", "x")), "env");
        assert_eq!(refused(|spec| spec.env = env("A=B", "x")), "env");
        assert_eq!(refused(|spec| spec.env = env("A", "x\0")), "env");
        assert_eq!(refused(|spec| spec.env = env("A", &"x".repeat(1 << 20))), "env");
        let limits = Limits { output_bytes_max: Some(0), ..Limits::default() };
        assert_eq!(refused(|spec| spec.limits = limits), "limits.output_bytes_max");
        let limits = Limits { tasks_max: Some(0), ..Limits::default() };
        assert_eq!(refused(|spec| spec.limits = limits), "limits.tasks_max");
        assert_eq!(refused(|spec| spec.idempotency_key = Some(String::new())), "idempotency_key");
    }
}
