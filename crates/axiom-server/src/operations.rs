//! The one set of operations behind every face: typed requests in, typed answers or faults out.
//! A face translates; what is decided is decided here. Each operation has a file of its own.

mod control;
mod events;
mod frames;
mod list;
mod output;
mod remove;
mod screen;
mod show;
mod shutdown;
mod spawn;
mod status;
mod stop;
mod wait;
mod within;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axiom_proto::api::{
    CommandAnswer, EventsRequest, InputRequest, InterruptRequest, ListRequest, PlainRequest,
    PruneRequest, RemoveAnswer, ResizeRequest, ScreenAnswer, ScreenRequest, ServerStatus,
    ShutdownAnswer, ShutdownRequest, SpawnAnswer, StopRequest, TaskDetail, TaskList, WaitAnswer,
    WaitRequest,
};
use axiom_proto::command::{Action, Command};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::live::{FleetStats, StartAt};
use axiom_proto::record::Outcome;
use axiom_proto::task::{Status, TaskSpec};
use bytes::Bytes;
use tokio::sync::watch;
use tracing::Instrument;

use crate::events::Listener;
use crate::fault;
use crate::feed::Feed;
use crate::fleet::Fleet;
use crate::metrics;
use crate::roster::Purpose;
use crate::task::Task;
use crate::watch::Watch;

pub(crate) use within::is_within;

pub use frames::{FramesAnswer, FramesRequest};
pub use output::{OutputAnswer, OutputRequest, Wording};
pub(crate) use remove::remove as remove_ended;

/// Who asks, as it is kept with a task and its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// For people and histories.
    pub author: String,
    /// The request's id, for logs, interventions and errors.
    pub request_id: String,
    /// The task from within which it is asked; see [`Operations::within`].
    pub task: Option<TaskId>,
}

impl Caller {
    fn command(&self, id: CommandId, cause: String, action: Action) -> Command {
        let (author, request_id) = (self.author.clone(), self.request_id.clone());
        Command { id, author, cause, request_id, action }
    }
}

/// Every operation. Cheap to clone. `id` is a whole id, a unique beginning of one, or a name.
#[derive(Debug, Clone)]
pub struct Operations {
    fleet: Arc<Fleet>,
    /// The task from within which it is asked.
    inside: Option<TaskId>,
}

impl Operations {
    pub(crate) fn new(fleet: Arc<Fleet>) -> Self {
        Self { fleet, inside: None }
    }

    /// The server's version.
    #[must_use]
    pub fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// Starts tasks: answers once they are written down, and waits for none of them.
    ///
    /// # Errors
    /// The request is wrong, the key was used for something else, or the disk is full.
    pub async fn spawn(&self, caller: &Caller, spec: TaskSpec) -> Result<SpawnAnswer, Fault> {
        let work = async {
            let spec = self.below(spec)?;
            spawn::spawn(&self.fleet, caller, spec).await
        };
        self.carry_out("spawn", Some(caller), work).await
    }

    /// Tasks, oldest first.
    ///
    /// # Errors
    /// An unknown status, or an `after` that names no task.
    pub async fn list(&self, request: &ListRequest) -> Result<TaskList, Fault> {
        let work = async { list::list(&self.fleet, request, |task| self.sees(task)) };
        self.carry_out("list", None, work).await
    }

    /// Everything about one task.
    ///
    /// # Errors
    /// There is no such task.
    pub async fn show(&self, id: &str) -> Result<TaskDetail, Fault> {
        let work = async { Ok(show::show(&self.fleet, &self.find(id)?).await) };
        self.carry_out("show", None, work).await
    }

    /// A piece of a task's output.
    ///
    /// # Errors
    /// There is no such task, or the cursor does not fit it.
    pub async fn output(&self, id: &str, request: &OutputRequest) -> Result<OutputAnswer, Fault> {
        let work = async { output::output(&self.fleet, &self.find(id)?, request).await };
        self.carry_out("output", None, work).await
    }

    /// A piece of a task's frames, whole, as they lie in its journal.
    ///
    /// # Errors
    /// There is no such task, or the cursor does not fit it.
    pub async fn frames(&self, id: &str, request: FramesRequest) -> Result<FramesAnswer, Fault> {
        let work = async { frames::frames(&self.find(id)?, request).await };
        self.carry_out("frames", None, work).await
    }

    /// The picture that a task's output makes.
    ///
    /// # Errors
    /// There is no such task, or it has no terminal.
    pub async fn screen(&self, id: &str, request: ScreenRequest) -> Result<ScreenAnswer, Fault> {
        let work = async { screen::screen(&self.fleet, &self.find(id)?, request).await };
        self.carry_out("screen", None, work).await
    }

    /// Types.
    ///
    /// # Errors
    /// The task cannot take it.
    pub async fn input(
        &self,
        caller: &Caller,
        id: &str,
        request: InputRequest,
    ) -> Result<CommandAnswer, Fault> {
        let work = async { control::input(&self.fleet, &self.find(id)?, caller, request).await };
        self.carry_out("input", Some(caller), work).await
    }

    /// Does what Ctrl+C does, and types afterwards where that was asked.
    ///
    /// # Errors
    /// The task cannot take it.
    pub async fn interrupt(
        &self,
        caller: &Caller,
        id: &str,
        request: InterruptRequest,
    ) -> Result<CommandAnswer, Fault> {
        let work =
            async { control::interrupt(&self.fleet, &self.find(id)?, caller, request).await };
        self.carry_out("interrupt", Some(caller), work).await
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// The task has no terminal, or has ended.
    pub async fn resize(
        &self,
        caller: &Caller,
        id: &str,
        request: ResizeRequest,
    ) -> Result<CommandAnswer, Fault> {
        let action = Action::Resize { size: request.size };
        let work = async { control::act(&self.fleet, &self.find(id)?, caller, None, action).await };
        self.carry_out("resize", Some(caller), work).await
    }

    /// Freezes every process of a task.
    ///
    /// # Errors
    /// The task cannot be frozen now.
    pub async fn suspend(
        &self,
        caller: &Caller,
        id: &str,
        request: PlainRequest,
    ) -> Result<CommandAnswer, Fault> {
        let work = async {
            control::act(&self.fleet, &self.find(id)?, caller, request.id, Action::Suspend).await
        };
        self.carry_out("suspend", Some(caller), work).await
    }

    /// Lets them run again.
    ///
    /// # Errors
    /// The task has ended.
    pub async fn resume(
        &self,
        caller: &Caller,
        id: &str,
        request: PlainRequest,
    ) -> Result<CommandAnswer, Fault> {
        let work = async {
            control::act(&self.fleet, &self.find(id)?, caller, request.id, Action::Resume).await
        };
        self.carry_out("resume", Some(caller), work).await
    }

    /// Ends a task and its whole tree; answers once the kernel confirms it, or with what is left.
    ///
    /// # Errors
    /// The task has ended, or its worker gives no answer.
    pub async fn stop(
        &self,
        caller: &Caller,
        id: &str,
        request: StopRequest,
    ) -> Result<CommandAnswer, Fault> {
        let work = async { stop::stop(&self.fleet, &self.find(id)?, caller, request).await };
        self.carry_out("stop", Some(caller), work).await
    }

    /// Waits for a task's end, for a bounded time.
    ///
    /// # Errors
    /// There is no such task.
    pub async fn wait(&self, id: &str, request: WaitRequest) -> Result<WaitAnswer, Fault> {
        Ok(wait::wait(&*self.find(id)?, request).await)
    }

    /// Removes an ended task and all that is kept of it. A name that several tasks have names none here.
    ///
    /// # Errors
    /// The task has not ended, or it is not clear which is meant.
    pub async fn remove(&self, id: &str) -> Result<RemoveAnswer, Fault> {
        let work = async { remove::remove(&self.fleet, &self.find_to(Purpose::Remove, id)?).await };
        self.carry_out("remove", None, work).await
    }

    /// Removes ended tasks.
    ///
    /// # Errors
    /// The file system refused.
    pub async fn prune(&self, request: PruneRequest) -> Result<RemoveAnswer, Fault> {
        let work = async {
            self.whole("prune")?;
            remove::prune(&self.fleet, &request).await
        };
        self.carry_out("prune", None, work).await
    }

    /// How the server and its home stand.
    ///
    /// # Errors
    /// The disk cannot be asked.
    pub async fn status(&self) -> Result<ServerStatus, Fault> {
        let work = async {
            self.whole("ask how the server stands")?;
            status::status(&self.fleet).await
        };
        self.carry_out("status", None, work).await
    }

    /// Ends the server, in order; [`Self::ended`] becomes true. Tasks run on unless they are to be stopped.
    ///
    /// # Errors
    /// It is asked from within a task.
    pub async fn shutdown(
        &self,
        caller: &Caller,
        request: ShutdownRequest,
    ) -> Result<ShutdownAnswer, Fault> {
        self.whole("end the server")?;
        let (fleet, caller) = (self.fleet.clone(), caller.clone());
        // Once begun it is finished, even if the asker hangs up: half a shutdown would refuse work for ever.
        let ending =
            tokio::spawn(async move { shutdown::shutdown(&fleet, &caller, &request).await });
        ending.await.map_err(|error| {
            Fault::new(ErrorCode::Internal, format!("the shutdown broke off: {error}"), "ask again")
        })
    }

    /// One command of a live connection; `bytes` are what [`Action::Type`] types. It is taken up at the first poll.
    ///
    /// # Errors
    /// There is no such task, or it gives no outcome.
    #[expect(
        clippy::too_many_arguments,
        reason = "a message of the live connection, field by field"
    )]
    pub async fn command(
        &self,
        caller: &Caller,
        task: TaskId,
        id: CommandId,
        action: Action,
        bytes: Bytes,
    ) -> Result<Outcome, Fault> {
        let work = async {
            let task = self.get(task)?;
            control::command(&self.fleet, &task, caller, (id, action), bytes).await
        };
        self.carry_out("command", Some(caller), work).await
    }

    /// A feed of a task's frames. That of a queued task waits for its session.
    ///
    /// # Errors
    /// There is no such task, or the cursor does not fit it.
    pub async fn subscribe(&self, task: TaskId, start: StartAt) -> Result<Feed, Fault> {
        Feed::open(self.fleet.clone(), self.get(task)?, start).await
    }

    /// Events, from a place in the log or from now on. Where that place is gone, the first message says so, with a picture of
    /// the fleet. Once it has told all there is, a listener is told where it stands.
    ///
    /// # Errors
    /// The request is wrong.
    pub fn events(&self, request: &EventsRequest) -> Result<Listener, Fault> {
        events::events(&self.fleet, request, self.bounds())
    }

    /// Views of these tasks, or of all where empty.
    ///
    /// # Errors
    /// One of them does not exist.
    pub fn watch(&self, tasks: &[TaskId]) -> Result<Watch, Fault> {
        tasks.iter().try_for_each(|id| self.get(*id).map(drop))?;
        Ok(Watch::new(self.fleet.clone(), tasks, self.bounds()))
    }

    /// The longest that a face holds a call which waits.
    #[must_use]
    pub fn wait_max(&self) -> Duration {
        self.fleet.wait_max
    }

    /// What operators measure, as [`crate::METRICS_CONTENT_TYPE`] says. No line names a task.
    ///
    /// # Errors
    /// It is asked from within a task.
    pub async fn metrics(&self) -> Result<String, Fault> {
        self.whole("measure the server")?;
        Ok(metrics::text(&self.fleet).await)
    }

    /// Tasks by status.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Status, u64> {
        self.fleet.counts(|task| self.sees(task))
    }

    /// The fleet in figures.
    #[must_use]
    pub fn fleet_stats(&self) -> FleetStats {
        self.fleet.stats(|task| self.sees(task))
    }

    /// Becomes true when faces are to say goodbye and leave.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.fleet.ended.subscribe()
    }

    /// Carries an operation out under its name: in the log's spans, with the request's id, and in the metrics.
    async fn carry_out<T>(
        &self,
        operation: &'static str,
        caller: Option<&Caller>,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let request = caller.map(|caller| caller.request_id.as_str()).unwrap_or_default();
        let span = tracing::info_span!("operation", name = operation, request);
        self.fleet.metrics.timed(operation, work).instrument(span).await
    }

    fn find(&self, text: &str) -> Result<Arc<Task>, Fault> {
        self.find_to(Purpose::Use, text)
    }

    fn find_to(&self, purpose: Purpose, text: &str) -> Result<Arc<Task>, Fault> {
        self.fleet
            .find(text, purpose, |task| self.sees(task))
            .map_err(|error| fault::of_find(&error))
    }

    fn get(&self, id: TaskId) -> Result<Arc<Task>, Fault> {
        self.fleet.task(id).filter(|task| self.sees(task)).ok_or_else(|| {
            let text = format!("no task has the id {id}");
            Fault::new(ErrorCode::TaskNotFound, text, "list the tasks with: axiom ps --all")
        })
    }
}

/// A command's id where the asker gave none.
///
/// # Errors
/// The kernel gives no randomness.
fn new_command_id() -> Result<CommandId, Fault> {
    random().map(CommandId::from_random)
}

/// The random part of an id.
fn random() -> Result<[u8; 10], Fault> {
    let mut random = [0; 10];
    match getrandom::fill(&mut random) {
        Ok(()) => Ok(random),
        Err(error) => {
            let text = format!("no randomness from the kernel: {error}");
            Err(Fault::new(ErrorCode::Internal, text, ""))
        }
    }
}
