//! The server's driver: dials, resumes, feeds the product's ring, keeps commands until their outcome comes as a frame,
//! closes what is lost. It may die between any two turns and loses nothing that matters.

use axiom_hub::{Place, Pushed, Ring};
use axiom_proto::command::{Action, Command};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Seq};
use axiom_proto::id::CommandId;
use axiom_proto::link::{self, Control, Hello, Message, Resume, Splitter};
use axiom_proto::record::Verdict;
use axiom_proto::summary::Summary;
use bytes::Bytes;

use crate::sim::closing::Closing;
use crate::sim::disk::Owner;
use crate::sim::holder::News;
use crate::sim::plan::Flaw;
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Turn};

/// A command without an outcome for so long has the holder replace the worker.
const COMMAND_WAIT: u64 = 5_000_000;

/// A stop may take its graces.
const STOP_WAIT: u64 = 10_000_000;

/// A lock that is held, or a full disk, is tried again after this.
const TRY_AGAIN: u64 = 250_000;

/// What became of a command, as its sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the journal says.
    Journaled(Verdict),
    /// It never reached the session, which is over.
    Ended,
}

pub(crate) type Answers = Vec<(CommandId, Answer)>;

#[derive(Debug)]
struct Pending {
    command: Command,
    bytes: Vec<u8>,
    since: u64,
}

/// One session as the server follows it.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    link: Option<u64>,
    greeted: bool,
    splitter: Splitter,
    pub(crate) ring: Option<Ring>,
    summary: Summary,
    pub(crate) closed: bool,
    pending: Vec<Pending>,
    closing: Option<Closing>,
    /// Readers at the head were moved here, over a gap: the planted bug.
    pub(crate) moved_to: Option<Seq>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) alive: bool,
    pub(crate) life: u64,
    pub(crate) follows: Vec<Follow>,
    /// It is killed after so many more turns.
    pub(crate) doom: Option<u64>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { alive: false, life: 0, follows: Vec::new(), doom: None }
    }

    pub(crate) fn start(&mut self, sites: &mut [Site], stage: &mut Stage) {
        if self.alive {
            return;
        }
        (self.alive, self.life) = (true, self.life + 1);
        self.follows = sites.iter().map(|_| Follow::default()).collect();
        stage.note("server starts", 0, self.life, 0);
        for site in sites {
            site.wake_follower(stage);
        }
    }

    /// True if its time has come.
    pub(crate) fn meets_doom(&mut self) -> bool {
        let meets = self.alive && self.doom == Some(0);
        self.doom = self.doom.filter(|_| !meets).map(|turns| turns.saturating_sub(1));
        meets
    }

    pub(crate) fn kill(&mut self, sites: &mut [Site], stage: &mut Stage) {
        if !self.alive {
            return;
        }
        stage.note("server killed", 0, self.life, 0);
        self.alive = false;
        for (follow, site) in self.follows.drain(..).zip(sites) {
            let under_way = follow
                .closing
                .filter(|_| site.disk.lock == Some(Owner::Server(self.life)))
                .and_then(|closing| closing.write_under_way(site, Micros(stage.now)));
            if let Some((header, payload)) = under_way {
                let keep = stage.random.index(header.frame_bytes() + 1);
                stage.note("torn write by server", site.index, header.seq.0, keep as u64);
                site.disk.write_torn(&header, &payload, keep);
                site.witness.observe(&site.disk, site.index, stage);
            }
            if site.disk.lock == Some(Owner::Server(self.life)) {
                site.disk.lock = None;
            }
            for connection in &mut site.connections {
                connection.to_worker.close();
                connection.to_server.cut(0);
            }
            site.follow_turn = Turn::default();
            site.drop_dead_connections();
            site.wake_workers(stage);
        }
    }

    /// The link's turn. What it answers to those who wait.
    pub(crate) fn follow(&mut self, site: &mut Site, stage: &mut Stage) -> Answers {
        if !stage.is_due(&mut site.follow_turn) || !self.alive {
            return Vec::new();
        }
        let follow = &mut self.follows[site.index];
        if follow.closed {
            return Vec::new();
        }
        let delay = if let Some(closing) = &mut follow.closing {
            if closing.step(site, stage) {
                follow.finish_closing(stage);
                None
            } else {
                Some(if site.disk.full { TRY_AGAIN } else { stage.moment() })
            }
        } else if let Some(id) = follow.link {
            follow.read(id, site, stage).then(|| stage.moment())
        } else {
            Some(follow.dial(self.life, site, stage))
        };
        site.drop_dead_connections();
        let delay = delay.or_else(|| follow.mind_commands(site, stage));
        if let Some(delay) = delay.filter(|_| !follow.closed) {
            stage.call(&mut site.follow_turn, delay, Event::Follow { site: site.index });
        }
        follow.answers()
    }

    /// A sender asks, for the first time or again.
    pub(crate) fn command(
        &mut self,
        (command, bytes): (Command, Vec<u8>),
        site: &mut Site,
        stage: &mut Stage,
    ) -> Answers {
        let follow = &mut self.follows[site.index];
        let pending = Pending { command, bytes, since: stage.now };
        if follow.greeted && !follow.closed {
            follow.send(&pending, site, stage);
        }
        follow.pending.push(pending);
        site.wake_follower(stage);
        follow.answers()
    }
}

impl Follow {
    fn dial(&mut self, life: u64, site: &mut Site, stage: &mut Stage) -> u64 {
        if let Some(id) = site.dial(stage) {
            (self.link, self.greeted, self.splitter) = (Some(id), false, Splitter::default());
            stage.note("dial", site.index, id, 0);
            return stage.delay();
        }
        // Nobody listens: holder and worker are dead.
        self.closing = Closing::begin(site, life, false, stage);
        if self.closing.is_some() { stage.moment() } else { TRY_AGAIN }
    }

    fn finish_closing(&mut self, stage: &mut Stage) {
        let Some(closing) = self.closing.take() else { return };
        self.ring = Some(Ring::bounded(closing.place(), stage.plan.ring_bytes));
        self.summary = closing.summary;
        self.closed = true;
    }

    /// Reads once; true if there is more to do at once.
    fn read(&mut self, id: u64, site: &mut Site, stage: &mut Stage) -> bool {
        let most = stage.random.between(1, 8000);
        let most = usize::try_from(most).expect("a read fits in memory");
        let (bytes, at_end, more) = match site.connection(id) {
            None => (Vec::new(), true, false),
            Some(connection) => {
                let bytes = connection.to_server.read(most);
                let stream = &connection.to_server;
                (bytes, stream.is_at_end(), stream.is_readable())
            }
        };
        if !bytes.is_empty() {
            site.wake_workers(stage);
        }
        self.splitter.buffer().extend_from_slice(&bytes);
        while self.link == Some(id) && !self.closed {
            match self.splitter.message() {
                Ok(Some(message)) => self.take(message, site, stage),
                Ok(None) => break,
                Err(error) => {
                    stage.fail("a link's bytes are messages", || error.to_string());
                    break;
                }
            }
        }
        if at_end && self.link == Some(id) {
            self.hang_up(site, stage);
            if stage.has(Flaw::CloseLiveJournal) && !self.closed && stage.random.percent(50) {
                self.closing = Closing::begin(site, 0, true, stage);
            }
        }
        more || self.link.is_none()
    }

    fn hang_up(&mut self, site: &mut Site, stage: &mut Stage) {
        let Some(id) = self.link.take() else { return };
        self.greeted = false;
        stage.note("hang up", site.index, id, 0);
        if let Some(connection) = site.connection(id) {
            connection.to_worker.close();
            connection.to_server.cut(0);
            site.wake_workers(stage);
        }
    }

    fn take(&mut self, message: Message, site: &mut Site, stage: &mut Stage) {
        match message {
            Message::Frame(header, frame) => self.take_frame(&header, frame, site, stage),
            Message::Control(Control::Hello(hello), _) => self.greet(*hello, site, stage),
            Message::Control(
                Control::Resume(_)
                | Control::Command(_)
                | Control::Paused { .. }
                | Control::Goodbye { .. }
                | Control::Unknown,
                _,
            ) => {}
        }
    }

    fn greet(&mut self, hello: Hello, site: &mut Site, stage: &mut Stage) {
        let Ok(protocol) = link::common_protocol(&hello) else {
            stage.fail("one version understands itself", || format!("{hello:?}"));
            return;
        };
        let ring_bytes = stage.plan.ring_bytes;
        let ring = self.ring.get_or_insert_with(|| {
            let Summary { next_seq: seq, offset, .. } = hello.summary;
            self.summary = hello.summary;
            Ring::bounded(Place { seq, offset }, ring_bytes)
        });
        let head = ring.head().seq;
        // Frames that come twice are passed over: sometimes ask for some.
        let again = if stage.random.percent(20) { stage.random.below(4) } else { 0 };
        let from = Seq(head.0.saturating_sub(again));
        stage.note("resume", site.index, from.0, head.0);
        self.greeted = true;
        self.say(&Control::Resume(Resume { protocol, from }), b"", site, stage);
        self.closed = self.summary.closed;
        for pending in std::mem::take(&mut self.pending) {
            self.send(&pending, site, stage);
            self.pending.push(pending);
        }
    }

    fn take_frame(&mut self, header: &Header, bytes: Bytes, site: &mut Site, stage: &mut Stage) {
        let Some(ring) = &mut self.ring else { return };
        match ring.push(header, bytes.clone()) {
            Ok(Pushed::New) => {}
            Ok(Pushed::Duplicate) => {
                stage.note("frame again", site.index, header.seq.0, 0);
                return;
            }
            Err(_) if stage.has(Flaw::AcceptOffsetGap) => {
                let place = Place { seq: header.seq, offset: header.offset };
                *ring = Ring::bounded(place, stage.plan.ring_bytes);
                self.moved_to = Some(header.seq);
                let _new: Result<Pushed, _> = ring.push(header, bytes.clone());
            }
            Err(error) => {
                stage.note("refused frame", site.index, header.seq.0, 0);
                if !stage.plan.faults.contains(&crate::sim::plan::Fault::LoseMessage) {
                    stage.fail("links are contiguous", || error.to_string());
                }
                self.hang_up(site, stage);
                return;
            }
        }
        match Frame::decode(&bytes) {
            Ok(frame) => self.summary.fold(&frame),
            Err(error) => stage.fail("a link's frames are whole", || error.to_string()),
        }
        if header.kind == FrameKind::Record {
            self.closed = self.summary.closed;
        }
    }

    fn say(&self, control: &Control, bytes: &[u8], site: &mut Site, stage: &mut Stage) {
        let message = link::encode(control, bytes);
        if let Some(connection) = self.link.and_then(|id| site.connection(id)) {
            connection.to_worker.write(&message, usize::MAX);
            site.wake_workers(stage);
        }
    }

    fn send(&self, pending: &Pending, site: &mut Site, stage: &mut Stage) {
        let control = Control::Command(pending.command.clone());
        self.say(&control, &pending.bytes, site, stage);
    }

    /// Has a worker replaced that does not answer. When to look again.
    fn mind_commands(&mut self, site: &mut Site, stage: &mut Stage) -> Option<u64> {
        let now = stage.now;
        let wait = |pending: &Pending| match pending.command.action {
            Action::Stop { .. } => pending.since + STOP_WAIT,
            Action::Type
            | Action::CloseInput
            | Action::Interrupt { .. }
            | Action::Resize { .. }
            | Action::Suspend
            | Action::Resume => pending.since + COMMAND_WAIT,
        };
        if self.pending.iter().any(|pending| now >= wait(pending)) {
            self.pending.iter_mut().for_each(|pending| pending.since = now);
            site.tell_holder(News::Replace, stage);
        }
        self.pending.iter().map(wait).min().map(|at| at.saturating_sub(now).max(1))
    }

    /// Everything that can be answered by now.
    fn answers(&mut self) -> Answers {
        let mut answers = Vec::new();
        let (summary, closed) = (&self.summary, self.closed);
        self.pending.retain(|pending| {
            let id = pending.command.id;
            let journaled =
                summary.outcome_of(id).map(|outcome| Answer::Journaled(outcome.verdict));
            let answer = journaled.or(closed.then_some(Answer::Ended));
            answers.extend(answer.map(|answer| (id, answer)));
            answer.is_none()
        });
        answers
    }
}
