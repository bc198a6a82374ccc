//! When a wait is over: what is waited for, what was seen of each task, and what that makes of it. Pure; time is an argument.

use std::time::Duration;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Something new was printed.
    Output,
    /// Nothing was printed for so long.
    Idle(Duration),
    /// A line fits. Found by whoever reads them.
    Match,
    /// The end.
    Exit,
}

/// For how many of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The first one.
    #[default]
    Any,
    /// Every one.
    All,
}

/// Why a task is waited for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It printed.
    Output,
    /// It is silent.
    Idle,
    /// A line fits.
    Match,
    /// It has ended. Nothing else can come any more.
    Exit,
    /// It was removed.
    Removed,
}

impl Why {
    /// The word that is told.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Idle => "idle",
            Self::Match => "match",
            Self::Exit => "exit",
            Self::Removed => "removed",
        }
    }
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
struct One {
    /// What is printed beyond it is new.
    start: u64,
    printed: u64,
    /// When it printed last, as far as it was seen.
    printed_at: Duration,
    ended: bool,
    matched: bool,
    removed: bool,
}

/// A wait for some tasks, numbered as they were named. Times count from its beginning.
#[derive(Debug)]
pub(crate) struct Vigil {
    until: Until,
    mode: Mode,
    tasks: Vec<One>,
}

impl Vigil {
    /// A wait; `starts` is the place of each task beyond which output is new.
    pub(crate) fn new(until: Until, mode: Mode, starts: &[u64]) -> Self {
        let one = |start: &u64| One {
            start: *start,
            printed: *start,
            printed_at: Duration::ZERO,
            ended: false,
            matched: false,
            removed: false,
        };
        Self { until, mode, tasks: starts.iter().map(one).collect() }
    }

    /// A task was seen: what it has printed, and whether it has ended.
    pub(crate) fn saw(&mut self, now: Duration, task: usize, printed: u64, ended: bool) {
        let one = &mut self.tasks[task];
        if printed > one.printed {
            one.printed = printed;
            one.printed_at = now;
        }
        one.ended |= ended;
    }

    /// A line of a task fits.
    pub(crate) fn matched(&mut self, task: usize) {
        self.tasks[task].matched = true;
    }

    /// A task is no more.
    pub(crate) fn removed(&mut self, task: usize) {
        self.tasks[task].removed = true;
    }

    /// Why a task is waited for no more.
    pub(crate) fn why(&self, now: Duration, task: usize) -> Option<Why> {
        let One { start, printed, printed_at, ended, matched, removed } = self.tasks[task];
        let seen = match self.until {
            Until::Output if printed > start => Some(Why::Output),
            Until::Match if matched => Some(Why::Match),
            Until::Idle(silence) if !ended && now >= printed_at + silence => Some(Why::Idle),
            Until::Output | Until::Match | Until::Idle(_) | Until::Exit => None,
        };
        let over = || ended.then_some(Why::Exit).or_else(|| removed.then_some(Why::Removed));
        seen.or_else(over)
    }

    /// True once the wait is over.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        let mut seen = (0..self.tasks.len()).map(|task| self.why(now, task).is_some());
        match self.mode {
            Mode::Any => seen.any(|seen| seen),
            Mode::All => seen.all(|seen| seen),
        }
    }

    /// When silence may become long enough, if nothing is printed until then.
    pub(crate) fn next_at(&self, now: Duration) -> Option<Duration> {
        let Until::Idle(silence) = self.until else { return None };
        let waits = (0..self.tasks.len()).filter(|task| self.why(now, *task).is_none());
        waits.map(|task| self.tasks[task].printed_at + silence).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What is waited for, what is seen of two tasks that had printed 10 and 20, and why each is waited for no more.
    type Case = (Until, fn(&mut Vigil), [Option<Why>; 2]);

    #[test]
    fn each_task_is_waited_for_until_it_does_what_was_asked_or_has_ended() {
        let cases: &[Case] = &[
            (Until::Output, |_| {}, [None, None]),
            (Until::Output, |vigil| vigil.saw(SECOND, 0, 10, false), [None, None]),
            (Until::Output, |vigil| vigil.saw(SECOND, 0, 11, false), [Some(Why::Output), None]),
            (Until::Output, |vigil| vigil.saw(SECOND, 1, 20, true), [None, Some(Why::Exit)]),
            (Until::Output, |vigil| vigil.saw(SECOND, 1, 21, true), [None, Some(Why::Output)]),
            (Until::Exit, |vigil| vigil.saw(SECOND, 0, 99, false), [None, None]),
            (Until::Exit, |vigil| vigil.saw(SECOND, 0, 99, true), [Some(Why::Exit), None]),
            (Until::Exit, |vigil| vigil.removed(1), [None, Some(Why::Removed)]),
            (Until::Match, |vigil| vigil.saw(SECOND, 0, 99, false), [None, None]),
            (Until::Match, |vigil| vigil.matched(1), [None, Some(Why::Match)]),
            (Until::Idle(5 * SECOND), |_| {}, [Some(Why::Idle), Some(Why::Idle)]),
            (
                Until::Idle(5 * SECOND),
                |vigil| vigil.saw(6 * SECOND, 0, 11, false),
                [None, Some(Why::Idle)],
            ),
            (
                Until::Idle(5 * SECOND),
                |vigil| vigil.saw(6 * SECOND, 0, 11, true),
                [Some(Why::Exit), Some(Why::Idle)],
            ),
        ];
        for (number, (until, happens, expected)) in cases.iter().enumerate() {
            let mut any = Vigil::new(*until, Mode::Any, &[10, 20]);
            let mut all = Vigil::new(*until, Mode::All, &[10, 20]);
            happens(&mut any);
            happens(&mut all);
            let now = 10 * SECOND;
            assert_eq!([any.why(now, 0), any.why(now, 1)], *expected, "case {number}");
            let seen = expected.iter().flatten().count();
            assert_eq!(
                (any.is_over(now), all.is_over(now)),
                (seen > 0, seen == 2),
                "case {number}"
            );
        }
    }

    #[test]
    fn silence_is_looked_for_when_it_can_first_be_long_enough() {
        let mut vigil = Vigil::new(Until::Idle(5 * SECOND), Mode::All, &[0, 0]);
        assert_eq!(vigil.next_at(Duration::ZERO), Some(5 * SECOND));
        vigil.saw(2 * SECOND, 0, 1, false);
        assert_eq!(vigil.next_at(2 * SECOND), Some(5 * SECOND));
        assert_eq!(vigil.next_at(5 * SECOND), Some(7 * SECOND));
        vigil.saw(6 * SECOND, 0, 2, true);
        assert_eq!(vigil.next_at(6 * SECOND), None);
        assert!(vigil.is_over(6 * SECOND));
        assert_eq!(Vigil::new(Until::Exit, Mode::Any, &[0]).next_at(SECOND), None);
    }
}
