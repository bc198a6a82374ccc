//! How a session ends: limits, the stop ladder's steps, the child's death, the drain of its output, what is left over,
//! and the hand-over to a next worker.

use axiom_proto::command::{Action, Command};
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::Micros;
use axiom_proto::record::{Closing, Exit, Failure, Limit, Outcome, OutputEnd, Record};
use axiom_proto::task::{Leftovers, Mode, ProcessNote};

use crate::DRAIN_WAIT;
use crate::effect::{Ask, Effect, Scope};
use crate::input::Reply;
use crate::session::{Child, Purpose, Session};
use crate::stop::{Ladder, Rung};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// While a stop waits for processes that are nobody's children any more, the tree is looked at this often:
/// the kernel announces their end to nobody. Bounded by the ladder's graces.
const STOP_LOOK: u64 = 100_000;

/// A kill that left something is tried again after this.
const KILL_AGAIN: u64 = 5_000_000;

/// Most processes that a record lists.
const LISTED_MAX: usize = 64;

/// The child's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Open,
    /// The child is dead; others may still write, until then.
    Draining(Micros),
    /// Finding out who holds it open.
    Naming,
    Ended,
}

impl Output {
    pub(crate) fn deadline(self) -> Option<Micros> {
        match self {
            Self::Draining(at) => Some(at),
            Self::Open | Self::Naming | Self::Ended => None,
        }
    }
}

impl Session {
    pub(crate) fn start_failed(&mut self, failure: Failure) {
        self.child = Child::Dead;
        self.output = Output::Ended;
        self.leftovers_known = true;
        self.effects.push(Effect::Append(Record::StartFailed(failure)));
        let (reason, held_by) = (OutputEnd::Closed, Vec::new());
        self.effects.push(Effect::Append(Record::OutputEnded { reason, held_by }));
    }

    /// Goes on from the frames that another worker left.
    pub(crate) fn recover(&mut self) {
        self.freeze = self.summary.freeze.clone();
        let summary = &self.summary;
        let dead = summary.exit.is_some() || summary.failure.is_some();
        self.child = match (dead, summary.started) {
            (true, _) => Child::Dead,
            (false, Some(_)) => Child::Running,
            (false, None) => Child::Absent,
        };
        if summary.closed {
            // Whoever closed the journal answered everything; nothing follows a close.
            self.done = true;
            self.effects.push(Effect::Done);
            return;
        }
        let freezing = summary.freezing.is_some() && summary.freeze.is_none() && !dead;
        for id in &summary.open {
            self.effects.push(Effect::Append(Record::Outcome(Outcome::unknown(*id))));
        }
        if summary.paused.is_some() {
            self.effects.push(Effect::Append(Record::Unpaused));
        }
        let ended = summary.output_end.is_some();
        let goes_on = summary.stop_asked && !summary.tree_emptied;
        // The last worker died between a limit and the stop that follows it.
        let limit = summary.limit.filter(|_| !summary.stop_asked && !dead);
        self.output = match (ended, dead) {
            (true, _) => Output::Ended,
            (false, true) => Output::Draining(self.now.plus(DRAIN_WAIT)),
            (false, false) => Output::Open,
        };
        self.leftovers_known = summary.failure.is_some();
        if freezing {
            // The last worker died in the middle of a freeze. Nobody knows how far it came: let all of them run.
            self.ask(Purpose::Rung, Ask::Thaw { keep_stopped: Vec::new() });
        }
        if ended && dead && !self.leftovers_known {
            self.ask(Purpose::Leftovers, Ask::Tree);
        }
        if goes_on {
            self.ladder = Some(Ladder::taken_over());
            self.act_on_rung();
            self.thaw_for_stop();
        } else if let Some(limit) = limit {
            self.stop_at_limit(limit);
        }
    }

    /// The next worker comes: answer what is half done, say so in the journal, leave.
    pub(crate) fn retire(&mut self) {
        let begun = self.queue.peek().is_some_and(|send| send.begun);
        if begun {
            self.answer_first_send(None);
        }
        while self.queue.peek().is_some() {
            let why = (ErrorCode::Busy, "the worker is being replaced; try again".to_owned());
            self.answer_first_send(Some(why));
        }
        self.drop_then(ErrorCode::Busy);
        self.effects.push(Effect::Append(Record::Closed { reason: Closing::Handover }));
        self.effects.push(Effect::Leave);
        self.done = true;
    }

    pub(crate) fn reach_limit(&mut self, limit: Limit) {
        self.effects.push(Effect::Append(Record::LimitReached { limit }));
        self.stop_at_limit(limit);
    }

    fn stop_at_limit(&mut self, limit: Limit) {
        let (cause, grace_ms) = match limit {
            Limit::Timeout => ("limit: timeout", None),
            Limit::Output => ("limit: output", Some(0)),
        };
        self.effects.push(Effect::Append(Record::Stopping { cause: cause.to_owned() }));
        match &mut self.ladder {
            Some(ladder) => ladder.hasten(grace_ms, self.now),
            None => self.begin_ladder(grace_ms),
        }
    }

    pub(crate) fn stop(&mut self, command: Command, grace_ms: Option<u64>) {
        let (id, author, cause) = (command.id, command.author.clone(), command.cause.clone());
        debug_assert!(matches!(command.action, Action::Stop { .. }));
        if self.child == Child::Dead && self.leftovers_known && self.ladder.is_none() {
            let refused = Outcome::refused(id, ErrorCode::TaskEnded, "the task has ended");
            self.conclude(refused);
            return;
        }
        self.intend(command);
        match &mut self.ladder {
            Some(ladder) => ladder.hasten(grace_ms, self.now),
            None => {
                let cause = if cause.is_empty() { format!("stop by {author}") } else { cause };
                self.effects.push(Effect::Append(Record::Stopping { cause }));
                self.begin_ladder(grace_ms);
            }
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.askers.push(id);
        }
    }

    fn begin_ladder(&mut self, grace_ms: Option<u64>) {
        self.ladder = Some(Ladder::begin(grace_ms));
        self.act_on_rung();
        self.thaw_for_stop();
    }

    /// A frozen process cannot act on a signal: let it.
    fn thaw_for_stop(&mut self) {
        let Some(freeze) = self.freeze.take() else { return };
        let keep_stopped = freeze.already_stopped;
        self.effects.push(Effect::Append(Record::Resumed));
        self.ask(Purpose::Rung, Ask::Thaw { keep_stopped });
    }

    fn act_on_rung(&mut self) {
        let Some(ladder) = &mut self.ladder else { return };
        ladder.next_at = ladder.grace().map(|grace| self.now.plus(grace));
        let tree = |signal| Ask::Signal { signal, scope: Scope::Tree };
        match ladder.rung {
            Rung::Interrupt => self.ask(Purpose::Rung, tree(SIGINT)),
            Rung::Terminate => {
                self.ask(Purpose::Rung, tree(SIGTERM));
                if self.summary.mode == Mode::Terminal {
                    // What closing a terminal does: interactive shells ignore SIGTERM.
                    self.ask(Purpose::Rung, tree(SIGHUP));
                }
            }
            Rung::Kill => self.ask(Purpose::Kill, Ask::Kill),
        }
        if self.child == Child::Dead {
            self.look();
        }
    }

    fn look(&mut self) {
        let looking = self.asks_for(Purpose::Look);
        let Some(ladder) = &mut self.ladder else { return };
        if ladder.rung == Rung::Kill {
            // A kill says itself what is left.
            ladder.look_at = None;
            return;
        }
        if looking {
            return;
        }
        ladder.look_at = Some(self.now.plus(STOP_LOOK));
        self.ask(Purpose::Look, Ask::Tree);
    }

    pub(crate) fn climb_if_due(&mut self) {
        self.conclude_stop();
        let Some(ladder) = &mut self.ladder else { return };
        if ladder.next_at.is_some_and(|at| self.now >= at) {
            ladder.next_at = None;
            ladder.climb();
            self.act_on_rung();
        } else if self.child == Child::Dead && ladder.look_at.is_some_and(|at| self.now >= at) {
            self.look();
        }
    }

    /// Over once the child's end is known and nothing of its tree is left.
    fn conclude_stop(&mut self) {
        let over = self.ladder.as_ref().is_some_and(|ladder| ladder.tree_is_empty);
        if !over || self.child != Child::Dead {
            return;
        }
        let Some(ladder) = self.ladder.take() else { return };
        self.effects.push(Effect::Append(Record::TreeEmptied));
        for id in ladder.askers {
            self.conclude(Outcome::applied(id));
        }
    }

    pub(crate) fn looked(&mut self, reply: Reply) {
        let Some(ladder) = &mut self.ladder else { return };
        ladder.tree_is_empty = is_empty_tree(&reply);
        ladder.look_at = Some(self.now.plus(STOP_LOOK));
    }

    pub(crate) fn killed(&mut self, reply: Reply) {
        let Some(ladder) = &mut self.ladder else { return };
        let (left, why) = match reply {
            Reply::Killed { left } => (left, "these processes do not die".to_owned()),
            Reply::Failed { reason } => (Vec::new(), reason),
            Reply::Done | Reply::Frozen { .. } | Reply::Tree { .. } => {
                (Vec::new(), "the holder gave an answer to another question".to_owned())
            }
        };
        ladder.tree_is_empty = left.is_empty() && why == "these processes do not die";
        if ladder.tree_is_empty {
            return;
        }
        ladder.next_at = Some(self.now.plus(KILL_AGAIN));
        for id in std::mem::take(&mut ladder.askers) {
            let refused = Outcome::refused(id, ErrorCode::Busy, why.clone());
            self.conclude(Outcome { left: listed(&left), ..refused });
        }
    }

    pub(crate) fn exited(&mut self, exit: Exit) {
        if self.child == Child::Dead {
            return;
        }
        self.child = Child::Dead;
        self.freeze = None;
        self.effects.push(Effect::Append(Record::Exited { exit }));
        while let Some(send) = self.queue.peek() {
            let why = format!("the task has ended; it took {} bytes", send.taken);
            self.answer_first_send(Some((ErrorCode::TaskEnded, why)));
        }
        self.drop_then(ErrorCode::TaskEnded);
        self.effects.push(Effect::ReleaseTerminal);
        if self.output == Output::Open {
            self.output = Output::Draining(self.now.plus(DRAIN_WAIT));
        } else if self.output == Output::Ended {
            self.ask(Purpose::Leftovers, Ask::Tree);
        }
        self.look();
    }

    pub(crate) fn output_closed(&mut self) {
        if self.output == Output::Ended {
            return;
        }
        self.end_output(OutputEnd::Closed, Vec::new());
        if self.child == Child::Dead && !self.leftovers_known {
            self.ask(Purpose::Leftovers, Ask::Tree);
        }
    }

    fn end_output(&mut self, reason: OutputEnd, held_by: Vec<ProcessNote>) {
        self.output = Output::Ended;
        self.effects.push(Effect::Append(Record::OutputEnded { reason, held_by }));
        self.effects.push(Effect::CloseOutput);
    }

    pub(crate) fn expire_drain(&mut self) {
        if self.output.deadline().is_some_and(|at| self.now >= at) {
            self.output = Output::Naming;
            self.ask(Purpose::Holders, Ask::Tree);
        }
    }

    pub(crate) fn holders_listed(&mut self, reply: Reply) {
        if self.output != Output::Naming {
            return;
        }
        let processes = match reply {
            Reply::Tree { processes, .. } => processes,
            Reply::Done | Reply::Frozen { .. } | Reply::Killed { .. } | Reply::Failed { .. } => {
                Vec::new()
            }
        };
        self.effects.push(Effect::FindHolders(processes));
    }

    pub(crate) fn held_by(&mut self, holders: Vec<ProcessNote>) {
        if self.output != Output::Naming {
            return;
        }
        self.end_output(OutputEnd::HeldOpen, listed(&holders));
        self.ask(Purpose::Leftovers, Ask::Tree);
    }

    pub(crate) fn leftovers_listed(&mut self, reply: Reply) {
        self.leftovers_known = true;
        let Reply::Tree { processes, truncated } = reply else { return };
        if let Some(ladder) = &mut self.ladder {
            ladder.tree_is_empty |= processes.is_empty();
            return;
        }
        if processes.is_empty() {
            return;
        }
        let truncated = truncated || processes.len() > LISTED_MAX;
        let record = Record::Leftovers { processes: listed(&processes), truncated };
        self.effects.push(Effect::Append(record));
        if self.options.leftovers == Leftovers::Stop {
            self.begin_ladder(None);
        }
    }

    pub(crate) fn finish_if_over(&mut self) {
        let over = self.child == Child::Dead
            && self.output == Output::Ended
            && self.leftovers_known
            && self.ladder.is_none()
            && self.asks.is_empty()
            && self.queue.peek().is_none();
        if !over {
            return;
        }
        self.effects.push(Effect::Append(Record::Closed { reason: Closing::Ended }));
        self.effects.push(Effect::Done);
        self.done = true;
    }
}

fn listed(processes: &[ProcessNote]) -> Vec<ProcessNote> {
    processes.iter().take(LISTED_MAX).cloned().collect()
}

fn is_empty_tree(reply: &Reply) -> bool {
    match reply {
        Reply::Tree { processes, .. } => processes.is_empty(),
        Reply::Done | Reply::Frozen { .. } | Reply::Killed { .. } | Reply::Failed { .. } => false,
    }
}
