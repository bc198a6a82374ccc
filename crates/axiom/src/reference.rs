//! The command line on paper, from the grammar itself: docs/cli.md and manual pages. `cargo xtask dist-docs` writes them.

use std::path::Path;
use std::{fs, io};

use clap::{Arg, Command, CommandFactory};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::completion::write_registration;

/// What stands before the verbs in docs/cli.md.
const HEAD: &str = "\
# The command line

Every verb and every flag, written from the program's own grammar by `cargo xtask dist-docs`; a test compares the two.
A first hour is in [guide.md](guide.md); what to do when something is wrong, in [troubleshooting.md](troubleshooting.md).

- An **ID** is any unique beginning of an id, or a name. `axiom help VERB` says the same as here.
- **Exit codes**: the command's own; 128+N for signal N; 124 a wait timed out; 125 Axiom's own error; 126 not executable;
  127 not found; 0, with a line on standard error, after a detach. A task that was stopped before it started counts as interrupted:
  130, from `run` and from `wait`. `run --each` gives 0 if all succeeded, else the code of the first that did not.
- **Durations** are `500ms`, `2s`, `1m`, `3h`, `1d`; **sizes** are `100`, `64k`, `10M`, `1G`, in powers of 1024.
- **Environment**: `AXIOM_HOME` (the home), `AXIOM_NETWORK_PORT` (a loopback port, or `off`), `AXIOM_LOG` (what a server logs),
  `AXIOM_CHILD_PRIORITY` (`same`: tasks get as much of the processors as Axiom does; else less, when they are short),
  `AXIOM_PACK_AFTER` (seconds until a journal's full segments are compressed, or `off`), `NO_COLOR`.
  `AXIOM_WAIT_MAX` is how many seconds `axiom_wait` holds a call at most. A task finds its own id in `AXIOM_TASK`, and in `AXIOM_TASK_TOKEN`
  what shows that it asks for its own subtree.
- **Completions**: `axiom completions bash` (or `zsh`, `fish`) says what to put into the shell's start-up file.
";

/// docs/cli.md.
#[must_use]
pub(crate) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for verb in visible() {
        verb_markdown(&verb, &mut text);
    }
    text
}

fn visible() -> Vec<Command> {
    let mut command = Arguments::command();
    command.build();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    verbs.filter(|verb| verb.get_name() != "help").cloned().collect()
}

fn verb_markdown(verb: &Command, text: &mut String) {
    let mut verb = verb.clone();
    let usage = verb.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("\n## {}\n\n{about}.\n\n```\n{usage}\n```\n\n", verb.get_name()));
    text.push_str("| Argument | Meaning |\n|---|---|\n");
    for argument in verb.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.trim_end_matches('.').replace('|', "\\|");
        let shown = shown(argument).replace('|', "\\|");
        text.push_str(&format!("| `{shown}` | {help}{} |\n", values(argument)));
    }
    if let Some(more) = verb.get_after_help() {
        text.push_str(&format!("\n{more}\n"));
    }
}

/// `-n, --name <NAME>`.
fn shown(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let value = match names.first() {
        Some(name) if takes => format!("<{name}>"),
        Some(_) | None => String::new(),
    };
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    let flags = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if flags.is_empty() { value } else { format!("{flags} {value}").trim_end().to_owned() }
}

fn values(argument: &Arg) -> String {
    let names: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if names.is_empty() || !argument.get_action().takes_values() {
        return String::new();
    }
    format!(": {}", names.join(", "))
}

/// Writes everything into a folder: `cli.md`, `man/`, `completions/`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_all(folder: &Path) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    fs::write(folder.join("cli.md"), markdown())?;
    page(Arguments::command(), &man.join("axiom.1"))?;
    for verb in visible() {
        let name = format!("axiom-{}", verb.get_name());
        page(verb, &man.join(format!("{name}.1")))?;
    }
    for (shell, file) in [("bash", "axiom.bash"), ("zsh", "_axiom"), ("fish", "axiom.fish")] {
        let mut script = Vec::new();
        write_registration(shell, &mut script)?;
        fs::write(completions.join(file), script)?;
    }
    Ok(())
}

fn page(command: Command, file: &Path) -> io::Result<()> {
    let mut page = Vec::new();
    Man::new(command.disable_help_subcommand(true)).render(&mut page)?;
    fs::write(file, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_command_line_is_what_the_grammar_says() {
        let page = include_str!("../../../docs/cli.md");
        assert!(page == markdown(), "docs/cli.md is not fresh: cargo xtask dist-docs");
    }

    #[test]
    fn every_verb_has_a_manual_page_and_every_shell_its_completions() {
        let folder = std::env::temp_dir().join(format!("axiom-dist-{}", std::process::id()));
        write_all(&folder).unwrap();
        let count = |part: &str| fs::read_dir(folder.join(part)).unwrap().count();
        assert_eq!((count("man"), count("completions")), (visible().len() + 1, 3));
        let page = fs::read_to_string(folder.join("man/axiom-run.1")).unwrap();
        assert!(page.contains("max\\-parallel"), "{page}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
