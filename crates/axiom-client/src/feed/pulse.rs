//! Whether a connected server still answers: a task may be silent for days, a server answers a ping at once. A value that is
//! told what was heard and how late it is; it says when to ask and when to tell. It costs one ping in ten quiet seconds.

use std::time::Duration;

use tokio::time::Instant;

/// A server that has said nothing for so long is asked.
const ASK_AFTER: Duration = Duration::from_secs(10);

/// One that has not answered for so long stands still.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// What is known of a connected server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was heard.
    Heard,
    /// It was asked then.
    Asked(Instant),
    /// Its silence was told of.
    Told,
}

/// The pulse of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    heard_at: Instant,
    state: State,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Send a ping.
    Ask,
    /// Tell that it stands still.
    Tell,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard_at: now, state: State::Heard }
    }

    /// Anything came. True if its silence was told of: then this is news.
    pub(super) fn heard(&mut self, now: Instant) -> bool {
        self.heard_at = now;
        std::mem::replace(&mut self.state, State::Heard) == State::Told
    }

    /// When to ask what is due; never while its silence is known.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        match self.state {
            State::Heard => Some(self.heard_at + ASK_AFTER),
            State::Asked(at) => Some(at + TELL_AFTER),
            State::Told => None,
        }
    }

    /// What is due by now.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        self.wakes_at().filter(|at| *at <= now)?;
        let (state, due) = match self.state {
            State::Heard => (State::Asked(now), Due::Ask),
            State::Asked(_) | State::Told => (State::Told, Due::Tell),
        };
        self.state = state;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_server_is_asked_and_one_that_answers_is_never_told_of() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(start);
        assert_eq!((pulse.due(at(9)), pulse.wakes_at()), (None, Some(at(10))));
        assert_eq!((pulse.due(at(10)), pulse.wakes_at()), (Some(Due::Ask), Some(at(12))));
        assert!(!pulse.heard(at(11)));
        assert_eq!((pulse.due(at(20)), pulse.wakes_at()), (None, Some(at(21))));
    }

    #[test]
    fn a_frozen_server_is_told_of_once_and_so_is_its_return() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.due(at(10)), Some(Due::Ask));
        assert_eq!(pulse.due(at(11)), None);
        assert_eq!((pulse.due(at(12)), pulse.wakes_at()), (Some(Due::Tell), None));
        assert_eq!(pulse.due(at(100)), None);
        assert!(pulse.heard(at(101)) && !pulse.heard(at(102)));
        assert_eq!(pulse.wakes_at(), Some(at(112)));
    }
}
