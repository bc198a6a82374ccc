//! The worker's driver: runs the product's session over the simulated disk, terminal and links, one system call a turn,
//! so that a kill or a stop can come between any two of them. The same order as the real one: append, fold, show, act.

mod opening;
mod recording;

use std::collections::VecDeque;

use axiom_journal::Head;
use axiom_proto::frame::{FrameKind, Header, Micros};
use axiom_proto::id::CommandId;
use axiom_proto::mixed;
use axiom_proto::record::{Exit, InputNote, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::SessionOptions;
use axiom_session::{Ask, Effect, Input, READ_BYTES_MAX, Reply, Scope, Session};

use crate::sim::disk::Entry;
use crate::sim::holder::News;
use crate::sim::links::LinkEnd;
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Turn};

/// While reading is paused, the disk is asked again this often.
const ASK_AGAIN: u64 = 250_000;

/// At the end, peers get this long to take the rest.
const FAREWELL: u64 = 500_000;

/// Frames that may be owed before commands wait too.
const OWED_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
    /// By SIGSTOP.
    Stopped,
    /// In the kernel: a kill waits until it comes back.
    Stuck,
}

/// What comes over a worker in the middle of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doom {
    Kill,
    Hold(Life),
}

/// What the holder says.
#[derive(Debug)]
pub(crate) enum Told {
    Exited(Exit),
    Reply { request: u32, reply: Reply },
    Retire,
}

/// What comes with the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Granted {
    pub(crate) epoch: u64,
    pub(crate) orderly: bool,
    pub(crate) exit: Option<Exit>,
}

/// One thing that the worker is about to do.
#[derive(Debug)]
enum Op {
    Open,
    Ready,
    Effect(Effect),
    Input(Input),
    Append(Entry),
    /// The second half of an append by a worker that shows first.
    Write(Entry),
    Show(Header, Vec<u8>),
    AfterOutput,
    Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serve,
    Done,
    Leave,
}

/// What can be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Told,
    HolderGone,
    ChildEnd,
    Output,
    OutputEnd,
    Write,
    Accept,
    Link,
    Wake,
    Pause,
    Room,
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) pid: u32,
    pub(crate) life: Life,
    /// What comes over it after so many more turns.
    pub(crate) doom: Option<(u64, Doom)>,
    /// Killed while it was stuck.
    pub(crate) is_killed: bool,
    pub(crate) inbox: VecDeque<Told>,
    pub(crate) turn: Turn,
    granted: Granted,
    session: Session,
    head: Head,
    todo: VecDeque<Op>,
    /// What effects brought about; taken after the last effect of their step.
    results: VecDeque<Input>,
    owed: VecDeque<Entry>,
    is_short: bool,
    paused: bool,
    retry_at: u64,
    wake_at: Option<u64>,
    links: Vec<LinkEnd>,
    knows_holder_is_gone: bool,
    /// The newest command whose intent was journaled, or is owed.
    intends: Option<CommandId>,
    /// The command whose bytes the session offers: it types one at a time.
    typing: Option<CommandId>,
    released: bool,
    output_is_closed: bool,
    course: Course,
    /// Peers are given the rest until then.
    farewell_until: Option<u64>,
}

impl Worker {
    pub(crate) fn new(pid: u32, granted: Granted, options: &SessionOptions) -> Self {
        Self {
            pid,
            life: Life::Runs,
            doom: None,
            is_killed: false,
            inbox: VecDeque::new(),
            turn: Turn::default(),
            granted,
            session: Session::new(options.clone(), Summary::default()),
            head: Head::default(),
            todo: VecDeque::from([Op::Open]),
            results: VecDeque::new(),
            owed: VecDeque::new(),
            is_short: false,
            paused: false,
            retry_at: 0,
            wake_at: None,
            links: Vec::new(),
            knows_holder_is_gone: false,
            intends: None,
            typing: None,
            released: false,
            output_is_closed: false,
            course: Course::Serve,
            farewell_until: None,
        }
    }

    /// True if its time has come.
    pub(crate) fn meets_doom(&mut self) -> Option<Doom> {
        let (turns, doom) = self.doom.as_mut()?;
        if let Some(left) = turns.checked_sub(1) {
            *turns = left;
            return None;
        }
        let doom = *doom;
        self.doom = None;
        Some(doom)
    }

    /// One turn; an exit code when the process is over.
    pub(crate) fn act(&mut self, site: &mut Site, stage: &mut Stage) -> Option<i32> {
        let event = Event::Worker { site: site.index, pid: self.pid };
        if let Some(op) = self.next_op() {
            let exit = self.perform(op, site, stage);
            let delay = stage.moment();
            stage.call(&mut self.turn, delay, event);
            return exit;
        }
        if self.course != Course::Serve {
            let exit = self.leave(site, stage);
            let delay = if self.owed.is_empty() { stage.moment() } else { ASK_AGAIN };
            stage.call(&mut self.turn, delay, event);
            return exit;
        }
        let ready = self.ready(site, stage.now);
        if ready.is_empty() {
            let retry_at = self.paused.then_some(self.retry_at);
            if let Some(at) = self.wake_at.into_iter().chain(retry_at).min() {
                stage.call(&mut self.turn, at.saturating_sub(stage.now), event);
            }
            return None;
        }
        let source = ready[stage.random.index(ready.len())];
        self.serve(source, site, stage);
        let delay = stage.moment();
        stage.call(&mut self.turn, delay, event);
        None
    }

    /// The rest of the step first, then what it brought about, then what waits.
    fn next_op(&mut self) -> Option<Op> {
        let goes_on =
            matches!(self.todo.front(), Some(Op::Effect(_) | Op::Show(..) | Op::Write(_)));
        let result = if goes_on { None } else { self.results.pop_front().map(Op::Input) };
        result.or_else(|| self.todo.pop_front())
    }

    fn perform(&mut self, op: Op, site: &mut Site, stage: &mut Stage) -> Option<i32> {
        match op {
            Op::Open => return self.open(site, stage),
            Op::Ready => site.tell_holder(News::Ready { pid: self.pid }, stage),
            Op::Effect(effect) => self.carry_out(effect, site, stage),
            Op::Input(input) => self.handle(input, stage),
            Op::Append(entry) => self.append(entry, site, stage),
            Op::Write(entry) => self.write(entry, site, stage),
            Op::Show(header, payload) => self.show(&header, &payload, site, stage),
            Op::AfterOutput => {
                let mut effects = Vec::new();
                self.session.output(Micros(stage.now), &mut effects);
                self.want(effects);
            }
            Op::Retry => self.retry(site, stage),
        }
        None
    }

    fn handle(&mut self, input: Input, stage: &mut Stage) {
        let mut effects = Vec::new();
        self.session.handle(Micros(stage.now), input, &mut effects);
        self.want(effects);
    }

    /// Before anything else, in order.
    fn want(&mut self, effects: Vec<Effect>) {
        for effect in effects.into_iter().rev() {
            self.todo.push_front(Op::Effect(effect));
        }
    }

    fn carry_out(&mut self, effect: Effect, site: &mut Site, stage: &mut Stage) {
        match effect {
            Effect::Append(record) => {
                if let Record::Intent(intent) = &record {
                    self.intends = Some(intent.id);
                }
                self.append(Entry::of(&record, Micros(stage.now)), site, stage);
            }
            Effect::AppendInput { id, author, request_id, bytes } => {
                self.typing = Some(id);
                let len = bytes.len() as u64;
                let hidden = false;
                let note = InputNote { id, author, request_id, len, hidden, answers: None };
                self.append_input(&note, &bytes, site, stage);
            }
            Effect::AppendAnswers { until, bytes } => {
                let note = InputNote::of_answers(until, bytes.len() as u64);
                self.append_input(&note, &bytes, site, stage);
            }
            Effect::Ask { request, ask } => self.ask(request, ask, site, stage),
            Effect::SignalForeground { id, signal } => {
                // Without its intent in the journal nothing may be done that must not be done twice.
                let error = self.is_owing().then(|| "disk_full".to_owned());
                if error.is_none() {
                    let epoch = self.granted.epoch;
                    site.witness.acts((id, "signal"), epoch, site.index, stage);
                    site.child.signal(signal, site.index, stage);
                    site.wake(stage);
                }
                self.results.push_back(Input::ForegroundSignaled { id, error });
            }
            Effect::ReleaseTerminal => self.released = true,
            Effect::FindHolders(_) => {
                self.results.push_back(Input::HeldBy(site.child.holders()));
            }
            Effect::CloseOutput => self.output_is_closed = true,
            Effect::WakeAt(at) => self.wake_at = Some(at.0),
            Effect::Done => self.course = Course::Done,
            Effect::Leave => self.course = Course::Leave,
            Effect::Resize(_) | Effect::CloseInput => {}
        }
    }

    fn append_input(&mut self, note: &InputNote, bytes: &[u8], site: &mut Site, stage: &mut Stage) {
        let (kind, time) = (FrameKind::Input, Micros(stage.now));
        let payload = mixed::encode(note, bytes);
        self.append(Entry { kind, time, payload, printed_at: None }, site, stage);
    }

    fn is_owing(&self) -> bool {
        !self.owed.is_empty()
    }

    fn ask(&mut self, request: u32, ask: Ask, site: &mut Site, stage: &mut Stage) {
        let once = matches!(ask, Ask::Signal { scope: Scope::Child, .. });
        if once
            && !self.is_owing()
            && let Some(id) = self.intends
        {
            site.witness.acts((id, "signal"), self.granted.epoch, site.index, stage);
        }
        if once && self.is_owing() {
            let reason = "disk_full".to_owned();
            self.inbox.push_back(Told::Reply { request, reply: Reply::Failed { reason } });
        } else if site.holder.alive {
            site.tell_holder(News::Ask { pid: self.pid, request, ask }, stage);
        } else {
            let reply = site.act_on_tree(&ask, stage);
            self.inbox.push_back(Told::Reply { request, reply });
        }
    }

    fn ready(&self, site: &Site, now: u64) -> Vec<Source> {
        let mut ready = Vec::new();
        let mut add = |is_ready: bool, source| {
            if is_ready {
                ready.push(source);
            }
        };
        let gone = self.knows_holder_is_gone;
        let child_is_told = self.session.summary().exit.is_some() || self.is_owing();
        let reads = !self.paused && !self.is_short && !self.output_is_closed;
        let takes = self.owed.len() < OWED_MAX;
        add(!self.inbox.is_empty(), Source::Told);
        add(!site.holder.alive && !gone, Source::HolderGone);
        add(gone && site.child.exit().is_some() && !child_is_told, Source::ChildEnd);
        add(reads && site.child.has_output(), Source::Output);
        add(reads && site.child.is_at_end(self.released), Source::OutputEnd);
        let types = self.session.pending_write().is_some() && site.child.takes_input();
        add(types, Source::Write);
        add(site.connections.iter().any(|dialled| dialled.taken_by.is_none()), Source::Accept);
        let head = self.head.seq;
        add(self.links.iter().any(|link| link.is_ready(head, takes, site)), Source::Link);
        add(self.wake_at.is_some_and(|at| now >= at), Source::Wake);
        add(self.is_short && !self.paused, Source::Pause);
        add(self.paused && now >= self.retry_at, Source::Room);
        ready
    }

    fn serve(&mut self, source: Source, site: &mut Site, stage: &mut Stage) {
        match source {
            Source::Told => match self.inbox.pop_front() {
                Some(Told::Exited(exit)) => self.handle(Input::Exited(exit), stage),
                Some(Told::Reply { request, reply }) => {
                    self.handle(Input::Replied { request, reply }, stage);
                }
                Some(Told::Retire) => self.handle(Input::Retire, stage),
                None => {}
            },
            Source::HolderGone => {
                self.knows_holder_is_gone = true;
                self.handle(Input::HolderLost, stage);
            }
            Source::ChildEnd => {
                let known = stage.random.percent(50);
                let exit = site.child.exit().filter(|_| known).unwrap_or(Exit::Unknown);
                self.handle(Input::Exited(exit), stage);
            }
            Source::Output => self.read(site, stage),
            Source::OutputEnd => {
                self.output_is_closed = true;
                self.handle(Input::OutputClosed, stage);
            }
            Source::Write => self.type_bytes(site, stage),
            Source::Accept => self.accept(site, stage),
            Source::Link => self.serve_links(site, stage),
            Source::Wake => {
                self.wake_at = None;
                self.handle(Input::Tick, stage);
            }
            Source::Pause => {
                self.paused = true;
                self.retry_at = stage.now + ASK_AGAIN;
                self.handle(Input::Paused("disk_full".to_owned()), stage);
            }
            Source::Room => self.todo.push_back(Op::Retry),
        }
    }

    fn read(&mut self, site: &mut Site, stage: &mut Stage) {
        let most = stage.random.between(1, READ_BYTES_MAX as u64);
        let most = usize::try_from(most).expect("a read fits in memory");
        let (from, payload) = site.child.read(most);
        stage.note("read", site.index, from, payload.len() as u64);
        let (kind, time) = (FrameKind::Output, Micros(stage.now));
        self.todo.push_back(Op::Append(Entry { kind, time, payload, printed_at: Some(from) }));
        self.todo.push_back(Op::AfterOutput);
    }

    fn type_bytes(&mut self, site: &mut Site, stage: &mut Stage) {
        let Some(bytes) = self.session.pending_write() else { return };
        let taken = site.child.write(bytes.len());
        if let Some(id) = self.typing {
            site.witness.acts((id, "type"), self.granted.epoch, site.index, stage);
        }
        if taken > 0 {
            self.handle(Input::Wrote(taken), stage);
        }
    }

    fn accept(&mut self, site: &mut Site, stage: &mut Stage) {
        let Some(dialled) = site.connections.iter_mut().find(|dialled| dialled.taken_by.is_none())
        else {
            return;
        };
        dialled.taken_by = Some(self.pid);
        let summary = self.session.summary().clone();
        let link = LinkEnd::greet(dialled.id, &site.options, self.granted.epoch, summary);
        stage.note("accept", site.index, dialled.id, 0);
        self.links.push(link);
    }

    fn serve_links(&mut self, site: &mut Site, stage: &mut Stage) {
        let (head, takes) = (self.head.seq, self.owed.len() < OWED_MAX);
        let mut commands = Vec::new();
        for link in &mut self.links {
            if link.is_ready(head, takes, site) {
                link.serve((head, takes), &mut commands, site, stage);
            }
        }
        self.links.retain(|link| !link.is_broken());
        self.todo.extend(commands.into_iter().map(Op::Input));
    }

    /// Everything is journaled, peers get the rest, then the process ends.
    fn leave(&mut self, site: &mut Site, stage: &mut Stage) -> Option<i32> {
        if self.is_owing() {
            self.todo.push_back(Op::Retry);
            return None;
        }
        let until = match self.farewell_until {
            Some(until) => until,
            None => {
                if self.course == Course::Done {
                    site.tell_holder(News::Done { pid: self.pid }, stage);
                }
                *self.farewell_until.insert(stage.now + FAREWELL)
            }
        };
        self.serve_links(site, stage);
        self.todo.clear();
        if self.links.iter().any(|link| link.is_owed(self.head.seq)) && stage.now < until {
            return None;
        }
        for link in &mut self.links {
            link.say_goodbye(site, stage);
        }
        Some(0)
    }
}
