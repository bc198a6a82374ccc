//! What `run` and `spawn` are told about a task, and the specs that come of it: command, environment, folder, limits.
//! Everything is checked before the first task is asked for.

mod slip;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axiom_client::{ClientError, new_command_id, new_group_id};
use axiom_proto::api::COUNT_MAX;
use axiom_proto::bytestring::ByteString;
use axiom_proto::fault::Fault;
use axiom_proto::task::{Executor, Leftovers, Limits, Mode, Size, TaskSpec};
use clap::{Args, ValueEnum};

use crate::failure::{Failure, note};
use crate::here::{Here, terminal_size};
use crate::quantities::{bytes, dimensions, duration, task_count};
use crate::stream::beside;

/// The longest file of commands: each of a thousand tasks has room for a long line.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a task is set apart by that belongs to another task.
const NOT_PASSED_ON: &[&str] = &["AXIOM_TASK", "AXIOM_TASK_TOKEN", "AXIOM_INDEX", "AXIOM_COUNT"];

/// What to run and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpecArguments {
    /// A name for the task.
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// A word to find it by; may be given often.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Each COMMAND is a line for `sh -c`, and a task of its own.
    #[arg(long)]
    each: bool,
    /// Like --each, with the lines of this file; `-` is standard input. `#` begins a comment line.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// At most so many of them at once; the others wait, queued.
    #[arg(long, value_name = "N", value_parser = task_count, allow_negative_numbers = true)]
    max_parallel: Option<u32>,
    /// End it after this time (500ms, 2s, 1m).
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// End it once it has printed so much (64k, 10M).
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_output: Option<u64>,
    /// Wait, queued, until fewer than N tasks run.
    #[arg(long, value_name = "N", value_parser = task_count, allow_negative_numbers = true)]
    max_tasks: Option<u32>,
    /// Set a variable of its environment; may be given often.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    variables: Vec<OsString>,
    /// Give it no variables but those of --env.
    #[arg(long)]
    clear_env: bool,
    /// Start it in this folder.
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<PathBuf>,
    /// On a terminal of its own.
    #[arg(long, conflicts_with = "no_pty")]
    pty: bool,
    /// On pipes: output and errors stay apart.
    #[arg(long)]
    no_pty: bool,
    /// Its terminal's size.
    #[arg(long, value_name = "COLSxROWS", value_parser = dimensions)]
    size: Option<Size>,
    /// What becomes of processes that outlive the command.
    #[arg(long, value_name = "WHAT")]
    leftovers: Option<WhatOfLeftovers>,
    /// The command and its arguments. Everything after its first word is its own.
    #[arg(trailing_var_arg = true, required_unless_present = "file", value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhatOfLeftovers {
    /// They are listed and left alone.
    Keep,
    /// They are stopped.
    Stop,
}

impl SpecArguments {
    /// The mode that was asked for, or else this one.
    #[must_use]
    pub(crate) fn mode_or(&self, usual: Mode) -> Mode {
        match (self.pty, self.no_pty) {
            (true, _) => Mode::Terminal,
            (false, true) => Mode::Pipes,
            (false, false) => usual,
        }
    }

    /// True where each line is a task of its own.
    #[must_use]
    pub(crate) fn is_each(&self) -> bool {
        self.each || self.file.is_some()
    }

    /// Makes the tasks' terminals as narrow as what is left of ours beside a mark of so many columns, but for a size that
    /// was asked for. True if it did.
    pub(crate) fn leave_room(&self, specs: &mut [TaskSpec], mark: u16) -> bool {
        if self.size.is_some() {
            return false;
        }
        for size in specs.iter_mut().filter_map(|spec| spec.size.as_mut()) {
            *size = beside(mark, *size);
        }
        true
    }

    /// How many may run at once.
    #[must_use]
    pub(crate) fn parallel_max(&self) -> Option<u32> {
        self.max_parallel
    }

    /// One spec for each task; `mode` is what its streams are.
    ///
    /// # Errors
    /// [`Failure`] naming the argument that is wrong.
    pub(crate) fn specs(&self, here: &Here, mode: Mode) -> Result<Vec<TaskSpec>, Failure> {
        let base = self.base(here, mode)?;
        if !self.is_each() {
            let command = self.command.iter().map(|word| word.as_bytes().to_vec().into());
            return Ok(vec![TaskSpec { command: command.collect(), ..base }]);
        }
        if let (Some(_), false, Some(word)) = (&self.file, self.each, self.command.first()) {
            let message =
                format!("{} stands beside --file, which has the commands", word.display());
            let hint = "leave it out, or add --each and quotes: --file FILE --each 'echo x'";
            return Err(Failure::invalid(message, hint));
        }
        let mut lines: Vec<String> = match &self.file {
            Some(file) => lines_of_file(file)?,
            None => Vec::new(),
        };
        for line in &self.command {
            lines.push(shell_line(line)?);
        }
        warn_of_slip(&lines);
        if lines.len() > COUNT_MAX as usize {
            return Err(Failure::invalid(format!("{COUNT_MAX} tasks are the most at once"), ""));
        }
        let group = Some(new_group_id());
        let spec = |line| TaskSpec { shell: Some(line), group, ..base.clone() };
        Ok(lines.into_iter().map(|line| with_own_key(spec(line))).collect())
    }

    fn base(&self, here: &Here, mode: Mode) -> Result<TaskSpec, Failure> {
        let limits = Limits {
            timeout_ms: self
                .timeout
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            output_bytes_max: self.max_output,
            tasks_max: self.max_tasks,
        };
        let leftovers = match self.leftovers {
            Some(WhatOfLeftovers::Stop) => Leftovers::Stop,
            Some(WhatOfLeftovers::Keep) | None => Leftovers::Keep,
        };
        Ok(with_own_key(TaskSpec {
            executor: Executor::Command,
            command: Vec::new(),
            shell: None,
            cwd: Some(self.folder()?),
            env: self.environment()?,
            clear_env: true,
            name: self.name.clone(),
            tags: self.tags.clone(),
            parent: here.task,
            mode,
            size: (mode == Mode::Terminal).then(|| self.size.or_else(terminal_size)).flatten(),
            umask: umask(),
            limits,
            leftovers,
            parallel_max: self.max_parallel,
            ..TaskSpec::default()
        }))
    }

    fn folder(&self) -> Result<ByteString, Failure> {
        let here = env::current_dir();
        let folder = match (&self.cwd, here) {
            (Some(folder), _) if folder.is_absolute() => folder.clone(),
            (Some(folder), Ok(here)) => here.join(folder),
            (None, Ok(here)) => here,
            (_, Err(error)) => {
                let message = format!("the working directory is gone: {error}");
                return Err(Failure::invalid(
                    message,
                    "change to one that is there, or give --cwd",
                ));
            }
        };
        Ok(folder.into_os_string().into_vec().into())
    }

    /// The caller's whole environment, or nothing; and what was set by hand.
    fn environment(&self) -> Result<BTreeMap<String, ByteString>, Failure> {
        let mut environment = if self.clear_env { BTreeMap::new() } else { own_environment() };
        for variable in &self.variables {
            let (name, value) = variable_of(variable)?;
            environment.insert(name, value);
        }
        Ok(environment)
    }
}

/// Why nothing was spawned. An environment that is too large for a task comes from the caller's own: that can be helped.
pub(crate) fn not_spawned(error: ClientError) -> Failure {
    let fault = error.to_fault();
    if fault.hint.is_empty() && fault.message.starts_with("env:") {
        let hint = "leave variables out: --clear-env --env NAME=VALUE".to_owned();
        return Fault { hint, ..fault }.into();
    }
    error.into()
}

/// The spec of one shell line with a name, and all else as it is here.
#[must_use]
pub(crate) fn named_line(name: &str, line: &str) -> TaskSpec {
    with_own_key(TaskSpec {
        shell: Some(line.to_owned()),
        name: Some(name.to_owned()),
        env: own_environment(),
        clear_env: true,
        umask: umask(),
        ..TaskSpec::default()
    })
}

pub(crate) fn own_environment() -> BTreeMap<String, ByteString> {
    let mut environment = BTreeMap::new();
    for (name, value) in env::vars_os() {
        // A name that is no text cannot be written down; shells cannot make one either.
        let Ok(name) = name.into_string() else { continue };
        if !NOT_PASSED_ON.contains(&name.as_str()) {
            environment.insert(name, value.into_vec().into());
        }
    }
    environment
}

/// Asked again, the same spec gives the same task.
fn with_own_key(spec: TaskSpec) -> TaskSpec {
    let idempotency_key = Some(format!("cli-{}", new_command_id()));
    TaskSpec { idempotency_key, ..spec }
}

fn variable_of(variable: &OsStr) -> Result<(String, ByteString), Failure> {
    let bytes = variable.as_bytes();
    let cut = bytes.iter().position(|byte| *byte == b'=').filter(|cut| *cut > 0);
    let name = cut.and_then(|cut| std::str::from_utf8(&bytes[..cut]).ok());
    match (name, cut) {
        (Some(name), Some(cut)) => Ok((name.to_owned(), bytes[cut + 1..].to_vec().into())),
        (None, _) | (_, None) => {
            let lacks = if cut.is_none() && !bytes.starts_with(b"=") { "value" } else { "name" };
            let message = format!("--env {}: it has no {lacks}", variable.display());
            Err(Failure::invalid(message, "write --env NAME=VALUE; VALUE may be empty"))
        }
    }
}

/// The commands of a file: its lines but for empty ones and comments.
fn lines_of_file(file: &Path) -> Result<Vec<String>, Failure> {
    let bytes = if file == Path::new("-") {
        read_bounded(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(file).and_then(|mut file| read_bounded(&mut file))
    };
    let failed =
        |reason: String| Failure::invalid(format!("--file {}: {reason}", file.display()), "");
    let bytes = bytes.map_err(|error| failed(error.to_string()))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(failed(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    let lines = commands_of(&text);
    if lines.is_empty() {
        return Err(failed("there is no command in it".to_owned()));
    }
    Ok(lines)
}

fn commands_of(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let commands = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    commands.map(str::to_owned).collect()
}

fn read_bounded(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Says so where the words of one command would be tasks of their own; they start all the same.
fn warn_of_slip(lines: &[String]) {
    if let Some(word) = slip::word_of_another(lines, slip::runs) {
        note(&format!("each word is a task of its own here, and {word} is no command"));
        note("if one command is meant: leave out --each, or put it in quotes");
    }
}

fn shell_line(line: &OsStr) -> Result<String, Failure> {
    let Some(text) = line.to_str() else {
        let message = format!("--each {}: a line for the shell is UTF-8 text", line.display());
        return Err(Failure::invalid(message, ""));
    };
    if text.trim().is_empty() {
        let hint = "give each command in quotes: axiom run --each 'make' 'npm test'";
        return Err(Failure::invalid("a command of --each is empty", hint));
    }
    if text.starts_with("--") {
        let message = format!("{text} stands among the commands of --each");
        return Err(Failure::invalid(message, "flags go before the first command"));
    }
    Ok(text.to_owned())
}

/// The file mode mask, from /proc: to ask the system for it, one would have to change it.
pub(crate) fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_and_its_value_may_hold_anything() {
        let set = |text: &str| variable_of(OsStr::new(text));
        assert_eq!(set("A=b=c").unwrap(), ("A".to_owned(), "b=c".into()));
        assert_eq!(set("A=").unwrap(), ("A".to_owned(), "".into()));
        for wrong in ["A", "=b", ""] {
            assert!(set(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_of_commands_may_have_comments_and_empty_lines() {
        let commands = commands_of("# all\n\n  make -j4 # not here\r\n\techo '#'\n#end");
        assert_eq!(commands, ["make -j4 # not here", "echo '#'"]);
    }

    #[test]
    fn a_flag_among_shell_lines_is_a_slip() {
        assert!(shell_line(OsStr::new("--json")).is_err());
        assert!(shell_line(OsStr::new(" ")).is_err());
        assert_eq!(shell_line(OsStr::new("-x; echo")).unwrap(), "-x; echo");
    }

    #[test]
    fn the_mask_is_read_and_not_changed() {
        let mask = umask().unwrap();
        assert!(mask <= 0o777);
        assert_eq!(umask(), Some(mask));
    }
}
