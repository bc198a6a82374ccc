//! A recording played: on a terminal with keys, or into a pipe at its times. What is decided is in the files beside it;
//! here is the loop that waits for events, keys, signals and moments, and that leaves the terminal as it was.

mod keys;
mod pace;
mod player;
mod source;
mod stage;
mod waypoints;

use std::io::{self, Write};
use std::time::Duration;

use axiom_proto::frame::Micros;
use bytes::Bytes;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::failure::{Failure, of_output};
use crate::here::{Terminals, terminal_size};
use crate::recording::{CastFile, FilePoint, Jump};
use crate::signals::{Sign, Signals};
use crate::stdio::{OutputWatch, Stream, Typed, Writer, no_input, read_input};
use crate::terminal::{HeldTerminal, in_foreground};
use keys::Keys;
use player::{Act, Goal, Player};
use source::{Begin, Portion, Source};
use stage::Stage;
use waypoints::{Waypoint, Waypoints};

pub(crate) use pace::{Pace, Speed};
pub(crate) use source::{Origin, not_played};

/// How long the last output may take to reach a terminal that stands still, once we should leave.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);

/// What is written to the terminal before a panic speaks.
const UNDO: &str = "\x1b[?2026l\x1b[?1049l\x1b[?25h\x1b[m\r\n";

/// What is played, and how.
#[derive(Debug)]
pub(crate) struct Replay {
    /// What.
    pub origin: Origin,
    /// The file, where it is open already.
    pub opened: Option<CastFile>,
    /// How fast, and with which silences.
    pub pace: Pace,
    /// From where on.
    pub from: Option<Micros>,
}

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It was over.
    End,
    /// A key.
    Key,
    /// A signal.
    Sign(Sign),
    /// It cannot be written any more.
    OutputFailed,
}

impl Replay {
    /// Plays it. Gives the exit code.
    ///
    /// # Errors
    /// [`Failure`] when the recording cannot be read to its end, or when nobody reads what is written.
    pub(crate) async fn run(self) -> Result<u8, Failure> {
        let own = |error: io::Error| Failure::own(format!("take the terminal: {error}"), "");
        let mut signals = Signals::take().map_err(own)?;
        let terminals = Terminals::of_process();
        let source = self.origin.read(self.opened.map_or(Begin::Start, Begin::Opened))?;
        let held = terminals.input && terminals.output && in_foreground();
        let held = if held {
            signals.take_suspend().map_err(own)?;
            Some(HeldTerminal::keys(UNDO).map_err(own)?)
        } else {
            None
        };
        let stage = terminals
            .output
            .then(|| Stage::new(self.origin.size(), self.origin.mode(), terminal_size()));
        let mut playing = Playing {
            player: Player::new(self.pace, self.from, self.origin.reach()),
            origin: self.origin,
            source,
            signals,
            keyboard: if held.is_some() { read_input() } else { no_input() },
            keys: Keys::default(),
            held,
            stage,
            writer: Writer::start(),
            watch: OutputWatch::start(),
            pending: None,
            waypoints: Waypoints::default(),
            began: Instant::now(),
        };
        let left = playing.run().await;
        playing.leave(left).await
    }
}

/// All that plays.
struct Playing {
    player: Player,
    origin: Origin,
    source: Source,
    signals: Signals,
    keyboard: mpsc::Receiver<Typed>,
    keys: Keys,
    held: Option<HeldTerminal>,
    /// Where standard output is a terminal.
    stage: Option<Stage>,
    writer: Writer,
    watch: OutputWatch,
    /// What waits for the writer.
    pending: Option<Bytes>,
    /// Where a seek back in a file can begin.
    waypoints: Waypoints,
    began: Instant,
}

/// What the loop waits for besides keys and signals.
enum Waiting {
    /// The writer.
    Room,
    /// More of the recording.
    More,
    /// A moment of our clock.
    Until(Instant),
    /// Nothing.
    Rest,
}

/// What came first.
enum Came {
    Sign(Sign),
    Typed(Option<Typed>),
    /// What was read next; nothing at the end.
    Portion(Option<Portion>),
    /// It is time to look what is due.
    Time,
    OutputFailed,
}

impl Playing {
    async fn run(&mut self) -> Result<Left, Failure> {
        loop {
            let Some(waiting) = self.act()? else { return Ok(Left::End) };
            let came = tokio::select! {
                sign = self.signals.next() => Came::Sign(sign),
                typed = self.keyboard.recv(), if self.held.is_some() => Came::Typed(typed),
                () = self.watch.reader_gone() => Came::OutputFailed,
                room = self.writer.room(), if matches!(waiting, Waiting::Room) => match room {
                    Some(room) => {
                        if let Some(bytes) = self.pending.take() {
                            room.send((Stream::Output, bytes));
                        }
                        Came::Time
                    }
                    None => Came::OutputFailed,
                },
                events = self.source.next(), if matches!(waiting, Waiting::More) => {
                    Came::Portion(events?)
                }
                () = until(&waiting) => Came::Time,
            };
            let left = match came {
                Came::Sign(sign) => self.signed(sign),
                Came::Typed(typed) => self.typed(typed),
                Came::OutputFailed => Some(Left::OutputFailed),
                Came::Portion(portion) => {
                    self.read(portion);
                    None
                }
                Came::Time => None,
            };
            if let Some(left) = left {
                return Ok(left);
            }
        }
    }

    /// Does what is due, up to where something must be waited for; `None` at the end.
    fn act(&mut self) -> Result<Option<Waiting>, Failure> {
        loop {
            if self.pending.is_some() {
                return Ok(Some(Waiting::Room));
            }
            let now = self.now();
            match self.player.next(now) {
                Act::Show(output) => self.show(output),
                Act::Skip(output) => self.stage.iter_mut().for_each(|stage| stage.skip(&output)),
                Act::Resize(size) => self.stage.iter_mut().for_each(|stage| stage.resize(size)),
                Act::Draw => {
                    let drawn = self.stage.as_mut().map(Stage::draw);
                    self.pending = drawn.map(Bytes::from);
                }
                Act::Rewind(goal) => self.rewind(goal)?,
                Act::Jump(place) => self.source = self.origin.read(Begin::At(place))?,
                Act::More => return Ok(Some(Waiting::More)),
                Act::Rest => return Ok(Some(Waiting::Rest)),
                Act::Wait(due) => {
                    return Ok(Some(Waiting::Until(self.began + Duration::from_micros(due.0))));
                }
                Act::End => return Ok(None),
            }
        }
    }

    fn read(&mut self, portion: Option<Portion>) {
        match portion {
            Some(Portion::Events(events, point)) => {
                self.note_place(point);
                self.player.more(events);
            }
            Some(Portion::Begun(Jump { landing, size, dump })) => {
                self.stage.iter_mut().for_each(|stage| stage.begin_with(size, &dump));
                self.player.landed(landing, self.now());
            }
            None => self.player.no_more(),
        }
    }

    /// Begins again before a goal: at the nearest place that is known, or at the start.
    fn rewind(&mut self, goal: Goal) -> Result<(), Failure> {
        match self.waypoints.before(goal) {
            Some(Waypoint { point, passed, size, picture }) => {
                self.source = self.origin.read(Begin::InFile(point.clone()))?;
                self.stage.iter_mut().for_each(|stage| stage.begin_with(*size, picture));
                self.player.begun_at(*passed);
            }
            None => {
                self.source = self.origin.read(Begin::Start)?;
                let size = self.origin.size();
                self.stage.iter_mut().for_each(|stage| stage.begin_again(size));
            }
        }
        Ok(())
    }

    /// Keeps the picture of a place in a file, where one is due.
    fn note_place(&mut self, point: Option<FilePoint>) {
        let Some(point) = point.filter(|point| self.waypoints.want(point)) else { return };
        if let (Some(stage), Some(passed)) = (&self.stage, self.player.passed()) {
            let (size, picture) = stage.picture();
            self.waypoints.keep(Waypoint { point, passed, size, picture });
        }
    }

    /// To a terminal what is harmless of it, to anything else every byte.
    fn show(&mut self, output: Bytes) {
        let shown = match &mut self.stage {
            Some(stage) => stage.show(&output).into(),
            None => output,
        };
        self.pending = Some(shown).filter(|shown| !shown.is_empty());
    }

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn typed(&mut self, typed: Option<Typed>) -> Option<Left> {
        let Some(Typed::Bytes(bytes)) = typed else {
            // The terminal is gone.
            return Some(Left::Sign(Sign::HangUp));
        };
        let now = self.now();
        let leave = self.keys.take(&bytes).into_iter().any(|key| self.player.press(key, now));
        leave.then_some(Left::Key)
    }

    fn signed(&mut self, sign: Sign) -> Option<Left> {
        match sign {
            Sign::Interrupt | Sign::Terminate | Sign::HangUp => return Some(Left::Sign(sign)),
            Sign::Resized => {
                self.stage.iter_mut().for_each(|stage| stage.make_room(terminal_size()));
            }
            Sign::Continued => self.held.iter().for_each(HeldTerminal::hold_again),
            Sign::Suspend => self.stand_still(),
        }
        None
    }

    /// Stands still until somebody continues us, with the terminal as it was.
    fn stand_still(&mut self) {
        self.player.suspend(true, self.now());
        if let Some(stage) = &self.stage {
            print_directly(&stage.leave());
        }
        self.held.iter().for_each(HeldTerminal::let_go);
        // It cannot be refused: every process may stop itself.
        let _: Result<(), _> = kill_process(getpid(), Signal::STOP);
        if in_foreground() {
            self.held.iter().for_each(HeldTerminal::hold_again);
        }
        self.player.suspend(false, self.now());
        // The shell has written over it meanwhile.
        if let Some(stage) = &mut self.stage {
            self.pending = Some(stage.draw().into());
        }
    }

    /// Writes what is left, and gives the terminal back.
    async fn leave(mut self, left: Result<Left, Failure>) -> Result<u8, Failure> {
        let undo = self.stage.as_ref().map(Stage::leave).unwrap_or_default();
        let written = self.writer.finish();
        let (written, code) = match left {
            Ok(Left::End) => {
                // A terminal that stands still is waited for, until somebody has enough.
                tokio::select! {
                    written = written => (Some(written), Ok(0)),
                    sign = self.signals.next_end() => (None, Ok(sign.exit_code())),
                }
            }
            Ok(Left::Key) => (in_time(written).await, Ok(0)),
            Ok(Left::Sign(sign)) => (in_time(written).await, Ok(sign.exit_code())),
            Ok(Left::OutputFailed) => (in_time(written).await, Err(Failure::ReaderGone)),
            Err(failure) => (in_time(written).await, Err(failure)),
        };
        // While a write stands still, another one would too.
        if written.is_some() {
            print_directly(&undo);
        }
        drop(self.held.take());
        match written {
            Some(Err(error)) => Err(of_output(&error)),
            Some(Ok(())) | None => code,
        }
    }
}

/// A reader that stands still does not get the rest: then there is nothing to say of it.
async fn in_time(written: impl Future<Output = io::Result<()>>) -> Option<io::Result<()>> {
    timeout(LEAVE_WAIT_MAX, written).await.ok()
}

async fn until(waiting: &Waiting) {
    match waiting {
        Waiting::Until(moment) => sleep_until(*moment).await,
        Waiting::Room | Waiting::More | Waiting::Rest => std::future::pending().await,
    }
}

fn print_directly(bytes: &[u8]) {
    let mut output = io::stdout().lock();
    // A terminal that is gone needs nothing back.
    drop(output.write_all(bytes).and_then(|()| output.flush()));
}
