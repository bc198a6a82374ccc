//! What every actor stands on: virtual time, the ordered queue of turns, chance, the trace, the verdict.

use std::collections::BTreeMap;

use crate::sim::plan::{Flaw, Plan};
use crate::sim::random::Random;
use crate::sim::trace::Trace;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Child {
        site: usize,
    },
    Grandchild {
        site: usize,
    },
    Holder {
        site: usize,
    },
    Worker {
        site: usize,
        pid: u32,
    },
    Follow {
        site: usize,
    },
    Reader {
        index: usize,
    },
    Operator {
        index: usize,
    },
    Fault,
    Thaw {
        site: usize,
        pid: u32,
    },
    Room {
        site: usize,
    },
    ServerStart,
    Heal,
    /// Whatever still runs is stopped.
    StopAll,
}

/// An actor's next turn. A turn that was called earlier than planned leaves the later one stale.
#[derive(Debug, Default)]
pub(crate) struct Turn(Option<u64>);

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which oracle saw it.
    pub oracle: &'static str,
    /// What it saw.
    pub detail: String,
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) now: u64,
    pub(crate) random: Random,
    pub(crate) plan: Plan,
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
    queue: BTreeMap<(u64, u64), Event>,
    called: u64,
}

impl Stage {
    pub(crate) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random, flaw);
        let (trace, queue) = (Trace::new(), BTreeMap::new());
        Self { now: 0, random, plan, trace, violation: None, queue, called: 0 }
    }

    /// Something that happens once.
    pub(crate) fn plan(&mut self, delay: u64, event: Event) {
        self.called += 1;
        self.queue.insert((self.now + delay, self.called), event);
    }

    /// Calls an actor, unless it is called earlier anyway.
    pub(crate) fn call(&mut self, turn: &mut Turn, delay: u64, event: Event) {
        let at = self.now + delay;
        if turn.0.is_some_and(|called| called <= at) {
            return;
        }
        turn.0 = Some(at);
        self.plan(delay, event);
    }

    /// True if this is the turn that was called.
    pub(crate) fn is_due(&self, turn: &mut Turn) -> bool {
        let due = turn.0 == Some(self.now);
        if due {
            turn.0 = None;
        }
        due
    }

    pub(crate) fn next(&mut self) -> Option<Event> {
        let ((at, _), event) = self.queue.pop_first()?;
        self.now = at;
        Some(event)
    }

    pub(crate) fn note(&mut self, what: &'static str, site: usize, first: u64, second: u64) {
        self.trace.note(self.now, what, site, [first, second]);
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.plan.flaw == Some(flaw)
    }

    /// The way of a message.
    pub(crate) fn delay(&mut self) -> u64 {
        let most = self.plan.delay;
        self.random.between(1, most)
    }

    /// The time of a system call.
    pub(crate) fn moment(&mut self) -> u64 {
        self.random.between(1, 40)
    }

    /// The first broken promise is the one that counts.
    pub(crate) fn fail(&mut self, oracle: &'static str, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { oracle, detail: detail() });
        }
    }
}
