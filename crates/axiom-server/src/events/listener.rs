//! A listener: one reader of events, each once, in order. Near the head they come from memory, behind it from the file; one
//! that cannot go on where it was is told so, with a picture to begin from. A listener is a place: nothing is queued for it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axiom_index::{EventReader, IndexError};
use axiom_proto::event::{Event, EventId, EventMessage, Happening, Reset, ResetReason};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::Offset;
use axiom_proto::id::{GroupId, TaskId};
use axiom_proto::task::Status;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{After, picture, stats_of};
use crate::background::beside;
use crate::clock::now_ms;
use crate::fault;
use crate::fleet::Fleet;
use crate::metrics::Counted;
use crate::operations::is_within;

/// Events taken at once, from memory or from the file.
const TAKEN_AT_ONCE: usize = 256;

/// The shortest time between two statistics of one task.
const STATS_EVERY: Duration = Duration::from_secs(5);

/// Which events a listener wants; all where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) tasks: BTreeSet<TaskId>,
    pub(crate) tag: Option<String>,
    pub(crate) parent: Option<TaskId>,
    pub(crate) group: Option<GroupId>,
    /// Only of this task and its descendants.
    pub(crate) within: Option<TaskId>,
}

/// A stream of events.
#[derive(Debug)]
pub struct Listener {
    fleet: Arc<Fleet>,
    wanted: Wanted,
    /// Go on after this one; none before the log is open.
    after: Option<EventId>,
    turns: watch::Receiver<u64>,
    /// Taken and not given yet.
    ready: VecDeque<EventMessage>,
    /// True once it was told that it is at the head.
    is_live: bool,
    _counted: Counted,
    stats: StatsTurn,
}

/// When statistics are told of next.
#[derive(Debug)]
struct StatsTurn {
    newest: watch::Receiver<u64>,
    /// The newest change that was looked at.
    looked_at: u64,
    due: Instant,
    /// What each task had printed when it was told of.
    told: HashMap<TaskId, Offset>,
}

/// What woke a listener.
enum Woken {
    Log,
    Stats,
}

impl Listener {
    pub(crate) fn new(fleet: Arc<Fleet>, after: Option<EventId>, wanted: Wanted) -> Self {
        let mut newest = fleet.changes.subscribe();
        let looked_at = *newest.borrow_and_update();
        let due = Instant::now();
        Self {
            after: after.or_else(|| fleet.events.head()),
            turns: fleet.events.subscribe(),
            ready: VecDeque::new(),
            is_live: false,
            _counted: Counted::in_gauge(&fleet.metrics.listeners),
            stats: StatsTurn { newest, looked_at, due, told: HashMap::new() },
            fleet,
            wanted,
        }
    }

    /// The next message. Waits while there is none; dropping the wait loses nothing.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn next(&mut self) -> Result<EventMessage, Fault> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            self.turns.mark_unchanged();
            let Some(after) = self.after.or_else(|| self.fleet.events.head()) else {
                self.until_woken().await;
                continue;
            };
            self.after = Some(after);
            match self.fleet.events.after(after, TAKEN_AT_ONCE) {
                After::NotOpen => {
                    self.until_woken().await;
                }
                After::Reset(reason, head) => self.begin_anew(reason, head),
                After::Recent(events) => self.take(&events),
                After::Kept { until } => self.read(after, until).await?,
                After::Nothing if !self.is_live => {
                    self.is_live = true;
                    self.ready.push_back(EventMessage::Head { id: after });
                }
                After::Nothing => match self.until_woken().await {
                    Woken::Log => {}
                    Woken::Stats => self.tell_stats(),
                },
            }
        }
    }

    /// Waits for the log, or for the time when tasks that printed are told of.
    async fn until_woken(&mut self) -> Woken {
        let StatsTurn { newest, looked_at, due, .. } = &mut self.stats;
        let (looked_at, due) = (*looked_at, *due);
        let printed = async {
            // The sender lives as long as the fleet that we hold.
            let _open = newest.wait_for(|newest| *newest > looked_at).await.is_ok();
            sleep_until(due).await;
        };
        tokio::select! {
            _open = self.turns.changed() => Woken::Log,
            () = printed => Woken::Stats,
        }
    }

    fn take(&mut self, events: &[Arc<Event>]) {
        for event in events {
            self.after = event.id.or(self.after);
            if self.wants(event.task) {
                self.ready.push_back(EventMessage::Event(Box::new((**event).clone())));
            }
        }
    }

    /// The next events from the file. None there means that it is not what it was: look again.
    async fn read(&mut self, after: EventId, until: u64) -> Result<(), Fault> {
        let path = self.fleet.home.index();
        let limit = u32::try_from(TAKEN_AT_ONCE).expect("a small number");
        let read = beside(move || EventReader::open(&path)?.read(after, until, limit)).await;
        match read {
            Ok(events) if !events.is_empty() => {
                let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
                self.take(&events);
                Ok(())
            }
            Ok(_) | Err(IndexError::File { .. }) => self.look_again(after),
            Err(error) => match self.look_again(after) {
                Ok(()) => Ok(()),
                Err(_same) => Err(unreadable(&error)),
            },
        }
    }

    /// The file has nothing after this event. Then the log has begun anew, or dropped what came next; or it is broken.
    fn look_again(&mut self, after: EventId) -> Result<(), Fault> {
        match self.fleet.events.after(after, 1) {
            After::Kept { .. } => {
                let text = "the event log has lost events that it told of";
                Err(Fault::new(ErrorCode::Internal, text, "listen again without an id"))
            }
            After::NotOpen | After::Reset(..) | After::Nothing | After::Recent(_) => Ok(()),
        }
    }

    /// Tells of every wanted task how it stands. The place is taken first: what happens meanwhile comes after it, again.
    fn begin_anew(&mut self, reason: ResetReason, id: EventId) {
        let mut events = Vec::new();
        for task in self.fleet.tasks() {
            if self.wants(Some(task.id())) {
                events.extend(picture::of(&task.view()));
            }
        }
        self.after = Some(id);
        self.ready.push_back(EventMessage::Reset(Reset { reason, id, events }));
    }

    fn wants(&self, task: Option<TaskId>) -> bool {
        if self.wanted == Wanted::default() {
            return true;
        }
        let Some(id) = task else { return false };
        let Wanted { tasks, tag, parent, group, within } = &self.wanted;
        if !tasks.is_empty() && !tasks.contains(&id) {
            return false;
        }
        if tag.is_none() && parent.is_none() && group.is_none() && within.is_none() {
            return true;
        }
        // One that was removed has no tag and no parent any more.
        self.fleet.task(id).is_some_and(|task| {
            let spec = &task.record.spec;
            tag.as_ref().is_none_or(|tag| spec.tags.contains(tag))
                && parent.is_none_or(|parent| spec.parent == Some(parent))
                && group.is_none_or(|group| task.record.group == Some(group))
                && within.is_none_or(|within| is_within(&task.record, within))
        })
    }

    /// The figures of wanted tasks that printed since they were told of.
    fn tell_stats(&mut self) {
        let (changed, number) = self.fleet.changes.since(self.stats.looked_at);
        self.stats.looked_at = number;
        self.stats.due = Instant::now() + STATS_EVERY;
        for id in changed {
            let Some(task) = self.fleet.task(id).filter(|_| self.wants(Some(id))) else {
                self.stats.told.remove(&id);
                continue;
            };
            let view = task.view();
            if view.status.is_ended() || view.status == Status::Queued {
                self.stats.told.remove(&id);
                continue;
            }
            if self.stats.told.insert(id, view.bytes).unwrap_or_default() == view.bytes {
                continue;
            }
            let happening = Happening::TaskStats { stats: stats_of(&view) };
            self.ready.push_back(EventMessage::Event(Box::new(Event {
                task: Some(id),
                name: view.name.clone(),
                session: Some(view.session),
                ..Event::new(now_ms(), happening)
            })));
        }
    }
}

fn unreadable(error: &IndexError) -> Fault {
    let text = format!("failed to read the event log: {}", fault::sentence(error));
    Fault::new(ErrorCode::Internal, text, "delete axiom.db to begin another log")
}
