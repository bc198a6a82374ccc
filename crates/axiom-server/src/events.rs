//! Events: told to listeners in one numbered log, each once, whatever dies. The log is derived: from frames, and from what the
//! server does. [`EventLog`] is what listeners see of it; the maker beside it owns the rest.

mod appointments;
mod catch_up;
mod listener;
mod maker;
mod note;
mod picture;
mod sight;
mod trail;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axiom_index::{IndexError, LogState};
use axiom_proto::event::{Event, EventId, Stats};
use axiom_proto::id::{EventLogId, TaskId};
use axiom_proto::task::TaskView;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::background::beside;
use crate::clock::now_ms;
use crate::fault::sentence;
use crate::fleet::Fleet;

pub use listener::Listener;
pub(crate) use listener::Wanted;
use maker::Maker;
pub(crate) use note::{Note, Notes};

/// The newest events in memory: listeners that keep up never read the file.
const RECENT_MAX: usize = 1024;

/// Tasks looked at for one write: enough that a thousand ends at once take few, little enough to be shown promptly.
const TASKS_AT_ONCE: usize = 256;

/// Before a log that could not be written is tried again: a full disk does not empty itself at once.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// The log as listeners see it.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    shown: Mutex<Option<Shown>>,
    /// Wakes listeners; counts what was shown.
    turns: watch::Sender<u64>,
    /// Why nothing can be written at the moment.
    trouble: Mutex<Option<String>>,
}

/// What is written, and may be told.
#[derive(Debug)]
struct Shown {
    state: LogState,
    /// The newest events, without a gap up to the newest.
    recent: VecDeque<Arc<Event>>,
}

/// What there is after an event.
enum After {
    /// The log is not open yet.
    NotOpen,
    /// That event is of no use here: begin anew from the head.
    Reset(axiom_proto::event::ResetReason, EventId),
    /// Nothing: this is the head.
    Nothing,
    /// These come next.
    Recent(Vec<Arc<Event>>),
    /// They are in the file, up to this number.
    Kept { until: u64 },
}

impl EventLog {
    /// Events were written: from here on they may be told.
    fn show(&self, state: LogState, events: Vec<Event>) {
        {
            let mut shown = self.shown();
            let recent = match shown.take() {
                Some(shown) if shown.state.log == state.log => shown.recent,
                Some(_) | None => VecDeque::new(),
            };
            let mut next = Shown { state, recent };
            next.recent.extend(events.into_iter().map(Arc::new));
            let excess = next.recent.len().saturating_sub(RECENT_MAX);
            next.recent.drain(..excess);
            // Where a number was passed over, what is before it leads nowhere.
            let numbers = (1..=state.newest).rev();
            let is_at = |(event, number): &(&Arc<Event>, u64)| {
                event.id.is_some_and(|id| id.number == *number)
            };
            let whole = next.recent.iter().rev().zip(numbers).take_while(is_at).count();
            next.recent.drain(..next.recent.len() - whole);
            *shown = Some(next);
        }
        self.turn();
    }

    /// Why no event can be told at the moment, for people. None is lost meanwhile: all are made of frames.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It cannot be written, or again: logged when that changes, not at each attempt.
    fn tried(&self, error: Option<&IndexError>) {
        let trouble = error.map(|error| sentence(error));
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&trouble, &*known) {
            (Some(error), None) => {
                tracing::error!(error, "events wait: their log cannot be written")
            }
            (None, Some(_)) => tracing::info!("events are written again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        *known = trouble;
    }

    /// Wakes all who wait.
    fn turn(&self) {
        self.turns.send_modify(|turns| *turns += 1);
    }

    /// The newest event; none while the log is not open.
    fn head(&self) -> Option<EventId> {
        self.shown().as_ref().map(|shown| shown.state.head())
    }

    /// Wakes whenever something was written.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.turns.subscribe()
    }

    /// What comes after an event, so many at most.
    fn after(&self, id: EventId, max: usize) -> After {
        use axiom_proto::event::ResetReason::{OtherLog, TooNew, TooOld};
        let shown = self.shown();
        let Some(Shown { state, recent }) = &*shown else { return After::NotOpen };
        if id.log != state.log {
            return After::Reset(OtherLog, state.head());
        }
        if id.number > state.newest {
            return After::Reset(TooNew, state.head());
        }
        if id.number == state.newest {
            return After::Nothing;
        }
        let first = state.newest - recent.len() as u64;
        match id.number.checked_sub(first) {
            Some(skip) => {
                let skip = usize::try_from(skip).unwrap_or(usize::MAX);
                After::Recent(recent.iter().skip(skip).take(max).cloned().collect())
            }
            None if id.number < state.floor => After::Reset(TooOld, state.head()),
            None => After::Kept { until: first },
        }
    }

    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes events for as long as the server lives. `before` are the tasks that were there when it started.
pub(crate) async fn run(fleet: Arc<Fleet>, before: Vec<TaskId>) {
    let mut maker = open(&fleet, before.into()).await;
    loop {
        let wake = maker.wakes_at_ms().map(|at_ms| at_ms.saturating_sub(now_ms()));
        tokio::select! {
            () = fleet.changes.marked.notified() => {}
            () = sleep(Duration::from_millis(wake.unwrap_or(u64::MAX))), if wake.is_some() => {
                maker.mark_due(now_ms());
            }
        }
        maker = make_all(&fleet, maker).await;
    }
}

/// Opens the log; tries again where it cannot be written.
async fn open(fleet: &Arc<Fleet>, before: Arc<[TaskId]>) -> Maker {
    loop {
        let (opening, before) = (fleet.clone(), before.clone());
        match beside(move || Maker::open(opening, random_name(), &before)).await {
            Ok(maker) => {
                fleet.events.tried(None);
                return maker;
            }
            Err(error) => fleet.events.tried(Some(&error)),
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Looks at all tasks that are marked, some at a time.
async fn make_all(fleet: &Arc<Fleet>, mut maker: Maker) -> Maker {
    loop {
        let (tasks, more) = fleet.changes.take_marked(TASKS_AT_ONCE);
        let (back, made, tasks) = beside(move || {
            let made = maker.make(&tasks, now_ms());
            (maker, made, tasks)
        })
        .await;
        maker = back;
        fleet.events.tried(made.as_ref().err());
        if made.is_err() {
            sleep(TRY_AGAIN).await;
            fleet.changes.mark(tasks);
        } else if !more {
            return maker;
        }
    }
}

/// A name for a log. Without randomness it is the time: no two logs of a home begin in one microsecond.
fn random_name() -> EventLogId {
    let mut random = [0; 10];
    if getrandom::fill(&mut random).is_err() {
        random[2..].copy_from_slice(&crate::clock::now_us().to_be_bytes());
    }
    EventLogId::from_random(random)
}

/// A task's figures, as its view has them.
fn stats_of(view: &TaskView) -> Stats {
    let until_ms = view.ended_at_ms.unwrap_or_else(now_ms);
    let duration_ms = view.started_at_ms.map_or(0, |started| until_ms.saturating_sub(started));
    let TaskView { bytes, lines, interventions, .. } = *view;
    Stats { duration_ms, bytes, lines, interventions }
}

#[cfg(test)]
mod tests;
