//! What a wait answers: first how it ended, then each task that did what was waited for with its new output, then the others
//! with a line each. The room is shared among those that have something to say.

use axiom_proto::cursor::Cursor;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::Status;

use crate::heading::{Heading, quoted};
use crate::plain::brief;
use crate::read::{gather, section};

use super::vigil::Why;
use super::{End, Wait, Watched};

/// Tokens that a task's part has at least, however many there are.
const PART_TOKENS_MIN: usize = 60;

/// Characters of the line that was waited for.
const LINE_CHARS_MAX: usize = 200;

impl Wait<'_> {
    /// The answer.
    pub(super) async fn tell(self, end: End, tokens_max: usize) -> Result<String, Fault> {
        let now = self.began.elapsed();
        let whys: Vec<Option<Why>> =
            (0..self.tasks.len()).map(|task| self.vigil.why(now, task)).collect();
        let seen = whys.iter().flatten().count();
        let mut parts = vec![self.first_line(end, seen)];
        // Tasks that failed are why somebody waits: they come first.
        let mut order: Vec<usize> = (0..self.tasks.len()).collect();
        order.sort_by_key(|task| (whys[*task].is_none(), !went_wrong(&self.tasks[*task])));
        let tells = |task: &usize| whys[*task].is_some_and(|why| why != Why::Removed);
        let telling = order.iter().filter(|task| tells(task)).count();
        let share = (tokens_max / telling.max(1)).max(PART_TOKENS_MIN);
        for place in order {
            let task = &self.tasks[place];
            let part = match whys[place] {
                Some(Why::Removed) => {
                    let mut heading = Heading::of(&task.view);
                    heading.put("why", Why::Removed.word());
                    heading.next(None)
                }
                Some(why) => self.told(task, why, share).await?,
                None => {
                    let mut heading = Heading::of(&task.view);
                    heading
                        .put("new_bytes", task.printed().0.saturating_sub(from_of(task).offset.0));
                    heading.next(Some(from_of(task)))
                }
            };
            parts.push(part);
        }
        Ok(parts.join("\n"))
    }

    fn first_line(&self, end: End, seen: usize) -> String {
        let word = match end {
            End::Seen => "done",
            End::TimedOut => "timeout",
        };
        let (all, waited) = (self.tasks.len(), self.began.elapsed().as_millis());
        format!("[axiom wait={word} tasks={seen}/{all} waited_ms={waited}]")
    }

    /// A task that did what was waited for, with what it printed since.
    async fn told(&self, task: &Watched, why: Why, tokens: usize) -> Result<String, Fault> {
        // It may have gone on since it was seen last.
        let view = match self.call.look(&task.view.id.to_string()).await {
            Ok(view) => view,
            Err(fault) if fault.code == ErrorCode::TaskNotFound => {
                let mut heading = Heading::of(&task.view);
                heading.put("why", Why::Removed.word());
                return Ok(heading.next(None));
            }
            Err(fault) => return Err(fault),
        };
        let gathered = gather(self.call, &view, task.from, tokens).await?;
        let mut heading = Heading::of(&view);
        heading.put("why", why.word());
        if let Some(line) = &task.line {
            heading.put("match", quoted(&brief(line, LINE_CHARS_MAX)));
        }
        Ok(section(heading, &gathered))
    }
}

fn from_of(task: &Watched) -> Cursor {
    task.from.unwrap_or(Cursor::start(1))
}

fn went_wrong(task: &Watched) -> bool {
    match task.view.status {
        Status::Failed | Status::Lost => true,
        Status::Queued
        | Status::Starting
        | Status::Running
        | Status::Suspended
        | Status::Stopping
        | Status::Succeeded
        | Status::Stopped => false,
    }
}
