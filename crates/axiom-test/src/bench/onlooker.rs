//! A gauge of what others make of a child: it says `ready` when the child's own `ready` has come through all of them, and
//! counts bytes, lines and processor time from there. What a peer draws or spends before is not its speed.
//! `axiom-bench onlooker LOOK COMMAND…` is the terminal that the command runs on; `axiom-bench witness COMMAND…` is for
//! programs that tell themselves what they saw.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::observation::{Look, Observation, Watcher};
use super::offspring::Offspring;
use super::terminal;
use crate::load::now_ns;

/// What the child prints before it waits at its gate.
const READY: &[u8] = b"ready";

pub(super) fn run(command: &[String]) -> anyhow::Result<()> {
    let [look, program, arguments @ ..] = command else { bail!("onlooker LOOK COMMAND…") };
    // So a profile tells it from the bench's other processes.
    rustix::thread::set_name(c"onlooker")?;
    let offspring = Offspring::gathered()?;
    let (terminal, mut child) = terminal::start(program, arguments)?;
    let mut onlooker = Onlooker::new(look.parse()?, offspring);
    terminal::read_all(&terminal, |bytes| onlooker.see(bytes, now_ns()))?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    onlooker.tell()
}

/// What comes through, from the child's `ready` on.
#[derive(Debug)]
pub(super) struct Onlooker {
    offspring: Offspring,
    look: Look,
    greeting: Greeting,
    watcher: Option<Watcher>,
}

impl Onlooker {
    pub(super) fn new(look: Look, offspring: Offspring) -> Self {
        Self { offspring, look, greeting: Greeting::default(), watcher: None }
    }

    pub(super) fn see(&mut self, bytes: &[u8], now_ns: u64) -> anyhow::Result<()> {
        if let Some(watcher) = &mut self.watcher {
            watcher.see(bytes, now_ns);
        } else if self.greeting.is_heard(bytes) {
            self.offspring.count_from_now()?;
            say_ready()?;
            self.watcher = Some(Watcher::new(self.look));
        }
        Ok(())
    }

    /// Waits until all are gone that were started, and tells what was seen.
    pub(super) fn tell(self) -> anyhow::Result<()> {
        let watcher = self.watcher.context("the child was never ready")?;
        let streams = vec![watcher.finish()];
        say(&Observation { streams, cpu_us: self.offspring.spent_us()? })
    }
}

/// The end of what has come so far, in which the child's word may have begun.
#[derive(Debug, Default)]
struct Greeting(Vec<u8>);

impl Greeting {
    /// True once the word has come. What follows it at once belongs to its line, because the child waits at its gate.
    fn is_heard(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        let heard = memchr::memmem::find(&self.0, READY).is_some();
        let cut = self.0.len().saturating_sub(READY.len() - 1);
        self.0.drain(..cut);
        heard
    }
}

/// The words are passed on, with the processor time of the program and of all that it starts.
pub(super) fn run_witness(command: &[String]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else { bail!("witness COMMAND…") };
    let mut offspring = Offspring::gathered()?;
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut told = BufReader::new(child.stdout.take().context("its output is piped")?);
    let mut line = String::new();
    told.read_line(&mut line)?;
    if line.as_bytes().trim_ascii() != READY {
        bail!("{program} said `{}`", line.trim_end());
    }
    offspring.count_from_now()?;
    say_ready()?;
    let seen: Observation = serde_json::from_reader(told).context("read what was seen")?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    say(&Observation { cpu_us: offspring.spent_us()?, ..seen })
}

fn say_ready() -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(b"ready\n")?;
    stdout.flush().context("say that the child is ready")
}

fn say(seen: &Observation) -> anyhow::Result<()> {
    serde_json::to_writer(std::io::stdout(), seen)?;
    std::io::stdout().flush().context("tell what was seen")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_heard_however_it_is_cut() {
        let text = b"\x1b[2J\x1b[Hrea ready\r\n";
        let end = text.len() - 2;
        for cut in 0..end {
            let mut greeting = Greeting::default();
            assert!(!greeting.is_heard(&text[..cut]), "cut at {cut}");
            assert!(greeting.is_heard(&text[cut..end]), "cut at {cut}");
        }
    }
}
