//! Many tasks as one live stream, across servers' deaths: the loop that waits for frames, signals, time and the reader.
//! What is said is decided by [`merged`]; here is only what waits and writes.

mod clock;
mod drawing;
mod escape;
mod json;
mod labels;
mod line;
mod lines;
mod merged;
mod name;
mod notice;
mod page;
mod palette;
mod region;
mod row;
mod screen;
mod sizes;
mod stopping;
mod tally;

use std::time::Duration;

use axiom_client::{Connection, Event, Feed, Order, Place, new_command_id};
use axiom_proto::command::Action;
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::task::TaskView;
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::conclusion::Conclusion;
use crate::failure::{Failure, note, of_output};
use crate::signals::{Sign, Signals};
use crate::stdio::{self, OutputWatch, Writer};
use clock::Clock;
use labels::Labels;
use merged::Merged;
use screen::Screen;
use sizes::ChildSizes;
use stopping::Stopping;

pub(crate) use drawing::Drawing;
#[cfg(test)]
pub(crate) use drawing::LEAVE;
pub(crate) use labels::{Called, numbered};
pub(crate) use lines_of_text::marked_lines;
pub(crate) use merged::Face;
pub(crate) use page::Layout;
pub(crate) use palette::ColorChoice;
pub(crate) use screen::SilentKeys;
pub(crate) use sizes::beside;

/// Milliseconds; moments count from the Unix epoch.
pub(crate) type Millis = u64;

/// Text is gathered up to here before it is written, while more is at hand.
const BATCH_BYTES: usize = 256 * 1024;

/// What the first Ctrl-C says.
const ASKED: &str = "asked every task to stop; Ctrl-C once more leaves them running";

/// What it says where no server is.
const ASKED_LATER: &str = "no server is there: every task is asked to stop when one is back; Ctrl-C once more leaves them running";

/// How long a server may be away before that is said.
const AWAY_NOTE_AFTER: Millis = 1_000;

/// How long the last text may take to reach a reader that stands still, once a signal says that we should leave.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);

/// One task of the stream.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The task as it is now.
    pub(crate) view: TaskView,
    /// Where to start.
    pub(crate) start: StartAt,
    /// Its place among the commands of `run --each`, from 0.
    pub(crate) place: Option<usize>,
}

/// How far the stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Until every task is over.
    End,
    /// To what each has printed by now, and no further.
    Now,
}

/// Which tasks come later, besides those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Newcomers {
    /// None: the stream ends with its tasks.
    None,
    /// Every task but those that are not wanted; the stream goes on until it is left.
    All(Wanted),
}

/// What a newcomer must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Its tag.
    pub(crate) tag: Option<String>,
    /// Its parent.
    pub(crate) parent: Option<TaskId>,
    /// Tasks that had ended before.
    pub(crate) not: Vec<TaskId>,
}

impl Wanted {
    fn takes(&self, view: &TaskView) -> bool {
        let tag = self.tag.as_ref().is_none_or(|tag| view.tags.contains(tag));
        let parent = self.parent.is_none_or(|parent| view.parent == Some(parent));
        tag && parent && !self.not.contains(&view.id)
    }
}

/// What a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// The first asks the tasks to stop, the second leaves them.
    AskThenLeave,
    /// It leaves them.
    Leave,
}

/// What is shown, and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// The first words.
    pub(crate) banner: String,
    /// For whom.
    pub(crate) face: Face,
    /// A silence of this length is said; none where it is zero.
    pub(crate) idle_after: Duration,
    /// What a signal does.
    pub(crate) on_signal: OnSignal,
    /// Who may come later.
    pub(crate) newcomers: Newcomers,
    /// How far it goes.
    pub(crate) extent: Extent,
    /// Children's terminals follow ours, less so many columns.
    pub(crate) child_mark: Option<u16>,
}

/// How the stream ended.
#[derive(Debug)]
pub(crate) enum Viewed {
    /// Every task is over: how, in the members' order. Nothing where only what is there was wanted.
    Ended(Vec<Conclusion>),
    /// Left by this signal; these tasks run on.
    Left(Sign, Vec<TaskId>),
}

/// The stream.
pub(crate) struct Stream {
    place: Place,
    feed: Feed,
    merged: Merged,
    screen: Screen,
    clock: Clock,
    on_signal: OnSignal,
    newcomers: Newcomers,
    extent: Extent,
    members: Vec<TaskId>,
    sizes: ChildSizes,
    stopping: Stopping,
    away: Away,
}

/// How the loop was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Every task is over.
    Over,
    /// A signal ends it.
    Left(Sign),
    /// We are to be suspended, and go on later.
    Suspended,
}

/// Whether the server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Away {
    No,
    /// It is said at this moment.
    SayAt(Millis),
    Said,
}

impl Stream {
    /// A stream of these tasks.
    #[must_use]
    pub(crate) fn new(place: Place, members: Vec<Member>, options: Options) -> Self {
        let clock = Clock::start();
        let idle_after = u64::try_from(options.idle_after.as_millis()).unwrap_or(u64::MAX);
        let names = members.iter().filter(|member| member.place.is_none());
        let labels = Labels::of(names.map(|member| member.view.name.as_deref()));
        let merged = Merged::new(clock.now(), options.face, (idle_after, labels));
        let ids: Vec<TaskId> = members.iter().map(|member| member.view.id).collect();
        let mut feed = Feed::new(place.clone());
        feed.watch(match options.newcomers {
            Newcomers::None => ids.clone(),
            Newcomers::All(_) => Vec::new(),
        });
        let mut stream = Self {
            place,
            feed,
            merged,
            screen: match options.extent {
                Extent::End => Screen::new(options.face),
                Extent::Now => Screen::Plain,
            },
            clock,
            on_signal: options.on_signal,
            newcomers: options.newcomers,
            extent: options.extent,
            members: ids,
            sizes: ChildSizes::new(options.child_mark),
            stopping: Stopping::Unasked,
            away: Away::No,
        };
        if let Some(size) = stream.screen.size() {
            stream.merged.resized(size);
        }
        if !options.banner.is_empty() {
            stream.merged.say(stream.clock.now(), &options.banner);
        }
        members.into_iter().for_each(|member| stream.add(member));
        stream
    }

    fn add(&mut self, member: Member) {
        self.feed.subscribe(member.view.id, member.start);
        self.merged.add(self.clock.now(), member, self.extent);
    }

    /// Shows the stream until every task is over, or a signal ends it.
    ///
    /// # Errors
    /// [`Failure`] when there is no server, and when nobody reads us.
    pub(crate) async fn run(self) -> Result<Viewed, Failure> {
        let signals = Signals::take().map_err(|error| of_signals(&error))?;
        self.run_after(signals, None).await
    }

    /// The same, for who takes signals already and may have got one.
    ///
    /// # Errors
    /// As [`Stream::run`].
    pub(crate) async fn run_after(
        mut self,
        mut signals: Signals,
        sign: Option<Sign>,
    ) -> Result<Viewed, Failure> {
        if self.screen.is_live() {
            signals.take_suspend().map_err(|error| of_signals(&error))?;
        }
        let at_once = sign.and_then(|sign| self.signed(sign));
        let mut writer = Writer::start();
        let mut output = OutputWatch::start();
        let way = loop {
            let way = match at_once {
                Some(way) => Ok(way),
                None => self.show(&mut signals, (&writer, &mut output)).await,
            };
            match way {
                Ok(Way::Suspended) => self.suspend(&mut writer).await?,
                way => break way,
            }
        };
        if let (Ok(Way::Over), Extent::End) = (&way, self.extent) {
            self.merged.conclude(self.clock.now());
        }
        let last = self.screen.leave(&self.merged.take());
        let leaving = matches!(way, Ok(Way::Left(_)));
        let written = self.finish(writer, last, leaving).await;
        match way {
            Ok(Way::Over | Way::Suspended) => {
                written?;
                self.conclusions().await.map(Viewed::Ended)
            }
            Ok(Way::Left(sign)) => Ok(Viewed::Left(sign, self.merged.live().collect())),
            Err(failure) => Err(written.err().unwrap_or(failure)),
        }
    }

    /// Writes the last text. Who was told to leave does not wait for a reader that stands still.
    async fn finish(&self, writer: Writer, last: String, leaving: bool) -> Result<(), Failure> {
        let finish = async {
            if !last.is_empty()
                && let Some(room) = writer.room().await
            {
                room.send((stdio::Stream::Output, last.into()));
            }
            writer.finish().await.map_err(|error| of_output(&error))
        };
        if !leaving {
            return finish.await;
        }
        tokio::time::timeout(LEAVE_WAIT_MAX, finish).await.unwrap_or(Ok(()))
    }

    async fn show(
        &mut self,
        signals: &mut Signals,
        (writer, output): (&Writer, &mut OutputWatch),
    ) -> Result<Way, Failure> {
        loop {
            let now = self.clock.now();
            self.tick(now);
            let full = self.merged.len() >= BATCH_BYTES;
            let write_at = self.screen.write_at(now, &self.merged).filter(|_| !full);
            let write_now = full || write_at.is_some_and(|at| at <= now);
            if self.newcomers == Newcomers::None && self.merged.is_over() && !full {
                return Ok(Way::Over);
            }
            let wakes_at = [write_at.filter(|_| !write_now), self.wakes_at()];
            let wakes_at = wakes_at.into_iter().flatten().min();
            let wakes_at = wakes_at.map(|moment| self.clock.instant(moment.max(now + 1)));
            tokio::select! {
                sign = signals.next() => {
                    if let Some(way) = self.signed(sign) {
                        return Ok(way);
                    }
                    self.feed.nudge().await;
                }
                room = writer.room(), if write_now => match room {
                    Some(room) => {
                        let text = self.screen.write(self.clock.now(), &mut self.merged);
                        room.send((stdio::Stream::Output, text.into()));
                    }
                    None => return Err(Failure::ReaderGone),
                },
                () = output.reader_gone() => return Err(Failure::ReaderGone),
                event = self.feed.next(), if !full => {
                    self.told(event?)?;
                    while self.merged.len() < BATCH_BYTES && let Some(event) = self.feed.next_now() {
                        self.told(event)?;
                    }
                }
                left = self.stopping.queue_emptied() => self.interrupt_all_but(&left),
                () = at(wakes_at) => {}
            }
        }
    }

    fn wakes_at(&self) -> Option<Millis> {
        let away = match self.away {
            Away::SayAt(at) => Some(at),
            Away::No | Away::Said => None,
        };
        let ticks = self.merged.wakes_at().filter(|_| self.away == Away::No);
        [ticks, away, self.stopping.tells_at()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Millis) {
        // A line that was cut by a server's death has not settled.
        if self.away == Away::No {
            self.merged.tick(now);
        }
        if let Away::SayAt(at) = self.away
            && at <= now
        {
            self.away = Away::Said;
            self.merged
                .say(now, "the server is away; tasks run on, and this goes on when it is back");
        }
        if self.stopping.is_due(now) {
            let live: Vec<TaskId> = self.merged.live().collect();
            if let Some(words) = stopping::unheeded(&live) {
                self.say(now, &words);
            }
        }
    }

    fn signed(&mut self, sign: Sign) -> Option<Way> {
        match sign {
            Sign::Resized | Sign::Continued => {
                self.screen.changed(sign);
                if let Some(size) = self.screen.size() {
                    self.merged.resized(size);
                    self.sizes.resized(size);
                    self.size_children();
                }
                return None;
            }
            Sign::Suspend => return Some(Way::Suspended),
            Sign::HangUp => return Some(Way::Left(sign)),
            Sign::Interrupt | Sign::Terminate => {}
        }
        let nobody_to_ask = self.away != Away::No;
        let leaves = self.on_signal == OnSignal::Leave || self.stopping.is_asked();
        // Who asks a second time by hand may want to wait; a script that ends us does not.
        if leaves || nobody_to_ask && sign == Sign::Terminate {
            return Some(Way::Left(sign));
        }
        let words = if nobody_to_ask { ASKED_LATER } else { ASKED };
        self.merged.say(self.clock.now(), words);
        let waiting = self.merged.waiting().collect();
        self.stopping = Stopping::begin(self.place.clone(), waiting);
        None
    }

    /// Gives the children's terminals the size that is left of ours, if they do not have it yet.
    fn size_children(&mut self) {
        let running = self.merged.running();
        for order in self.sizes.orders(running, new_command_id) {
            self.feed.order(order);
        }
    }

    /// Running tasks are interrupted, and may take their time, or refuse.
    fn interrupt_all_but(&mut self, left: &[TaskId]) {
        let live: Vec<TaskId> = self.merged.live().filter(|id| !left.contains(id)).collect();
        for task in live {
            let action = Action::Interrupt { signal: None, then: None };
            self.feed.order(Order { task, id: new_command_id(), action, data: Bytes::new() });
        }
        self.stopping.interrupted(self.clock.now());
    }

    /// Gives the terminal back, stands still until somebody continues us, and takes it again.
    async fn suspend(&mut self, writer: &mut Writer) -> Result<(), Failure> {
        let last = self.screen.leave(&self.merged.take());
        let before = std::mem::replace(writer, Writer::start());
        self.finish(before, last, true).await?;
        self.screen.stand_still();
        let _: Option<Way> = self.signed(Sign::Continued);
        Ok(())
    }

    fn told(&mut self, event: Event) -> Result<(), Failure> {
        let now = self.clock.now();
        match event {
            Event::Frame { task, header, payload } => {
                self.merged.frame(now, task, &header, &payload);
            }
            Event::Ended(task) => self.merged.ended(now, task),
            Event::Gone(task, gone) => self.merged.not_kept(now, task, gone),
            Event::Task(view) => self.viewed(*view),
            // A task may be removed while it is listed here; those that were asked for must be there.
            Event::SubscriptionRefused { task, error } => {
                if self.members.contains(&task) {
                    return Err(error.into());
                }
                self.merged.gone(now, task);
            }
            Event::Refused(error) => return Err(error.into()),
            Event::CommandRefused { order, .. } if self.sizes.answered(order.id) => {
                self.size_children();
            }
            Event::CommandRefused { order, error } => {
                let id = order.task.short();
                self.merged.say(now, &crate::lines::one_line(&format!("{id}: {}", error.message)));
            }
            Event::Away { .. } => self.away = Away::SayAt(now + AWAY_NOTE_AFTER),
            Event::Removed(task) => self.merged.removed(now, task),
            Event::Silent => self.say(now, &crate::verbs::silence(&self.place.home)),
            Event::Answers => self.say(now, "the server answers again"),
            Event::Connected { .. } => {
                if self.away == Away::Said {
                    self.merged.say(now, "the server is back");
                }
                self.away = Away::No;
            }
            Event::Outcome(_, outcome) => {
                if self.sizes.answered(outcome.id) {
                    self.size_children();
                }
            }
        }
        self.screen.stir();
        Ok(())
    }

    /// Says it in the stream, or beside it where that is for programs.
    fn say(&mut self, now: Millis, words: &str) {
        if self.merged.is_for_programs() {
            return note(words);
        }
        self.merged.say(now, words);
    }

    fn viewed(&mut self, view: TaskView) {
        if self.merged.knows(view.id) {
            return self.merged.viewed(self.clock.now(), view);
        }
        if let Newcomers::All(wanted) = &self.newcomers
            && wanted.takes(&view)
        {
            let ended = view.status.is_ended() && view.session == 0;
            self.add(Member { view: view.clone(), start: StartAt::Start, place: None });
            if ended {
                self.merged.viewed(self.clock.now(), view);
            }
        }
    }

    async fn conclusions(&self) -> Result<Vec<Conclusion>, Failure> {
        let mut conclusions = Vec::with_capacity(self.members.len());
        let mut connection = None;
        if self.extent == Extent::Now {
            return Ok(conclusions);
        }
        for task in &self.members {
            if let Some(conclusion) = self.merged.conclusion(*task) {
                conclusions.push(conclusion);
                continue;
            }
            // Seen from its end only, or ended without frames that say how.
            let connection = match &mut connection {
                Some(connection) => connection,
                none @ None => none.insert(Connection::open(self.place.clone()).await?),
            };
            let view = connection.show(task.as_str()).await?.task;
            conclusions.push(Conclusion::of_view(&view).ok_or_else(|| {
                Failure::own("the stream ended, but the task has not", "see `axiom show`")
            })?);
        }
        Ok(conclusions)
    }
}

fn of_signals(error: &std::io::Error) -> Failure {
    Failure::own(format!("take signals: {error}"), "")
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Output that is there, as marked lines: for views that do not go on.
mod lines_of_text {
    use super::lines::{Lines, Piece};

    /// Puts a mark before each line of a text that comes in parts; `None` is its end.
    pub(crate) fn marked_lines(label: &str) -> impl FnMut(Option<&[u8]>) -> String {
        let mut lines = Lines::default();
        move |bytes| {
            let mut text = String::new();
            let give = |piece, line: &str| {
                let sign = match piece {
                    Piece::Line => " ",
                    Piece::Continues => "+ ",
                };
                text.push_str(&format!("[{label}]{sign}{line}\n"));
            };
            match bytes {
                Some(bytes) => lines.push(0, bytes, give, |_| {}),
                None => lines.finish(give),
            }
            text
        }
    }
}
