//! `axiom run`: one command in the foreground, or several as marked lines.

use axiom_client::Connection;
use axiom_proto::api::ListRequest;
use axiom_proto::bytestring::ByteString;
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::task::{Mode, TaskSpec};
use clap::Args;

use super::{connect, ps};
use crate::conclusion::Conclusion;
use crate::failure::{Audience, Failure, note};
use crate::foreground::Foreground;
use crate::here::{Here, Terminals, terminal_size};
use crate::looks::Looks;
use crate::signals::{Sign, Signals};
use crate::spec::{SpecArguments, not_spawned};
use crate::stream::{
    Called, Extent, Member, Newcomers, OnSignal, Options, Stream, Viewed, numbered,
};
use crate::terminal::in_foreground;

/// What `axiom help run` says at its end.
const MORE: &str = "\
Where standard input and output are a terminal, the command gets one too; else it gets pipes.
Ctrl-] d leaves it running, Ctrl-] Ctrl-] types one Ctrl-]. With pipes, Ctrl-C interrupts it; once more leaves it running.";

/// `axiom run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = MORE)]
pub(crate) struct Run {
    #[command(flatten)]
    looks: Looks,
    #[command(flatten)]
    spec: SpecArguments,
}

impl Run {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let terminals = Terminals::of_process();
        // In the background a terminal is not ours to read or to change.
        let background = terminals.input && !in_foreground();
        let on_terminal =
            self.spec.is_each() || (terminals.input && terminals.output && !background);
        let usual = if on_terminal { Mode::Terminal } else { Mode::Pipes };
        let mode = self.spec.mode_or(usual);
        let mut specs = self.spec.specs(here, mode)?;
        if self.spec.is_each() {
            let columns = terminal_size().map(|size| size.cols);
            let mark =
                columns.and_then(|columns| self.looks.mark_columns(&labels(&specs), columns));
            let child_mark = mark.filter(|mark| self.spec.leave_room(&mut specs, *mark));
            return self.run_each(here, &specs, child_mark).await;
        }
        self.looks.refuse_alone()?;
        let mut connection = connect(here).await?;
        let answer = connection.spawn(&specs[0]).await.map_err(not_spawned)?;
        let Some(task) = answer.tasks.first().map(|task| task.id) else {
            return Err(Failure::own("the server spawned nothing", "see `axiom doctor`"));
        };
        drop(connection);
        let program = specs[0].command.first().map(ByteString::to_shown).unwrap_or_default();
        if background {
            let id = task.short();
            note(&format!(
                "in the background: task {id} has no input; axiom send {id} types into it"
            ));
        }
        let (place, name) = (here.place()?, specs[0].name.clone());
        Foreground { place, task, mode, name, program, background }.run().await
    }

    /// Whom errors are for.
    pub(crate) fn audience(&self) -> Audience {
        self.looks.audience()
    }

    async fn run_each(
        &self,
        here: &Here,
        specs: &[TaskSpec],
        child_mark: Option<u16>,
    ) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let take = |error| Failure::own(format!("take signals: {error}"), "");
        let mut signals = Signals::take().map_err(take)?;
        let Spawned { ids, sign } = spawn_all(&mut connection, specs, &mut signals).await?;
        if let Some(sign) = sign
            && ids.len() < specs.len()
        {
            note(&format!("not spawned: {} of {} commands", specs.len() - ids.len(), specs.len()));
            if ids.is_empty() {
                return Ok(sign.exit_code());
            }
        }
        let members = members(&mut connection, specs, &ids).await?;
        drop(connection);
        let options = Options {
            banner: self.banner(here, members.len()),
            face: self.looks.face(),
            idle_after: self.looks.idle_after,
            on_signal: OnSignal::AskThenLeave,
            newcomers: Newcomers::None,
            extent: Extent::End,
            child_mark,
        };
        match Stream::new(here.place()?, members, options).run_after(signals, sign).await? {
            Viewed::Ended(conclusions) => Ok(match (exit_code(&conclusions), sign) {
                // Those that were not spawned did not succeed.
                (0, Some(sign)) if ids.len() < specs.len() => sign.exit_code(),
                (code, _) => code,
            }),
            Viewed::Left(sign, live) => {
                tell_left(&live.iter().map(TaskId::short).collect::<Vec<_>>(), ids.len());
                Ok(sign.exit_code())
            }
        }
    }

    fn banner(&self, here: &Here, count: usize) -> String {
        let mut banner = match (count, self.spec.parallel_max()) {
            (1, _) => "1 task".to_owned(),
            (_, Some(1)) => format!("{count} tasks, one after another"),
            (_, Some(most)) => format!("{count} tasks, in parallel, at most {most} at once"),
            (_, None) => format!("{count} tasks, in parallel"),
        };
        if let Some(parent) = here.task {
            banner.push_str(&format!(", children of {}", parent.short()));
        }
        banner.push_str("; Ctrl-C asks them to stop");
        banner
    }
}

/// What runs on, and how to come back to it.
fn tell_left(live: &[&str], all: usize) {
    // A long list of ids is of no use to anybody.
    let ids = if live.len() <= 10 { live.join(" ") } else { "ID…".to_owned() };
    note(&format!("left {} of {all} tasks running; to come back:", live.len()));
    note(&format!("  axiom logs -f {ids}    or    axiom stop {ids}"));
}

/// What came of spawning.
struct Spawned {
    ids: Vec<TaskId>,
    /// The signal on which the rest was not spawned.
    sign: Option<Sign>,
}

/// Spawns each, and says what was started before one failed. On a signal the one that is under way is the last: its
/// answer is waited for, so that nothing starts of which nobody knows.
async fn spawn_all(
    connection: &mut Connection,
    specs: &[TaskSpec],
    signals: &mut Signals,
) -> Result<Spawned, Failure> {
    let mut ids: Vec<TaskId> = Vec::with_capacity(specs.len());
    let mut sign = None;
    for spec in specs {
        let spawning = connection.spawn(spec);
        tokio::pin!(spawning);
        let answer = loop {
            tokio::select! {
                biased;
                seen = signals.next() => sign = sign.or(Some(seen).filter(|seen| seen.is_end())),
                answer = &mut spawning => break answer,
            }
        };
        match answer {
            Ok(answer) => ids.extend(answer.tasks.iter().map(|task| task.id)),
            Err(error) => {
                if !ids.is_empty() {
                    let ids: Vec<&str> = ids.iter().map(TaskId::short).collect();
                    note(&format!("started before it failed: axiom stop {}", ids.join(" ")));
                }
                return Err(not_spawned(error));
            }
        }
        if sign.is_some() {
            break;
        }
    }
    Ok(Spawned { ids, sign })
}

/// What will stand before their lines.
fn labels(specs: &[TaskSpec]) -> Vec<String> {
    let called = |(place, spec): (usize, &TaskSpec)| match spec.name.as_deref() {
        Some(name) if !is_numbered(specs) => name.to_owned(),
        name => {
            let command = spec.shell.as_deref().unwrap_or_default();
            numbered(Called::Numbered { number: place + 1, name, command })
        }
    };
    specs.iter().enumerate().map(called).collect()
}

/// A name says enough of one alone; several are told apart by their numbers.
fn is_numbered(specs: &[TaskSpec]) -> bool {
    specs.len() > 1 || specs.iter().any(|spec| spec.name.is_none())
}

/// The tasks as they are now, in the order in which they were asked for.
async fn members(
    connection: &mut Connection,
    specs: &[TaskSpec],
    ids: &[TaskId],
) -> Result<Vec<Member>, Failure> {
    let group = specs.first().and_then(|spec| spec.group);
    let mut views = ps::all(connection, ListRequest { group, ..ListRequest::default() }).await?;
    views.retain(|view| ids.contains(&view.id));
    views.sort_by_key(|view| ids.iter().position(|id| *id == view.id));
    let numbered = is_numbered(specs);
    let member = |(place, view)| Member {
        view,
        start: StartAt::Start,
        place: Some(place).filter(|_| numbered),
    };
    Ok(views.into_iter().enumerate().map(member).collect())
}

/// The first failure's code. A stopped child may have left with 0; it did not succeed.
fn exit_code(conclusions: &[Conclusion]) -> u8 {
    let failed = conclusions.iter().find(|conclusion| !conclusion.succeeded());
    failed.map_or(0, |failed| failed.exit_code().max(1))
}
