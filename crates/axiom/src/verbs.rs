//! The verbs, one file each, and the runtime that they run in.

pub(crate) mod attach;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod dist_docs;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod interrupt;
pub(crate) mod logs;
pub(crate) mod mcp;
mod overview;
pub(crate) mod prune;
pub(crate) mod ps;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod rm;
pub(crate) mod run;
pub(crate) mod send;
pub(crate) mod serve;
mod settled;
pub(crate) mod show;
pub(crate) mod shutdown;
pub(crate) mod spawn;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod suspend;
pub(crate) mod wait;

pub(crate) use ps::{all as all_tasks, now_ms};

use axiom_client::{Connection, Home};
use axiom_proto::api::ServerNote;
use tokio::runtime::Builder;

use crate::arguments::Verb;
use crate::failure::{Failure, note};
use crate::here::Here;

/// Does what was asked. Gives the exit code.
///
/// # Errors
/// [`Failure`], to be told by the caller.
pub(crate) fn run(verb: Option<Verb>) -> Result<u8, Failure> {
    // The server has a runtime of its own, and begins with nothing else in the process.
    if let Some(Verb::Serve(serve)) = verb {
        return serve.run();
    }
    let here = Here::of_process()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::own(format!("start: {error}"), ""))?;
    runtime.block_on(dispatch(verb, &here))
}

async fn dispatch(verb: Option<Verb>, here: &Here) -> Result<u8, Failure> {
    match verb {
        None => overview::run(here).await,
        Some(Verb::Run(verb)) => verb.run(here).await,
        Some(Verb::Spawn(verb)) => verb.run(here).await,
        Some(Verb::Ps(verb)) => verb.run(here).await,
        Some(Verb::Show(verb)) => verb.run(here).await,
        Some(Verb::Logs(verb)) => verb.run(here).await,
        Some(Verb::Attach(verb)) => verb.run(here).await,
        Some(Verb::Replay(verb)) => verb.run(here).await,
        Some(Verb::Export(verb)) => verb.run(here).await,
        Some(Verb::Send(verb)) => verb.run(here).await,
        Some(Verb::Interrupt(verb)) => verb.run(here).await,
        Some(Verb::Stop(verb)) => verb.run(here).await,
        Some(Verb::Suspend(verb)) => verb.run(here).await,
        Some(Verb::Resume(verb)) => verb.run(here).await,
        Some(Verb::Wait(verb)) => verb.run(here).await,
        Some(Verb::Rm(verb)) => verb.run(here).await,
        Some(Verb::Prune(verb)) => verb.run(here).await,
        Some(Verb::Mcp(verb)) => verb.run(here).await,
        Some(Verb::Serve(_)) => unreachable!("the server was begun before"),
        Some(Verb::Status(verb)) => verb.run(here).await,
        Some(Verb::Shutdown(verb)) => verb.run(here).await,
        Some(Verb::Doctor(verb)) => verb.run(here).await,
        Some(Verb::Demo(verb)) => verb.run(here).await,
        Some(Verb::Completions(verb)) => verb.run(),
        Some(Verb::DistDocs(verb)) => verb.run(),
    }
}

/// A connection to this home's server, which is started if need be.
async fn connect(here: &Here) -> Result<Connection, Failure> {
    let mut connection = Connection::open(here.place()?).await?;
    connection.on_silence(tell_silence);
    Ok(connection)
}

/// Says that the server stands still, and how to end it.
fn tell_silence(home: &Home) {
    note(&silence(home));
}

/// What there is to say of a server that stands still.
pub(crate) fn silence(home: &Home) -> String {
    let end = match server_pid(home) {
        Some(pid) => format!("; `kill -9 {pid}` ends it and harms no task"),
        None => String::new(),
    };
    format!("the server has not answered for 2 s, still waiting{end}")
}

/// The process that serves a home, as it wrote down itself.
pub(crate) fn server_pid(home: &Home) -> Option<u32> {
    let bytes = std::fs::read(home.run().join("server.json")).ok()?;
    serde_json::from_slice::<ServerNote>(&bytes).ok().map(|note| note.pid)
}
