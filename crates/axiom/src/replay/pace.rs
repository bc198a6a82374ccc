//! When what is due: a recording's times on our clock, with speed, pauses and shortened silences. Arithmetic only: both
//! clocks are numbers of microseconds, and nobody waits here.

use std::num::NonZeroU32;
use std::str::FromStr;

use axiom_proto::frame::Micros;
use thiserror::Error;

/// Who is later than this does not catch up: the terminal stood still, and a person wants to see what comes.
const LATE_MAX: Micros = Micros(1_000_000);

/// The slowest and the fastest that keys choose, in thousandths.
const SPEED_MIN: u32 = 62;
const SPEED_MAX: u32 = 64_000;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// So many thousandths of the recorded speed.
    Thousandths(NonZeroU32),
    /// Without waiting.
    Max,
}

impl Speed {
    /// As it was recorded.
    #[cfg(test)]
    pub(crate) const USUAL: Self = Self::Thousandths(NonZeroU32::new(1000).expect("it is not 0"));

    /// How long a recorded time takes.
    fn takes(self, recorded: u64) -> u64 {
        match self {
            Self::Thousandths(speed) => scaled(recorded, 1000, speed.get()),
            Self::Max => 0,
        }
    }

    /// How much recorded time passes. At the highest speed there is no such thing.
    fn covers(self, passed: u64) -> u64 {
        match self {
            Self::Thousandths(speed) => scaled(passed, speed.get(), 1000),
            Self::Max => 0,
        }
    }

    /// Twice as fast, as far as it goes.
    #[must_use]
    pub(crate) fn faster(self) -> Self {
        self.changed(|speed| speed.saturating_mul(2).min(SPEED_MAX.max(speed)))
    }

    /// Half as fast, as far as it goes.
    #[must_use]
    pub(crate) fn slower(self) -> Self {
        self.changed(|speed| (speed / 2).max(SPEED_MIN.min(speed)))
    }

    fn changed(self, change: impl Fn(u32) -> u32) -> Self {
        match self {
            Self::Thousandths(speed) => {
                Self::Thousandths(NonZeroU32::new(change(speed.get())).unwrap_or(speed))
            }
            Self::Max => Self::Max,
        }
    }
}

/// Why a text is no speed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no speed: a number from 0.01 to 1000, or max")]
pub(crate) struct SpeedError {
    /// What was typed.
    text: String,
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let times = text.parse::<f64>().ok().filter(|_| plain);
        let times = times.filter(|times| (0.01..=1000.0).contains(times));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 10 to a million"
        )]
        let thousandths = times.and_then(|times| NonZeroU32::new((times * 1000.0).round() as u32));
        thousandths.map(Self::Thousandths).ok_or_else(|| SpeedError { text: text.to_owned() })
    }
}

fn scaled(time: u64, times: u32, of: u32) -> u64 {
    let scaled = u128::from(time) * u128::from(times) / u128::from(of);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Where playing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    speed: Speed,
    /// The longest recorded silence that is kept.
    idle_max: Option<Micros>,
    /// The recorded time of the event that was passed last.
    last: Micros,
    /// Where in the recording we stood …
    at: Micros,
    /// … when our clock said this.
    since: Micros,
    paused: bool,
}

impl Pace {
    /// At the start of the recording.
    #[must_use]
    pub(crate) fn new(speed: Speed, idle_max: Option<Micros>) -> Self {
        let zero = Micros(0);
        Self { speed, idle_max, last: zero, at: zero, since: zero, paused: false }
    }

    /// True while it stands still because somebody wants it so.
    #[must_use]
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The recorded time of the event that was passed last.
    #[must_use]
    pub(crate) fn last(&self) -> Micros {
        self.last
    }

    /// When our clock reaches the next event; `None` during a pause.
    #[must_use]
    pub(crate) fn due(&self, next: Micros) -> Option<Micros> {
        (!self.paused).then(|| self.since.plus(self.speed.takes(self.ahead(next))))
    }

    /// Where in the recording our clock is, with this event next, or none.
    #[must_use]
    pub(crate) fn position(&self, now: Micros, next: Option<Micros>) -> Micros {
        if self.paused {
            return self.at;
        }
        let passed = self.speed.covers(now.0.saturating_sub(self.since.0));
        match next {
            Some(next) => self.at.plus(passed.min(self.ahead(next))),
            None => self.at,
        }
    }

    /// The event was given out.
    pub(crate) fn passed(&mut self, event: Micros, now: Micros) {
        let due = self.since.plus(self.speed.takes(self.ahead(event)));
        let late = now.0.saturating_sub(due.0) > LATE_MAX.0;
        self.since = if late || self.speed == Speed::Max { now } else { due };
        self.at = event;
        self.last = event;
    }

    /// The event was passed over, without its time being waited for.
    pub(crate) fn skipped(&mut self, event: Micros) {
        self.last = event;
    }

    /// Goes on from there: everything before it was passed.
    pub(crate) fn arrive(&mut self, at: Micros, now: Micros) {
        self.at = at;
        self.since = now;
    }

    /// Begins anew, in the same state otherwise.
    pub(crate) fn rewind(&mut self, now: Micros) {
        self.last = Micros(0);
        self.arrive(Micros(0), now);
    }

    /// Stands still, or goes on.
    pub(crate) fn pause(&mut self, paused: bool, now: Micros, next: Option<Micros>) {
        self.at = self.position(now, next);
        self.since = now;
        self.paused = paused;
    }

    /// Has another speed from now on.
    pub(crate) fn change(
        &mut self,
        speed: impl Fn(Speed) -> Speed,
        now: Micros,
        next: Option<Micros>,
    ) {
        self.at = self.position(now, next);
        self.since = now;
        self.speed = speed(self.speed);
    }

    /// Recorded time that is waited for until the next event: silence beyond the longest one is left out.
    fn ahead(&self, next: Micros) -> u64 {
        let ahead = next.0.saturating_sub(self.at.0);
        match self.idle_max {
            Some(most) => {
                let had = self.at.0.saturating_sub(self.last.0);
                ahead.min(most.0.saturating_sub(had))
            }
            None => ahead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(thousandths: u32) -> Speed {
        Speed::Thousandths(NonZeroU32::new(thousandths).unwrap())
    }

    /// When each event of a recording is passed by who is always in time.
    fn moments(mut pace: Pace, events: &[u64]) -> Vec<u64> {
        let moment = |event: &u64| {
            let due = pace.due(Micros(*event)).unwrap();
            pace.passed(Micros(*event), due);
            due.0
        };
        events.iter().map(moment).collect()
    }

    #[test]
    fn events_come_at_their_times_divided_by_the_speed() {
        let events = [0, 1, 1_000_000, 1_000_000, 10_000_000];
        assert_eq!(moments(Pace::new(Speed::USUAL, None), &events), events);
        let twice = [0, 0, 499_999, 499_999, 4_999_999];
        assert_eq!(moments(Pace::new(speed(2000), None), &events), twice);
        assert_eq!(moments(Pace::new(speed(500), None), &[1, 3, 10]), [2, 6, 20]);
        assert_eq!(moments(Pace::new(Speed::Max, None), &events), [0; 5]);
    }

    #[test]
    fn silence_beyond_the_longest_is_left_out_at_any_speed() {
        let events = [100, 300, 10_000, 10_100];
        let idle = Some(Micros(1_000));
        assert_eq!(moments(Pace::new(Speed::USUAL, idle), &events), [100, 300, 1_300, 1_400]);
        assert_eq!(moments(Pace::new(speed(2000), idle), &events), [50, 150, 650, 700]);
        assert_eq!(moments(Pace::new(Speed::USUAL, Some(Micros(0))), &events), [0; 4]);
    }

    #[test]
    fn a_pause_takes_no_recorded_time_wherever_it_comes() {
        for pause_at in 0..=1_000 {
            let mut pace = Pace::new(Speed::USUAL, None);
            let next = Micros(1_000);
            pace.pause(true, Micros(pause_at), Some(next));
            assert_eq!(pace.due(next), None);
            assert_eq!(pace.position(Micros(50_000), Some(next)), Micros(pause_at));
            pace.pause(false, Micros(60_000), Some(next));
            assert_eq!(pace.due(next), Some(Micros(60_000 + 1_000 - pause_at)));
        }
    }

    #[test]
    fn a_change_of_speed_counts_from_where_it_comes() {
        for change_at in 0..=1_000 {
            let mut pace = Pace::new(Speed::USUAL, None);
            let next = Micros(1_000);
            pace.change(Speed::slower, Micros(change_at), Some(next));
            assert_eq!(pace.due(next), Some(Micros(change_at + (1_000 - change_at) * 2)));
        }
    }

    #[test]
    fn silence_that_was_had_before_a_pause_is_not_had_again() {
        let mut pace = Pace::new(Speed::USUAL, Some(Micros(1_000)));
        let next = Micros(50_000);
        pace.pause(true, Micros(600), Some(next));
        pace.pause(false, Micros(9_000), Some(next));
        assert_eq!(pace.due(next), Some(Micros(9_400)));
    }

    #[test]
    fn where_it_stands_never_passes_the_next_event_nor_goes_into_silence_that_is_left_out() {
        let pace = Pace::new(Speed::USUAL, None);
        assert_eq!(pace.position(Micros(5), Some(Micros(3))), Micros(3));
        assert_eq!(pace.position(Micros(2), Some(Micros(3))), Micros(2));
        let pace = Pace::new(Speed::USUAL, Some(Micros(2)));
        assert_eq!(pace.position(Micros(5), Some(Micros(30))), Micros(2));
    }

    #[test]
    fn who_is_a_little_late_catches_up_and_who_is_very_late_does_not() {
        for (late, expected) in [(1_000_000, 3_000_000), (1_000_001, 4_000_001)] {
            let mut pace = Pace::new(Speed::USUAL, None);
            pace.passed(Micros(1_000_000), Micros(1_000_000 + late));
            assert_eq!(pace.due(Micros(3_000_000)), Some(Micros(expected)), "{late} late");
        }
    }

    #[test]
    fn a_speed_is_a_number_or_max() {
        assert_eq!("1".parse(), Ok(Speed::USUAL));
        assert_eq!(".5".parse(), Ok(speed(500)));
        assert_eq!("2.25".parse(), Ok(speed(2250)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for wrong in ["", "0", "-1", "+2", "1e3", "NaN", "inf", "2x", "1001", "0.001", "Max", " 1"]
        {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn speeds_double_and_halve_within_bounds() {
        let mut fast = Speed::USUAL;
        let mut slow = Speed::USUAL;
        for _ in 0..40 {
            (fast, slow) = (fast.faster(), slow.slower());
        }
        assert_eq!((fast, slow), (speed(64_000), speed(62)));
        assert_eq!(speed(1_000_000).faster(), speed(1_000_000));
        assert_eq!(speed(10).slower(), speed(10));
        assert_eq!(Speed::Max.faster(), Speed::Max);
    }

    #[test]
    fn times_of_any_size_overflow_nothing() {
        for event in [0, 1, u64::MAX / 2, u64::MAX] {
            for speed in [Speed::USUAL, Speed::Max, speed(1), speed(u32::MAX)] {
                let mut pace = Pace::new(speed, None);
                pace.passed(Micros(event), Micros(u64::MAX));
                let _due = pace.due(Micros(u64::MAX));
                let _position = pace.position(Micros(u64::MAX), Some(Micros(u64::MAX)));
            }
        }
    }
}
