//! One task in the foreground: its bytes to our streams exactly, our keys or pipe to it, sizes and signals along. On a
//! terminal without what asks it something, and without what it says by itself: the task's own side answers.
//! It goes on through servers' deaths without a word, but for a note after a second. What it decides is in the files
//! beside it; here is the loop that waits for all of it.

mod detach;
mod ending;
mod keyboard;
mod modes;
mod steering;
mod typing;

use std::io;
use std::time::Duration;

use axiom_client::{Connection, Event, Feed, Place};
use axiom_proto::api::StopRequest;
use axiom_proto::frame::{Frame, FrameKind, Header};
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::summary::Summary;
use axiom_proto::task::{Mode, Size, Status, TaskView};
use axiom_screen::Questions;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::failure::{Failure, of_output};
use crate::here::{Terminals, terminal_size};
use crate::quantities::not_kept;
use crate::signals::{Sign, Signals};
use crate::stdio::{Stream, Typed, Writer, no_input, read_input};
use crate::terminal::{HeldTerminal, dim_line};
use modes::Modes;

pub(crate) use detach::{Keys, SHOWN};
pub(crate) use keyboard::Keyboard;
pub(crate) use steering::Steering;

/// How long a server may be away before that is said.
const AWAY_NOTE_AFTER: Duration = Duration::from_secs(1);

/// How long the last output may take to reach a reader that stands still, once a signal says that we should leave.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);

/// What Ctrl-C sends on a raw terminal.
pub(crate) const INTERRUPT_KEY: u8 = 0x03;

/// Why the loop was left.
#[derive(Debug)]
enum Leaving {
    /// The task is over.
    Ended,
    /// The person wants to, or the terminal is gone.
    Detached,
    /// A second signal.
    Signalled(Sign),
    /// Nobody reads our output, or it cannot be written.
    OutputFailed,
}

/// What is shown and steered.
#[derive(Debug, Clone)]
pub(crate) struct Foreground {
    /// The server.
    pub place: Place,
    /// The task.
    pub task: TaskId,
    /// What its standard streams are.
    pub mode: Mode,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The command's first word, for people.
    pub program: String,
    /// True where our terminal listens to somebody else: it is neither read nor changed.
    pub background: bool,
}

impl Foreground {
    /// Stays until the task is over or is left. Gives the exit code.
    ///
    /// # Errors
    /// [`Failure`] when there is no server, and when our own streams fail.
    pub(crate) async fn run(self) -> Result<u8, Failure> {
        let own = |error: io::Error| Failure::own(format!("take the terminal: {error}"), "");
        let signals = Signals::take().map_err(own)?;
        let ours = Terminals::of_process().input && !self.background;
        let raw = self.mode == Mode::Terminal && ours;
        let terminal = if raw { Some(HeldTerminal::raw("").map_err(own)?) } else { None };
        if raw {
            let name = self.name.as_deref().map(crate::lines::one_line);
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            dim_line(&format!("task {}{name} · detach with {}", self.task.short(), detach::SHOWN));
        }
        let mut feed = Feed::new(self.place.clone());
        feed.subscribe(self.task, StartAt::Start);
        feed.watch(vec![self.task]);
        let mut wires = Wires {
            feed,
            signals,
            keyboard: if self.background { no_input() } else { read_input() },
            writer: Writer::start(),
        };
        let mut state = State::new(&self, terminal);
        let left = wires.run(&mut state).await;
        let Self { task, place, program, .. } = self;
        ending::leave(wires, state, ending::Left { task, place, program, why: left }).await
    }
}

/// What we wait for.
struct Wires {
    feed: Feed,
    signals: Signals,
    keyboard: mpsc::Receiver<Typed>,
    writer: Writer,
}

/// What we know.
struct State {
    mode: Mode,
    terminal: Option<HeldTerminal>,
    summary: Summary,
    view: Option<TaskView>,
    steering: Steering,
    keyboard: Keyboard,
    /// What of the output a terminal of ours is shown; a pipe or a file gets all of it.
    questions: Option<Questions>,
    /// The size that the task's terminal has by us: others may give it another one.
    size: Option<Size>,
    modes: Modes,
    /// Taken from the feed and not given to the writer yet.
    output: Option<(Stream, Bytes)>,
    away_note_at: Option<Instant>,
    interrupted: bool,
    place: Place,
    task: TaskId,
    /// Takes the task out of the queue, after an interrupt.
    cancelling: Option<JoinHandle<()>>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.cancelling.iter().for_each(JoinHandle::abort);
    }
}

impl Wires {
    async fn run(&mut self, state: &mut State) -> Result<Leaving, Failure> {
        loop {
            let leaving = tokio::select! {
                sign = self.signals.next() => state.signed(sign),
                typed = self.keyboard.recv(), if state.steering.has_room() => state.typed(typed),
                room = self.writer.room(), if state.output.is_some() => match room {
                    Some(room) => {
                        if let Some(output) = state.output.take() {
                            room.send(output);
                        }
                        None
                    }
                    None => Some(Leaving::OutputFailed),
                },
                event = self.feed.next(), if state.output.is_none() => state.told(event?)?,
                () = at(state.away_note_at) => state.note_away(),
                () = at(state.steering.wakes_at()) => None,
                () = at(state.keyboard.wakes_at()) => {
                    let keys = state.keyboard.waited();
                    state.pressed(keys)
                }
            };
            if let Some(leaving) = leaving {
                return Ok(leaving);
            }
            let orders = state.steering.orders(Instant::now());
            if !orders.is_empty() {
                orders.into_iter().for_each(|order| self.feed.order(order));
                // Even while our reader stands still: what is ordered may be to stop the flood.
                self.feed.nudge().await;
            }
        }
    }
}

/// Stops a task that waits. If it cannot be stopped, it is still there, and the next key asks again.
async fn cancel(place: Place, task: TaskId) {
    let Ok(mut connection) = Connection::open(place).await else { return };
    drop(connection.stop(task.as_str(), StopRequest::default()).await);
}

/// Waits for a moment, or for ever.
pub(crate) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl State {
    fn new(what: &Foreground, terminal: Option<HeldTerminal>) -> Self {
        let steering = Steering::new(what.task, terminal.is_some());
        Self {
            mode: what.mode,
            terminal,
            summary: Summary::default(),
            view: None,
            steering,
            keyboard: Keyboard::default(),
            questions: (what.mode == Mode::Terminal && Terminals::of_process().output)
                .then(Questions::new),
            size: None,
            modes: Modes::default(),
            output: None,
            away_note_at: None,
            interrupted: false,
            place: what.place.clone(),
            task: what.task,
            cancelling: None,
        }
    }

    fn is_queued(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.status == Status::Queued)
    }

    /// Takes the task out of the queue; its end is told as any end is.
    fn cancel(&mut self) {
        if self.cancelling.is_none() {
            self.cancelling = Some(tokio::spawn(cancel(self.place.clone(), self.task)));
        }
    }

    fn signed(&mut self, sign: Sign) -> Option<Leaving> {
        match sign {
            Sign::Interrupt | Sign::Terminate if self.is_queued() && self.cancelling.is_none() => {
                self.cancel();
            }
            Sign::Resized => self.resize(),
            Sign::Continued => {
                self.terminal.iter().for_each(HeldTerminal::hold_again);
                self.resize();
            }
            // Not taken here: it suspends us, as it does any program.
            Sign::Suspend => {}
            Sign::HangUp => return Some(Leaving::Detached),
            Sign::Interrupt | Sign::Terminate if self.terminal.is_some() => {
                return Some(Leaving::Detached);
            }
            Sign::Interrupt | Sign::Terminate if self.interrupted => {
                return Some(Leaving::Signalled(sign));
            }
            Sign::Interrupt => self.interrupt(None),
            Sign::Terminate => self.interrupt(Some(libc::SIGTERM)),
        }
        None
    }

    fn interrupt(&mut self, signal: Option<i32>) {
        self.interrupted = true;
        self.steering.interrupt(signal);
    }

    fn resize(&mut self) {
        if self.mode == Mode::Terminal
            && let Some(size) = terminal_size()
        {
            self.size = Some(size);
            self.steering.resize(size);
        }
    }

    /// Who types has the say: the size that this terminal gave is taken back from who changed it since.
    fn take_size_back(&mut self) {
        if let (Some(ours), Some(theirs)) = (self.size, self.summary.size)
            && ours != theirs
        {
            self.steering.resize(ours);
        }
    }

    fn typed(&mut self, typed: Option<Typed>) -> Option<Leaving> {
        let bytes = match typed {
            Some(Typed::Bytes(bytes)) => bytes,
            // A terminal that ends is gone; a pipe that ends is the end of the input.
            Some(Typed::End) | None if self.terminal.is_some() => return Some(Leaving::Detached),
            Some(Typed::End) | None => {
                self.steering.typing.end();
                return None;
            }
        };
        if self.terminal.is_none() {
            self.steering.typing.push(&bytes);
            return None;
        }
        if self.is_queued() && bytes.contains(&INTERRUPT_KEY) {
            self.cancel();
            return None;
        }
        let keys = self.keyboard.sent(&bytes, Instant::now());
        self.pressed(keys)
    }

    fn pressed(&mut self, keys: Keys) -> Option<Leaving> {
        match keys {
            Keys::Type(keys) => {
                if !keys.is_empty() {
                    self.take_size_back();
                }
                self.steering.typing.push(&keys);
                None
            }
            Keys::Detach(_) => Some(Leaving::Detached),
            Keys::Scroll(..) => unreachable!("it is not asked for here"),
        }
    }

    fn told(&mut self, event: Event) -> Result<Option<Leaving>, Failure> {
        match event {
            Event::Frame { header, payload, .. } => return Ok(self.frame(&header, payload)),
            Event::Ended(_) => return Ok(Some(Leaving::Ended)),
            Event::Task(view) => return Ok(self.viewed(*view)),
            Event::Outcome(_, outcome) => {
                if let Some(words) = self.steering.answered(&outcome) {
                    self.say(&words);
                }
            }
            Event::CommandRefused { order, error } => {
                if let Some(words) = self.steering.refused(order, error, Instant::now()) {
                    self.say(&words);
                }
            }
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                return Err(error.into());
            }
            Event::Away { .. } => self.away_note_at = Some(Instant::now() + AWAY_NOTE_AFTER),
            Event::Connected { .. } => self.away_note_at = None,
            // It is removed after its end, of which the frames tell.
            Event::Removed(_) => {}
            Event::Gone(_, gone) if gone.bytes() > 0 => self.say(&not_kept(gone)),
            Event::Gone(..) => {}
            Event::Silent => dim_line(&crate::verbs::silence(&self.place.home)),
            Event::Answers => dim_line("the server answers again"),
        }
        Ok(None)
    }

    fn frame(&mut self, header: &Header, payload: Bytes) -> Option<Leaving> {
        self.summary.fold(&Frame { header: *header, payload: &payload });
        let stream = match header.kind {
            FrameKind::Output => Stream::Output,
            FrameKind::ErrorOutput => Stream::Error,
            FrameKind::Record => {
                self.size = self.size.or(self.summary.size);
                return self.is_over().then_some(Leaving::Ended);
            }
            FrameKind::Input | FrameKind::Keyframe | FrameKind::Control | FrameKind::Other(_) => {
                return None;
            }
        };
        if self.terminal.is_some() {
            self.modes.watch(&payload);
        }
        let shown = match &mut self.questions {
            Some(questions) => {
                let mut shown = Vec::with_capacity(payload.len());
                questions.feed(&payload, &mut shown);
                Bytes::from(shown)
            }
            None => payload,
        };
        self.output = (!shown.is_empty()).then_some((stream, shown));
        None
    }

    /// True once nothing more can come that matters here: what is journaled after it is for others.
    fn is_over(&self) -> bool {
        let summary = &self.summary;
        summary.failure.is_some() || (summary.status.is_ended() && summary.output_end.is_some())
    }

    fn viewed(&mut self, view: TaskView) -> Option<Leaving> {
        let before = self.view.replace(view.clone());
        let was = before.as_ref().map(|view| view.status);
        if view.status == Status::Queued && was != Some(Status::Queued) {
            self.say("queued: it starts when other tasks have ended; Ctrl-C takes it out");
        }
        if let Some(reason) = &view.paused
            && before.and_then(|view| view.paused).as_ref() != Some(reason)
        {
            self.say(&format!("the output stands still: {reason}"));
        }
        // A task that ended without ever having a session has no frames.
        (view.status.is_ended() && view.session == 0).then_some(Leaving::Ended)
    }

    fn note_away(&mut self) -> Option<Leaving> {
        self.away_note_at = None;
        self.say("the server is away; the task runs on, and this goes on when the server is back");
        None
    }

    fn say(&self, words: &str) {
        dim_line(&crate::lines::one_line(words));
    }
}

/// What finishing the output came to.
fn of_writing(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| of_output(&error))
}
