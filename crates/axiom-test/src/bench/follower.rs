//! A follower: the product's own client library in a process of its own, reading raw output over both hops.
//! `axiom-bench follower HOME LOOK VIEWERS TASK…` says `ready` once every viewer has a frame of every task, reads all of them to
//! their ends, and tells what it saw. With `frozen` for VIEWERS, one viewer stops reading there, until its input is closed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use axiom_client::{Event, Feed, Home, Place, Start};
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use tokio::sync::Semaphore;

use super::cpu;
use super::observation::{Look, Observation, Stream, Watcher};
use crate::load::now_ns;

/// Where VIEWERS is this word, one viewer reads nothing after its first frames.
pub(super) const FROZEN: &str = "frozen";

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [home, look, viewers, tasks @ ..] = arguments else {
        bail!("follower HOME LOOK VIEWERS TASK…")
    };
    // So a profile tells it from the bench's other processes.
    rustix::thread::set_name(c"follower")?;
    let tasks: Vec<TaskId> = tasks
        .iter()
        .map(|task| task.parse().map_err(|_| anyhow!("{task} is no task's id")))
        .collect::<anyhow::Result<_>>()?;
    let place = Place { home: Home::at(PathBuf::from(home))?, start: Start::Never };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if viewers == FROZEN {
        return runtime.block_on(freeze(place, &tasks));
    }
    let viewers: u32 = viewers.parse().context("VIEWERS is a number")?;
    let wanted = Wanted { place, look: look.parse()?, tasks };
    let streams = runtime.block_on(follow_all(&wanted, viewers))?;
    let seen = Observation { streams, cpu_us: cpu::own_us() };
    serde_json::to_writer(std::io::stdout(), &seen)?;
    std::io::stdout().flush().context("tell what was seen")
}

/// What each viewer reads.
#[derive(Debug, Clone)]
struct Wanted {
    place: Place,
    look: Look,
    tasks: Vec<TaskId>,
}

async fn follow_all(wanted: &Wanted, viewers: u32) -> anyhow::Result<Vec<Stream>> {
    let waiting = Arc::new(Semaphore::new(0));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..viewers {
        all.spawn(follow(wanted.clone(), waiting.clone()));
    }
    // A viewer that fails lets nobody wait: its result comes first then.
    let ready = waiting.acquire_many(viewers);
    tokio::select! {
        permit = ready => drop(permit?),
        Some(ended) = all.join_next() => {
            let streams = ended??;
            bail!("a viewer was at its end before all were ready, with {} streams", streams.len());
        }
    }
    say_ready()?;
    let mut streams = Vec::new();
    while let Some(ended) = all.join_next().await {
        streams.extend(ended??);
    }
    Ok(streams)
}

async fn follow(wanted: Wanted, waiting: Arc<Semaphore>) -> anyhow::Result<Vec<Stream>> {
    let Wanted { place, look, tasks } = wanted;
    let mut feed = subscribed(place, &tasks);
    let mut watchers: BTreeMap<TaskId, Watcher> = BTreeMap::new();
    let mut ended = Vec::new();
    while ended.len() < tasks.len() {
        match feed.next().await? {
            Event::Frame { task, header, payload } => {
                let now = now_ns();
                let before = watchers.len() + ended.len();
                let watcher = watchers.entry(task).or_insert_with(|| Watcher::new(look));
                if header.kind.is_output() {
                    watcher.see(&payload, now);
                }
                if before < tasks.len() && watchers.len() + ended.len() == tasks.len() {
                    waiting.add_permits(1);
                }
            }
            Event::Ended(task) => {
                let watcher = watchers.remove(&task).unwrap_or_else(|| Watcher::new(look));
                ended.push((task, watcher.finish()));
            }
            other @ (Event::Connected { .. }
            | Event::Away { .. }
            | Event::Silent
            | Event::Gone(..)
            | Event::Answers
            | Event::Removed(_)
            | Event::Task(_)
            | Event::Outcome(..)
            | Event::CommandRefused { .. }
            | Event::SubscriptionRefused { .. }
            | Event::Refused(_)) => refuse(other)?,
        }
    }
    // In the order in which they were asked for.
    ended.sort_by_key(|(task, _)| tasks.iter().position(|asked| asked == task));
    Ok(ended.into_iter().map(|(_, stream)| stream).collect())
}

fn subscribed(place: Place, tasks: &[TaskId]) -> Feed {
    let mut feed = Feed::new(place);
    for task in tasks {
        feed.subscribe(*task, StartAt::Start);
    }
    feed
}

/// Events that are no frames: only a refusal is an error.
fn refuse(event: Event) -> anyhow::Result<()> {
    match event {
        Event::SubscriptionRefused { error, .. } | Event::Refused(error) => Err(error.into()),
        Event::CommandRefused { error, .. } => Err(error.into()),
        Event::Connected { .. }
        | Event::Away { .. }
        | Event::Silent
        | Event::Gone(..)
        | Event::Answers
        | Event::Removed(_)
        | Event::Frame { .. }
        | Event::Ended(_)
        | Event::Task(_)
        | Event::Outcome(..) => Ok(()),
    }
}

async fn freeze(place: Place, tasks: &[TaskId]) -> anyhow::Result<()> {
    let mut feed = subscribed(place, tasks);
    loop {
        let event = feed.next().await?;
        if matches!(event, Event::Frame { .. }) {
            break;
        }
        refuse(event)?;
    }
    say_ready()?;
    // Not polled any more; its connection stays open.
    let _until_it_is_closed: usize = std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(feed);
    Ok(())
}

fn say_ready() -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(b"ready\n")?;
    stdout.flush().context("say that all viewers are there")
}
