//! `ask`: asks the terminal where its cursor is, again and again, and notes how long each answer took; within a flood of its own if
//! that is wanted.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::LoadError;
use super::options::Options;
use super::paced::sleep_until;
use super::text::{Style, unrepeated};
use super::writing::{now_ns, write};

/// Where is the cursor?
const QUESTION: &[u8] = b"\x1b[6n";

/// What its answer ends with.
const ANSWER_END: u8 = b'R';

/// From an answer to the next question: whoever asks has something else to do.
const PAUSE_NS: u64 = 10_000_000;

/// Longest wait for an answer. A terminal gives none after half of it: whoever waited so long waits in vain.
const ANSWER_WAIT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Bytes of the flood that are written between two looks at whether to ask.
const PIECE_BYTES: usize = 16 * 1024;

/// The script's options.
#[derive(Debug)]
pub(super) struct Ask {
    times: u64,
    flood: bool,
    file: PathBuf,
}

impl Ask {
    pub(super) fn of(options: &mut Options) -> Result<Self, LoadError> {
        let (times, flood) = (options.needed("--times")?, options.value("--flood")?);
        let missing = LoadError::Option { option: "--file".to_owned(), problem: "must be given" };
        let file = options.path("--file").ok_or(missing)?;
        Ok(Self { times, flood: flood.unwrap_or(false), file })
    }
}

pub(super) fn run(ask: &Ask, rest: Options) -> Result<(), LoadError> {
    rest.end()?;
    let input = |errno: Errno| LoadError::Input(errno.into());
    let before = tcgetattr(rustix::stdio::stdin()).map_err(input)?;
    let mut modes = before.clone();
    modes.make_raw();
    modes.output_modes = before.output_modes;
    tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &modes).map_err(input)?;
    let times = if ask.flood { within_a_flood(ask.times)? } else { in_the_quiet(ask.times)? };
    let lines: String = times.iter().map(|time| format!("{time}\n")).collect();
    let refused = |source| LoadError::File { path: ask.file.clone(), source };
    std::fs::write(&ask.file, lines).map_err(refused)
}

fn in_the_quiet(times: u64) -> Result<Vec<u64>, LoadError> {
    let asked = |_| {
        sleep_until(now_ns() + PAUSE_NS);
        let asked = now_ns();
        write(QUESTION)?;
        Ok(answered()? - asked)
    };
    (0..times).map(asked).collect()
}

/// Whoever floods asks too, between two pieces: so neither waits for the other.
fn within_a_flood(times: u64) -> Result<Vec<u64>, LoadError> {
    let (wanted, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let asked_at = AtomicU64::new(0);
    thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            let text = unrepeated(Style::Plain, PIECE_BYTES);
            while !over.load(Ordering::Acquire) {
                if wanted.swap(false, Ordering::AcqRel) {
                    asked_at.store(now_ns(), Ordering::Release);
                    write(QUESTION)?;
                }
                write(&text)?;
            }
            Ok(())
        });
        let asked = |_| {
            sleep_until(now_ns() + PAUSE_NS);
            wanted.store(true, Ordering::Release);
            Ok(answered()? - asked_at.load(Ordering::Acquire))
        };
        let times = (0..times).map(asked).collect();
        over.store(true, Ordering::Release);
        flooding.join().expect("it does not panic")?;
        times
    })
}

/// The moment at which an answer has come.
fn answered() -> Result<u64, LoadError> {
    let mut answer = [0; 64];
    loop {
        let stdin = rustix::stdio::stdin();
        let mut input = [PollFd::new(&stdin, PollFlags::IN)];
        if poll(&mut input, Some(&ANSWER_WAIT)) == Ok(0) {
            return Err(LoadError::Input(std::io::ErrorKind::TimedOut.into()));
        }
        match rustix::io::read(rustix::stdio::stdin(), &mut answer) {
            Ok(0) => return Err(LoadError::Input(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(len) if answer[..len].contains(&ANSWER_END) => return Ok(now_ns()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::Input(errno.into())),
        }
    }
}
