//! `axiom serve`: the server in the foreground, or, started by a client, by itself. Joins the operations and their face.

use std::io::{self, IsTerminal};

use axiom_proto::api::ShutdownRequest;
use axiom_server::{Caller, Options, Server, StartError};
use clap::Args;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::Failure;

/// `axiom serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    /// More tasks than N wait, queued.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tasks: Option<u32>,
    /// Started by a client: leave its session, and be content if another server was faster.
    #[arg(long, hide = true)]
    auto: bool,
}

impl Serve {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if self.auto {
            // Fails only for a leader of a group, who is nobody's to take along.
            let _ = rustix::process::setsid();
        }
        log_to_standard_error();
        let options = Options::load(None, self.max_tasks)
            .map_err(|error| Failure::invalid(told(&error), "see `axiom doctor`"))?;
        let runtime = Builder::new_multi_thread().worker_threads(threads()).enable_all().build();
        let runtime = runtime.map_err(|error| Failure::own(format!("start: {error}"), ""))?;
        runtime.block_on(async {
            match Server::start(options).await {
                Ok(server) => serve(server).await,
                Err(StartError::AlreadyRuns { .. }) if self.auto => Ok(0),
                Err(error) => Err(of_start(&error)),
            }
        })
    }
}

/// A thread for each four processors. What blocks has threads of its own; what is left moves bytes from links to readers,
/// and a frame that changes its thread on the way costs more than all else that is done to it.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(4))
}

async fn serve(server: Server) -> Result<u8, Failure> {
    let failed = |error: io::Error| Failure::own(format!("take signals: {error}"), "");
    let mut ends = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let mut next =
        |place: usize| std::mem::replace(&mut ends[place], Err(io::Error::other("taken")));
    let (interrupt, terminate) = (next(0).map_err(failed)?, next(1).map_err(failed)?);
    // A terminal that closes does not take the server along.
    let _hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let operations = server.operations();
    let listening = server.listen().map_err(|error| of_start(&error))?;
    let face = axiom_http::serve(operations.clone(), listening);
    tokio::pin!(face);
    tokio::select! {
        () = face.as_mut() => {}
        () = either(interrupt, terminate) => {
            let caller = Caller { author: "signal".to_owned(), request_id: String::new(), task: None };
            if let Err(fault) = operations.shutdown(&caller, ShutdownRequest::default()).await {
                tracing::error!("shut down: {}", fault.message);
            }
            face.await;
        }
    }
    server.end().await;
    Ok(0)
}

async fn either(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn log_to_standard_error() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var("AXIOM_LOG")
        .from_env_lossy()
        // The library of MCP would log whole messages: with what is typed, and with environments.
        .add_directive("rmcp=off".parse().expect("a directive"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

fn of_start(error: &StartError) -> Failure {
    let hint = match error {
        StartError::AlreadyRuns { .. } => "see `axiom status`; `axiom shutdown` ends it",
        StartError::Home(_)
        | StartError::Instance(_)
        | StartError::Tasks(_)
        | StartError::Disk(_)
        | StartError::TaskTokens(_)
        | StartError::Listen(_) => "see `axiom doctor`",
    };
    Failure::own(told(error), hint)
}

/// An error and its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}
