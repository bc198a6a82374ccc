//! The session itself: takes what happened, says what is to be done.
//! Its summary is folded from the frames that the worker appended, never set by hand.

use std::collections::BTreeMap;

use axiom_proto::command::{Action, Command};
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::{Frame, Micros};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Intent, Limit, Outcome, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Mode, SessionOptions};

use crate::effect::{Ask, Effect, Scope};
use crate::ending::Output;
use crate::input::{Input, Reply, Terminal};
use crate::stop::Ladder;
use crate::typing::{Queue, Send, TYPE_WAIT, has_overlong_line};

/// Quiet this long after an interrupt, the follow-up text is typed.
const THEN_QUIET: u64 = 150_000;

/// Typed after this long even if it is never quiet.
const THEN_WAIT: u64 = 2_000_000;

/// Ctrl+D: the end of input on a terminal in line mode.
const END_OF_INPUT_KEY: u8 = 4;

/// The signal that Ctrl+C stands for.
const SIGINT: i32 = 2;

/// Signals run from 1 to 64.
const SIGNAL_MAX: i32 = 64;

/// The child, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    /// Not started yet.
    Absent,
    /// Runs.
    Running,
    /// Is dead, or never lived.
    Dead,
}

/// What a request to the tree's holder was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Suspend(CommandId),
    Resume(CommandId),
    Interrupt(CommandId),
    /// A rung's signal; its reply changes nothing.
    Rung,
    /// Is the tree empty?
    Look,
    Kill,
    /// Who might hold the output open?
    Holders,
    /// Who outlived the child?
    Leftovers,
}

/// Text to type once it is quiet after an interrupt.
#[derive(Debug)]
struct Then {
    id: CommandId,
    author: String,
    text: String,
    quiet_at: Micros,
    deadline: Micros,
}

/// One session, between its worker's system calls.
#[derive(Debug)]
pub struct Session {
    pub(crate) options: SessionOptions,
    pub(crate) summary: Summary,
    pub(crate) child: Child,
    pub(crate) output: Output,
    pub(crate) ladder: Option<Ladder>,
    pub(crate) queue: Queue,
    pub(crate) asks: BTreeMap<u32, Purpose>,
    next_request: u32,
    then: Option<Then>,
    pub(crate) leftovers_known: bool,
    pub(crate) done: bool,
    /// This step's time and effects.
    pub(crate) now: Micros,
    pub(crate) effects: Vec<Effect>,
}

impl Session {
    /// A session whose frames so far are summed up; empty for a new one.
    #[must_use]
    pub fn new(options: SessionOptions, summary: Summary) -> Self {
        Self {
            options,
            summary,
            child: Child::Absent,
            output: Output::Open,
            ladder: None,
            queue: Queue::default(),
            asks: BTreeMap::new(),
            next_request: 1,
            then: None,
            leftovers_known: false,
            done: false,
            now: Micros(0),
            effects: Vec::new(),
        }
    }

    /// All that the appended frames say.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Must be called with every frame that was appended, before anything else is handled.
    pub fn appended(&mut self, frame: &Frame<'_>) {
        self.summary.fold(frame);
    }

    /// Call after output was appended: limits and quiet times hang on it.
    pub fn output(&mut self, now: Micros, effects: &mut Vec<Effect>) {
        self.now = now;
        if let Some(then) = &mut self.then {
            then.quiet_at = self.now.plus(THEN_QUIET);
        }
        let Some(most) = self.options.limits.output_bytes_max else { return };
        if self.summary.offset.0 >= most && self.summary.limit.is_none() {
            self.reach_limit(Limit::Output);
            self.settle();
            effects.append(&mut self.effects);
        }
    }

    /// What the child is to be given now; report with [`Input::Wrote`].
    #[must_use]
    pub fn pending_write(&self) -> Option<&[u8]> {
        let send = self.queue.peek()?;
        (send.is_begun() && !send.rest().is_empty()).then(|| send.rest())
    }

    /// Takes one step. Carry out the effects in order; call again at the latest `WakeAt`. Calling early is harmless.
    pub fn handle(&mut self, now: Micros, input: Input, effects: &mut Vec<Effect>) {
        self.now = now;
        self.take(input);
        self.settle();
        effects.append(&mut self.effects);
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Started { pid, mode, size } => {
                self.child = Child::Running;
                self.effects.push(Effect::Append(Record::Started { pid, mode, size }));
            }
            Input::StartFailed(failure) => self.start_failed(failure),
            Input::Recovered => self.recover(),
            Input::Command { command, bytes, terminal } => {
                self.command(command, bytes, terminal);
            }
            Input::Wrote(taken) => self.wrote(taken),
            Input::WriteFailed(reason) => {
                self.answer_first_send(Some((ErrorCode::TaskEnded, reason)));
            }
            Input::ForegroundSignaled { id, error } => {
                self.interrupted(id, error);
            }
            Input::Replied { request, reply } => self.replied(request, reply),
            Input::HeldBy(holders) => self.held_by(holders),
            Input::Exited(exit) => self.exited(exit),
            Input::OutputClosed => self.output_closed(),
            Input::HolderLost => {
                if self.summary.guarded {
                    self.effects.push(Effect::Append(Record::Unguarded));
                }
            }
            Input::Paused(reason) => self.effects.push(Effect::Append(Record::Paused { reason })),
            Input::Unpaused => self.effects.push(Effect::Append(Record::Unpaused)),
            Input::Retire => self.retire(),
            Input::Tick => {}
        }
    }

    pub(crate) fn ask(&mut self, purpose: Purpose, ask: Ask) {
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.asks.insert(request, purpose);
        self.effects.push(Effect::Ask { request, ask });
    }

    fn command(&mut self, command: Command, bytes: Vec<u8>, terminal: Terminal) {
        let id = command.id;
        if self.summary.knows(id) || self.queue.contains(id) {
            return;
        }
        let is_stop = matches!(command.action, Action::Stop { .. });
        if self.child != Child::Running && !is_stop {
            let refused = Outcome::refused(id, ErrorCode::TaskEnded, "the task has ended");
            self.effects.push(Effect::Append(Record::Outcome(refused)));
            return;
        }
        match command.action.clone() {
            Action::Type => self.queue_send(id, command.author, bytes, terminal),
            Action::CloseInput => self.queue_close(id, command.author),
            Action::Interrupt { signal, then } => {
                let signal = signal.unwrap_or(SIGINT);
                self.interrupt(command, signal, then);
            }
            Action::Resize { size } => self.resize(id, size),
            Action::Suspend => self.suspend(command),
            Action::Resume => self.resume(command),
            Action::Stop { grace_ms } => self.stop(command, grace_ms),
        }
    }

    pub(crate) fn intend(&mut self, command: Command) {
        let Command { id, author, cause, action } = command;
        self.effects.push(Effect::Append(Record::Intent(Intent { id, author, cause, action })));
    }

    pub(crate) fn conclude(&mut self, outcome: Outcome) {
        self.effects.push(Effect::Append(Record::Outcome(outcome)));
    }

    fn queue_send(&mut self, id: CommandId, author: String, bytes: Vec<u8>, terminal: Terminal) {
        let refusal = if self.summary.input_closed {
            Some((ErrorCode::InputConflict, "the task's input is closed"))
        } else if self.queue.is_full_for(bytes.len()) {
            Some((ErrorCode::Busy, "too much input waits already; the task does not read"))
        } else if terminal.canonical && has_overlong_line(&bytes) {
            let why = "a terminal in line mode drops what a line has beyond 4095 bytes";
            Some((ErrorCode::InputConflict, why))
        } else {
            None
        };
        match refusal {
            Some((code, why)) => self.conclude(Outcome::refused(id, code, why)),
            None => self.queue.push(Send::new(id, author, bytes)),
        }
    }

    fn queue_close(&mut self, id: CommandId, author: String) {
        let send = match self.summary.mode {
            Mode::Terminal => Send::new(id, author, vec![END_OF_INPUT_KEY]),
            Mode::Pipes => Send { close: true, ..Send::new(id, author, Vec::new()) },
        };
        self.queue.push(send);
    }

    fn wrote(&mut self, taken: usize) {
        let Some(send) = self.queue.first() else { return };
        send.taken += taken;
        if send.rest().is_empty() {
            self.answer_first_send(None);
        }
    }

    /// The first send is over: all of it was taken, or its time is up, or the child is gone.
    pub(crate) fn answer_first_send(&mut self, refusal: Option<(ErrorCode, String)>) {
        let Some(send) = self.queue.pop() else { return };
        let accepted = Some(send.taken as u64);
        let outcome = match refusal {
            Some((code, why)) => Outcome::refused(send.id, code, why),
            None => Outcome::applied(send.id),
        };
        self.conclude(Outcome { accepted, ..outcome });
    }

    fn begin_next_send(&mut self) {
        while let Some(send) = self.queue.first() {
            if send.is_begun() {
                return;
            }
            if send.close {
                self.effects.push(Effect::CloseInput);
                self.effects.push(Effect::Append(Record::InputClosed));
                self.answer_first_send(None);
                continue;
            }
            send.deadline = Some(self.now.plus(TYPE_WAIT));
            let (id, author, bytes) = (send.id, send.author.clone(), send.bytes.clone());
            self.effects.push(Effect::AppendInput { id, author, bytes });
            if send.bytes.is_empty() {
                self.answer_first_send(None);
            }
        }
    }

    fn expire_send(&mut self) {
        let Some(deadline) = self.queue.peek().and_then(|send| send.deadline) else { return };
        if self.now < deadline {
            return;
        }
        let taken = self.queue.peek().map_or(0, |send| send.taken);
        let why = format!("the task took {taken} bytes and reads no more at the moment");
        let refusal = (taken == 0).then_some((ErrorCode::Busy, why));
        self.answer_first_send(refusal);
    }

    fn interrupt(&mut self, command: Command, signal: i32, then: Option<String>) {
        let (id, author) = (command.id, command.author.clone());
        if !(1..=SIGNAL_MAX).contains(&signal) {
            let why = format!("{signal} is no signal; they run from 1 to {SIGNAL_MAX}");
            self.conclude(Outcome::refused(id, ErrorCode::InvalidArgument, why));
            return;
        }
        self.intend(command);
        if let Some(text) = then {
            let (quiet_at, deadline) = (self.now.plus(THEN_QUIET), self.now.plus(THEN_WAIT));
            self.drop_then();
            self.then = Some(Then { id, author, text, quiet_at, deadline });
        }
        match self.summary.mode {
            Mode::Terminal => self.effects.push(Effect::SignalForeground { id, signal }),
            Mode::Pipes => {
                let ask = Ask::Signal { signal, scope: Scope::Child };
                self.ask(Purpose::Interrupt(id), ask);
            }
        }
    }

    pub(crate) fn interrupted(&mut self, id: CommandId, error: Option<String>) {
        let follows = self.then.as_ref().is_some_and(|then| then.id == id);
        match error {
            Some(why) => {
                if follows {
                    self.then = None;
                }
                self.conclude(Outcome::refused(id, ErrorCode::Busy, why));
            }
            None if follows => {
                if let Some(then) = &mut self.then {
                    then.quiet_at = self.now.plus(THEN_QUIET);
                }
            }
            None => self.conclude(Outcome::applied(id)),
        }
    }

    fn type_then(&mut self) {
        let due =
            self.then.as_ref().is_some_and(|then| self.now >= then.quiet_at.min(then.deadline));
        if !due {
            return;
        }
        let Some(then) = self.then.take() else { return };
        let mut bytes = then.text.into_bytes();
        bytes.push(match self.summary.mode {
            Mode::Terminal => b'\r',
            Mode::Pipes => b'\n',
        });
        self.queue_send(then.id, then.author, bytes, Terminal::default());
    }

    /// The text of an interrupt is given up: the task ended, or another interrupt came.
    pub(crate) fn drop_then(&mut self) {
        let Some(then) = self.then.take() else { return };
        let why = "interrupted, but the text could not be typed any more";
        self.conclude(Outcome::refused(then.id, ErrorCode::TaskEnded, why));
    }

    fn resize(&mut self, id: CommandId, size: axiom_proto::task::Size) {
        if self.summary.mode == Mode::Pipes {
            let why = "the task has no terminal";
            self.conclude(Outcome::refused(id, ErrorCode::InputConflict, why));
            return;
        }
        self.effects.push(Effect::Resize(size));
        self.effects.push(Effect::Append(Record::Resized { size }));
        self.conclude(Outcome::applied(id));
    }

    fn suspend(&mut self, command: Command) {
        let id = command.id;
        if self.ladder.is_some() {
            let why = "the task is being stopped";
            self.conclude(Outcome::refused(id, ErrorCode::InputConflict, why));
            return;
        }
        self.intend(command);
        if self.summary.freeze.is_some() {
            let detail = "it was suspended already".to_owned();
            self.conclude(Outcome { detail, ..Outcome::applied(id) });
            return;
        }
        self.ask(Purpose::Suspend(id), Ask::Freeze);
    }

    fn resume(&mut self, command: Command) {
        let id = command.id;
        self.intend(command);
        let Some(freeze) = &self.summary.freeze else {
            let detail = "it was not suspended".to_owned();
            self.conclude(Outcome { detail, ..Outcome::applied(id) });
            return;
        };
        let keep_stopped = freeze.already_stopped.clone();
        self.ask(Purpose::Resume(id), Ask::Thaw { keep_stopped });
    }

    fn replied(&mut self, request: u32, reply: Reply) {
        let Some(purpose) = self.asks.remove(&request) else { return };
        match purpose {
            Purpose::Suspend(id) => match reply {
                Reply::Frozen { means, already_stopped } => {
                    let record = Record::Suspended { means, already_stopped };
                    self.effects.push(Effect::Append(record));
                    self.conclude(Outcome::applied(id));
                }
                other @ (Reply::Done
                | Reply::Killed { .. }
                | Reply::Tree { .. }
                | Reply::Failed { .. }) => {
                    self.conclude(unexpected(id, other));
                }
            },
            Purpose::Resume(id) => match reply {
                Reply::Done => {
                    self.effects.push(Effect::Append(Record::Resumed));
                    self.conclude(Outcome::applied(id));
                }
                other @ (Reply::Frozen { .. }
                | Reply::Killed { .. }
                | Reply::Tree { .. }
                | Reply::Failed { .. }) => {
                    self.conclude(unexpected(id, other));
                }
            },
            Purpose::Interrupt(id) => {
                let error = match reply {
                    Reply::Failed { reason } => Some(reason),
                    Reply::Done
                    | Reply::Frozen { .. }
                    | Reply::Killed { .. }
                    | Reply::Tree { .. } => None,
                };
                self.interrupted(id, error);
            }
            Purpose::Rung => {}
            Purpose::Look => self.looked(reply),
            Purpose::Kill => self.killed(reply),
            Purpose::Holders => self.holders_listed(reply),
            Purpose::Leftovers => self.leftovers_listed(reply),
        }
    }

    /// Everything that time or the last step made due.
    fn settle(&mut self) {
        if self.done {
            return;
        }
        self.check_timeout();
        self.expire_send();
        self.type_then();
        self.begin_next_send();
        self.climb_if_due();
        self.expire_drain();
        self.finish_if_over();
        if self.done {
            return;
        }
        let wake = [
            self.timeout_at(),
            self.queue.peek().and_then(|send| send.deadline),
            self.then.as_ref().map(|then| then.quiet_at.min(then.deadline)),
            self.ladder.as_ref().and_then(|ladder| ladder.next_at),
            self.look_at(),
            self.output.deadline(),
        ];
        if let Some(at) = wake.into_iter().flatten().min() {
            self.effects.push(Effect::WakeAt(at));
        }
    }

    fn look_at(&self) -> Option<Micros> {
        let waits =
            self.child == Child::Dead && !self.asks.values().any(|ask| *ask == Purpose::Look);
        self.ladder.as_ref().filter(|_| waits).and_then(|ladder| ladder.look_at)
    }

    fn timeout_at(&self) -> Option<Micros> {
        if self.child != Child::Running || self.summary.limit.is_some() {
            return None;
        }
        let timeout = self.options.limits.timeout_ms?.saturating_mul(1000);
        Some(self.summary.started.unwrap_or_default().plus(timeout))
    }

    fn check_timeout(&mut self) {
        if self.ladder.is_none() && self.timeout_at().is_some_and(|at| self.now >= at) {
            self.reach_limit(Limit::Timeout);
        }
    }
}

fn unexpected(id: CommandId, reply: Reply) -> Outcome {
    let why = match reply {
        Reply::Failed { reason } => reason,
        Reply::Done | Reply::Frozen { .. } | Reply::Killed { .. } | Reply::Tree { .. } => {
            "the holder gave an answer to another question".to_owned()
        }
    };
    Outcome::refused(id, ErrorCode::Internal, why)
}
