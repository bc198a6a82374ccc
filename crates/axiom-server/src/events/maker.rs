//! The maker of events: the one who numbers them. It compares each task with its trail and makes what is missing, writes
//! events and trails at once, and only then shows them. Works beside the runtime; whatever fails is made again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axiom_index::{EventBatch, EventStore, IndexError, LogState};
use axiom_journal::JournalError;
use axiom_proto::event::{Event, EventId, Happening, Stats};
use axiom_proto::frame::Seq;
use axiom_proto::id::{EventLogId, TaskId};
use axiom_proto::task::Status;

use super::appointments::Appointments;
use super::catch_up::CatchUp;
use super::note::Note;
use super::picture;
use super::sight::{Absence, LiveSight, Sight, Silence, look};
use super::trail::{Made, Trail};
use crate::fleet::Fleet;
use crate::task::{FIRST_SESSION, Task};
use crate::view::{command_line, unix_ms};

/// Events written at once: a long catching up is shown and let go of in pieces.
const BATCH_EVENTS_MAX: usize = 1024;

/// The maker, and all it remembers.
pub(crate) struct Maker {
    fleet: Arc<Fleet>,
    store: EventStore,
    /// As it is written.
    state: LogState,
    /// As they are written.
    trails: HashMap<TaskId, Trail>,
    /// How many have begun there and not ended.
    unfinished: usize,
    /// When to look again, though nothing happens: for silences, and for links that stay away.
    appointments: Appointments,
}

/// What is to be written next.
struct Draft {
    /// The wall clock.
    now_ms: u64,
    state: LogState,
    events: Vec<Event>,
    trails: HashMap<TaskId, Trail>,
    unfinished: usize,
    removed: Vec<TaskId>,
    /// Their last event is among these.
    over: Vec<Arc<Task>>,
}

impl Maker {
    /// Opens the log, or begins one, to which the tasks that were there before are strangers.
    ///
    /// # Errors
    /// The home cannot be written.
    pub(crate) fn open(
        fleet: Arc<Fleet>,
        name: EventLogId,
        before: &[TaskId],
    ) -> Result<Self, IndexError> {
        let (store, found, opened) = EventStore::open(&fleet.home.index(), name)?;
        tracing::debug!(?opened, log = %found.state.log, newest = found.state.newest, "event log");
        let read =
            |(task, trail): (TaskId, String)| Some((task, serde_json::from_str(&trail).ok()?));
        let trails: HashMap<TaskId, Trail> = found.trails.into_iter().filter_map(read).collect();
        let unfinished = trails.values().filter(|trail| trail.is_unfinished()).count();
        // Those that were removed while nobody looked are looked at too, and forgotten.
        fleet.changes.mark(trails.keys().copied());
        if !found.is_new {
            fleet.events.show(found.state, Vec::new());
        }
        let (state, appointments) = (found.state, Appointments::default());
        let mut maker = Self { fleet, store, state, trails, unfinished, appointments };
        if found.is_new {
            maker.trails = before.iter().map(|task| (*task, Trail::of_stranger())).collect();
            maker.write_whole()?;
        }
        Ok(maker)
    }

    /// Looks at these tasks, and makes what is missing.
    ///
    /// # Errors
    /// Nothing could be written; the tasks are to be looked at again.
    pub(crate) fn make(&mut self, tasks: &[TaskId], now_ms: u64) -> Result<(), IndexError> {
        if !self.store.is_current() {
            self.begin_anew()?;
        }
        let mut draft = Draft { now_ms, ..self.draft() };
        for id in tasks {
            match self.fleet.task(*id) {
                Some(task) => self.look_at(&task, &mut draft)?,
                None => draft.forget(*id, self.trails.get(id)),
            }
        }
        self.write(&mut draft)?;
        // Those who wait for a task's last event are woken even if it was made long ago.
        self.fleet.events.turn();
        Ok(())
    }

    /// When something is to be looked at though nothing happens, Unix milliseconds.
    pub(crate) fn wakes_at_ms(&self) -> Option<u64> {
        self.appointments.first_ms()
    }

    /// Marks the tasks that are to be looked at by now.
    pub(crate) fn mark_due(&mut self, now_ms: u64) {
        self.fleet.changes.mark(self.appointments.due(now_ms));
    }

    /// Somebody deleted the file: another log begins, in which every session goes on from where it is.
    fn begin_anew(&mut self) -> Result<(), IndexError> {
        let name = super::random_name();
        let (store, found, _opened) = EventStore::open(&self.fleet.home.index(), name)?;
        tracing::warn!(log = %found.state.log, "the event log was deleted; another one begins");
        self.store = store;
        self.state = found.state;
        self.write_whole()
    }

    /// The first batch of a log.
    fn write_whole(&mut self) -> Result<(), IndexError> {
        let batch = EventBatch { trails: written(&self.trails), ..EventBatch::default() };
        self.state = self.store.write(self.state, &batch)?;
        self.fleet.events.show(self.state, Vec::new());
        Ok(())
    }

    fn draft(&self) -> Draft {
        Draft {
            now_ms: 0,
            state: self.state,
            events: Vec::new(),
            trails: HashMap::new(),
            unfinished: self.unfinished,
            removed: Vec::new(),
            over: Vec::new(),
        }
    }

    /// Writes what there is, shows it, and begins the next draft.
    fn write(&mut self, draft: &mut Draft) -> Result<(), IndexError> {
        if draft.events.is_empty() && draft.trails.is_empty() && draft.removed.is_empty() {
            return Ok(());
        }
        let mut next = self.draft();
        (next.unfinished, next.now_ms) = (draft.unfinished, draft.now_ms);
        let Draft { state, events, trails, unfinished, removed, over, .. } =
            std::mem::replace(draft, next);
        let batch = EventBatch { events, trails: written(&trails), removed };
        self.state = self.store.write(state, &batch)?;
        draft.state = self.state;
        for task in &batch.removed {
            self.trails.remove(task);
        }
        self.trails.extend(trails);
        self.unfinished = unfinished;
        for task in over {
            task.is_told.store(true, Ordering::SeqCst);
        }
        self.fleet.metrics.made(&batch.events);
        self.fleet.events.show(self.state, batch.events);
        Ok(())
    }

    fn look_at(&mut self, task: &Arc<Task>, draft: &mut Draft) -> Result<(), IndexError> {
        let id = task.id();
        let sight = look(task, draft.now_ms);
        let known = draft.trails.get(&id).or_else(|| self.trails.get(&id)).cloned();
        let begun = match (&known, &sight) {
            // Its past is in no log: it begins when it is heard of.
            (Some(trail), Sight::Unheard) if trail.stranger => return Ok(()),
            (Some(trail), sight) if trail.stranger => draft.welcome(sight),
            (Some(trail), _) => trail.clone(),
            (None, _) => draft.begin(task),
        };
        let is_heard = matches!(sight, Sight::Live(_) | Sight::Ended(_));
        let trail = self.follow(task, sight, begun, draft)?;
        if is_heard && !task.is_in_events.swap(true, Ordering::SeqCst) {
            self.fleet.trimming.mark(id);
        }
        let is_over = trail.over;
        if known.as_ref() != Some(&trail) {
            draft.trails.insert(id, trail);
            draft.over.extend(is_over.then(|| task.clone()));
        } else if is_over {
            task.is_told.store(true, Ordering::SeqCst);
        }
        if draft.events.len() >= BATCH_EVENTS_MAX {
            self.write(draft)?;
        }
        Ok(())
    }

    /// Makes what a task did since its trail's end.
    fn follow(
        &mut self,
        task: &Arc<Task>,
        sight: Sight,
        mut trail: Trail,
        draft: &mut Draft,
    ) -> Result<Trail, IndexError> {
        match sight {
            Sight::Queued | Sight::Unheard => {}
            Sight::Cancelled(cancelled) if !trail.ended => {
                (trail.ended, trail.over) = (true, true);
                let happening = Happening::TaskEnded {
                    status: Status::Stopped,
                    cause: cancelled.cause,
                    exit: None,
                    failure: None,
                    limit: None,
                    stats: Stats::default(),
                };
                draft.push(task, Event::new(cancelled.at_ms, happening));
            }
            Sight::Cancelled(_) => trail.over = true,
            Sight::Live(live) => return self.follow_live(task, *live, trail, draft),
            Sight::Ended(view) if !trail.over => {
                let head = view.cursor.and_then(|cursor| cursor.seq).unwrap_or_default();
                trail = self.catch_up(task, trail, head, draft)?;
                if let Some(end) = picture::end_of(&view).filter(|_| !trail.ended) {
                    // Its journal could not be read to its end: the view knows how it was.
                    trail.ended = true;
                    let time_ms = view.ended_at_ms.unwrap_or(view.created_at_ms);
                    draft.push_of_session(task, Event::new(time_ms, end));
                }
                trail.over = true;
            }
            Sight::Ended(_) => {}
        }
        Ok(trail)
    }

    fn follow_live(
        &mut self,
        task: &Arc<Task>,
        live: LiveSight,
        mut trail: Trail,
        draft: &mut Draft,
    ) -> Result<Trail, IndexError> {
        if trail.next >= live.notes_from {
            let known = trail.next;
            for note in live.notes.into_iter().filter(|note| note.seq >= known) {
                draft.take(task, &mut trail, note, live.started_unix_us);
            }
        } else {
            trail = self.catch_up(task, trail, live.head, draft)?;
        }
        // Lower than before only after a power cut: the log told what the journal lost.
        trail.next = live.head;
        match live.absence {
            Absence::Long { since_ms } if !trail.away => {
                trail.away = true;
                draft.push_of_session(task, Event::new(since_ms, Happening::LinkAway));
            }
            Absence::None if trail.away => {
                trail.away = false;
                draft.push_of_session(task, Event::new(draft.now_ms, Happening::LinkBack));
            }
            Absence::Short { until_ms } => self.appointments.make(task.id(), until_ms),
            Absence::Long { .. } | Absence::None => {}
        }
        match live.silence {
            Silence::Long { idle_ms } if trail.idle_at != Some(live.offset) => {
                trail.idle_at = Some(live.offset);
                let idle = Happening::TaskIdle { idle_ms };
                draft.push_of_session(task, Event::new(draft.now_ms, idle));
            }
            Silence::Short { until_ms } => {
                self.appointments.make(task.id(), until_ms);
            }
            Silence::Long { .. } | Silence::None => {}
        }
        Ok(trail)
    }

    /// Makes the events of frames that lie in the journal.
    fn catch_up(
        &mut self,
        task: &Arc<Task>,
        mut trail: Trail,
        head: Seq,
        draft: &mut Draft,
    ) -> Result<Trail, IndexError> {
        if trail.next >= head {
            return Ok(trail);
        }
        let read = CatchUp::open(&task.folder, trail.next, head);
        let mut read = match read {
            Ok(read) => read,
            Err(error) => return Ok(untold(task, trail, head, &error)),
        };
        if read.begins_after(trail.next) {
            draft.lose();
        }
        loop {
            let notes = match read.next() {
                Ok(Some(notes)) => notes,
                Ok(None) => break,
                Err(error) => return Ok(untold(task, trail, head, &error)),
            };
            for note in notes {
                draft.take(task, &mut trail, note, read.started_unix_us);
            }
            if draft.events.len() >= BATCH_EVENTS_MAX {
                draft.trails.insert(task.id(), trail.clone());
                self.write(draft)?;
            }
        }
        trail.next = head;
        Ok(trail)
    }
}

impl Draft {
    /// A task that is new to the log.
    fn begin(&mut self, task: &Arc<Task>) -> Trail {
        self.unfinished += 1;
        let (command, index) = (command_line(&task.record.spec), task.record.index);
        let happening = Happening::TaskQueued { command, index };
        let queued = Event::new(task.record.created_at_ms, happening);
        let request_id = task.record.request_id.clone();
        self.push(task, Event { request_id, ..queued });
        Trail::default()
    }

    /// A task that was there before the log was.
    fn welcome(&mut self, sight: &Sight) -> Trail {
        let trail = match sight {
            Sight::Queued | Sight::Unheard => Trail::default(),
            Sight::Cancelled(_) => Trail { ended: true, over: true, ..Trail::default() },
            Sight::Live(live) => Trail::from_here(live.head, live.interventions, live.ended),
            Sight::Ended(view) => {
                let head = view.cursor.and_then(|cursor| cursor.seq).unwrap_or_default();
                let trail = Trail::from_here(head, view.interventions, true);
                Trail { over: true, ..trail }
            }
        };
        if !trail.ended {
            self.unfinished += 1;
        }
        trail
    }

    fn forget(&mut self, id: TaskId, trail: Option<&Trail>) {
        let Some(trail) = trail else { return };
        self.unfinished -= usize::from(trail.is_unfinished());
        self.removed.push(id);
        if !trail.over && !trail.stranger {
            // Its folder went before its last event was made, and with it what that would be made of.
            self.lose();
        }
    }

    /// Events cannot be made any more. A number that no event has makes every listener begin anew, with a picture.
    fn lose(&mut self) {
        self.state.newest += 1;
        self.state.floor = self.state.newest;
    }

    fn take(&mut self, task: &Arc<Task>, trail: &mut Trail, note: Note, started_unix_us: u64) {
        let (seq, time_ms) = (note.seq, unix_ms(started_unix_us, note.at));
        let Some(Made { request_id, happening }) = trail.take(note) else { return };
        let event = Event { seq: Some(seq), request_id, ..Event::new(time_ms, happening) };
        self.push_of_session(task, event);
    }

    fn push_of_session(&mut self, task: &Arc<Task>, event: Event) {
        self.push(task, Event { session: Some(FIRST_SESSION), ..event });
    }

    fn push(&mut self, task: &Arc<Task>, event: Event) {
        let (time_ms, ends) = (event.time_ms, is_end(&event.happening));
        let name = task.record.spec.name.clone();
        self.number(Event { task: Some(task.id()), name, ..event });
        if ends {
            self.unfinished -= 1;
            self.state.ended += 1;
            if self.unfinished == 0 {
                let ended = std::mem::take(&mut self.state.ended);
                self.number(Event::new(time_ms, Happening::TasksAllEnded { ended }));
            }
        }
    }

    fn number(&mut self, event: Event) {
        self.state.newest += 1;
        let id = EventId { log: self.state.log, number: self.state.newest };
        self.events.push(Event { id: Some(id), ..event });
    }
}

fn is_end(happening: &Happening) -> bool {
    matches!(happening, Happening::TaskEnded { .. } | Happening::TaskLost { .. })
}

fn written(trails: &HashMap<TaskId, Trail>) -> Vec<(TaskId, String)> {
    let json = |trail| serde_json::to_string(trail).expect("a trail is always JSON");
    trails.iter().map(|(task, trail)| (*task, json(trail))).collect()
}

/// A journal that cannot be read tells nothing; the session goes on being told from its head.
fn untold(task: &Task, trail: Trail, head: Seq, error: &JournalError) -> Trail {
    tracing::error!(task = task.id().short(), %error, "events are missing: the journal cannot be read");
    Trail { next: head, ..trail }
}

#[cfg(test)]
mod tests;
