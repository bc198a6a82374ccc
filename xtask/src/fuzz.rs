//! `cargo xtask fuzz [--seconds N] [TARGET…]`: looks for inputs that break a target, led by the code that they reach.
//! `cargo xtask fuzz TARGET FILE` runs one input again. A part of `cargo xtask test`, for a minute each.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use crate::step::{self, StepError};
use crate::workspace::Workspace;

/// The targets, as `axiom-fuzz` names them.
const TARGETS: &[&str] = &["screen", "dump", "sanitizer", "transcript", "asciicast"];

/// For how long each is tried where nothing else is said.
const SECONDS: u64 = 60;

/// Says otherwise; 0 leaves fuzzing out.
const SECONDS_SAID: &str = "AXIOM_FUZZ_SECONDS";

/// Targets that run at once.
const AT_ONCE: usize = 2;

/// Counters at every edge, and the values that are compared: LLVM's own passes, so a stable compiler has them.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Memory is bounded whatever comes; this is twenty times what the largest target needs.
const MEMORY_MB_MAX: u32 = 1024;

/// One input takes no longer, on a machine that is busy with other things.
const INPUT_SECONDS_MAX: u32 = 20;

/// As `axiom_fuzz::INPUT_BYTES_MAX`.
const INPUT_BYTES_MAX: u32 = 16 * 1024;

/// Lines of a run's report that are shown where it failed.
const LINES_SHOWN: usize = 25;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Run { targets: Vec<String>, seconds: u64 },
    Again { target: String, file: OsString },
}

/// Builds the targets, then tries them.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<(), StepError> {
    let said = env::var(SECONDS_SAID).ok();
    let (targets, seconds) = match read(arguments, said.as_deref())? {
        Asked::Again { target, file } => {
            let ground = Ground::built(workspace)?;
            let mut command = ground.command(&target);
            return step::run(&format!("{target} once more"), command.arg(file));
        }
        Asked::Run { seconds: 0, .. } => {
            step::say("skipped: fuzzing (it was given no time)");
            return Ok(());
        }
        Asked::Run { targets, seconds } => (targets, seconds),
    };
    if !step::succeeds(Command::new("c++").arg("--version")) {
        step::say("skipped: fuzzing (c++ is not installed, which builds libFuzzer)");
        return Ok(());
    }
    let ground = Ground::built(workspace)?;
    step::say(&format!("fuzz {} for {seconds} s each", targets.join(", ")));
    let mut waiting: VecDeque<String> = targets.into();
    let mut running: VecDeque<Running> = VecDeque::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(target) = waiting.pop_front()
        {
            running.push_back(ground.start(target, seconds)?);
        }
        let Some(mut first) = running.pop_front() else { break };
        let line = format!("fuzz {}", first.target);
        let status = first.child.wait().map_err(|source| StepError::Start { line, source })?;
        if !first.tell(status) {
            failed.push(format!("fuzz {}", first.target));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(StepError::Several { headlines: failed }) }
}

fn read(arguments: &[OsString], said: Option<&str>) -> Result<Asked, StepError> {
    let refuse = |given: &str| Err(StepError::Arguments { given: given.to_owned() });
    let mut seconds = match said.map(str::parse) {
        None => SECONDS,
        Some(Ok(seconds)) => seconds,
        Some(Err(_)) => return refuse(&format!("{SECONDS_SAID}={}", said.unwrap_or_default())),
    };
    let mut targets = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        if text == "--seconds" {
            let number = rest.next().and_then(|number| number.to_str()?.parse().ok());
            match number {
                Some(number) => seconds = number,
                None => return refuse("--seconds without a number"),
            }
        } else if TARGETS.contains(&&*text) {
            targets.push(text.into_owned());
        } else if let ([target], true) = (&targets[..], Path::new(word).is_file()) {
            return Ok(Asked::Again { target: target.clone(), file: absolute(word) });
        } else {
            return refuse(&format!("{text}: the targets are {}", TARGETS.join(", ")));
        }
    }
    if targets.is_empty() {
        targets = TARGETS.iter().map(|&target| target.to_owned()).collect();
    }
    Ok(Asked::Run { targets, seconds })
}

/// The program runs elsewhere.
fn absolute(path: &OsString) -> OsString {
    std::path::absolute(path).map_or_else(|_| path.clone(), PathBuf::into_os_string)
}

/// Where the program is, and what it found in earlier runs.
struct Ground {
    program: PathBuf,
    folder: PathBuf,
    found: PathBuf,
}

/// A target that is tried.
struct Running {
    target: String,
    child: Child,
    report: PathBuf,
    broken: PathBuf,
}

impl Ground {
    fn built(workspace: &Workspace) -> Result<Self, StepError> {
        let host = host()?;
        let target = workspace.target();
        let mut build = workspace.building(&["build", "--quiet", "--profile", "fuzz"]);
        build.args(["-p", "axiom-fuzz", "--features", "guided", "--target", &host]);
        build.arg("--target-dir").arg(&target);
        // With a target named, programs that only the build runs are free of it.
        build.env("RUSTFLAGS", COVERAGE);
        step::run("build what is fuzzed", &mut build)?;
        Ok(Self {
            program: target.join(host).join("fuzz").join("axiom-fuzz"),
            folder: target.join("fuzz"),
            found: workspace.path("crates/axiom-fuzz/found"),
        })
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("AXIOM_FUZZ_TARGET", target);
        command.arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"));
        command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
        command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command
    }

    fn start(&self, target: String, seconds: u64) -> Result<Running, StepError> {
        let folder = self.folder.join(&target);
        let (corpus, seeds) = (folder.join("corpus"), folder.join("seeds"));
        let unread =
            |source: io::Error| StepError::Read { path: folder.display().to_string(), source };
        fs::create_dir_all(&corpus).and_then(|()| fs::create_dir_all(&seeds)).map_err(unread)?;
        let report = folder.join("report");
        let output = File::create(&report).map_err(unread)?;
        let broken = folder.join("broken-");
        let mut command = self.command(&target);
        command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}", broken.display()));
        command.env("AXIOM_FUZZ_SEEDS", &seeds).arg(&corpus).arg(&seeds);
        let found = self.found.join(&target);
        command.args(Some(found).filter(|found| found.is_dir()));
        let errors = output.try_clone().map_err(unread)?;
        let line = format!("{} for {target}", self.program.display());
        let child = command.stdout(output).stderr(errors).spawn();
        let child = child.map_err(|source| StepError::Start { line, source })?;
        Ok(Running { target, child, report, broken })
    }
}

impl Running {
    /// Says how it went; true if nothing broke.
    fn tell(&self, status: ExitStatus) -> bool {
        let report = fs::read(&self.report).unwrap_or_default();
        let report = String::from_utf8_lossy(&report);
        let lines: Vec<&str> = report.lines().collect();
        let target = &self.target;
        if status.success() {
            let number = |name: &str| {
                let line = lines.iter().rev().find_map(|line| line.strip_prefix(name));
                line.map_or("?", str::trim).to_owned()
            };
            let tried = number("stat::number_of_executed_units:");
            let kept = number("stat::new_units_added:");
            step::say(&format!(
                "fuzz {target}: {tried} inputs tried, {kept} reached something new"
            ));
            return true;
        }
        // What it said first is the reason; the rest is where it was.
        let reason = lines.iter().position(|line| line.contains("panicked at"));
        let first = reason.unwrap_or(lines.len().saturating_sub(LINES_SHOWN));
        for line in lines.iter().skip(first).take(LINES_SHOWN) {
            step::say(&format!("fuzz {target}: {line}"));
        }
        let prefix = self.broken.display().to_string();
        let input = lines.iter().rev().find_map(|line| line.rfind(&prefix).map(|at| &line[at..]));
        match input {
            Some(input) => step::say(&format!(
                "fuzz {target}: broken by {input}; again: cargo xtask fuzz {target} {input}; \
                 for good: move it to crates/axiom-fuzz/found/{target}/"
            )),
            None => step::say(&format!("fuzz {target}: {status}, and no input was written")),
        }
        false
    }
}

/// What this machine's programs are built for.
fn host() -> Result<String, StepError> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let line = "rustc -vV".to_owned();
    match Command::new(rustc).arg("-vV").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let host = said.lines().find_map(|line| line.strip_prefix("host: "));
            host.map(str::to_owned).ok_or(StepError::Failed { line, status: output.status })
        }
        Err(source) => Err(StepError::Start { line, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str], said: Option<&str>) -> Result<Asked, StepError> {
        read(&words.iter().map(OsString::from).collect::<Vec<_>>(), said)
    }

    fn run(targets: &[&str], seconds: u64) -> Asked {
        Asked::Run { targets: targets.iter().map(|&target| target.to_owned()).collect(), seconds }
    }

    #[test]
    fn all_targets_are_tried_for_a_minute_unless_something_else_is_said() {
        assert_eq!(asked(&[], None).unwrap(), run(TARGETS, 60));
        assert_eq!(asked(&[], Some("0")).unwrap(), run(TARGETS, 0));
        assert_eq!(asked(&["dump", "--seconds", "5"], Some("9")).unwrap(), run(&["dump"], 5));
    }

    #[test]
    fn a_file_after_a_target_is_an_input() {
        let file = env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml";
        let again = Asked::Again { target: "dump".to_owned(), file: (&file).into() };
        assert_eq!(asked(&["dump", &file], None).unwrap(), again);
        for words in [&[file.as_str()][..], &["no"], &["--seconds"], &["--seconds", "x"]] {
            assert!(asked(words, None).is_err(), "{words:?}");
        }
        assert!(asked(&[], Some("soon")).is_err());
    }

    #[test]
    fn every_target_of_the_program_is_known_here() {
        let program = include_str!("../../crates/axiom-fuzz/src/lib.rs");
        for target in TARGETS {
            assert!(program.contains(&format!("name: \"{target}\"")), "{target}");
        }
        assert_eq!(program.matches("name: \"").count(), TARGETS.len());
        assert!(program.contains("INPUT_BYTES_MAX: usize = 16 * 1024"));
    }
}
