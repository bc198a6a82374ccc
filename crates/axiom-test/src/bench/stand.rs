//! The stand that a scenario measures on: a home and a server of its own, tasks, and gauges beside them.
//! It leaves nothing alive and no file, also when it is interrupted; what it cannot end, it names.

mod gauge;
mod interruption;
mod standing;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axiom_client::{Connection, Home, Place, Start};
use axiom_proto::api::{ListRequest, ShutdownRequest};
use axiom_proto::bytestring::ByteString;
use axiom_proto::id::TaskId;
use axiom_proto::task::{TaskSpec, TaskView};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::ending::{until_gone, until_nobody_holds};
use super::gate::Gate;
use super::observation::Look;
pub(super) use gauge::Gauge;
use interruption::Interruption;

/// How long tasks may take to be as a scenario needs them: a thousand starts take seconds, a busy machine some more.
const STANDING_WAIT_MAX: Duration = Duration::from_secs(60);

/// A home with its server.
pub(super) struct Stand {
    folder: TempDir,
    place: Place,
    programs: PathBuf,
    runtime: Runtime,
    connection: Option<Connection>,
    gates: u32,
    /// How many "many" tasks or viewers are.
    pub(super) many: u32,
    /// Where npm has put what the peers need.
    pub(super) peers: Option<PathBuf>,
    _interruption: Interruption,
}

impl Stand {
    /// A new home; its server starts with the first call.
    pub(super) fn new(many: u32, peers: Option<PathBuf>) -> anyhow::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("axiom-bench-").permissions(private).tempdir();
        let folder = folder.context("make a folder to measure in")?;
        let own = std::env::current_exe().context("find the bench's own program")?;
        let programs = own.parent().context("the bench lies in a folder")?.to_owned();
        let server = programs.join("axiom");
        if !server.is_file() {
            bail!("{} is not built: use cargo xtask bench", server.display());
        }
        let home = Home::at(folder.path().join("home"))?;
        let interruption = Interruption::watch(server.clone(), folder.path().to_owned())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            place: Place { home, start: Start::With(server) },
            folder,
            programs,
            runtime,
            connection: None,
            gates: 0,
            many,
            peers,
            _interruption: interruption,
        })
    }

    pub(super) fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }

    pub(super) fn home(&self) -> &Path {
        self.place.home.path()
    }

    /// A file's path in the stand's own folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn gate(&mut self) -> anyhow::Result<Gate> {
        self.gates += 1;
        Gate::shut(self.file(&format!("gate-{}", self.gates)))
    }

    /// One call of the server.
    pub(super) fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut Connection) -> Result<T, axiom_client::ClientError>,
    ) -> anyhow::Result<T> {
        let place = self.place.clone();
        let kept = &mut self.connection;
        self.runtime.block_on(async {
            if kept.is_none() {
                *kept = Some(Connection::open(place).await?);
            }
            let connection = kept.as_mut().expect("it was opened above");
            Ok(call(connection).await?)
        })
    }

    /// The server's process.
    pub(super) fn server(&mut self) -> anyhow::Result<u32> {
        Ok(self.call(async |connection| connection.status().await)?.pid)
    }

    /// A line for `axiom-test`.
    pub(super) fn load(&self, words: &[&str]) -> Vec<String> {
        let mut line = vec![self.program("axiom-test")];
        line.extend(words.iter().map(|word| (*word).to_owned()));
        line
    }

    pub(super) fn spawn(&mut self, command: &[String]) -> anyhow::Result<TaskId> {
        let tasks = self.spawn_many(command, 1)?;
        tasks.first().copied().ok_or_else(|| anyhow!("a spawn gave no task"))
    }

    pub(super) fn spawn_many(&mut self, line: &[String], n: u32) -> anyhow::Result<Vec<TaskId>> {
        let command = line.iter().map(|word| ByteString::from(word.clone().into_bytes())).collect();
        let count = (n > 1).then_some(n);
        // With a key it may be asked again: the server hangs up on a connection that was idle for long.
        let idempotency_key = Some(axiom_client::new_command_id().to_string());
        let spec = TaskSpec { command, count, idempotency_key, ..TaskSpec::default() };
        let answer = self.call(async |connection| connection.spawn(&spec).await)?;
        Ok(answer.tasks.iter().map(|task| task.id).collect())
    }

    pub(super) fn show(&mut self, task: TaskId) -> anyhow::Result<TaskView> {
        let id = task.to_string();
        Ok(self.call(async |connection| connection.show(&id).await)?.task)
    }

    /// Every task, as the server shows it.
    pub(super) fn list(&mut self) -> anyhow::Result<Vec<TaskView>> {
        let mut all: Vec<TaskView> = Vec::new();
        let mut request = ListRequest::default();
        loop {
            let part = self.call(async |connection| connection.list(&request).await)?;
            all.extend(part.tasks);
            match part.after {
                Some(after) => request.after = Some(after),
                None => return Ok(all),
            }
        }
    }

    /// Waits until all of these are as asked, and gives their views.
    pub(super) fn until_all(
        &mut self,
        what: &str,
        tasks: &[TaskId],
        is_so: impl Fn(&TaskView) -> bool,
    ) -> anyhow::Result<Vec<TaskView>> {
        let place = self.place();
        let told = standing::until_all(place, tasks, is_so);
        match self.runtime.block_on(async { tokio::time::timeout(STANDING_WAIT_MAX, told).await }) {
            Ok(views) => views,
            Err(_late) => bail!("waited in vain for {} tasks to be {what}", tasks.len()),
        }
    }

    /// Forgets the connection: the next call dials, and starts a server where none is.
    pub(super) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Something that waits in the stand's own runtime.
    pub(super) fn wait<T>(&mut self, wait: impl Future<Output = T>) -> T {
        self.runtime.block_on(wait)
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Ends a task and removes all that is kept of it.
    pub(super) fn remove(&mut self, task: TaskId) -> anyhow::Result<()> {
        let id = task.to_string();
        self.end(task)?;
        self.call(async |connection| connection.remove(&id).await)?;
        Ok(())
    }

    /// Stops a task, if it runs, and waits until its holder is gone, whose times are then in the server's.
    pub(super) fn end(&mut self, task: TaskId) -> anyhow::Result<()> {
        let view = self.show(task)?;
        let id = task.to_string();
        if !view.status.is_ended() {
            let request = axiom_proto::api::StopRequest { grace_ms: Some(0), ..Default::default() };
            self.call(async |connection| connection.stop(&id, request).await)?;
        }
        match view.holder_pid {
            Some(holder) => until_gone(holder),
            None => Ok(()),
        }
    }

    /// The reference, reading this command on a bare terminal.
    pub(super) fn reference(&self, look: Look, line: &[String]) -> anyhow::Result<Gauge> {
        let mut words = vec!["reference".to_owned(), look.word().to_owned()];
        words.extend(line.iter().cloned());
        self.gauge(&words)
    }

    /// A gauge of what others do with a child; returns once the child's own word has come through them.
    pub(super) fn onlooker(&self, words: &[String]) -> anyhow::Result<Gauge> {
        let mut gauge = self.gauge(words)?;
        gauge.wait_ready()?;
        Ok(gauge)
    }

    /// A path that nobody has used yet, and its last part.
    pub(super) fn fresh(&mut self, kind: &str) -> (PathBuf, String) {
        self.gates += 1;
        let tag = format!("{kind}-{}-{}", std::process::id(), self.gates);
        (self.file(&tag), tag)
    }

    /// A follower of these tasks; `viewers` is a number of them, or [`super::follower::FROZEN`].
    pub(super) fn follower(
        &self,
        look: Look,
        viewers: &str,
        tasks: &[TaskId],
    ) -> anyhow::Result<Gauge> {
        let home = self.home().display().to_string();
        let mut words: Vec<String> =
            ["follower", &home, look.word(), viewers].map(str::to_owned).to_vec();
        words.extend(tasks.iter().map(TaskId::to_string));
        let mut gauge = self.gauge(&words)?;
        gauge.wait_ready()?;
        Ok(gauge)
    }

    /// A WebSocket over TCP that follows this task.
    pub(super) fn browser(&mut self, look: Look, task: TaskId) -> anyhow::Result<Gauge> {
        let url = self.call(async |connection| connection.status().await)?.url;
        let url = url.context("the server is on no network")?;
        let home = self.home().display().to_string();
        let words = ["browser".to_owned(), home, url, look.word().to_owned(), task.to_string()];
        let mut gauge = self.gauge(&words)?;
        gauge.wait_ready()?;
        Ok(gauge)
    }

    /// Where programs are looked for: what was installed for the bench, then what the machine has.
    pub(super) fn search_path(&self) -> OsString {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let own = self.peers.iter().map(|folder| folder.join("bin"));
        std::env::join_paths(own.chain(std::env::split_paths(&machine))).unwrap_or(machine)
    }

    /// One of the bench's own processes.
    fn gauge(&self, words: &[String]) -> anyhow::Result<Gauge> {
        let mut command = Command::new(self.program("axiom-bench"));
        // A peer must not find that it runs inside another one, and asciinema asks for a UTF-8 locale.
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env_remove("TMUX");
        command.env("PATH", self.search_path()).env("TMUX_TMPDIR", self.folder.path());
        Gauge::start(command.args(words))
    }

    /// The command line's client in this home.
    pub(super) fn axiom(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program("axiom"));
        command.args(words).env("AXIOM_HOME", self.home()).stdin(Stdio::null());
        command
    }

    /// Ends everything and looks whether something is left.
    pub(super) fn leave(mut self) -> anyhow::Result<()> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        if self.connection.is_none() {
            return Ok(());
        }
        // One by one: of a thousand stops at once, some get no answer in time, and their tasks run on.
        for task in self.list()?.iter().filter(|task| !task.status.is_ended()) {
            self.end(task.id)?;
        }
        let server = self.server()?;
        let request = ShutdownRequest { stop_tasks: true };
        self.call(async |connection| connection.shutdown(&request).await)?;
        self.connection = None;
        until_gone(server)?;
        // Holders leave by themselves once their workers have.
        until_nobody_holds(self.folder.path())
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // Only after an error: what went wrong has been told, and this must not hide it.
        let _told_already: anyhow::Result<()> = self.shut_down();
    }
}
