//! All tasks of a home and what they share: the roster, who may start, keys, changes, and what runs beside.
//! Each part is leaf data behind a lock of its own; none is held while another is taken, or across a wait.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axiom_holder::cgroup::CgroupRoot;
use axiom_holder::priority::Means;
use axiom_proto::frame::Offset;
use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::live::FleetStats;
use axiom_proto::task::{LinkView, Status, TaskRecord};
use tokio::process::Child;
use tokio::sync::{Notify, Semaphore, watch};

use crate::admission::{Admission, Applicant};
use crate::background::Background;
use crate::changes::Changes;
use crate::claims::Claims;
use crate::events::EventLog;
use crate::home::Home;
use crate::indexing::Indexing;
use crate::launch::{LAUNCHES_MAX, Spare};
use crate::metrics::Metrics;
use crate::options::{Options, Programs};
use crate::packing::Packing;
use crate::roster::{Candidate, Choice, FindError, Purpose, Roster, choose};
use crate::screens::Screens;
use crate::subtrees::{Reach, Subtrees};
use crate::supervision::{self, Origin};
use crate::surroundings::Surroundings;
use crate::task::{State, Task};
use crate::task_tokens::TaskTokens;
use crate::transcripts::Transcripts;
use crate::trimming::Trimming;

/// Generations above a task that its own limit does not count; deeper trees are nobody's plan.
const ANCESTORS_MAX: usize = 64;

/// Sessions that are cleared away after at once. Nobody waits for it but their own last word; a thread for each of five
/// hundred that end together would take the processors from those that pass output on.
const SWEEPS_MAX: usize = 2;

/// What all tasks share.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) home: Home,
    pub(crate) programs: Programs,
    pub(crate) surroundings: Surroundings,
    pub(crate) disk_min_free_bytes: u64,
    /// Where tasks get their cgroups, or why they get none.
    pub(crate) cgroup: Result<CgroupRoot, String>,
    /// By what means tasks are kept below us; None where that is switched off.
    pub(crate) priority: Option<Means>,
    pub(crate) started_at_ms: u64,
    pub(crate) task_tokens: TaskTokens,
    pub(crate) wait_max: Duration,
    /// What those that ask from within tasks see and touch.
    pub(crate) task_reach: Reach,
    pub(crate) changes: Arc<Changes>,
    pub(crate) events: EventLog,
    pub(crate) metrics: Metrics,
    pub(crate) indexing: Indexing,
    pub(crate) packing: Packing,
    pub(crate) trimming: Trimming,
    pub(crate) screens: Screens,
    pub(crate) transcripts: Transcripts,
    pub(crate) background: Background,
    pub(crate) launches: Semaphore,
    pub(crate) spare: Spare,
    pub(crate) sweeps: Semaphore,
    /// A session let go of its memory.
    pub(crate) freed: Notify,
    /// A task is over: for retention.
    pub(crate) over: Notify,
    /// True once nothing new is taken on.
    leaving: AtomicBool,
    /// True once faces are to say goodbye.
    pub(crate) ended: watch::Sender<bool>,
    /// Where the server listens besides the socket, once it does.
    pub(crate) url: OnceLock<String>,
    roster: Mutex<Roster>,
    admission: Mutex<Admission>,
    claims: Mutex<Claims>,
    subtrees: Mutex<Subtrees>,
    opened: Instant,
    /// What is wrong with the home itself, found at start.
    problems: Mutex<Vec<String>>,
}

/// What the machine offers, found once at start.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) cgroup: Result<CgroupRoot, String>,
    pub(crate) priority: Option<Means>,
    pub(crate) disk_min_free_bytes: u64,
    pub(crate) started_at_ms: u64,
    pub(crate) task_tokens: TaskTokens,
}

impl Fleet {
    pub(crate) fn new(options: Options, machine: Machine) -> Arc<Self> {
        Arc::new(Self {
            home: options.home,
            programs: options.programs,
            surroundings: options.surroundings,
            disk_min_free_bytes: machine.disk_min_free_bytes,
            cgroup: machine.cgroup,
            priority: machine.priority,
            started_at_ms: machine.started_at_ms,
            task_tokens: machine.task_tokens,
            wait_max: options.wait_max,
            task_reach: options.subtree_limits.reach,
            changes: Arc::default(),
            events: EventLog::default(),
            metrics: Metrics::default(),
            indexing: Indexing::default(),
            packing: Packing::default(),
            trimming: Trimming::default(),
            screens: Screens::default(),
            transcripts: Transcripts::default(),
            background: Background::default(),
            launches: Semaphore::new(LAUNCHES_MAX),
            spare: Spare::default(),
            sweeps: Semaphore::new(SWEEPS_MAX),
            freed: Notify::new(),
            over: Notify::new(),
            leaving: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            url: OnceLock::new(),
            roster: Mutex::default(),
            admission: Mutex::new(Admission::new(options.max_tasks)),
            claims: Mutex::default(),
            subtrees: Mutex::new(Subtrees::new(options.subtree_limits)),
            opened: Instant::now(),
            problems: Mutex::default(),
        })
    }

    /// From here on no task is taken on or started.
    pub(crate) fn begin_leaving(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.spare.let_go();
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    pub(crate) fn task(&self, id: TaskId) -> Option<Arc<Task>> {
        self.roster().get(id)
    }

    /// Every task, oldest first.
    pub(crate) fn tasks(&self) -> Vec<Arc<Task>> {
        self.roster().all()
    }

    /// The task that a text means, among those that are seen.
    pub(crate) fn find(
        &self,
        text: &str,
        purpose: Purpose,
        is_seen: impl Fn(&Arc<Task>) -> bool,
    ) -> Result<Arc<Task>, FindError> {
        let mut candidates = self.roster().candidates(text);
        if let Some(task) = candidates.exact.filter(&is_seen) {
            return Ok(task);
        }
        candidates.named.retain(&is_seen);
        candidates.prefixed.retain(&is_seen);
        let choice = |task: &Arc<Task>| Choice {
            candidate: Candidate { id: task.id(), name: task.record.spec.name.clone() },
            has_ended: task.announced().status.is_ended(),
        };
        let named: Vec<Choice> = candidates.named.iter().map(choice).collect();
        let prefixed: Vec<Choice> = candidates.prefixed.iter().map(choice).collect();
        let id = choose(text, purpose, &named, &prefixed)?;
        self.task(id).ok_or_else(|| FindError::NotFound { text: text.to_owned() })
    }

    /// Tasks by status.
    pub(crate) fn counts(&self, is_seen: impl Fn(&Arc<Task>) -> bool) -> BTreeMap<Status, u64> {
        let mut counts = BTreeMap::new();
        for task in self.tasks().into_iter().filter(is_seen) {
            *counts.entry(task.announced().status).or_default() += 1;
        }
        counts
    }

    /// The fleet in figures.
    pub(crate) fn stats(&self, is_seen: impl Fn(&Arc<Task>) -> bool) -> FleetStats {
        let mut stats =
            FleetStats { subscribers: self.metrics.subscribers(), ..FleetStats::default() };
        for task in self.tasks().into_iter().filter(is_seen) {
            let (is_linked, Offset(bytes)) = task.look(|state| match state {
                State::Live(session) => {
                    (session.link_view() == LinkView::Connected, session.summary.offset)
                }
                State::Ended(view) => (false, view.bytes),
                State::Queued | State::Cancelled(_) => (false, Offset(0)),
            });
            stats.sessions_linked += u64::from(is_linked);
            stats.bytes += bytes;
        }
        stats
    }

    /// A task was asked for and its record written: it takes its place in the queue.
    pub(crate) fn enqueue(self: &Arc<Self>, task: Arc<Task>) {
        let applicant = self.applicant(&task);
        self.subtrees().join(task.id(), &task.record.ancestors);
        self.add(task);
        self.admission().enqueue(applicant);
    }

    /// A task is back in the queue, at its end: what took it out failed.
    pub(crate) fn enqueue_again(self: &Arc<Self>, task: &Task) {
        {
            let applicant = self.applicant(task);
            let mut admission = self.admission();
            admission.leave(task.id());
            admission.enqueue(applicant);
        }
        self.admit();
    }

    /// What a task asks for when it wants to start.
    fn applicant(&self, task: &Task) -> Applicant {
        let TaskRecord { id, group, spec, .. } = &task.record;
        let mut ancestors = Vec::new();
        let mut parent = spec.parent;
        while let Some(id) = parent.filter(|id| !ancestors.contains(id)) {
            ancestors.push(id);
            parent = self.task(id).and_then(|task| task.record.spec.parent);
            if ancestors.len() == ANCESTORS_MAX {
                break;
            }
        }
        let (tasks_max, parallel_max) = (spec.limits.tasks_max, spec.parallel_max);
        Applicant { task: *id, tasks_max, ancestors, group: *group, parallel_max }
    }

    /// A task is known, whatever its state.
    pub(crate) fn add(&self, task: Arc<Task>) {
        self.roster().insert(task);
    }

    /// A task was found that has been started before.
    pub(crate) fn adopt(self: &Arc<Self>, task: Arc<Task>) {
        self.admission().adopt(task.id(), task.record.group);
        self.subtrees().join(task.id(), &task.record.ancestors);
        self.add(task.clone());
        supervision::spawn(self, task, Origin::Found);
    }

    /// Starts those whose turn it is.
    pub(crate) fn admit(self: &Arc<Self>) {
        if self.is_leaving() {
            return;
        }
        let admitted = self.admission().admit();
        for id in admitted {
            match self.task(id) {
                Some(task) if task.begin() => supervision::spawn(self, task, Origin::New),
                // It was stopped while it waited.
                Some(_) | None => self.admission().leave(id),
            }
        }
    }

    /// A task's place is free: it ended, or was stopped while it waited.
    pub(crate) fn leave(self: &Arc<Self>, id: TaskId) {
        self.admission().leave(id);
        self.subtrees().leave(id);
        self.admit();
    }

    /// Forgets a task whose folder is gone.
    pub(crate) fn forget(&self, id: TaskId) {
        let Some(task) = self.roster().remove(id) else { return };
        if let Some(key) = &task.record.spec.idempotency_key {
            self.claims().forget(key, id);
        }
        self.changes.forget(id);
        self.indexing.mark(id);
    }

    /// The cgroup of a session, if sessions have one.
    pub(crate) fn cgroup_of(&self, session: SessionId) -> Option<PathBuf> {
        let root = self.cgroup.as_ref().ok()?;
        Some(root.leaf(session.task.as_str(), session.number))
    }

    /// Waits for a holder that we started, so that it leaves no zombie.
    pub(crate) fn reap(&self, mut holder: Child) {
        self.background.spawn(async move {
            match holder.wait().await {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::warn!(%status, "a holder left"),
                Err(error) => tracing::warn!(%error, "a holder cannot be waited for"),
            }
        });
    }

    pub(crate) fn add_problem(&self, problem: String) {
        tracing::error!(problem, "found");
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    /// What is wrong, with the home and with sessions.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for task in self.tasks() {
            let problem = task.look_live(|session| {
                session.problem.as_ref().map(|problem| problem.text().to_owned())
            });
            if let Some(problem) = problem.flatten() {
                problems.push(format!("task {}: {problem}", task.id().short()));
            }
        }
        problems
    }

    pub(crate) fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subtrees(&self) -> MutexGuard<'_, Subtrees> {
        self.subtrees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the fleet has been there.
    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
