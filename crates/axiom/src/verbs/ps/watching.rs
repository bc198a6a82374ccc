//! `axiom ps -w`: the table of tasks as it is now, redrawn in place; on anything but a terminal, a line for each change.

use std::collections::BTreeMap;
use std::time::Duration;

use axiom_client::{Event, Feed};
use axiom_proto::id::TaskId;
use axiom_proto::moment::iso;
use axiom_proto::task::{Size, Status, TaskView};
use tokio::time::{Instant, sleep_until};

use super::{Ps, now_ms};
use crate::failure::Failure;
use crate::here::{Here, Terminals, terminal_size};
use crate::printing::{print, print_bytes};
use crate::signals::{Sign, Signals};
use crate::stdio::OutputWatch;
use crate::stream::{Drawing, SilentKeys};

/// The table is drawn no faster than this.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Where nothing happens, ages go on in steps of this.
const SECONDS_EVERY: Duration = Duration::from_secs(1);

/// A terminal that does not say its size.
const USUAL_SIZE: Size = Size { cols: 80, rows: 24 };

/// Tasks as they are watched.
struct Watching<'a> {
    ps: &'a Ps,
    tasks: BTreeMap<(u64, TaskId), TaskView>,
    drawing: Drawing,
    drawn_at: Option<Instant>,
    changed: bool,
}

/// Watches until a signal ends it.
pub(super) async fn run(ps: &Ps, here: &Here) -> Result<u8, Failure> {
    let mut feed = Feed::new(here.place()?);
    feed.watch(Vec::new());
    let own = |error| Failure::own(format!("take signals: {error}"), "");
    let mut signals = Signals::take().map_err(own)?;
    let terminal = Terminals::of_process().output;
    let keys = if terminal { SilentKeys::begin() } else { SilentKeys::none() };
    if terminal {
        signals.take_suspend().map_err(own)?;
    }
    let mut watching = Watching {
        ps,
        tasks: BTreeMap::new(),
        drawing: Drawing::default(),
        drawn_at: None,
        changed: true,
    };
    let mut output = OutputWatch::start();
    loop {
        let draw_at = terminal.then(|| watching.draws_at());
        tokio::select! {
            sign = signals.next() => match sign {
                Sign::Resized | Sign::Continued => watching.changed = true,
                Sign::Suspend => {
                    print_bytes(watching.drawing.leave("").as_bytes())?;
                    keys.stand_still();
                    watching.changed = true;
                }
                Sign::Interrupt | Sign::Terminate | Sign::HangUp => break,
            },
            event = feed.next() => {
                watching.told(event?, terminal)?;
                while let Some(event) = feed.next_now() {
                    watching.told(event, terminal)?;
                }
            }
            () = at(draw_at) => watching.draw()?,
            () = output.reader_gone() => return Err(Failure::ReaderGone),
        }
    }
    if terminal {
        print_bytes(watching.drawing.leave(&watching.table(USUAL_SIZE.rows)).as_bytes())?;
    }
    Ok(0)
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Watching<'_> {
    fn draws_at(&self) -> Instant {
        let Some(drawn_at) = self.drawn_at else { return Instant::now() };
        drawn_at + if self.changed { DRAW_EVERY } else { SECONDS_EVERY }
    }

    fn told(&mut self, event: Event, terminal: bool) -> Result<(), Failure> {
        match event {
            Event::Task(view) if self.ps.wants(&view) => {
                let before = self.tasks.insert((view.created_at_ms, view.id), (*view).clone());
                self.changed = true;
                if !terminal && before.is_none_or(|before| before.status != view.status) {
                    return print(&changed_line(&view));
                }
            }
            Event::Removed(id) => {
                self.tasks.retain(|(_, task), _| *task != id);
                self.changed = true;
                if !terminal {
                    return print(&format!("{}  {}  removed", iso(now_ms()), id.short()));
                }
            }
            // Whoever was removed while no server told us is not among those that it tells of now.
            Event::Connected { .. } if terminal => {
                self.tasks.clear();
                self.changed = true;
            }
            Event::Refused(error) => return Err(error.into()),
            Event::Task(_)
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Silent
            | Event::Gone(..)
            | Event::Answers
            | Event::Frame { .. }
            | Event::Ended(_)
            | Event::Outcome(..)
            | Event::CommandRefused { .. }
            | Event::SubscriptionRefused { .. } => {}
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), Failure> {
        self.drawn_at = Some(Instant::now());
        self.changed = false;
        let size = terminal_size().unwrap_or(USUAL_SIZE);
        let table = self.table(size.rows);
        let columns = usize::from(size.cols).saturating_sub(1).max(1);
        let rows: Vec<String> =
            table.lines().map(|line| crate::table::cut(line, columns)).collect();
        if self.drawing.shows(&rows) {
            return Ok(());
        }
        print_bytes(self.drawing.draw("", rows).as_bytes())
    }

    /// As many tasks as there are rows: those that are not over first, the newest of the others.
    fn table(&self, rows: u16) -> String {
        let now = now_ms();
        let recent = |task: &&TaskView| self.ps.is_recent(task, now);
        let tasks: Vec<&TaskView> = self.tasks.values().filter(recent).collect();
        let room = usize::from(rows).saturating_sub(3).max(1);
        let mut chosen: Vec<&TaskView> =
            tasks.iter().copied().filter(|task| !task.status.is_ended()).take(room).collect();
        let ended = tasks.iter().copied().filter(|task| task.status.is_ended()).rev();
        chosen.extend(ended.take(room - chosen.len()));
        chosen.sort_by_key(|task| (task.created_at_ms, task.id));
        let chosen: Vec<TaskView> = chosen.into_iter().cloned().collect();
        let count = |status: Status| tasks.iter().filter(|task| task.status == status).count();
        let said = Status::ALL.iter().map(|status| (count(*status), status.word()));
        let said: Vec<String> =
            said.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        let total = if said.is_empty() { "no tasks yet".to_owned() } else { said.join(", ") };
        format!("{}{total} · Ctrl-C ends this view\n", self.ps.laid_out(&chosen))
    }
}

fn changed_line(view: &TaskView) -> String {
    let name = view.name.as_deref().map(crate::lines::one_line).unwrap_or_default();
    let how = crate::conclusion::Conclusion::of_view(view)
        .map_or_else(|| view.status.word().to_owned(), |conclusion| conclusion.shown());
    let line = format!(
        "{}  {}  {:<10}  {name}",
        iso(now_ms()),
        view.id.short(),
        crate::lines::one_line(&how)
    );
    line.trim_end().to_owned()
}
