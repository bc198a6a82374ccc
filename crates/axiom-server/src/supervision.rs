//! One session's life beside requests: launch it, keep its link, and when nobody serves it any more, close it.
//! One such loop per session; a panic in it is fenced, and the loop begins again.

use std::sync::Arc;
use std::time::Duration;

use axiom_holder::tree::{Root, Tree};
use axiom_proto::record::Failure;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use crate::background::beside;
use crate::changes::Weight;
use crate::closing::{self, CloseError, Unserved};
use crate::evidence::{self, Evidence};
use crate::fleet::Fleet;
use crate::history::{self, Folded};
use crate::launch::launch;
use crate::link::{Dialled, Hangup, converse, dial};
use crate::packing::filled;
use crate::session::{Link, Problem};
use crate::task::{Standing, Task};

/// The wait after the first dial that led to nothing, and the longest: it doubles in between. Someone who lives answers
/// within milliseconds; someone who does not must not cost a busy loop.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// The longest wait after a worker that had taken us in: it died, and the holder, which has its own backoff, starts the
/// next one. A worker that only hangs up, again and again, is dialled no more often than this.
const RELINK_MAX: Duration = Duration::from_millis(40);

/// How long a found session's worker may take to say hello, before the journal is asked how the session stands.
const HELLO_WAIT: Duration = Duration::from_millis(500);

/// How a session came to be supervised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It has never been started.
    New,
    /// It was there when the server started.
    Found,
}

/// What to do next.
enum Step {
    Dial,
    Wait,
    Launch,
    Close,
    Done,
}

/// Begins to supervise a session.
pub(crate) fn spawn(fleet: &Arc<Fleet>, task: Arc<Task>, origin: Origin) {
    let span = tracing::info_span!("task", task = task.id().short());
    let fleet_of_loop = fleet.clone();
    let work = async move {
        let mut origin = origin;
        loop {
            let life = live(fleet_of_loop.clone(), task.clone(), origin);
            // A runtime task of its own is the fence: a panic in it arrives here as a value.
            let mut set = tokio::task::JoinSet::new();
            set.spawn(life.in_current_span());
            match set.join_next().await {
                Some(Err(error)) if error.is_panic() => {
                    tracing::error!("the supervision of a session panicked and begins again");
                    let text = "its supervision failed by a bug and was begun again";
                    task.set_problem(Some(Problem::Other(text.to_owned())));
                    origin = Origin::Found;
                    tokio::time::sleep(BACKOFF_MAX).await;
                }
                Some(_) | None => return,
            }
        }
    };
    fleet.background.spawn(work.instrument(span));
}

/// Supervises a session until it is over.
async fn live(fleet: Arc<Fleet>, task: Arc<Task>, origin: Origin) {
    let mut supervision = Supervision { fleet, task, origin, wait: BACKOFF_FIRST, failure: None };
    let mut step = match origin {
        Origin::New => Step::Launch,
        Origin::Found => Step::Dial,
    };
    loop {
        step = match step {
            Step::Dial => supervision.dial().await,
            Step::Wait => supervision.wait().await,
            Step::Launch => supervision.launch().await,
            Step::Close => supervision.close().await,
            Step::Done => break,
        };
    }
    let Supervision { fleet, task, .. } = supervision;
    sweep(&fleet, &task).await;
    task.finish();
    fleet.leave(task.id());
    // Also of a session that was over before anybody followed it.
    if task.announced().head.is_some_and(|head| filled(head.offset) > 0) {
        fleet.packing.mark(task.id());
        fleet.trimming.mark(task.id());
    }
    fleet.indexing.mark(task.id());
    fleet.freed.notify_one();
    fleet.over.notify_one();
    tracing::info!(status = task.announced().status.word(), "over");
}

/// The holder removes its session's sockets and cgroup; one that was killed, or that failed early, leaves them to us.
/// Left-over processes keep their cgroup. Many ends at once wait for each other, not the output of the others for them.
async fn sweep(fleet: &Fleet, task: &Task) {
    let _place = fleet.sweeps.acquire().await.expect("nobody closes it");
    let (id, folder) = (task.id(), task.folder.clone());
    let cgroup = fleet.cgroup_of(task.session());
    beside(move || {
        if let Err(error) = closing::clear_away(&folder) {
            tracing::debug!(%error, "a closed session's sockets stay");
        }
        let Some(path) = cgroup else { return };
        let tree = Tree::new(Root::Lost { child: None }, id.as_str(), Some(&path));
        if let Err(errno) = tree.remove_cgroup() {
            tracing::debug!(task = id.short(), %errno, "the session's cgroup stays");
        }
    })
    .await;
}

struct Supervision {
    fleet: Arc<Fleet>,
    task: Arc<Task>,
    origin: Origin,
    /// Before the next dial, if this one leads to nothing.
    wait: Duration,
    /// Why the session could not be started; its journal must say so.
    failure: Option<Failure>,
}

impl Supervision {
    async fn launch(&mut self) -> Step {
        match launch(&self.fleet, &self.task).await {
            Ok(()) => Step::Dial,
            Err(failure) => {
                self.failure = Some(failure);
                Step::Close
            }
        }
    }

    async fn wait(&mut self) -> Step {
        let until = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(BACKOFF_MAX);
        sleep_until(until).await;
        if self.failure.is_some() { Step::Close } else { Step::Dial }
    }

    async fn dial(&mut self) -> Step {
        match dial(&self.task.folder).await {
            Ok(Dialled::Connected(stream)) => self.converse(stream).await,
            Ok(Dialled::Refused) => self.look().await,
            Err(error) => {
                tracing::warn!(%error, "a session cannot be dialled");
                self.ask_journal().await;
                Step::Wait
            }
        }
    }

    async fn converse(&mut self, stream: tokio::net::UnixStream) -> Step {
        let task = self.task.clone();
        let began = Instant::now();
        let ended = self.listen(converse(&task, &self.fleet.metrics, stream)).await;
        self.free_place();
        match ended {
            Ok(Hangup::Over) => Step::Done,
            Ok(Hangup::AfterHello) if began.elapsed() >= BACKOFF_MAX => {
                self.wait = BACKOFF_FIRST;
                Step::Dial
            }
            Ok(Hangup::AfterHello | Hangup::BeforeHello) => {
                self.wait = self.wait.min(RELINK_MAX);
                Step::Wait
            }
            Ok(Hangup::Mute) => Step::Wait,
            Err(error) => {
                tracing::warn!(%error, "hung up");
                Step::Wait
            }
        }
    }

    /// Follows a conversation, and does meanwhile what does not wait for its end: a worker that says nothing may be
    /// stopped, so the journal is asked in its place; and the place of a task that has ended is given on.
    async fn listen<T>(&self, conversation: impl Future<Output = T>) -> T {
        tokio::pin!(conversation);
        let (mut standing, mut size) = (self.task.follow(), self.task.follow());
        let silent = tokio::time::sleep(HELLO_WAIT);
        tokio::pin!(silent);
        let (mut asked, mut freed, mut filled) = (false, false, 0);
        loop {
            tokio::select! {
                ended = &mut conversation => return ended,
                () = &mut silent, if !asked => {
                    asked = true;
                    self.ask_journal().await;
                    self.miss();
                }
                more = fills_more(&mut size, filled) => {
                    filled = more;
                    self.fleet.packing.mark(self.task.id());
                    self.fleet.trimming.mark(self.task.id());
                }
                () = has_ended(&mut standing), if !freed => {
                    freed = true;
                    self.free_place();
                }
            }
        }
    }

    /// A worker that was there before us says nothing.
    fn miss(&self) {
        if self.origin == Origin::Found {
            self.task.change_live(|session| {
                let misses = !session.is_missed && matches!(session.link, Link::Away { .. });
                session.is_missed |= misses;
                ((), misses.then_some(Weight::Status))
            });
        }
    }

    /// A task that has ended counts no more, even while its last output is read.
    fn free_place(&self) {
        if self.task.announced().status.is_ended() {
            self.fleet.leave(self.task.id());
        }
    }

    /// Takes over what the journal says, unless a worker has said more.
    async fn ask_journal(&self) {
        if self.task.announced().head.is_some() {
            return;
        }
        let folder = self.task.folder.clone();
        if let Ok(folded) = beside(move || history::fold(&folder)).await {
            adopt(&self.task, folded);
        }
    }

    /// The dial was refused: who lives?
    async fn look(&mut self) -> Step {
        let folder = self.task.folder.clone();
        match beside(move || evidence::look(&folder)).await {
            Ok(Evidence::Alive) => {
                self.ask_journal().await;
                Step::Wait
            }
            Ok(Evidence::NotStarted) => Step::Launch,
            Ok(Evidence::Closed(folded)) => {
                adopt(&self.task, *folded);
                Step::Done
            }
            Ok(Evidence::Dead) => Step::Close,
            Err(error) => {
                tracing::error!(%error, "a session cannot be looked at");
                self.task.set_problem(Some(Problem::Other(error.to_string())));
                Step::Wait
            }
        }
    }

    async fn close(&mut self) -> Step {
        let (task, failure) = (self.task.clone(), self.failure.clone());
        let session = Unserved {
            id: task.session(),
            folder: task.folder.clone(),
            mode: task.record.spec.mode,
            leftovers: task.record.spec.leftovers,
            cgroup: self.fleet.cgroup_of(task.session()),
        };
        let closed = beside(move || {
            let publish = |folded: Folded| adopt(&task, folded);
            match &failure {
                Some(failure) => closing::close_unstarted(&session, failure, &publish),
                None => closing::close_lost(&session, &publish),
            }
        })
        .await;
        match closed {
            Ok(()) => Step::Done,
            Err(CloseError::Alive) => {
                self.failure = None;
                Step::Wait
            }
            Err(error) => {
                tracing::error!(%error, "a dead session's journal cannot be closed");
                let text = format!("its journal cannot be closed: {error}");
                self.task.set_problem(Some(Problem::Other(text)));
                Step::Wait
            }
        }
    }
}

/// Waits until more segments are filled than these, and says how many. Cancel-safe.
async fn fills_more(size: &mut watch::Receiver<Standing>, than: u64) -> u64 {
    // The sender lives in the task that the caller holds.
    size.wait_for(|now| now.filled > than).await.map_or(than, |now| now.filled)
}

async fn has_ended(standing: &mut watch::Receiver<Standing>) {
    // The sender lives in the task that the caller holds.
    let _open: bool = standing.wait_for(|now| now.status.is_ended()).await.is_ok();
}

fn adopt(task: &Task, folded: Folded) {
    task.change_live(|session| {
        session.adopt(folded);
        ((), Some(Weight::Status))
    });
}
