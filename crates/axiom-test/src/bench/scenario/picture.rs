//! `picture`: how soon a person who attaches sees a task that has printed much, how soon any moment of a long one is a
//! picture, and how fast its text is read.

use std::time::Instant;

use anyhow::{Context, bail};
use axiom_client::OutputQuery;
use axiom_proto::api::{ScreenRequest, View};
use axiom_proto::cursor::Cursor;
use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;

use crate::bench::figure::{Figure, Nature};
use crate::bench::goals::promised;
use crate::bench::stand::Stand;
use crate::bench::statistics::percentile;
use crate::bench::terminal;

/// What the task that is attached to has printed.
const PRINTED: u64 = 100_000_000;

/// What the one that is looked into has printed.
const LONG: u64 = 1_000_000_000;

/// What stands last on the screen, above the row on which a viewer is first told how to leave.
const LAST_WORDS: &str = "nothing-comes-after-this";

/// Attaches in one round: a p99 stands on all of all rounds.
const ATTACHES: usize = 20;

/// Looks at places spread over all that was printed, in no order.
const LOOKS: u64 = 60;

/// Text of one answer.
const PART_BYTES: u64 = 1024 * 1024;

pub(super) fn run(stand: &mut Stand, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let task = printed(stand, PRINTED)?;
    let mut attached = Vec::new();
    for _ in 0..rounds * ATTACHES {
        attached.push(attach(stand, task)?);
    }
    let read = read_as_text(stand, task)?;
    stand.remove(task)?;
    let looked = looked_into(stand)?;
    let row = |name, times: &[u64]| promised(name).with(vec![ms(times, 99.0)], Vec::new());
    Ok(vec![
        row("attach → picture after 100 MB: p99", &attached)
            .note(format!("{} attaches, from the client's start on", attached.len())),
        Figure::of("attach → picture after 100 MB: p50", "ms", Nature::Absolute)
            .with(vec![ms(&attached, 50.0)], Vec::new()),
        row("picture anywhere in 1 GB: p99", &looked),
        Figure::of("picture anywhere in 1 GB: p50", "ms", Nature::Absolute)
            .with(vec![ms(&looked, 50.0)], Vec::new()),
        promised("transcript read by a client")
            .with(vec![read], Vec::new())
            .note("MB of output, from its start, over the server"),
    ])
}

/// A task that has printed so much, and stays.
fn printed(stand: &mut Stand, bytes: u64) -> anyhow::Result<TaskId> {
    let line = stand.load(&["flood", "--bytes", &bytes.to_string()]);
    let script = format!("\"$@\" && printf '%s\\n\\n' {LAST_WORDS} && exec \"$0\" silent");
    let mut command = vec!["sh".to_owned(), "-c".to_owned(), script, stand.program("axiom-test")];
    command.extend(line);
    let task = stand.spawn(&command)?;
    // A terminal returns each newline: there are more than were printed.
    stand.until_all("done", &[task], |view| view.bytes.0 > bytes)?;
    Ok(task)
}

/// Nanoseconds from a client's start until its terminal has the last words.
fn attach(stand: &mut Stand, task: TaskId) -> anyhow::Result<u64> {
    let home = format!("AXIOM_HOME={}", stand.home().display());
    let axiom = stand.program("axiom");
    let words = ["-c", "-w", "env", &home, &axiom, "attach", "--read-only", &task.to_string()];
    let begun = Instant::now();
    let (screen, mut client) = terminal::start("setsid", &words.map(str::to_owned))?;
    let (mut seen, mut found) = (Vec::new(), None);
    let read = terminal::read_all(&screen, |bytes| {
        seen.extend_from_slice(bytes);
        if found.is_none() && contains(&seen, LAST_WORDS.as_bytes()) {
            found = Some(begun.elapsed());
            bail!("seen");
        }
        Ok(())
    });
    // The terminal is gone, and so its client leaves.
    drop(screen);
    let _status = client.wait().context("wait for the client")?;
    let Some(taken) = found else {
        read?;
        bail!("the client ended and never showed `{LAST_WORDS}`");
    };
    Ok(u64::try_from(taken.as_nanos())?)
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// Nanoseconds of each look.
fn looked_into(stand: &mut Stand) -> anyhow::Result<Vec<u64>> {
    let task = printed(stand, LONG)?;
    let mut times = Vec::new();
    for look in 0..LOOKS {
        let offset = Offset(look * 7_919_000_017 % LONG);
        let at = Some(Cursor { offset, seq: None, ..Cursor::start(1) });
        let (id, wanted) =
            (task.to_string(), ScreenRequest { dump: true, at, ..ScreenRequest::default() });
        let begun = Instant::now();
        stand.call(async |connection| connection.screen(&id, wanted).await)?;
        times.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    stand.remove(task)?;
    Ok(times)
}

/// Megabytes of output in a second, read as text from the start to the end.
fn read_as_text(stand: &mut Stand, task: TaskId) -> anyhow::Result<f64> {
    let id = task.to_string();
    let mut query =
        OutputQuery { view: View::Text, bytes_max: Some(PART_BYTES), ..OutputQuery::default() };
    let begun = Instant::now();
    loop {
        let part = stand.call(async |connection| connection.output(&id, &query).await)?;
        if part.bytes.is_empty() || query.cursor == Some(part.cursor) {
            break;
        }
        query.cursor = Some(part.cursor);
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mb = PRINTED as f64 / 1e6;
    Ok(mb / begun.elapsed().as_secs_f64())
}

fn ms(times: &[u64], percent: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ms = percentile(times, percent) as f64 / 1e6;
    ms
}
