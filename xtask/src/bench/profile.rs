//! `cargo xtask bench --profile SCENARIO`: one round of a scenario under perf, and which process spent its time where.
//! Counts samples only: what perf prints goes in as text, and a table for docs/performance.md comes out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use crate::step::{self, StepError};

/// A thousand samples a second, but for the beat with what happens each millisecond.
const SAMPLES_PER_SECOND: &str = "997";

/// Symbols that are named of each process: the rest is a long tail.
const SYMBOLS_MAX: usize = 6;

/// The longest symbol that is shown; names of generic functions run on for lines.
const SYMBOL_CHARS_MAX: usize = 72;

/// The program below which all others of a round are.
const BENCH: &str = "axiom-bench";

/// What the kernel does for terminals and files on its own threads, for whomever.
const KERNEL_WORKERS: &str = "kworker";

/// Records, and prints the table.
pub(crate) fn run(bench: &Path, scenario: &str, folder: &Path) -> Result<(), StepError> {
    if !step::succeeds(Command::new("perf").arg("--version")) {
        return Err(StepError::Missing { program: "perf", package: "linux-perf (Debian)" });
    }
    std::fs::create_dir_all(folder)
        .map_err(|source| StepError::Read { path: folder.display().to_string(), source })?;
    let data = folder.join(format!("{scenario}.data"));
    let mut record = Command::new("perf");
    // Of the whole machine: the server is nobody's child, and the kernel's workers carry a terminal's bytes.
    record.args(["record", "-q", "-a", "-e", "cpu-clock", "-F", SAMPLES_PER_SECOND, "-o"]);
    record.arg(&data).arg("--").arg(bench).args([scenario, "--rounds", "1"]);
    step::run("record a round", &mut record)?;
    let mut script = Command::new("perf");
    script.args(["script", "--show-task-events", "-F", "comm,pid,tid,ip,sym", "-i"]).arg(&data);
    let line = "perf script".to_owned();
    let output =
        script.output().map_err(|source| StepError::Start { line: line.clone(), source })?;
    if !output.status.success() {
        return Err(StepError::Failed { line, status: output.status });
    }
    let table = Profile::of(&String::from_utf8_lossy(&output.stdout)).table();
    step::print(&table);
    step::say(&format!("for more: perf report --sort comm,sym -i {}", data.display()));
    Ok(())
}

/// Samples of processes, and what they are called.
#[derive(Debug, Default)]
struct Profile {
    /// By process: its parent.
    parents: HashMap<u32, u32>,
    /// By process: its newest name.
    names: HashMap<u32, String>,
    /// Processes that were a bench once, before they became something else.
    benches: BTreeSet<u32>,
    /// By process, then by symbol.
    samples: HashMap<u32, BTreeMap<String, Count>>,
}

/// Samples of one symbol, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    all: u64,
    kernel: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.kernel += other.kernel;
    }
}

impl Profile {
    /// Reads `perf script`'s lines: samples (`name pid/tid address symbol`), and births and names in between.
    fn of(text: &str) -> Self {
        let mut profile = Self::default();
        for line in text.lines() {
            profile.read(line);
        }
        profile
    }

    fn read(&mut self, line: &str) {
        if let Some((_, record)) = line.split_once("PERF_RECORD_") {
            self.read_record(record);
            return;
        }
        let Some((name, pid, rest)) = split(line) else { return };
        // A worker of the kernel is new each moment: they count as one.
        let pid = if name.starts_with(KERNEL_WORKERS) { 0 } else { pid };
        if pid == 0 && !name.starts_with(KERNEL_WORKERS) {
            return;
        }
        let (address, symbol) = rest.split_once(' ').unwrap_or((rest, "[unknown]"));
        // The upper half of the addresses is the kernel's.
        let kernel = u64::from(address.len() == 16 && address.starts_with("ffff"));
        let sum = self.samples.entry(pid).or_default().entry(symbol.trim().to_owned()).or_default();
        sum.add(Count { all: 1, kernel });
    }

    fn read_record(&mut self, record: &str) {
        if let Some(pair) = record.strip_prefix("FORK(") {
            let mut numbers = pair.split(['(', ')', ':']).filter_map(|word| word.parse().ok());
            if let (Some(pid), Some(_), Some(parent)) =
                (numbers.next(), numbers.next(), numbers.next())
                && pid != parent
            {
                self.parents.insert(pid, parent);
                if let Some(name) = self.names.get(&parent).cloned() {
                    self.call(pid, name);
                }
            }
        } else if let Some((_, told)) = record.split_once(": ")
            && let Some((name, place)) = told.rsplit_once(':')
            && let Some((pid, tid)) = place.split_once('/')
            && pid == tid
            && let Ok(pid) = pid.parse()
        {
            self.call(pid, name.to_owned());
        }
    }

    fn call(&mut self, pid: u32, name: String) {
        if name == BENCH {
            self.benches.insert(pid);
        }
        self.names.insert(pid, name);
    }

    /// Below the bench, or the kernel's workers.
    fn is_of_the_round(&self, pid: u32) -> bool {
        let ancestors = std::iter::successors(Some(pid), |pid| self.parents.get(pid).copied());
        // A chain of parents is short; one that bites its tail would not be.
        pid == 0 || ancestors.take(64).any(|pid| self.benches.contains(&pid))
    }

    /// What a process is called in the table: a load also by who reads it.
    fn title(&self, pid: u32) -> String {
        if pid == 0 {
            return "the kernel's workers, for everybody".to_owned();
        }
        let name = |pid: &u32| self.names.get(pid).cloned().unwrap_or_else(|| "?".to_owned());
        match (name(&pid).as_str(), self.parents.get(&pid)) {
            ("axiom-test", Some(parent)) => format!("axiom-test below {}", name(parent)),
            (title, _) => title.to_owned(),
        }
    }

    fn table(&self) -> String {
        let mut processes: BTreeMap<String, BTreeMap<&str, Count>> = BTreeMap::new();
        for (pid, symbols) in self.samples.iter().filter(|(pid, _)| self.is_of_the_round(**pid)) {
            let sums = processes.entry(self.title(*pid)).or_default();
            for (symbol, count) in symbols {
                sums.entry(symbol).or_default().add(*count);
            }
        }
        let sum_of = |symbols: &BTreeMap<&str, Count>| {
            let mut sum = Count::default();
            symbols.values().for_each(|count| sum.add(*count));
            sum
        };
        let of_all: u64 = processes.values().map(|symbols| sum_of(symbols).all).sum();
        let mut rows: Vec<(u64, String)> = processes
            .iter()
            .map(|(title, symbols)| {
                let sum = sum_of(symbols);
                let (share, kernel) = (percent(sum.all, of_all), percent(sum.kernel, sum.all));
                let leading = leading(symbols, sum.all);
                (sum.all, format!("| {title} | {share} | {kernel} | {leading} |\n"))
            })
            .collect();
        rows.sort_by(|one, other| other.cmp(one));
        let mut table =
            "| Process | Of all | In the kernel | Most of its time |\n|---|---|---|---|\n"
                .to_owned();
        rows.iter().for_each(|(_, row)| table.push_str(row));
        table
    }
}

/// Name, process and the rest of a sample's line. A name may hold spaces and slashes.
fn split(line: &str) -> Option<(&str, u32, &str)> {
    line.match_indices(' ').find_map(|(space, _)| {
        let rest = &line[space + 1..];
        let (place, rest) = rest.split_once(' ')?;
        let (pid, tid) = place.split_once('/')?;
        let (pid, _): (u32, u32) = (pid.parse().ok()?, tid.parse().ok()?);
        Some((line[..space].trim(), pid, rest.trim_start()))
    })
}

fn leading(symbols: &BTreeMap<&str, Count>, sum: u64) -> String {
    let mut sorted: Vec<(&&str, &Count)> = symbols.iter().collect();
    sorted.sort_by(|one, other| other.1.all.cmp(&one.1.all).then(one.0.cmp(other.0)));
    let named = sorted.iter().take(SYMBOLS_MAX).map(|(symbol, count)| {
        let short: String = symbol.chars().take(SYMBOL_CHARS_MAX).collect();
        format!("`{}` {}", short.replace('|', "/"), percent(count.all, sum))
    });
    named.collect::<Vec<_>>().join(", ")
}

fn percent(part: u64, whole: u64) -> String {
    format!("{} %", (part * 100 + whole / 2) / whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_by_process_and_only_of_the_rounds_own() {
        let text = "\
     axiom-bench     0/0     PERF_RECORD_COMM exec: axiom-bench:7/7
     axiom-bench     0/0     PERF_RECORD_FORK(8:8):(7:7)
     axiom-bench     0/0     PERF_RECORD_COMM: reference:8/8
     reference     0/0     PERF_RECORD_FORK(9:9):(8:8)
     axiom-test     0/0     PERF_RECORD_COMM exec: axiom-test:9/9
     axiom-test     0/0     PERF_RECORD_FORK(9:10):(9:9)
     a loop     0/0     PERF_RECORD_COMM: a loop:9/10
     somebody     0/0     PERF_RECORD_COMM: somebody:5/5
       swapper     0/0      ffffffff82 cpu_idle
      somebody     5/5      557663d0 main
        a loop     9/10     557663d0 <a | b>::write
    axiom-test     9/9      ffffffff822039ff n_tty_write
    axiom-test     9/9      ffffffff822039ff n_tty_write
 kworker/u8:5-ev 320/320  ffffffff82203a31 flush
";
        let table = Profile::of(text).table();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| axiom-test below reference | 75 % | 67 % | `n_tty_write` 67 %, `<a / b>::write` 33 % |",
                "| the kernel's workers, for everybody | 25 % | 100 % | `flush` 100 % |",
            ]
        );
    }
}
