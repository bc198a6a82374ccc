//! A listener to a home's events: how a scenario learns that something is over without asking again and again.
//! One blocking connection to the home's socket. It knows of an event only its name and its task.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axiom_client::Home;
use axiom_proto::id::TaskId;
use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

/// Told as a task has printed nothing for 30 s.
pub(super) const IDLE: &str = "task.idle";

/// From now on, until it is dropped.
#[derive(Debug)]
pub(super) struct Events {
    lines: BufReader<UnixStream>,
}

/// What of an event is looked at.
#[derive(Debug, Deserialize)]
struct Told {
    event: String,
    task: Option<TaskId>,
}

impl Events {
    /// Listens; the server must be there.
    pub(super) fn listen(home: &Home) -> anyhow::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let run = rustix::fs::open(home.run(), flags, Mode::empty()).context("open the home")?;
        let socket = home.socket();
        let name = socket.file_name().context("the socket has a name")?.to_string_lossy();
        // A path of any length, where a socket's address has room for a hundred bytes.
        let path = format!("/proc/self/fd/{}/{name}", run.as_raw_fd());
        let mut stream = UnixStream::connect(path).context("dial the server")?;
        // Without chunks: the answer ends with the connection.
        stream.write_all(b"GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut events = Self { lines: BufReader::new(stream) };
        let soon = Instant::now() + Duration::from_secs(30);
        let status = events.line(soon)?;
        if !status.contains(" 200 ") {
            bail!("the server answers {status}");
        }
        while !events.line(soon)?.is_empty() {}
        Ok(events)
    }

    /// Waits until each of these tasks was named by such an event.
    pub(super) fn until_each(
        &mut self,
        event: &str,
        tasks: &[TaskId],
        wait: Duration,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + wait;
        let mut left: std::collections::BTreeSet<TaskId> = tasks.iter().copied().collect();
        while !left.is_empty() {
            let line = self.line(until);
            let line = line.with_context(|| format!("{} tasks were not {event}", left.len()))?;
            let Some(told) = line.strip_prefix("data: ").and_then(told) else { continue };
            if told.event == event
                && let Some(task) = told.task
            {
                left.remove(&task);
            }
        }
        Ok(())
    }

    fn line(&mut self, until: Instant) -> anyhow::Result<String> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("waited in vain for an event");
        }
        self.lines.get_ref().set_read_timeout(Some(left))?;
        let mut line = String::new();
        let count = self.lines.read_line(&mut line).context("hear of events")?;
        if count == 0 {
            bail!("the stream of events ended");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Nothing where it is no event, but the stream's own word.
fn told(data: &str) -> Option<Told> {
    serde_json::from_str(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_name_and_its_task() {
        let idle =
            told(r#"{"id":"1-2","event":"task.idle","task":"ephyfjfspzbytgn3","idle_ms":3}"#);
        let idle = idle.unwrap();
        assert_eq!((&*idle.event, idle.task), (IDLE, Some("ephyfjfspzbytgn3".parse().unwrap())));
        assert!(told(r#"{"id":"1-2"}"#).is_none());
    }
}
