//! A viewer of one task: its newest screen on the person's own terminal, painted anew from a model of ours, and their keys to
//! the task. Nothing that the task printed reaches the terminal as it is. However much it prints, the terminal gets a picture
//! at a time, and the terminal is given back as it was on every way out.

mod backlog;
mod ending;
mod mouse;
mod scrolling;
mod viewer;

use std::io::{self, Write};
use std::time::Duration;

use axiom_client::{ClientError, Connection, Event, Feed, Place};
use axiom_proto::api::{ScreenAnswer, ScreenRequest};
use axiom_proto::frame::{Frame, FrameKind, Header};
use axiom_proto::live::StartAt;
use axiom_proto::record::Record;
use axiom_proto::summary::Summary;
use axiom_proto::task::{Status, TaskView};
use axiom_screen::{Answers, ENTER, Input, LEAVE, Screen, Size};
use bytes::Bytes;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::foreground::{INTERRUPT_KEY, Keyboard, Keys, SHOWN, Steering, at};
use crate::here::terminal_size;
use crate::lines::one_line;
use crate::signals::{Sign, Signals};
use crate::stdio::{Stream, Typed, Writer, read_input};
use crate::terminal::{HeldTerminal, dim_line};
use scrolling::Scrolling;
use viewer::{Lasting, Viewer};

/// How long a server may be away before that is said.
const AWAY_NOTE_AFTER: Duration = Duration::from_secs(1);

/// How long a note stands that nothing takes away.
const NOTE_TIME: Duration = Duration::from_secs(3);

/// Pictures that may wait for the terminal: one, so that a slow one shows the newest.
const PICTURES_MAX: usize = 1;

/// Events that are taken before the next look at keys and terminal; a flood has far more.
const EVENTS_AT_ONCE_MAX: usize = 64;

/// A whole screen, to go on from.
pub(crate) const MODEL: ScreenRequest = ScreenRequest { dump: false, model: true, at: None };

/// What gives the terminal back in a panic.
pub(crate) const UNDO: &str = match std::str::from_utf8(LEAVE) {
    Ok(text) => text,
    Err(_) => panic!("it is plain ASCII"),
};

/// Why the loop was left.
#[derive(Debug)]
enum Leaving {
    /// The task is over.
    Ended,
    /// The person wants to, or the terminal is gone.
    Detached,
    /// The terminal cannot be written.
    OutputFailed,
}

/// What is to be seen, and by whom.
#[derive(Debug)]
pub(crate) struct Attach {
    /// The server.
    pub(crate) place: Place,
    /// The task.
    pub(crate) task: TaskView,
    /// Its screen.
    pub(crate) screen: ScreenAnswer,
    /// True if nothing is typed, and the size of the task's terminal is left to others.
    pub(crate) read_only: bool,
}

impl Attach {
    /// Stays until the task is over or is left. Gives the exit code.
    ///
    /// # Errors
    /// [`Failure`] when there is no server for good, and when the terminal fails.
    pub(crate) async fn run(self) -> Result<u8, Failure> {
        let own = |error: io::Error| Failure::own(format!("take the terminal: {error}"), "");
        let mut signals = Signals::take().map_err(own)?;
        signals.take_suspend().map_err(own)?;
        let terminal = HeldTerminal::raw(UNDO).map_err(own)?;
        let name = self.task.name.as_deref().map(one_line);
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        dim_line(&format!("task {}{name} · detach with {SHOWN}", self.task.id.short()));
        show(ENTER).map_err(own)?;
        let mut feed = Feed::new(self.place.clone());
        feed.subscribe(self.task.id, StartAt::Cursor(self.screen.at));
        feed.watch(vec![self.task.id]);
        let keyboard = read_input();
        let mut wires = Wires { feed, signals, keyboard, writer: Writer::start_with(PICTURES_MAX) };
        let mut state = State::new(self, terminal);
        state.greet();
        let left = wires.run(&mut state).await;
        ending::leave(wires, state, left).await
    }
}

/// Waits for lines to scroll through, if any were asked for.
async fn fetched(scrolling: &mut Option<Scrolling>) -> Result<(), ClientError> {
    match scrolling {
        Some(scrolling) => scrolling.fetched().await,
        None => std::future::pending().await,
    }
}

/// Writes at once what must be written in order with nothing else.
fn show(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}

/// The size of the viewer's terminal.
fn room() -> Size {
    let size = terminal_size();
    Size::nearest(size.map_or(0, |size| size.cols.into()), size.map_or(0, |size| size.rows.into()))
}

/// The screen that a server told of.
fn model_of(answer: &ScreenAnswer) -> Screen {
    let mut screen = Screen::new(Size::nearest(answer.size.cols.into(), answer.size.rows.into()));
    if let Some(model) = &answer.model {
        screen.feed(&model.0, &mut Answers::default());
    }
    screen
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
    place: Place,
    task: TaskView,
    terminal: HeldTerminal,
    viewer: Viewer,
    steering: Steering,
    keyboard: Keyboard,
    scrolling: Option<Scrolling>,
    summary: Summary,
    read_only: bool,
    away_note_at: Option<Instant>,
    /// Output is no longer kept that would be needed to go on.
    lost_track: bool,
}

impl Wires {
    async fn run(&mut self, state: &mut State) -> Result<Leaving, Failure> {
        loop {
            let due = state.viewer.due_at();
            let is_due = due.is_some_and(|due| due <= Instant::now());
            let leaving = tokio::select! {
                sign = self.signals.next() => state.signed(sign)?,
                typed = self.keyboard.recv(), if state.steering.has_room() => state.typed(typed),
                room = self.writer.room(), if is_due => match room {
                    Some(room) => {
                        let picture = state.viewer.paint(Instant::now());
                        if !picture.is_empty() {
                            room.send((Stream::Output, picture));
                        }
                        None
                    }
                    None => Some(Leaving::OutputFailed),
                },
                event = self.feed.next() => state.told_all(event?, &mut self.feed)?,
                () = at(due), if !is_due => None,
                fetched = fetched(&mut state.scrolling) => state.scrolled(fetched.err()),
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
            if std::mem::take(&mut state.lost_track) {
                self.begin_again(state).await?;
            }
            let orders = state.steering.orders(Instant::now());
            if !orders.is_empty() {
                orders.into_iter().for_each(|order| self.feed.order(order));
                self.feed.nudge().await;
            }
        }
    }

    /// Asks for the whole screen once more, and goes on from there.
    async fn begin_again(&mut self, state: &mut State) -> Result<(), Failure> {
        let mut connection = Connection::open(state.place.clone()).await?;
        let answer = connection.screen(state.task.id.as_str(), MODEL).await?;
        self.feed.unsubscribe(state.task.id);
        self.feed.subscribe(state.task.id, StartAt::Cursor(answer.at));
        state.viewer.replace(model_of(&answer));
        Ok(())
    }
}

impl State {
    fn new(what: Attach, terminal: HeldTerminal) -> Self {
        let input = if what.read_only { Input::None } else { Input::Task };
        Self {
            viewer: Viewer::new(model_of(&what.screen), room(), input, Instant::now()),
            steering: Steering::new(what.task.id, true),
            keyboard: Keyboard::with_scrolling(),
            scrolling: None,
            summary: Summary::default(),
            read_only: what.read_only,
            away_note_at: None,
            lost_track: false,
            place: what.place,
            task: what.task,
            terminal,
        }
    }

    /// Says how to leave, and takes the size.
    fn greet(&mut self) {
        let keys = format!("{SHOWN} detaches · Ctrl-] [ scrolls back");
        let keys = if self.read_only { format!("read-only · {keys}") } else { keys };
        self.viewer.note(keys, Lasting::UntilKey(Instant::now() + NOTE_TIME));
        if self.task.status == Status::Queued {
            self.say("queued: it starts when other tasks have ended");
        }
        self.claim_size();
    }

    /// Who attached, typed or was resized last has the say about the size of the task's terminal.
    fn claim_size(&mut self) {
        let room = self.viewer.room();
        if !self.read_only && self.viewer.size() != room {
            let size = axiom_proto::task::Size { cols: room.columns(), rows: room.rows() };
            self.steering.resize(size);
        }
    }

    fn signed(&mut self, sign: Sign) -> Result<Option<Leaving>, Failure> {
        match sign {
            Sign::Resized => {
                self.viewer.make_room(room());
                self.claim_size();
                if let Some(scrolling) = &mut self.scrolling {
                    scrolling.resize(room());
                    self.show_page();
                }
            }
            Sign::Continued => self.take_again()?,
            Sign::Suspend => {
                drop(show(LEAVE));
                self.terminal.let_go();
                // It cannot be refused: every process may stop itself.
                let _: Result<(), _> = kill_process(getpid(), Signal::STOP);
            }
            Sign::Interrupt | Sign::Terminate | Sign::HangUp => {
                return Ok(Some(Leaving::Detached));
            }
        }
        Ok(None)
    }

    /// The terminal after others had it.
    fn take_again(&mut self) -> Result<(), Failure> {
        self.terminal.hold_again();
        show(ENTER).map_err(|error| crate::failure::of_output(&error))?;
        self.viewer.enter_again(room());
        Ok(())
    }

    fn typed(&mut self, typed: Option<Typed>) -> Option<Leaving> {
        match typed {
            Some(Typed::Bytes(bytes)) => {
                let keys = self.keyboard.sent(&bytes, Instant::now());
                self.pressed(keys)
            }
            // The terminal is gone.
            Some(Typed::End) | None => Some(Leaving::Detached),
        }
    }

    fn pressed(&mut self, keys: Keys) -> Option<Leaving> {
        let keys = match keys {
            Keys::Type(keys) => keys,
            Keys::Detach(_) => return Some(Leaving::Detached),
            Keys::Scroll(typed, keys) => {
                let leaving = self.pressed(Keys::Type(typed));
                if self.scrolling.is_none() {
                    let (place, room) = (self.place.clone(), self.viewer.room());
                    self.scrolling = Some(Scrolling::begin(place, self.task.id, room));
                }
                return leaving.or_else(|| self.pressed(Keys::Type(keys)));
            }
        };
        if !keys.is_empty() {
            self.viewer.pressed();
        }
        if let Some(scrolling) = &mut self.scrolling {
            if scrolling.press(&keys) {
                self.show_page();
            } else {
                self.scrolling = None;
                self.viewer.show_screen();
            }
            return None;
        }
        if self.read_only {
            // Nothing else can be meant by it.
            return keys.contains(&INTERRUPT_KEY).then_some(Leaving::Detached);
        }
        if !keys.is_empty() && !mouse::is_focus(&keys) {
            self.claim_size();
        }
        self.steering.typing.push(&mouse::placed(keys, self.viewer.place()));
        None
    }

    /// Takes an event, and those that are there already: a picture shows what all of them made.
    fn told_all(&mut self, event: Event, feed: &mut Feed) -> Result<Option<Leaving>, Failure> {
        let mut leaving = self.told(event)?;
        for _ in 1..EVENTS_AT_ONCE_MAX {
            if leaving.is_some() {
                break;
            }
            let Some(event) = feed.next_now() else { break };
            leaving = self.told(event)?;
        }
        Ok(leaving)
    }

    /// Lines came, or did not.
    fn scrolled(&mut self, error: Option<ClientError>) -> Option<Leaving> {
        if let Some(error) = error {
            self.say(&format!("cannot scroll back: {error}"));
        }
        self.show_page();
        None
    }

    fn show_page(&mut self) {
        if let Some((rows, words)) = self.scrolling.as_ref().and_then(Scrolling::page) {
            self.viewer.show_page(rows, words);
        }
    }

    fn told(&mut self, event: Event) -> Result<Option<Leaving>, Failure> {
        match event {
            Event::Frame { header, payload, .. } => return Ok(self.frame(&header, &payload)),
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
            Event::Connected { .. } => {
                self.away_note_at = None;
                self.viewer.take_standing_note_away();
            }
            Event::Gone(..) => self.lost_track = true,
            // It is removed after its end, of which the frames tell.
            Event::Removed(_) => {}
            Event::Silent => {
                self.viewer.note(crate::verbs::silence(&self.place.home), Lasting::Standing)
            }
            Event::Answers => self.viewer.take_standing_note_away(),
        }
        Ok(None)
    }

    fn frame(&mut self, header: &Header, payload: &Bytes) -> Option<Leaving> {
        self.summary.fold(&Frame { header: *header, payload });
        match header.kind {
            FrameKind::Output => self.viewer.feed(payload, Instant::now()),
            FrameKind::Record => {
                if let Record::Resized { size } | Record::Started { size: Some(size), .. } =
                    Record::decode(payload)
                {
                    self.viewer.resize(Size::nearest(size.cols.into(), size.rows.into()));
                }
                let summary = &self.summary;
                let over = summary.status.is_ended() && summary.output_end.is_some();
                return (over || summary.failure.is_some()).then_some(Leaving::Ended);
            }
            FrameKind::ErrorOutput
            | FrameKind::Input
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
        None
    }

    fn viewed(&mut self, view: TaskView) -> Option<Leaving> {
        let before = std::mem::replace(&mut self.task, view);
        if let Some(reason) = self.task.paused.clone()
            && before.paused.as_ref() != Some(&reason)
        {
            self.say(&format!("the output stands still: {reason}"));
        }
        // A task that ended without ever having a session has no frames.
        (self.task.status.is_ended() && self.task.session == 0).then_some(Leaving::Ended)
    }

    fn note_away(&mut self) -> Option<Leaving> {
        self.away_note_at = None;
        let words =
            "the server is away; the task runs on, and this goes on when the server is back";
        self.viewer.note(words.to_owned(), Lasting::Standing);
        None
    }

    fn say(&mut self, words: &str) {
        self.viewer.note(one_line(words), Lasting::Until(Instant::now() + NOTE_TIME));
    }
}
