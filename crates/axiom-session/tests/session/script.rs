//! Drives one session as a worker does: appends frames before anything else, calls again when it was asked to.
//! Time is moved by hand; what the session wants is kept as words until it is compared.

use std::mem;

use axiom_proto::command::{Action, Command};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros};
use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::mixed;
use axiom_proto::record::{Exit, FreezeMeans, InputNote, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Leftovers, Limits, Mode, ProcessNote, SessionOptions};
use axiom_session::{Ask, Effect, Input, Reply, Session, Terminal};

use crate::words::{id, words};

/// One session under a script.
pub(crate) struct Script {
    pub(crate) session: Session,
    pub(crate) now: Micros,
    pub(crate) wake_at: Option<Micros>,
    /// Everything wanted since the last comparison.
    wanted: Vec<String>,
    /// Every record appended, in order.
    pub(crate) records: Vec<Record>,
    /// What the holder was asked, and whether the output's holders are to be found.
    pub(crate) asks: Vec<(u32, Ask)>,
    pub(crate) looks_for_holders: bool,
    /// True once `Done` or `Leave` was wanted.
    pub(crate) over: bool,
}

pub(crate) fn options() -> SessionOptions {
    SessionOptions {
        session: SessionId { task: TaskId::from_random([7; 10]), number: 1 },
        limits: Limits::default(),
        leftovers: Leftovers::Keep,
        disk_min_free_bytes: 0,
    }
}

pub(crate) fn process(pid: u32) -> ProcessNote {
    ProcessNote { pid, ppid: 1, name: "sleep".to_owned(), state: "S".to_owned() }
}

pub(crate) fn tree(pids: &[u32]) -> Reply {
    let processes = pids.iter().map(|pid| process(*pid)).collect();
    Reply::Tree { processes, truncated: false }
}

pub(crate) fn killed(pids: &[u32]) -> Reply {
    Reply::Killed { left: pids.iter().map(|pid| process(*pid)).collect() }
}

pub(crate) fn frozen(already_stopped: &[u32]) -> Reply {
    let means = FreezeMeans::Signals;
    Reply::Frozen { means, already_stopped: already_stopped.to_vec() }
}

impl Script {
    /// A session that begins, or goes on from a summary.
    pub(crate) fn new(options: SessionOptions, summary: Summary) -> Self {
        Self {
            now: summary.time,
            session: Session::new(options, summary),
            wake_at: None,
            wanted: Vec::new(),
            records: Vec::new(),
            asks: Vec::new(),
            looks_for_holders: false,
            over: false,
        }
    }

    /// A session whose child runs; the start is not among what is compared.
    pub(crate) fn running_with(options: SessionOptions, mode: Mode) -> Self {
        let mut script = Self::new(options, Summary::default());
        script.give(Input::Started { pid: 5, mode, size: None });
        script.wanted.clear();
        script
    }

    pub(crate) fn running(mode: Mode) -> Self {
        Self::running_with(options(), mode)
    }

    /// The next worker's session, after this one's was killed: nothing but the frames is left.
    pub(crate) fn killed_and_recovered(&self, options: SessionOptions) -> Self {
        let mut next = Self::new(options, self.session.summary().clone());
        next.give(Input::Recovered);
        next
    }

    pub(crate) fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.session.handle(self.now, input, &mut effects);
        self.carry_out(&effects);
    }

    /// Output of so many bytes is appended.
    pub(crate) fn print(&mut self, bytes: usize) {
        self.append(FrameKind::Output, &vec![b'x'; bytes]);
        let mut effects = Vec::new();
        self.session.output(self.now, &mut effects);
        self.carry_out(&effects);
    }

    pub(crate) fn command(&mut self, letter: char, action: Action) {
        self.command_with(letter, action, b"", Terminal::default());
    }

    pub(crate) fn type_bytes(&mut self, letter: char, bytes: &[u8]) {
        self.command_with(letter, Action::Type, bytes, Terminal::default());
    }

    pub(crate) fn command_with(
        &mut self,
        letter: char,
        action: Action,
        bytes: &[u8],
        terminal: Terminal,
    ) {
        let (id, author, cause) = (id(letter), "ann".to_owned(), "asked".to_owned());
        let request_id = "request".to_owned();
        let command = Command { id, author, cause, request_id, action };
        self.give(Input::Command { command, bytes: bytes.to_vec(), terminal });
    }

    pub(crate) fn reply(&mut self, request: u32, reply: Reply) {
        self.give(Input::Replied { request, reply });
    }

    /// Time passes; the session is called whenever it asked for it.
    pub(crate) fn pass(&mut self, millis: u64) {
        let until = self.now.plus(millis * 1000);
        while let Some(at) = self.wake_at.filter(|at| *at <= until) {
            self.wake_at = None;
            self.now = self.now.max(at);
            self.give(Input::Tick);
        }
        self.now = until;
    }

    /// What was wanted since the last comparison.
    #[track_caller]
    pub(crate) fn wants<const N: usize>(&mut self, expected: [&str; N]) {
        assert_eq!(mem::take(&mut self.wanted), expected, "at {} ms", self.now.0 / 1000);
    }

    pub(crate) fn take_wanted(&mut self) -> Vec<String> {
        mem::take(&mut self.wanted)
    }

    fn carry_out(&mut self, effects: &[Effect]) {
        let mut foreground = Vec::new();
        for effect in effects {
            self.wanted.extend(words(effect));
            match effect {
                Effect::Append(record) => {
                    self.append(FrameKind::Record, &record.encode());
                    self.records.push(record.clone());
                }
                Effect::AppendInput { id, author, request_id, bytes } => {
                    let (author, request_id) = (author.clone(), request_id.clone());
                    let len = bytes.len() as u64;
                    let (id, hidden) = (*id, false);
                    let note = InputNote { id, author, request_id, len, hidden, answers: None };
                    self.append(FrameKind::Input, &mixed::encode(&note, bytes));
                }
                Effect::AppendAnswers { until, bytes } => {
                    let note = InputNote::of_answers(*until, bytes.len() as u64);
                    self.append(FrameKind::Input, &mixed::encode(&note, bytes));
                }
                Effect::SignalForeground { id, .. } => foreground.push(*id),
                Effect::WakeAt(at) => self.wake_at = Some(*at),
                Effect::Done | Effect::Leave => self.over = true,
                Effect::Ask { request, ask } => self.asks.push((*request, ask.clone())),
                Effect::FindHolders(_) => self.looks_for_holders = true,
                Effect::Resize(_)
                | Effect::CloseInput
                | Effect::ReleaseTerminal
                | Effect::CloseOutput => {}
            }
        }
        for id in foreground {
            self.give(Input::ForegroundSignaled { id, error: None });
        }
    }

    fn append(&mut self, kind: FrameKind, payload: &[u8]) {
        let summary = self.session.summary();
        let header = Header::of(kind, summary.next_seq, summary.offset, self.now, payload);
        self.session.appended(&Frame { header, payload });
    }
}

/// Shorthand for the child's end.
pub(crate) fn exited(code: i32) -> Input {
    Input::Exited(Exit::Code(code))
}
