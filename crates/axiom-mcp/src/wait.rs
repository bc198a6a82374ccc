//! axiom_wait: held until tasks do what is waited for, or for a bounded time. Woken by what changes, never by looking again
//! and again. Who hangs up ends the wait, and nothing else.

mod asked;
mod seeker;
mod told;
mod vigil;

use std::collections::BTreeMap;
use std::time::Duration;

use axiom_proto::api::View;
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use axiom_server::{Changed, OutputRequest, Wording};
use rmcp::model::{CallToolResult, JsonObject};
use tokio::time::{Instant, sleep_until};

use crate::answers::{arguments, output};
use crate::call::Call;
use crate::progress::{Progress, line_of_task};
use asked::Asked;
use seeker::Seeker;
use vigil::Vigil;

/// Bytes that are looked through at once for a line that fits.
const SEEK_BYTES: u64 = 1024 * 1024;

/// One task that is waited for.
#[derive(Debug)]
pub(crate) struct Watched {
    view: TaskView,
    /// Where what is told of it begins.
    from: Option<Cursor>,
    /// Where to go on looking for a line.
    seek_from: Cursor,
    seeker: Option<Seeker>,
    /// The line that was found.
    line: Option<String>,
}

/// A wait as it goes on.
struct Wait<'a> {
    call: &'a Call,
    tasks: Vec<Watched>,
    places: BTreeMap<TaskId, usize>,
    vigil: Vigil,
    began: Instant,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With what was waited for.
    Seen,
    /// Without.
    TimedOut,
}

/// The server leaves; the next one can be asked the same.
pub(crate) fn leaving() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the server leaves; tasks run on", "call again")
}

/// Waits as long as was asked, within the server's bound.
pub(crate) async fn wait(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let asked = asked::check(arguments(given)?, call.waits)?;
    let limit = asked.timeout;
    run(call, asked, limit).await
}

/// Waits so long, whatever was asked.
pub(crate) async fn wait_for(
    call: &Call,
    given: Option<JsonObject>,
    limit: Duration,
) -> Result<CallToolResult, Fault> {
    run(call, asked::check(arguments(given)?, call.waits)?, limit).await
}

/// Checks what was asked, without waiting.
///
/// # Errors
/// It is wrong, or names a task that is not there.
pub(crate) async fn check(call: &Call, given: &JsonObject) -> Result<(), Fault> {
    let asked = asked::check(arguments(Some(given.clone()))?, call.waits)?;
    Wait::begin(call, asked).await.map(drop)
}

/// What those that are waited for print, in one line: of the first that has not ended.
pub(crate) async fn last_line(call: &Call, given: &JsonObject) -> Option<String> {
    let asked = asked::check(arguments(Some(given.clone())).ok()?, call.waits).ok()?;
    for id in &asked.task_ids {
        let Ok(view) = call.look(id).await else { continue };
        if !view.status.is_ended() {
            return Some(line_of_task(call, &view.id.to_string(), view.name.as_deref()).await);
        }
    }
    None
}

async fn run(call: &Call, asked: Asked, limit: Duration) -> Result<CallToolResult, Fault> {
    let tokens_max = asked.tokens_max;
    let mut wait = Wait::begin(call, asked).await?;
    let mut ended = call.operations.ended();
    let mut progress = Progress::of(&call.asker);
    let end = tokio::select! {
        biased;
        // Before the next: a server that leaves ends its calls as well.
        _ = ended.wait_for(|ended| *ended) => return Err(leaving()),
        // Nobody hears the answer.
        () = call.cancelled() => End::TimedOut,
        end = wait.run(limit, &mut progress) => end?,
    };
    // Whatever is on its way must not come behind the answer.
    progress.settle().await;
    // Only its end needs the room for it.
    Box::pin(wait.tell(end, tokens_max)).await.map(output)
}

impl<'a> Wait<'a> {
    async fn begin(call: &'a Call, asked: Asked) -> Result<Self, Fault> {
        let mut tasks = Vec::new();
        let mut places = BTreeMap::new();
        for id in &asked.task_ids {
            let view = call.look(id).await?;
            if places.contains_key(&view.id) {
                continue;
            }
            let from = asked.cursor_of(id, &view);
            places.insert(view.id, tasks.len());
            tasks.push(Watched {
                seek_from: from.unwrap_or(Cursor::start(1)),
                seeker: asked.pattern.clone().map(Seeker::new),
                from,
                line: None,
                view,
            });
        }
        let starts: Vec<u64> =
            tasks.iter().map(|task| task.from.map_or(0, |cursor| cursor.offset.0)).collect();
        let vigil = Vigil::new(asked.until, asked.mode, &starts);
        Ok(Self { call, tasks, places, vigil, began: Instant::now() })
    }

    async fn run(&mut self, limit: Duration, progress: &mut Progress) -> Result<End, Fault> {
        let ids: Vec<TaskId> = self.tasks.iter().map(|task| task.view.id).collect();
        let mut watch = self.call.operations.watch(&ids)?;
        let deadline = self.began + limit;
        loop {
            let now = self.began.elapsed();
            if self.vigil.is_over(now) {
                return Ok(End::Seen);
            }
            let next = self.vigil.next_at(now).map_or(deadline, |at| deadline.min(self.began + at));
            tokio::select! {
                changed = watch.next() => {
                    self.note(changed);
                    tokio::select! {
                        sought = Box::pin(self.seek()) => sought?,
                        () = sleep_until(deadline) => return Ok(End::TimedOut),
                    }
                }
                () = sleep_until(next) => {
                    if Instant::now() >= deadline {
                        let seen = self.vigil.is_over(self.began.elapsed());
                        return Ok(if seen { End::Seen } else { End::TimedOut });
                    }
                }
                () = progress.tell(self.call, &self.tasks) => {}
            }
        }
    }

    fn note(&mut self, changed: Changed) {
        let now = self.began.elapsed();
        for view in changed.views {
            let Some(place) = self.places.get(&view.id) else { continue };
            self.vigil.saw(now, *place, view.bytes.0, view.status.is_ended());
            self.tasks[*place].view = view;
        }
        for id in changed.removed {
            if let Some(place) = self.places.get(&id) {
                self.vigil.removed(*place);
            }
        }
    }

    /// Looks through what is new, where a line is waited for.
    async fn seek(&mut self) -> Result<(), Fault> {
        for place in 0..self.tasks.len() {
            let task = &mut self.tasks[place];
            let Some(seeker) = task.seeker.as_mut().filter(|_| task.line.is_none()) else {
                continue;
            };
            while task.seek_from.offset < task.view.bytes {
                let request = OutputRequest {
                    view: View::Text,
                    cursor: Some(task.seek_from),
                    bytes_max: Some(SEEK_BYTES),
                    tail: None,
                    wording: Wording::AsPrinted,
                };
                let piece =
                    self.call.operations.output(&task.view.id.to_string(), &request).await?;
                let stands = piece.cursor.offset == task.seek_from.offset;
                task.seek_from = piece.cursor;
                task.line = seeker.push(&String::from_utf8_lossy(&piece.bytes));
                if task.line.is_some() {
                    self.vigil.matched(place);
                    break;
                }
                if stands {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Watched {
    /// How far it has printed.
    pub(crate) fn printed(&self) -> Offset {
        self.view.bytes
    }

    pub(crate) fn id(&self) -> String {
        self.view.id.to_string()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.view.name.as_deref()
    }
}
