//! The command line's grammar, and the page that `axiom help` prints. One file for each verb lies in `verbs/`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::failure::{Audience, EXIT_OWN, error_columns};
use crate::lines::one_line;
use crate::printing::print_words;
use crate::verbs::{
    attach::Attach, completions::Completions, demo::Demo, dist_docs::DistDocs, doctor::Doctor,
    export::Export, interrupt::Interrupt, logs::Logs, mcp::Mcp, prune::Prune, ps::Ps,
    replay::Replay, resume::Resume, rm::Rm, run::Run, send::Send, serve::Serve, show::Show,
    shutdown::Shutdown, spawn::Spawn, status::Status, stop::Stop, suspend::Suspend, wait::Wait,
};
use crate::wrapping::page;

/// What `axiom help` prints: one screen.
pub(crate) const OVERVIEW: &str = "\
axiom: many commands at once, kept in hand. Nothing is lost when a client, a server or a worker dies.

Start
  run [-n NAME] -- CMD…      in the foreground, as if without Axiom; Ctrl-] d detaches
  run --each 'CMD1' 'CMD2'   several in one live stream; succeeds if all do  (--file F  --max-parallel N)
  spawn [--each|--count N]   the same, but returns at once with ids
Look
  ps [-w] [--tree] [--alive] tasks, live         show ID     one, with history and processes
  logs [-f] ID…              output as harmless text (--view raw: the bytes)
  logs -f --all|--tag T      the stream of all, also of those that start later  (--json  --timestamps)
  attach ID [--read-only]    its screen on this terminal, live both ways; Ctrl-] d detaches
  replay ID|FILE             as it went, with pauses and seeks   (--speed 2  --idle-limit 2  --from 60)
  export ID [-o FILE]        a recording for asciinema    (--format asciicast2|asciicast3)
Steer
  send ID TEXT…              type it, and Enter      (--key ctrl-c,up  --no-enter)
  interrupt ID               what Ctrl-C does        (--then TEXT)
  suspend ID    resume ID    freeze every process, and let them run again
  stop ID…                   interrupt, terminate, kill: the whole process tree
  wait ID… [--any]           until they have ended; exits with the task's own code
Tidy
  rm ID…    prune            remove ended tasks and their output
Agents
  mcp                        tools for agents, on the standard streams  (mcp install claude|codex|gemini)
Axiom itself
  status    serve    shutdown [--stop-tasks]    doctor    demo    completions SHELL

An ID is any unique beginning of one, or a name. --json prints answers for programs.
Limits for run and spawn: --timeout 10m  --max-output 10M  --max-tasks 4
Exit codes: the command's own; 128+N for signal N; 124 a wait timed out; 125 Axiom's own error;
126 not executable; 127 not found. `axiom help VERB` says all about one. Home: $AXIOM_HOME.
";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "axiom", version, override_help = OVERVIEW, disable_help_flag = false)]
pub(crate) struct Arguments {
    /// What to do; nothing shows what runs.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a command in the foreground
    Run(Run),
    /// Start commands and return at once
    Spawn(Spawn),
    /// List tasks
    Ps(Ps),
    /// Show one task with its history and processes
    Show(Show),
    /// Print output
    Logs(Logs),
    /// Show a task's screen here, live both ways
    Attach(Attach),
    /// Play a task or a recording as it went
    Replay(Replay),
    /// Write a task as a recording that others play
    Export(Export),
    /// Type into a task
    Send(Send),
    /// Do what Ctrl-C does
    Interrupt(Interrupt),
    /// Stop tasks with their whole process trees
    Stop(Stop),
    /// Freeze every process of tasks
    Suspend(Suspend),
    /// Let suspended tasks run again
    Resume(Resume),
    /// Wait until tasks have ended
    Wait(Wait),
    /// Remove ended tasks and all that is kept of them
    Rm(Rm),
    /// Remove all ended tasks
    Prune(Prune),
    /// Speak the Model Context Protocol on the standard streams, for agents
    Mcp(Mcp),
    /// Serve this home in the foreground
    Serve(Serve),
    /// Show how the server stands
    Status(Status),
    /// End the server; tasks run on
    Shutdown(Shutdown),
    /// Look for what is wrong on this machine
    Doctor(Doctor),
    /// Show six real tasks in a home of their own
    Demo(Demo),
    /// Tell a shell how to complete verbs, flags and tasks
    Completions(Completions),
    /// Write manual pages, completions and docs/cli.md
    #[command(hide = true)]
    DistDocs(DistDocs),
}

impl Verb {
    /// Whom errors are for.
    #[must_use]
    pub(crate) fn audience(&self) -> Audience {
        let json = match self {
            Self::Spawn(verb) => verb.json,
            Self::Ps(verb) => verb.json,
            Self::Show(verb) => verb.json,
            Self::Send(verb) => verb.json,
            Self::Interrupt(verb) => verb.json,
            Self::Stop(verb) => verb.json,
            Self::Suspend(verb) => verb.plain.json,
            Self::Resume(verb) => verb.plain.json,
            Self::Wait(verb) => verb.json,
            Self::Rm(verb) => verb.json,
            Self::Prune(verb) => verb.json,
            Self::Status(verb) => verb.json,
            Self::Shutdown(verb) => verb.json,
            Self::Doctor(verb) => verb.json,
            Self::Run(verb) => return verb.audience(),
            Self::Logs(verb) => return verb.audience(),
            Self::Attach(_)
            | Self::Replay(_)
            | Self::Export(_)
            | Self::Mcp(_)
            | Self::Serve(_)
            | Self::Demo(_)
            | Self::Completions(_)
            | Self::DistDocs(_) => false,
        };
        if json { Audience::Program } else { Audience::Person }
    }
}

/// Reads the command line.
///
/// # Errors
/// The exit code, once help or the mistake is printed.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, ExitCode> {
    Arguments::try_parse_from(arguments).map_err(|error| {
        let text = error.render().to_string();
        if [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind()) {
            return match print_words(&text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => failure.tell(Audience::Person),
            };
        }
        let text = format!("axiom: {}", text.strip_prefix("error: ").unwrap_or(&text));
        // It repeats what was typed, which may be a name from anywhere.
        let text: String = text.lines().map(|line| one_line(line) + "\n").collect();
        let text = error_columns().map_or_else(|| text.clone(), |columns| page(&text, columns));
        // Whoever closed standard error has the exit code still.
        drop(std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{text}")));
        ExitCode::from(EXIT_OWN)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_grammar_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_fits_a_screen_and_names_every_verb() {
        assert!(OVERVIEW.lines().count() <= 40);
        assert!(OVERVIEW.lines().all(|line| line.chars().count() <= 105));
        for verb in Arguments::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            assert!(OVERVIEW.contains(verb.get_name()), "{} is missing", verb.get_name());
        }
    }

    #[test]
    fn a_commands_own_flags_are_its_own() {
        for line in ["axiom run -n x make -j4 --json", "axiom run -n x -- make -j4 --json"] {
            let Some(Verb::Run(run)) = parse(line).unwrap().verb else { panic!("not run") };
            assert!(format!("{run:?}").contains(r#""make", "-j4", "--json""#), "{run:?}");
        }
        assert!(parse("axiom run --no-such-flag make").is_err());
        assert!(parse("axiom run").is_err());
        assert!(parse("axiom run --pty --no-pty x").is_err());
    }
}
