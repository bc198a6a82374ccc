//! What a shell is told when somebody presses the tab key: verbs, flags, and the ids and names of tasks that fit the verb.
//! It looks only: no server is started for it, and one that is slow is not waited for.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::time::Duration;

use axiom_client::Connection;
use axiom_proto::api::ListRequest;
use axiom_proto::task::{Status, TaskView};
use clap::{Arg, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::Shells;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::here::Here;
use crate::lines::one_line;
use crate::table::cut;

/// By this variable a shell asks for completions.
const VARIABLE: &str = "AXIOM_COMPLETE";

/// How long a person who pressed a key waits for ids.
const LIST_WAIT_MAX: Duration = Duration::from_millis(500);

/// Tasks that are offered: the newest.
const OFFERED_MAX: usize = 100;

/// The longest help beside a candidate.
const HELP_CHARS_MAX: usize = 60;

/// Which tasks a verb is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Live,
    Ended,
}

/// How a shell wants words that are no plain ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// As they are: it escapes them itself.
    Plain,
    /// As they are typed: it takes them as they come.
    Escaped,
}

impl Words {
    fn of_shell(shell: Option<&str>) -> Self {
        if shell == Some("bash") { Self::Escaped } else { Self::Plain }
    }
}

impl Which {
    fn of_verb(verb: &str) -> Self {
        match verb {
            "send" | "interrupt" | "stop" | "suspend" | "resume" | "wait" => Self::Live,
            "rm" => Self::Ended,
            _ => Self::All,
        }
    }

    fn takes(self, task: &TaskView) -> bool {
        match self {
            Self::All => true,
            Self::Live => !task.status.is_ended(),
            Self::Ended => task.status.is_ended(),
        }
    }
}

/// Answers a shell that asks for completions, and ends; does nothing where none asks.
pub(crate) fn answer_shell() {
    let words = Words::of_shell(env::var(VARIABLE).ok().as_deref());
    CompleteEnv::with_factory(move || command(words)).var(VARIABLE).bin("axiom").complete();
}

/// Writes what a shell must be told once.
///
/// # Errors
/// When it cannot be written; `InvalidInput` for a shell that nobody knows.
pub(crate) fn write_registration(shell: &str, to: &mut dyn Write) -> io::Result<()> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(shell) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    shell.write_registration(VARIABLE, "axiom", "axiom", "axiom", to)
}

/// The grammar, with candidates wherever a task is meant.
fn command(words: Words) -> Command {
    Arguments::command().mut_subcommands(|verb| {
        let which = Which::of_verb(verb.get_name());
        verb.mut_args(|argument| with_tasks(argument, which, words))
    })
}

fn with_tasks(argument: Arg, which: Which, words: Words) -> Arg {
    let means_task =
        argument.get_value_names().is_some_and(|names| names.iter().any(|name| name == "ID"));
    if means_task {
        return argument.add(ArgValueCandidates::new(move || candidates(which, words)));
    }
    if argument.get_value_names().is_some_and(|names| names.iter().any(|name| name == "ID|FILE")) {
        return argument
            .add(ArgValueCompleter::new(move |typed: &OsStr| tasks_and_files(typed, words)));
    }
    if argument.get_long() == Some("status") {
        return argument.add(ArgValueCandidates::new(statuses));
    }
    argument
}

fn statuses() -> Vec<CompletionCandidate> {
    let all = [
        Status::Queued,
        Status::Starting,
        Status::Running,
        Status::Suspended,
        Status::Stopping,
        Status::Succeeded,
        Status::Failed,
        Status::Stopped,
        Status::Lost,
    ];
    all.map(|status| CompletionCandidate::new(status.word())).into()
}

fn candidates(which: Which, words: Words) -> Vec<CompletionCandidate> {
    let tasks = tasks().unwrap_or_default();
    let wanted = tasks.iter().rev().filter(|task| which.takes(task)).take(OFFERED_MAX);
    wanted.flat_map(|task| candidates_of(task, words)).collect()
}

/// Every task that fits, and every file.
fn tasks_and_files(typed: &OsStr, words: Words) -> Vec<CompletionCandidate> {
    let fits = |candidate: &CompletionCandidate| {
        candidate.get_value().as_encoded_bytes().starts_with(typed.as_encoded_bytes())
    };
    let tasks = candidates(Which::All, words).into_iter().filter(fits);
    tasks.chain(PathCompleter::file().complete(typed)).collect()
}

/// A task by its name, where it has one that can be typed, and by its id.
fn candidates_of(task: &TaskView, words: Words) -> Vec<CompletionCandidate> {
    let help = format!("{}: {}", task.status.word(), one_line(&task.command));
    let candidate =
        |text: &str| CompletionCandidate::new(text).help(Some(cut(&help, HELP_CHARS_MAX).into()));
    let name = task.name.as_deref().filter(|name| can_be_typed(name));
    let name = name.map(|name| match words {
        Words::Escaped => escaped(name),
        Words::Plain => name.to_owned(),
    });
    name.iter().map(|name| candidate(name)).chain([candidate(task.id.short())]).collect()
}

/// A name that stands on a command line as it is, and is no flag there.
fn can_be_typed(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && name.trim() == name && one_line(name) == name
}

/// A name as it is typed.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if !character.is_alphanumeric() && !"._-/+,%".contains(character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// The tasks of this home, if its server is at hand.
fn tasks() -> Option<Vec<TaskView>> {
    let here = Here::of_process().ok()?;
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let list = async {
            let mut connection = Connection::open(here.place_to_look_at()).await.ok()?;
            crate::verbs::all_tasks(&mut connection, ListRequest::default()).await.ok()
        };
        timeout(LIST_WAIT_MAX, list).await.ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_where_a_task_is_meant_has_candidates() {
        let mut places = 0;
        for verb in command(Words::Plain).get_subcommands() {
            let tasks = verb.get_arguments().filter(|argument| {
                argument
                    .get_value_names()
                    .is_some_and(|names| names.iter().any(|name| name == "ID"))
            });
            places += tasks
                .inspect(|argument| {
                    assert!(argument.get::<ArgValueCandidates>().is_some(), "{}", verb.get_name());
                })
                .count();
        }
        assert_eq!(places, 13);
    }

    #[test]
    fn a_name_is_typed_so_that_the_shell_reads_it_again() {
        assert_eq!(escaped("my name"), r"my\ name");
        assert_eq!(escaped("a:b$(x)'"), r"a\:b\$\(x\)\'");
        assert_eq!(escaped("v1.2-é"), "v1.2-é");
        assert!(can_be_typed("my name:2"));
        for name in ["", "-x", " a", "a\nb", "a\u{202e}b"] {
            assert!(!can_be_typed(name), "{name:?}");
        }
    }

    #[test]
    fn each_shell_is_told_how_to_ask() {
        for shell in ["bash", "zsh", "fish"] {
            let mut script = Vec::new();
            write_registration(shell, &mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains(VARIABLE) && script.contains("axiom"), "{script}");
        }
        assert!(write_registration("cmd", &mut Vec::new()).is_err());
    }
}
