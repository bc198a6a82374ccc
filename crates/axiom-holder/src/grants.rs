//! Who may read the session: the fence, decided in values. Owner of epochs, of the order "dead,
//! then granted", of backoff and of leaving. Pure: time comes as microseconds, processes as inputs.
//! Refuses to grant an epoch before the worker of the one before it is dead.

/// How long a retired worker may take to exit by itself before it is killed.
pub const RETIRE_GRACE_US: u64 = 1_000_000;

/// The wait before the second restart in a row; it doubles with each further one. The first is at
/// once.
pub const BACKOFF_FIRST_US: u64 = 10_000;

/// The longest wait between restarts: what a person with a full disk can bear after making room.
pub const BACKOFF_MAX_US: u64 = 5_000_000;

/// The longest wait after a worker that had been ready: its killer may come again and again, and the
/// session shall be read within 250 ms each time. One that dies before it is ready has a fault of
/// its own, and is given the longer waits.
pub const BACKOFF_READY_MAX_US: u64 = 160_000;

/// A worker that was ready and lived this long has shown that it works: the next death is a first
/// one.
pub const PROVEN_AFTER_US: u64 = 10_000_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The holder is set up; the first worker may start.
    Begin,
    /// The worker asked for by [`Effect::StartWorker`] runs.
    Started,
    /// It could not be started, so that epoch was never granted.
    CannotStart,
    /// The worker reads the session.
    Ready,
    /// The worker has journaled exit and end of output.
    Done,
    /// The worker closed its channel, broke the protocol or does not take its packets.
    Unfit,
    /// The worker was reaped; `code` is None if a signal ended it.
    Died { code: Option<i32> },
    /// Somebody asked for another worker.
    ReplaceAsked,
    /// The child was reaped, or never started.
    ChildGone,
    /// Somebody asked the holder to leave; see [`Grants::may_shut_down`].
    ShutdownAsked,
    /// [`Grants::deadline`] may have come.
    Tick,
}

/// What is to be done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start a worker and grant it this epoch; answer `Started` or `CannotStart`.
    StartWorker { epoch: u64, orderly: bool },
    /// Tell the worker to retire, and let it run if it is stopped.
    Retire,
    /// Kill the worker; `Died` follows.
    Kill,
    /// Tell those who asked for a replacement that it is ready.
    Replaced { epoch: u64 },
    /// Remove the sockets and exit.
    Leave,
}

/// The fence's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    state: State,
    /// The newest epoch granted; 0 before the first.
    epoch: u64,
    /// Restarts in a row that nobody asked for.
    failures: u32,
    child_gone: bool,
    /// Somebody waits for the next `Ready`.
    replacing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before `Begin`.
    Fresh,
    /// `StartWorker` is with the holder.
    Starting { orderly: bool },
    /// A worker lives and holds the grant.
    Running { since: u64, ready: bool, done: bool },
    /// It was told to go.
    Retiring { until: u64, done: bool },
    /// It was killed, and is not known to be dead.
    Killing { then: Then },
    /// No worker lives; the next starts then.
    Waiting { until: u64, orderly: bool },
    /// The holder leaves.
    Left,
}

/// What follows a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A worker that somebody asked for.
    Replace,
    /// A worker after a failure of one that had been ready, or had not.
    Restart { ready: bool },
    /// Nothing: the holder leaves.
    Leave,
}

impl Default for Grants {
    fn default() -> Self {
        Self::new()
    }
}

impl Grants {
    pub fn new() -> Self {
        Self { state: State::Fresh, epoch: 0, failures: 0, child_gone: false, replacing: false }
    }

    /// The newest epoch granted; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When to call [`Self::handle`] with [`Input::Tick`] at the latest; earlier is harmless.
    pub fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Waiting { until, .. } | State::Retiring { until, .. } => Some(until),
            State::Fresh
            | State::Starting { .. }
            | State::Running { .. }
            | State::Killing { .. }
            | State::Left => None,
        }
    }

    /// Nothing of the session can be lost by leaving: the child is gone and the journal says so.
    pub fn may_shut_down(&self) -> bool {
        let done = match self.state {
            State::Running { done, .. } | State::Retiring { done, .. } => done,
            State::Killing { then } => then == Then::Leave,
            State::Left => true,
            State::Fresh | State::Starting { .. } | State::Waiting { .. } => false,
        };
        done && self.child_gone
    }

    /// Takes one step. Inputs that do not fit the state are ignored: they are late, not wrong.
    pub fn handle(&mut self, now: u64, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Begin => self.begin(effects),
            Input::Started => self.started(now),
            Input::CannotStart => self.cannot_start(now),
            Input::Ready => self.ready(effects),
            Input::Done => self.done(),
            Input::Unfit => self.unfit(now, effects),
            Input::Died { code } => self.died(now, code, effects),
            Input::ReplaceAsked => self.replace_asked(now, effects),
            Input::ChildGone => self.child_gone = true,
            Input::ShutdownAsked => self.shutdown_asked(effects),
            Input::Tick => self.tick(now, effects),
        }
    }

    fn begin(&mut self, effects: &mut Vec<Effect>) {
        if self.state == State::Fresh {
            self.start(true, effects);
        }
    }

    fn start(&mut self, orderly: bool, effects: &mut Vec<Effect>) {
        self.state = State::Starting { orderly };
        effects.push(Effect::StartWorker { epoch: self.epoch + 1, orderly });
    }

    fn started(&mut self, now: u64) {
        if let State::Starting { .. } = self.state {
            self.epoch += 1;
            self.state = State::Running { since: now, ready: false, done: false };
        }
    }

    fn cannot_start(&mut self, now: u64) {
        if let State::Starting { orderly } = self.state {
            self.wait(now, orderly, BACKOFF_MAX_US);
        }
    }

    /// Waits for the next start as long as the failures in a row ask for.
    fn wait(&mut self, now: u64, orderly: bool, max_us: u64) {
        let wait = backoff(self.failures).min(max_us);
        self.state = State::Waiting { until: now.saturating_add(wait), orderly };
        self.failures = self.failures.saturating_add(1);
    }

    fn ready(&mut self, effects: &mut Vec<Effect>) {
        let State::Running { ready, .. } = &mut self.state else { return };
        *ready = true;
        if std::mem::take(&mut self.replacing) {
            effects.push(Effect::Replaced { epoch: self.epoch });
        }
    }

    /// Only a child that is gone can be done with; else the worker is mistaken and is not believed.
    fn done(&mut self) {
        if !self.child_gone {
            return;
        }
        if let State::Running { done, .. } | State::Retiring { done, .. } = &mut self.state {
            *done = true;
        }
    }

    fn unfit(&mut self, now: u64, effects: &mut Vec<Effect>) {
        match self.state {
            // A worker about to leave closes its channel first: its death will be judged by its
            // code.
            State::Running { since, ready, done: false } => {
                self.prove(now, since, ready);
                self.state = State::Killing { then: Then::Restart { ready } };
                effects.push(Effect::Kill);
            }
            State::Fresh
            | State::Starting { .. }
            | State::Running { .. }
            | State::Retiring { .. }
            | State::Killing { .. }
            | State::Waiting { .. }
            | State::Left => {}
        }
    }

    fn died(&mut self, now: u64, code: Option<i32>, effects: &mut Vec<Effect>) {
        let clean = code == Some(0);
        match self.state {
            State::Running { done: true, .. } | State::Retiring { done: true, .. } if clean => {
                self.leave(effects);
            }
            State::Running { since, ready, .. } => {
                self.prove(now, since, ready);
                self.restart(now, ready, effects);
            }
            State::Retiring { .. } => self.start(clean, effects),
            State::Killing { then: Then::Replace } => self.start(false, effects),
            State::Killing { then: Then::Restart { ready } } => self.restart(now, ready, effects),
            State::Killing { then: Then::Leave } => self.leave(effects),
            State::Fresh | State::Starting { .. } | State::Waiting { .. } | State::Left => {}
        }
    }

    /// A worker that worked for a while does not make the next one wait.
    fn prove(&mut self, now: u64, since: u64, ready: bool) {
        if ready && now.saturating_sub(since) >= PROVEN_AFTER_US {
            self.failures = 0;
        }
    }

    fn restart(&mut self, now: u64, ready: bool, effects: &mut Vec<Effect>) {
        let max_us = if ready { BACKOFF_READY_MAX_US } else { BACKOFF_MAX_US };
        self.wait(now, false, max_us);
        self.tick(now, effects);
    }

    fn leave(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Left;
        effects.push(Effect::Leave);
    }

    fn replace_asked(&mut self, now: u64, effects: &mut Vec<Effect>) {
        match self.state {
            State::Running { done, .. } => {
                self.replacing = true;
                let until = now.saturating_add(RETIRE_GRACE_US);
                self.state = State::Retiring { until, done };
                effects.push(Effect::Retire);
            }
            State::Waiting { orderly, .. } => {
                self.replacing = true;
                self.start(orderly, effects);
            }
            State::Killing { then: Then::Restart { .. } } => {
                self.replacing = true;
                self.state = State::Killing { then: Then::Replace };
            }
            State::Starting { .. }
            | State::Retiring { .. }
            | State::Killing { then: Then::Replace } => self.replacing = true,
            State::Fresh | State::Killing { then: Then::Leave } | State::Left => {}
        }
    }

    fn shutdown_asked(&mut self, effects: &mut Vec<Effect>) {
        if !self.may_shut_down() {
            return;
        }
        if let State::Running { .. } | State::Retiring { .. } = self.state {
            self.state = State::Killing { then: Then::Leave };
            effects.push(Effect::Kill);
        }
    }

    fn tick(&mut self, now: u64, effects: &mut Vec<Effect>) {
        match self.state {
            State::Waiting { until, orderly } if now >= until => self.start(orderly, effects),
            State::Retiring { until, .. } if now >= until => {
                self.state = State::Killing { then: Then::Replace };
                effects.push(Effect::Kill);
            }
            State::Fresh
            | State::Starting { .. }
            | State::Running { .. }
            | State::Retiring { .. }
            | State::Killing { .. }
            | State::Waiting { .. }
            | State::Left => {}
        }
    }
}

/// Nothing before the first restart, then 10 ms doubling up to [`BACKOFF_MAX_US`].
fn backoff(failures: u32) -> u64 {
    match failures {
        0 => 0,
        n => BACKOFF_FIRST_US.saturating_mul(1 << (n - 1).min(16)).min(BACKOFF_MAX_US),
    }
}

#[cfg(test)]
mod tests;
