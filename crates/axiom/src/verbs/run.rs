//! `axiom run`: one command in the foreground, or several as marked lines.

use axiom_client::Place;
use axiom_proto::bytestring::ByteString;
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::task::{Mode, TaskSpec};
use clap::Args;

use super::connect;
use crate::conclusion::Conclusion;
use crate::failure::{Failure, note};
use crate::foreground::Foreground;
use crate::here::{Here, Terminals};
use crate::line_view::{LineView, Member, OnSignal, Viewed};
use crate::lines::one_line;
use crate::signals::Sign;
use crate::spec::SpecArguments;

/// What `axiom help run` says at its end.
const MORE: &str = "\
Where standard input and output are a terminal, the command gets one too; else it gets pipes.
Ctrl-] d leaves it running, Ctrl-] Ctrl-] types one Ctrl-]. With pipes, Ctrl-C interrupts it; once more leaves it running.";

/// `axiom run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = MORE)]
pub(crate) struct Run {
    #[command(flatten)]
    spec: SpecArguments,
}

impl Run {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let terminals = Terminals::of_process();
        let on_terminal = self.spec.each || (terminals.input && terminals.output);
        let usual = if on_terminal { Mode::Terminal } else { Mode::Pipes };
        let mode = self.spec.mode_or(usual);
        let specs = self.spec.specs(here, mode)?;
        if self.spec.each {
            return run_each(here, &specs).await;
        }
        let mut connection = connect(here).await?;
        let answer = connection.spawn(&specs[0]).await?;
        let Some(task) = answer.tasks.first().map(|task| task.id) else {
            return Err(Failure::own("the server spawned nothing", "see `axiom doctor`"));
        };
        drop(connection);
        let program = specs[0].command.first().map(ByteString::to_shown).unwrap_or_default();
        Foreground { place: here.place()?, task, mode, program }.run().await
    }
}

async fn run_each(here: &Here, specs: &[TaskSpec]) -> Result<u8, Failure> {
    let tasks = spawn_all(here, specs).await?;
    let members = tasks.iter().map(|(task, label)| Member {
        task: *task,
        label: label.clone(),
        start: StartAt::Start,
    });
    let place: Place = here.place()?;
    match LineView::new(place, members.collect(), OnSignal::InterruptThenLeave).run().await? {
        Viewed::Ended(conclusions) => Ok(tell_failures(&tasks, &conclusions, specs)),
        Viewed::Left(sign) => {
            let ids: Vec<&str> = tasks.iter().map(|(task, _)| task.short()).collect();
            note(&format!("left the tasks, which run on: axiom stop {}", ids.join(" ")));
            Ok(if sign == Sign::Interrupt { 130 } else { 143 })
        }
    }
}

/// Spawns each, and says what was started before one failed.
async fn spawn_all(here: &Here, specs: &[TaskSpec]) -> Result<Vec<(TaskId, String)>, Failure> {
    let mut connection = connect(here).await?;
    let mut tasks = Vec::with_capacity(specs.len());
    for spec in specs {
        match connection.spawn(spec).await {
            Ok(answer) => tasks.extend(answer.tasks.into_iter().map(|task| {
                let label = task.name.unwrap_or_else(|| task.id.short().to_owned());
                (task.id, label)
            })),
            Err(error) => {
                if !tasks.is_empty() {
                    let ids: Vec<&str> = tasks.iter().map(|(task, _)| task.short()).collect();
                    note(&format!("started before it failed: axiom stop {}", ids.join(" ")));
                }
                return Err(error.into());
            }
        }
    }
    // With one name for several tasks the ids tell them apart.
    let first = tasks[0].1.clone();
    if tasks.len() > 1 && tasks.iter().all(|(_, label)| *label == first) {
        tasks.iter_mut().for_each(|(task, label)| task.short().clone_into(label));
    }
    Ok(tasks)
}

/// Names the tasks that failed; gives the first one's code.
fn tell_failures(tasks: &[(TaskId, String)], conclusions: &[Conclusion], specs: &[TaskSpec]) -> u8 {
    let mut code = 0;
    for ((task, conclusion), spec) in tasks.iter().zip(conclusions).zip(specs) {
        if conclusion.succeeded() {
            continue;
        }
        if code == 0 {
            // A stopped child may have left with 0; it did not succeed.
            code = conclusion.exit_code().max(1);
        }
        let command = spec.shell.as_deref().unwrap_or_default();
        note(&format!("[{}] {}: {}", task.1, conclusion.shown(), one_line(command)));
    }
    code
}
