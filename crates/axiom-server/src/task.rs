//! One task in memory: what was asked, where it stands, and who is woken when that changes.
//! Owner of the task's state, behind one lock that is never held across a wait.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axiom_hub::Place;
use axiom_proto::cursor::Cursor;
use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::task::{Status, TaskRecord, TaskView};
use tokio::sync::{Notify, watch};

use crate::changes::{Changes, Weight};
use crate::clock::now_ms;
use crate::home::Home;
use crate::packing::filled;
use crate::record::Cancelled;
use crate::roster::Age;
use crate::session::{Problem, Session};
use crate::view;

/// The number of a task's only session, until tasks can be continued.
pub(crate) const FIRST_SESSION: u32 = 1;

/// One task.
#[derive(Debug)]
pub(crate) struct Task {
    /// What was asked, without its environment: that stays on disk.
    pub(crate) record: TaskRecord,
    /// The session's folder.
    pub(crate) folder: PathBuf,
    state: Mutex<State>,
    announced: watch::Sender<Announced>,
    standing: watch::Sender<Standing>,
    /// True once every event of it was made: nothing more will come.
    pub(crate) is_told: AtomicBool,
    /// True once what its journal said before this server was made into events: from then on events are made of what comes.
    pub(crate) is_in_events: AtomicBool,
    /// Wakes the link's loop when a command waits.
    pub(crate) asked: Notify,
    changes: Arc<Changes>,
}

/// Where a task stands.
#[derive(Debug)]
pub(crate) enum State {
    /// It waits for its turn.
    Queued,
    /// It was stopped before it started.
    Cancelled(Cancelled),
    /// It has a session.
    Live(Box<Session>),
    /// Its journal is closed.
    Ended(Box<TaskView>),
}

/// What readers and waiters are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The head, once it is known: no reader goes past it.
    pub(crate) head: Option<Place>,
    pub(crate) status: Status,
    /// Nothing will come after the head.
    pub(crate) over: bool,
}

/// What those are told who wait for a task itself and not for its output: they sleep while it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    /// It is known how far its session goes.
    pub(crate) is_known: bool,
    /// Nothing will come after the head.
    pub(crate) over: bool,
    /// How many segments its output has filled.
    pub(crate) filled: u64,
}

impl From<Announced> for Standing {
    fn from(Announced { head, status, over }: Announced) -> Self {
        let filled = head.map_or(0, |head| filled(head.offset));
        Self { status, is_known: head.is_some(), over, filled }
    }
}

/// What of its environment is kept in memory and told: how its output is meant.
const TOLD_OF_ENV: [&str; 2] = ["TERM", "SHELL"];

impl Task {
    pub(crate) fn new(
        home: &Home,
        mut record: TaskRecord,
        state: State,
        changes: Arc<Changes>,
    ) -> Arc<Self> {
        // Anything else could be a secret, and is in task.json alone.
        record.spec.env.retain(|name, _| TOLD_OF_ENV.contains(&name.as_str()));
        let session = SessionId { task: record.id, number: FIRST_SESSION };
        let announced = announced(&state);
        let standing = watch::Sender::new(announced.into());
        let announced = watch::Sender::new(announced);
        let (folder, asked) = (home.session(session), Notify::new());
        let state = Mutex::new(state);
        let (is_told, is_in_events) = (AtomicBool::new(false), AtomicBool::new(false));
        let task = Self {
            record,
            folder,
            state,
            announced,
            standing,
            is_told,
            is_in_events,
            asked,
            changes,
        };
        task.changes.note(task.id(), Weight::Status);
        Arc::new(task)
    }

    pub(crate) fn id(&self) -> TaskId {
        self.record.id
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId { task: self.record.id, number: FIRST_SESSION }
    }

    pub(crate) fn age(&self) -> Age {
        let TaskRecord { created_at_ms, index, id, .. } = self.record;
        Age { created_at_ms, index, id }
    }

    /// The task as faces show it.
    pub(crate) fn view(&self) -> TaskView {
        view::of(&self.record, &self.state())
    }

    pub(crate) fn announced(&self) -> Announced {
        *self.announced.borrow()
    }

    /// Wakes on every change of [`Self::announced`].
    pub(crate) fn subscribe(&self) -> watch::Receiver<Announced> {
        self.announced.subscribe()
    }

    /// Wakes on every change of its standing, and not for its output.
    pub(crate) fn follow(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Looks at the state.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state())
    }

    /// Looks at the live session, if there is one.
    pub(crate) fn look_live<T>(&self, look: impl FnOnce(&Session) -> T) -> Option<T> {
        match &*self.state() {
            State::Live(session) => Some(look(session)),
            State::Queued | State::Cancelled(_) | State::Ended(_) => None,
        }
    }

    /// Changes the live session, if there is one, and tells those who wait.
    pub(crate) fn change_live<T>(
        &self,
        change: impl FnOnce(&mut Session) -> (T, Option<Weight>),
    ) -> Option<T> {
        let mut state = self.state();
        let State::Live(session) = &mut *state else { return None };
        let (answer, weight) = change(session);
        self.tell(&state, weight);
        Some(answer)
    }

    /// Says what is wrong with the session, or that nothing is any more.
    pub(crate) fn set_problem(&self, problem: Option<Problem>) {
        self.change_live(|session| {
            let changed = session.problem != problem;
            session.problem = problem;
            ((), changed.then_some(Weight::Status))
        });
    }

    /// Changes the state, and tells those who wait if it did.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> (T, bool)) -> T {
        let mut state = self.state();
        let (answer, changed) = change(&mut state);
        self.tell(&state, changed.then_some(Weight::Status));
        answer
    }

    /// Its turn has come. False if it does not wait any more.
    pub(crate) fn begin(&self) -> bool {
        self.change(|state| match state {
            State::Queued => {
                *state = State::Live(Box::new(Session::starting(now_ms())));
                (true, true)
            }
            State::Cancelled(_) | State::Live(_) | State::Ended(_) => (false, false),
        })
    }

    /// The session is over: what is kept in memory is how it is shown.
    pub(crate) fn finish(&self) {
        self.change(|state| {
            let view = view::of(&self.record, state);
            let State::Live(session) = state else { return ((), false) };
            session.pending.clear();
            *state = State::Ended(Box::new(view));
            ((), true)
        });
    }

    fn tell(&self, state: &State, weight: Option<Weight>) {
        let Some(weight) = weight else { return };
        let announced = announced(state);
        tell(&self.announced, announced);
        tell(&self.standing, announced.into());
        self.changes.note(self.id(), weight);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held has ended that request; what is here is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes those who wait, if it is news.
fn tell<T: PartialEq>(to: &watch::Sender<T>, news: T) {
    to.send_if_modified(|told| {
        let modified = *told != news;
        *told = news;
        modified
    });
}

fn announced(state: &State) -> Announced {
    match state {
        State::Queued => Announced { head: None, status: Status::Queued, over: false },
        State::Cancelled(_) => {
            Announced { head: Some(Place::default()), status: Status::Stopped, over: true }
        }
        State::Live(session) => {
            Announced { head: session.head(), status: session.summary.status, over: false }
        }
        State::Ended(view) => {
            Announced { head: view.cursor.and_then(place_of), status: view.status, over: true }
        }
    }
}

fn place_of(cursor: Cursor) -> Option<Place> {
    Some(Place { seq: cursor.seq?, offset: cursor.offset })
}
