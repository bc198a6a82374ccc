//! The server's beginning and end: lock, recovery, what the machine offers; and leaving without taking a task along.
//! Listens for nobody: a face gets the socket from here and calls the operations.

use std::error::Error;
use std::io;
use std::sync::Arc;

use axiom_holder::cgroup::{self, CgroupRoot};
use axiom_holder::priority::{self, Means};
use axiom_proto::api::ServerNote;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::allocator;
use crate::background::beside;
use crate::clock::now_ms;
use crate::disk;
use crate::events;
use crate::fault::sentence;
use crate::fleet::{Fleet, Machine};
use crate::home::HomeError;
use crate::indexing;
use crate::instance::{Instance, InstanceError};
use crate::network::{self, NetworkPort};
use crate::operations::Operations;
use crate::options::{CgroupUse, ChildPriority, Options};
use crate::packing;
use crate::recovery;
use crate::retention;
use crate::socket_watch;
use crate::task_tokens::TaskTokens;
use crate::token::Token;
use crate::trimming;

/// Why no server was started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another server has this home.
    #[error(
        "a server already runs for this home: pid {}",
        pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
    )]
    AlreadyRuns {
        /// Its process, if it has said so yet.
        pid: Option<u32>,
    },
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The lock, the socket or the note cannot be made.
    #[error(transparent)]
    Instance(InstanceError),
    /// The folder of tasks cannot be read.
    #[error("failed to read the home's tasks")]
    Tasks(#[source] io::Error),
    /// The secret of the tasks' tokens cannot be had.
    #[error("failed to get the secret of the tasks' tokens")]
    TaskTokens(#[source] io::Error),
    /// The home's disk cannot be asked.
    #[error("failed to ask the home's disk for its space")]
    Disk(#[source] io::Error),
    /// The runtime does not take the socket.
    #[error("failed to listen")]
    Listen(#[source] io::Error),
}

impl From<InstanceError> for StartError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::AlreadyRuns { pid } => Self::AlreadyRuns { pid },
            error @ InstanceError::Io { .. } => Self::Instance(error),
        }
    }
}

/// Where a face listens.
#[derive(Debug)]
pub struct Listening {
    /// The home's socket, for its own user.
    pub socket: UnixListener,
    /// The loopback port, for who has the token.
    pub network: Option<Network>,
}

/// A loopback port and its secret.
#[derive(Debug)]
pub struct Network {
    /// The port of each of them.
    pub port: u16,
    /// One for each address of this machine.
    pub sockets: Vec<TcpListener>,
    /// What a caller must show.
    pub token: Token,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    fleet: Arc<Fleet>,
    instance: Instance,
    network_port: NetworkPort,
}

impl Server {
    /// Takes the home's lock, finds every task and goes on with it. Call within a runtime with time and IO.
    ///
    /// # Errors
    /// [`StartError::AlreadyRuns`] while another server lives; else the home cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (options, instance, machine) = beside(move || prepare(options)).await?;
        let (network_port, pack_after) = (options.network_port, options.pack_after);
        let (keep, keep_of_session) = (options.keep, options.keep_of_session);
        let fleet = Fleet::new(options, machine);
        let index = {
            let path = fleet.home.index();
            beside(move || indexing::open(&path)).await
        };
        let (index, indexed) = match index.and_then(|index| Ok((index.entries()?, index))) {
            Ok((entries, index)) => (Some(index), entries),
            Err(error) => {
                tracing::warn!(
                    error = sentence(&error),
                    "the index is not used; journals are read"
                );
                (None, Vec::new())
            }
        };
        fleet.background.spawn(indexing::run(fleet.clone(), index));
        fleet.background.spawn(allocator::run(fleet.clone()));
        if let Some(after) = pack_after {
            fleet.background.spawn(packing::run(fleet.clone(), after));
        }
        recovery::recover(&fleet, indexed).await.map_err(StartError::Tasks)?;
        fleet.background.spawn(retention::run(fleet.clone(), keep));
        fleet.background.spawn(trimming::run(fleet.clone(), keep_of_session));
        let before = fleet.tasks().iter().map(|task| task.id()).collect();
        fleet.background.spawn(events::run(fleet.clone(), before));
        tracing::info!(home = %fleet.home.root().display(), tasks = fleet.tasks().len(), "serving");
        Ok(Self { fleet, instance, network_port })
    }

    /// What faces call.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations::new(self.fleet.clone())
    }

    /// Binds the loopback port and `run/axiom.sock`, and writes `run/server.json`. Call once, when there is somebody to
    /// answer. Without a port the server serves all the same: its own user comes by the socket.
    ///
    /// # Errors
    /// The file system refused.
    pub fn listen(&self) -> Result<Listening, StartError> {
        let (network, url) = match self.listen_on_network() {
            Ok(network) => network.unzip(),
            Err(error) => {
                let why = sentence(&*error);
                self.fleet.add_problem(format!("it does not listen on a loopback port: {why}"));
                (None, None)
            }
        };
        if let Some(url) = &url {
            self.fleet.url.get_or_init(|| url.clone());
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let note = ServerNote { pid: std::process::id(), version, url };
        let bound = self.instance.listen(&note)?;
        let socket = UnixListener::from_std(bound).map_err(StartError::Listen)?;
        let watching = socket_watch::run(self.fleet.clone(), self.instance.socket_name());
        self.fleet.background.spawn(watching);
        Ok(Listening { socket, network })
    }

    fn listen_on_network(&self) -> Result<Option<(Network, String)>, Box<dyn Error>> {
        let home = &self.fleet.home;
        let Some(bound) = network::bind(self.network_port, &home.run())? else { return Ok(None) };
        let token = Token::of_home(home.root())?;
        let url = bound.url();
        let sockets = bound.sockets.into_iter().map(TcpListener::from_std);
        let sockets = sockets.collect::<Result<_, io::Error>>()?;
        tracing::info!(url, "on the network");
        Ok(Some((Network { port: bound.port, sockets, token }, url)))
    }

    /// Ends links and launches, writes the index, and takes socket and note away. Tasks run on.
    pub async fn end(self) {
        self.fleet.begin_leaving();
        self.fleet.ended.send_replace(true);
        self.fleet.background.end().await;
        drop(indexing::step(&self.fleet, None).await);
        if let Ok(root) = &self.fleet.cgroup {
            // Running tasks keep it; the next server makes it again.
            let _kept_by_running_tasks: io::Result<()> = root.remove();
        }
        if let Err(error) = self.instance.leave() {
            tracing::warn!(error = sentence(&error), "the socket stays");
        }
    }
}

/// All that blocks: the home, the lock, what the machine offers.
fn prepare(options: Options) -> Result<(Options, Instance, Machine), StartError> {
    options.home.prepare()?;
    let instance = Instance::take(&options.home)?;
    if let Err(error) = options.surroundings.raise_open_files() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let cgroup = match options.cgroup {
        CgroupUse::Off => Err("AXIOM_CGROUP is off".to_owned()),
        CgroupUse::Auto => cgroup::find(options.home.root()).map_err(|why| sentence(&why)),
    };
    if let Ok(root) = &cgroup {
        sweep_leaves(root.path());
    }
    let priority = lower_tasks(options.child_priority, cgroup.as_ref().ok());
    if let Ok(root) = &cgroup {
        // Only the probe made it, unless tasks run: each holder makes it where it is missing.
        let _kept_by_running_tasks: io::Result<()> = root.remove();
    }
    let task_tokens = TaskTokens::of_home(options.home.root())
        .map_err(|error| StartError::TaskTokens(io::Error::other(error)))?;
    let space = disk::space(options.home.root()).map_err(StartError::Disk)?;
    let disk_min_free_bytes =
        options.disk_min_free_bytes.unwrap_or_else(|| disk::default_min_free(space));
    Ok((
        options,
        instance,
        Machine { cgroup, priority, disk_min_free_bytes, started_at_ms: now_ms(), task_tokens },
    ))
}

/// Finds the means that counts here.
fn lower_tasks(wanted: ChildPriority, root: Option<&CgroupRoot>) -> Option<Means> {
    let means = match wanted {
        ChildPriority::Same => return None,
        ChildPriority::Lower => priority::means(root),
    };
    tracing::debug!(means = means.sentence(), "tasks run at a lower priority");
    Some(means)
}

/// Cgroups whose last left-over process has died since. The kernel removes none that has a process.
fn sweep_leaves(root: &std::path::Path) {
    let Ok(leaves) = std::fs::read_dir(root) else { return };
    for leaf in leaves.flatten() {
        let _in_use: io::Result<()> = std::fs::remove_dir(leaf.path());
    }
}
