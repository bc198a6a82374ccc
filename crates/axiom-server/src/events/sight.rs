//! How a task stands, as the maker of events sees it: one look under the task's lock, which takes the waiting notes along.
//! Decides nothing but whether a silence is long enough.

use axiom_proto::frame::{Micros, Offset, Seq};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Status, TaskView};

use super::note::Note;
use crate::record::Cancelled;
use crate::session::{Link, Session};
use crate::task::{State, Task};
use crate::view::unix_ms;

/// A task that has printed nothing for so long is idle.
pub(crate) const IDLE_MS: u64 = 30_000;

/// A link that is lost for so long is away. The next worker takes milliseconds, and what it missed is told as a gap.
pub(crate) const AWAY_MS: u64 = 1000;

/// How a task stands.
#[derive(Debug)]
pub(crate) enum Sight {
    Queued,
    Cancelled(Cancelled),
    /// Its session has begun, and nobody has said yet how it stands.
    Unheard,
    Live(Box<LiveSight>),
    Ended(Box<TaskView>),
}

/// How a live session stands.
#[derive(Debug)]
pub(crate) struct LiveSight {
    /// The notes of all frames from here to the head.
    pub(crate) notes_from: Seq,
    pub(crate) notes: Vec<Note>,
    pub(crate) head: Seq,
    pub(crate) offset: Offset,
    pub(crate) started_unix_us: u64,
    pub(crate) absence: Absence,
    pub(crate) silence: Silence,
    /// Where it would begin in a log that does not know it.
    pub(crate) ended: bool,
    pub(crate) interventions: u64,
}

/// How long a session has printed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It is not expected to print.
    None,
    /// Short so far: look again at this time, Unix milliseconds.
    Short { until_ms: u64 },
    /// Long enough to be told.
    Long { idle_ms: u64 },
}

/// Whether a session's link is lost, while more could come over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It is not.
    None,
    /// Not long enough to be told: look again at this time, Unix milliseconds.
    Short { until_ms: u64 },
    /// Since then.
    Long { since_ms: u64 },
}

/// Looks at a task, and takes its notes.
pub(crate) fn look(task: &Task, now_ms: u64) -> Sight {
    task.change(|state| {
        let sight = match state {
            State::Queued => Sight::Queued,
            State::Cancelled(cancelled) => Sight::Cancelled(cancelled.clone()),
            State::Ended(view) => Sight::Ended(view.clone()),
            State::Live(session) => look_live(session, now_ms),
        };
        (sight, false)
    })
}

fn look_live(session: &mut Session, now_ms: u64) -> Sight {
    let (Some(head), Some(started_unix_us)) = (session.head(), session.started_unix_us) else {
        return Sight::Unheard;
    };
    let (notes_from, notes) = session.notes.take(head.seq);
    let silence = silence(&session.summary, started_unix_us, now_ms);
    session.is_silent = matches!(silence, Silence::Long { .. });
    Sight::Live(Box::new(LiveSight {
        notes_from,
        notes,
        head: head.seq,
        offset: head.offset,
        started_unix_us,
        absence: absence(session, now_ms),
        silence,
        ended: session.summary.status.is_ended(),
        interventions: session.summary.interventions,
    }))
}

/// How long a session's link has been lost.
fn absence(session: &Session, now_ms: u64) -> Absence {
    match session.link {
        Link::Away { since_ms } if session.is_missed && !session.summary.closed => {
            let until_ms = since_ms.saturating_add(AWAY_MS);
            let is_long = now_ms >= until_ms;
            if is_long { Absence::Long { since_ms } } else { Absence::Short { until_ms } }
        }
        Link::Away { .. } | Link::Connected { .. } => Absence::None,
    }
}

/// How long a session has printed nothing. A freeze, a stop and a full disk are no silence; their end begins one.
fn silence(summary: &Summary, started_unix_us: u64, now_ms: u64) -> Silence {
    if summary.status != Status::Running || summary.paused.is_some() {
        return Silence::None;
    }
    let changed = summary.changes.last().map_or(Micros(0), |change| change.at);
    let since_ms = unix_ms(started_unix_us, summary.output_time.max(changed));
    let until_ms = since_ms.saturating_add(IDLE_MS);
    if now_ms < until_ms {
        return Silence::Short { until_ms };
    }
    Silence::Long { idle_ms: now_ms - since_ms }
}

#[cfg(test)]
mod tests {
    use axiom_proto::summary::Change;

    use super::*;

    fn running(output_ms: u64) -> Summary {
        let (at, status) = (Micros(1_000_000), Status::Running);
        let changes = vec![Change { at, status, cause: String::new() }];
        Summary { status, changes, output_time: Micros(output_ms * 1000), ..Summary::default() }
    }

    #[test]
    fn a_silence_counts_from_the_newest_output_or_the_last_change() {
        let printed = running(5000);
        assert_eq!(silence(&printed, 0, 34_999), Silence::Short { until_ms: 35_000 });
        assert_eq!(silence(&printed, 0, 35_000), Silence::Long { idle_ms: 30_000 });
        assert_eq!(silence(&running(0), 0, 2000), Silence::Short { until_ms: 31_000 });
        let frozen = Summary { status: Status::Suspended, ..running(0) };
        assert_eq!(silence(&frozen, 0, 99_000), Silence::None);
        let waiting = Summary { paused: Some("disk full".to_owned()), ..running(0) };
        assert_eq!(silence(&waiting, 0, 99_000), Silence::None);
    }
}
