//! The session itself: takes what happened, says what is to be done.
//! Its summary is folded from the frames that the worker appended, never set by hand.

use std::collections::{BTreeMap, VecDeque};

use axiom_proto::command::{Action, Command};
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::{Frame, Micros, Offset};
use axiom_proto::id::CommandId;
use axiom_proto::record::{Intent, Limit, Outcome, Record};
use axiom_proto::summary::{Freeze, Summary};
use axiom_proto::task::{Mode, SessionOptions};

use crate::effect::{Ask, Effect};
use crate::ending::Output;
use crate::input::{Input, Reply, Terminal};
use crate::interrupt::Then;
use crate::stop::Ladder;
use crate::typing::{Asker, Queue, Send, Source, TYPE_WAIT, has_overlong_line};

/// Ctrl+D: the end of input on a terminal in line mode.
const END_OF_INPUT_KEY: u8 = 4;

/// The signal that Ctrl+C stands for.
const SIGINT: i32 = 2;

/// Commands taken by this worker whose ids are remembered. The summary knows a command only once its frames are
/// appended, and a full disk keeps up to 256 of them waiting; beyond that no commands are taken.
const TAKEN_MAX: usize = 512;

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

/// A request that is not answered yet.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) purpose: Purpose,
    ask: Ask,
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
    pub(crate) asks: BTreeMap<u32, Asked>,
    next_request: u32,
    pub(crate) then: Option<Then>,
    /// The processes are frozen now; the summary says so only once the record is appended.
    pub(crate) freeze: Option<Freeze>,
    /// The newest commands' ids.
    taken: VecDeque<CommandId>,
    /// The last byte that this worker typed.
    last_typed: Option<u8>,
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
            freeze: None,
            taken: VecDeque::new(),
            last_typed: None,
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
        if self.done {
            return;
        }
        self.now = now;
        self.defer_then();
        let Some(most) = self.options.limits.output_bytes_max else { return };
        if self.summary.offset.0 >= most && self.summary.limit.is_none() {
            self.reach_limit(Limit::Output);
            self.settle();
            effects.append(&mut self.effects);
        }
    }

    /// What the child is to be given now; report with [`Input::Wrote`]. Nothing before its frame is in the journal:
    /// a worker that typed and died could not say so, and the next one would type it again.
    #[must_use]
    pub fn pending_write(&self) -> Option<&[u8]> {
        let send = self.queue.peek()?;
        let journaled = match &send.source {
            Source::Command { id, .. } => self.summary.open.contains(id),
            Source::Terminal { until } => self.summary.answered >= *until,
        };
        (journaled && send.begun && !send.rest().is_empty()).then(|| send.rest())
    }

    /// Takes one step. Carry out the effects in order; call again at the latest `WakeAt`. Calling early is harmless,
    /// and so is calling after `Done` or `Leave`: nothing may be journaled then.
    pub fn handle(&mut self, now: Micros, input: Input, effects: &mut Vec<Effect>) {
        if self.done {
            return;
        }
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
            Input::Answers { until, bytes } => self.answer(until, bytes),
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
            Input::HolderLost => self.holder_lost(),
            Input::Paused(reason) => self.effects.push(Effect::Append(Record::Paused { reason })),
            Input::Unpaused => self.effects.push(Effect::Append(Record::Unpaused)),
            Input::Retire => self.retire(),
            Input::Tick => {}
        }
    }

    pub(crate) fn ask(&mut self, purpose: Purpose, ask: Ask) {
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.asks.insert(request, Asked { purpose, ask: ask.clone() });
        self.effects.push(Effect::Ask { request, ask });
    }

    pub(crate) fn asks_for(&self, purpose: Purpose) -> bool {
        self.asks.values().any(|asked| asked.purpose == purpose)
    }

    /// A dead holder answers nothing: everything is asked again, but what must not happen twice.
    fn holder_lost(&mut self) {
        if self.summary.guarded {
            self.effects.push(Effect::Append(Record::Unguarded));
        }
        for Asked { purpose, ask } in std::mem::take(&mut self.asks).into_values() {
            match purpose {
                Purpose::Interrupt(id) => {
                    self.forget_then(id);
                    self.conclude(unanswered(id));
                }
                Purpose::Suspend(id) => {
                    // Who was stopped before cannot be told any more: let all of them run.
                    self.conclude(unanswered(id));
                    self.ask(Purpose::Rung, Ask::Thaw { keep_stopped: Vec::new() });
                }
                Purpose::Resume(_)
                | Purpose::Rung
                | Purpose::Look
                | Purpose::Kill
                | Purpose::Holders
                | Purpose::Leftovers => self.ask(purpose, ask),
            }
        }
    }

    fn command(&mut self, command: Command, bytes: Vec<u8>, terminal: Terminal) {
        let id = command.id;
        if self.summary.knows(id) || self.queue.contains(id) || self.taken.contains(&id) {
            return;
        }
        if self.taken.len() == TAKEN_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back(id);
        let is_stop = matches!(command.action, Action::Stop { .. });
        if self.child != Child::Running && !is_stop {
            let refused = Outcome::refused(id, ErrorCode::TaskEnded, "the task has ended");
            self.effects.push(Effect::Append(Record::Outcome(refused)));
            return;
        }
        match command.action.clone() {
            Action::Type => self.queue_send(id, Asker::of(&command), bytes, terminal),
            Action::CloseInput => self.queue_close(id, Asker::of(&command)),
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
        let Command { id, author, cause, request_id, action } = command;
        let intent = Intent { id, author, cause, request_id, action };
        self.effects.push(Effect::Append(Record::Intent(intent)));
    }

    pub(crate) fn conclude(&mut self, outcome: Outcome) {
        self.effects.push(Effect::Append(Record::Outcome(outcome)));
    }

    pub(crate) fn queue_send(
        &mut self,
        id: CommandId,
        asker: Asker,
        bytes: Vec<u8>,
        terminal: Terminal,
    ) {
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
            None => self.queue.push(Send::new(id, asker, bytes), self.now),
        }
    }

    fn queue_close(&mut self, id: CommandId, asker: Asker) {
        let last = self.queue.last_byte().or(self.last_typed);
        let ends_a_line = last.is_none_or(|byte| matches!(byte, b'\n' | b'\r' | END_OF_INPUT_KEY));
        // In the middle of a line the first key only hands over what there is of it.
        let keys = if ends_a_line { 1 } else { 2 };
        let send = match self.summary.mode {
            Mode::Terminal => Send::new(id, asker, vec![END_OF_INPUT_KEY; keys]),
            Mode::Pipes => Send::close(id, asker),
        };
        self.queue.push(send, self.now);
    }

    /// Nobody is told of answers that come too late for the child, and none counts as anybody's doing.
    fn answer(&mut self, until: Offset, bytes: Vec<u8>) {
        let asks = self.child == Child::Running && self.output == Output::Open;
        let has_terminal = self.summary.mode == Mode::Terminal;
        if asks && has_terminal && until > self.summary.answered && !bytes.is_empty() {
            self.queue.push_answers(until, bytes, self.now);
        }
    }

    /// True while the terminal's answers wait whose frame is not written yet. A keyframe that is written before it would hide
    /// the questions from the next worker.
    #[must_use]
    pub fn has_new_answers(&self) -> bool {
        self.queue.has_new_answers()
    }

    fn wrote(&mut self, taken: usize) {
        let Some(send) = self.queue.first() else { return };
        send.taken += taken;
        if send.rest().is_empty() {
            self.last_typed = send.bytes.last().copied();
            self.answer_first_send(None);
        }
    }

    /// The first send is over: all of it was taken, or its time is up, or the child is gone.
    pub(crate) fn answer_first_send(&mut self, refusal: Option<(ErrorCode, String)>) {
        if let Some(send) = self.queue.pop() {
            self.conclude_send(&send, refusal);
        }
    }

    fn conclude_send(&mut self, send: &Send, refusal: Option<(ErrorCode, String)>) {
        let Source::Command { id, .. } = send.source else { return };
        let accepted = Some(send.taken as u64);
        let outcome = match refusal {
            Some((code, why)) => Outcome::refused(id, code, why),
            None => Outcome::applied(id),
        };
        self.conclude(Outcome { accepted, ..outcome });
    }

    fn begin_next_send(&mut self) {
        while let Some(send) = self.queue.first().filter(|send| !send.begun) {
            send.begun = true;
            send.deadline = send.deadline.or(Some(self.now.plus(TYPE_WAIT)));
            let bytes = send.bytes.clone();
            match send.source.clone() {
                Source::Command { close: true, .. } => {
                    self.effects.push(Effect::CloseInput);
                    self.effects.push(Effect::Append(Record::InputClosed));
                    self.answer_first_send(None);
                }
                Source::Command { id, asker: Asker { author, request_id }, .. } => {
                    let is_empty = bytes.is_empty();
                    self.effects.push(Effect::AppendInput { id, author, request_id, bytes });
                    if is_empty {
                        self.answer_first_send(None);
                    }
                }
                Source::Terminal { until } => {
                    self.effects.push(Effect::AppendAnswers { until, bytes });
                }
            }
        }
    }

    fn expire_sends(&mut self) {
        while let Some(send) = self.queue.take_expired(self.now) {
            let taken = send.taken;
            let why = format!("the task took {taken} bytes and reads no more at the moment");
            let refusal = (taken == 0).then_some((ErrorCode::Busy, why));
            self.conclude_send(&send, refusal);
        }
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
        if self.is_freezing_or_thawing() {
            self.conclude(Outcome::refused(id, ErrorCode::Busy, FREEZING));
            return;
        }
        if self.freeze.is_some() {
            // Nothing is done to it, so that nothing counts as an intervention.
            let detail = "it was suspended already".to_owned();
            self.conclude(Outcome { detail, ..Outcome::applied(id) });
            return;
        }
        self.intend(command);
        self.ask(Purpose::Suspend(id), Ask::Freeze);
    }

    fn resume(&mut self, command: Command) {
        let id = command.id;
        if self.is_freezing_or_thawing() {
            self.conclude(Outcome::refused(id, ErrorCode::Busy, FREEZING));
            return;
        }
        let Some(freeze) = &self.freeze else {
            let detail = "it was not suspended".to_owned();
            self.conclude(Outcome { detail, ..Outcome::applied(id) });
            return;
        };
        let keep_stopped = freeze.already_stopped.clone();
        self.intend(command);
        self.ask(Purpose::Resume(id), Ask::Thaw { keep_stopped });
    }

    /// What is being frozen cannot be frozen or thawed: who was stopped before would be told wrongly.
    fn is_freezing_or_thawing(&self) -> bool {
        self.asks.values().any(|asked| match asked.purpose {
            Purpose::Suspend(_) | Purpose::Resume(_) => true,
            Purpose::Interrupt(_)
            | Purpose::Rung
            | Purpose::Look
            | Purpose::Kill
            | Purpose::Holders
            | Purpose::Leftovers => false,
        })
    }

    fn frozen(&mut self, id: CommandId, freeze: Freeze) {
        let refusal = if self.child != Child::Running {
            Some((ErrorCode::TaskEnded, "the task has ended"))
        } else if self.ladder.is_some() {
            Some((ErrorCode::InputConflict, "the task is being stopped"))
        } else {
            None
        };
        if let Some((code, why)) = refusal {
            // It came too late: an ended task is not suspended, and what is frozen cannot act on a stop's signals.
            let keep_stopped = freeze.already_stopped;
            self.ask(Purpose::Rung, Ask::Thaw { keep_stopped });
            self.conclude(Outcome::refused(id, code, why));
            return;
        }
        self.freeze = Some(freeze.clone());
        let Freeze { means, already_stopped } = freeze;
        self.effects.push(Effect::Append(Record::Suspended { means, already_stopped }));
        self.conclude(Outcome::applied(id));
    }

    fn replied(&mut self, request: u32, reply: Reply) {
        let Some(Asked { purpose, .. }) = self.asks.remove(&request) else { return };
        match purpose {
            Purpose::Suspend(id) => match reply {
                Reply::Frozen { means, already_stopped } => {
                    self.frozen(id, Freeze { means, already_stopped });
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
                    self.freeze = None;
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
        self.expire_sends();
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
            self.queue.deadline(),
            self.then.as_ref().and_then(Then::due),
            self.ladder.as_ref().and_then(|ladder| ladder.next_at),
            self.look_at(),
            self.output.deadline(),
        ];
        if let Some(at) = wake.into_iter().flatten().min() {
            self.effects.push(Effect::WakeAt(at));
        }
    }

    fn look_at(&self) -> Option<Micros> {
        let waits = self.child == Child::Dead && !self.asks_for(Purpose::Look);
        self.ladder.as_ref().filter(|_| waits).and_then(|ladder| ladder.look_at)
    }

    fn timeout_at(&self) -> Option<Micros> {
        let stops = self.ladder.is_some() || self.summary.limit.is_some();
        if self.child != Child::Running || stops {
            return None;
        }
        let timeout = self.options.limits.timeout_ms?.saturating_mul(1000);
        Some(self.summary.started.unwrap_or_default().plus(timeout))
    }

    fn check_timeout(&mut self) {
        if self.timeout_at().is_some_and(|at| self.now >= at) {
            self.reach_limit(Limit::Timeout);
        }
    }
}

/// Why a freeze or thaw has to wait for the one before it.
const FREEZING: &str = "another suspend or resume is under way; try again";

fn unanswered(id: CommandId) -> Outcome {
    let detail = "the holder died before it answered; look before repeating it".to_owned();
    Outcome { detail, ..Outcome::unknown(id) }
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
