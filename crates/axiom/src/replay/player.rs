//! What is to be done next while a recording plays: show, wait, skip, begin again. Decides in values: events and keys go in
//! with the time they come at, acts come out. It neither reads nor waits nor writes.

use std::collections::VecDeque;

use axiom_asciicast::{Event, What};
use axiom_proto::frame::Micros;
use axiom_proto::task::Size;
use bytes::Bytes;

use super::keys::Key;
use super::pace::{Pace, Speed};
use crate::recording::{Landing, Place};

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Give this output out.
    Show(Bytes),
    /// This output belongs to the picture, and is not given out: a seek passes over it.
    Skip(Bytes),
    /// The recorded terminal has another size from here on.
    Resize(Size),
    /// A seek has come to its end: draw the picture.
    Draw,
    /// Nothing before this moment of our clock.
    Wait(Micros),
    /// Nothing before somebody wants something.
    Rest,
    /// More events are needed.
    More,
    /// Events are needed from the start again, or from any place before the goal; of that [`Player::begun_at`] is told.
    Rewind(Goal),
    /// Events are needed from this place on, and the picture that stands there; [`Player::landed`] is told of it.
    Jump(Place),
    /// The recording is over.
    End,
}

/// Where a recording can be begun to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nowhere: what comes through a pipe comes once.
    Onward,
    /// At its start, and where it was before: whatever lies between that and the goal is passed over.
    Start,
    /// At any place: who has it knows what its terminal showed there.
    Anywhere,
}

/// Where a seek goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To this recorded time.
    Moment(Micros),
    /// Until so many outputs are passed, counted from where reading began: before that there are outputs too, if it was not
    /// at the start.
    Outputs(i64),
    /// Past the next marker.
    Marker,
}

/// What lies before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The time of the last event.
    pub last: Micros,
    /// How many outputs.
    pub outputs: i64,
}

/// Reading begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// It is to.
    Asked(Place),
    /// It was asked for, and nothing has come yet.
    Awaited,
    /// The place is where the seek went to.
    Landed(Micros),
}

/// Plays one recording.
#[derive(Debug)]
pub(crate) struct Player {
    pace: Pace,
    queue: VecDeque<Event>,
    /// True once every event of the recording is in the queue, or was.
    whole: bool,
    goal: Option<Goal>,
    beginning: Option<Beginning>,
    /// Outputs that were passed since reading began.
    outputs: i64,
    reach: Reach,
    /// Whether it stood still before the viewer was suspended.
    paused_before: bool,
}

impl Player {
    /// At the start.
    #[must_use]
    pub(crate) fn new(pace: Pace, from: Option<Micros>, reach: Reach) -> Self {
        let mut player = Self {
            pace,
            queue: VecDeque::new(),
            whole: false,
            goal: None,
            beginning: None,
            outputs: 0,
            reach,
            paused_before: false,
        };
        if let Some(from) = from.filter(|from| from.0 > 0) {
            player.seek_to(from);
        }
        player
    }

    /// Takes the next events. Those that show nothing are left out: no time is spent on them.
    pub(crate) fn more(&mut self, events: Vec<Event>) {
        let counts = |what: &What| match what {
            What::Output(_) | What::ErrorOutput(_) | What::Resized(_) | What::Marker(_) => true,
            What::Input(_) | What::Exited(_) => false,
        };
        self.queue.extend(events.into_iter().filter(|event| counts(&event.what)));
    }

    /// Reading has begun anew at the place that was asked for, with its picture. Events after it come next.
    pub(crate) fn landed(&mut self, landing: Landing, now: Micros) {
        self.outputs = 0;
        self.pace.skipped(landing.last);
        self.pace.arrive(landing.at, now);
        self.beginning = match self.goal {
            Some(Goal::Moment(_) | Goal::Outputs(_)) => Some(Beginning::Landed(landing.at)),
            // A marker is sought from there on.
            Some(Goal::Marker) | None => None,
        };
    }

    /// Reading has begun anew, not at the start but at a place with this before it.
    pub(crate) fn begun_at(&mut self, passed: Passed) {
        self.outputs = passed.outputs;
        self.pace.skipped(passed.last);
    }

    /// What lies before the events that come next. None while there are some that were not passed.
    #[must_use]
    pub(crate) fn passed(&self) -> Option<Passed> {
        let passed = Passed { last: self.pace.last(), outputs: self.outputs };
        self.queue.is_empty().then_some(passed)
    }

    /// Every event was given.
    pub(crate) fn no_more(&mut self) {
        self.whole = true;
    }

    /// What to do now. Ask again after each act, and after anything else happened.
    pub(crate) fn next(&mut self, now: Micros) -> Act {
        match self.beginning {
            Some(Beginning::Asked(place)) => return self.begin(place, now),
            Some(Beginning::Awaited) => return Act::More,
            Some(Beginning::Landed(at)) => {
                (self.beginning, self.goal) = (None, None);
                self.pace.arrive(at, now);
                return Act::Draw;
            }
            None => {}
        }
        if let Some(at) = self.reached() {
            self.goal = None;
            self.pace.arrive(at, now);
            return Act::Draw;
        }
        let Some(next) = self.queue.front() else { return self.without_events() };
        if self.goal.is_none() {
            match self.pace.due(next.at) {
                None => return Act::Rest,
                Some(due) if due > now => return Act::Wait(due),
                Some(_) => self.pace.passed(next.at, now),
            }
        } else {
            self.pace.skipped(next.at);
        }
        let event = self.queue.pop_front().expect("there is a first one");
        self.pass(event, now)
    }

    fn begin(&mut self, place: Place, now: Micros) -> Act {
        self.queue.clear();
        self.whole = false;
        if self.reach == Reach::Anywhere {
            self.beginning = Some(Beginning::Awaited);
            return Act::Jump(place);
        }
        self.beginning = None;
        self.outputs = 0;
        self.pace.rewind(now);
        Act::Rewind(self.goal.unwrap_or(Goal::Moment(Micros(0))))
    }

    /// A key was pressed. True if it asks to leave.
    pub(crate) fn press(&mut self, key: Key, now: Micros) -> bool {
        let next = self.queue.front().map(|event| event.at);
        match key {
            Key::Pause => self.pace.pause(!self.pace.is_paused(), now, next),
            Key::Faster => self.pace.change(Speed::faster, now, next),
            Key::Slower => self.pace.change(Speed::slower, now, next),
            Key::Seek(seconds) => self.seek(seconds, now),
            Key::Start => self.seek_to(Micros(0)),
            Key::Marker => self.goal = Some(Goal::Marker),
            Key::Step(by) => {
                self.pace.pause(true, now, next);
                self.step(by);
            }
            Key::Leave => return true,
        }
        false
    }

    /// The viewer is suspended, or goes on: no time passes in between.
    pub(crate) fn suspend(&mut self, suspended: bool, now: Micros) {
        let next = self.queue.front().map(|event| event.at);
        match suspended {
            true => self.paused_before = self.pace.is_paused(),
            false if self.paused_before => return,
            false => {}
        }
        self.pace.pause(suspended, now, next);
    }

    fn seek(&mut self, seconds: i32, now: Micros) {
        // From where a seek under way goes to, so that keys add up.
        let from = match self.goal {
            Some(Goal::Moment(goal)) => goal,
            Some(Goal::Outputs(_) | Goal::Marker) | None => {
                self.pace.position(now, self.queue.front().map(|event| event.at))
            }
        };
        let by = i64::from(seconds) * 1_000_000;
        self.seek_to(Micros(from.0.saturating_add_signed(by)));
    }

    fn step(&mut self, by: i8) {
        let from = match self.goal {
            None => self.outputs,
            // Steps add up, as seeks do.
            Some(Goal::Outputs(goal)) => goal,
            // Where that leads to is not known yet.
            Some(Goal::Moment(_) | Goal::Marker) => return,
        };
        let goal = match self.reach {
            Reach::Anywhere => from.saturating_add(by.into()),
            Reach::Start | Reach::Onward => from.saturating_add(by.into()).max(0),
        };
        if goal >= self.outputs && self.beginning.is_none() {
            self.goal = Some(Goal::Outputs(goal));
            return;
        }
        let back = self.outputs.saturating_sub(goal).try_into().unwrap_or(0);
        self.begin_at(Place::Outputs { until: self.pace.last(), back }, Goal::Outputs(goal));
    }

    fn seek_to(&mut self, goal: Micros) {
        let back = self.beginning.is_some() || goal < self.pace.last();
        // What is read already is passed over sooner than anybody is asked.
        let near = self.whole || self.queue.back().is_some_and(|last| last.at > goal);
        let far = self.reach == Reach::Anywhere && !near;
        if back || far {
            self.begin_at(Place::Moment(goal), Goal::Moment(goal));
        } else {
            self.goal = Some(Goal::Moment(goal));
        }
    }

    fn begin_at(&mut self, place: Place, goal: Goal) {
        if self.reach != Reach::Onward {
            self.beginning = Some(Beginning::Asked(place));
            self.goal = Some(goal);
        }
    }

    /// Where a seek has come to, if it is over.
    fn reached(&self) -> Option<Micros> {
        let last = self.pace.last();
        let next = self.queue.front();
        let at_end = next.is_none() && self.whole;
        match self.goal? {
            Goal::Moment(goal) if next.is_some_and(|next| next.at > goal) => Some(goal),
            Goal::Outputs(goal) if self.outputs >= goal => Some(last),
            Goal::Moment(_) | Goal::Outputs(_) | Goal::Marker => at_end.then_some(last),
        }
    }

    fn without_events(&self) -> Act {
        match (self.whole, self.pace.is_paused()) {
            (false, _) => Act::More,
            (true, true) => Act::Rest,
            (true, false) => Act::End,
        }
    }

    fn pass(&mut self, event: Event, now: Micros) -> Act {
        match event.what {
            What::Output(bytes) | What::ErrorOutput(bytes) => {
                self.outputs += 1;
                if self.goal.is_some() { Act::Skip(bytes) } else { Act::Show(bytes) }
            }
            What::Resized(size) => Act::Resize(size),
            What::Marker(_) if self.goal == Some(Goal::Marker) => {
                self.goal = None;
                self.pace.arrive(event.at, now);
                Act::Draw
            }
            // The others were left out when they came.
            What::Marker(_) | What::Input(_) | What::Exited(_) => self.next(now),
        }
    }
}

#[cfg(test)]
mod tests;
