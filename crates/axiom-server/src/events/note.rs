//! Notes: what a frame says that events are made of, taken while it is folded. Pure; output leaves no note and costs one look
//! at its kind. A session keeps a few; whoever comes too late reads the journal, with the same function.

use axiom_proto::event::Stats;
use axiom_proto::frame::{Frame, FrameKind, Micros, Seq};
use axiom_proto::mixed;
use axiom_proto::record::{Exit, Failure, InputNote, Intent, Limit, Outcome, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Mode, Size, Status};

/// Notes that wait in one session. They are taken within milliseconds; a session that makes more is read from its journal.
const NOTES_MAX: usize = 64;

/// What one frame says, and the figures after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) seq: Seq,
    pub(crate) at: Micros,
    pub(crate) said: Said,
    pub(crate) stats: Stats,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Typed(InputNote),
    Intended(Intent),
    Concluded(Outcome),
    Started { pid: u32, mode: Mode, size: Option<Size> },
    Suspended,
    Resumed,
    Stopping { cause: String },
    Paused { reason: String },
    Unpaused,
    Gap { bytes_max: u64, certain: bool },
    Ended(End),
    Lost { cause: String },
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(crate) cause: String,
    pub(crate) exit: Option<Exit>,
    pub(crate) failure: Option<Failure>,
    pub(crate) limit: Option<Limit>,
}

impl Note {
    /// What a frame says: `before` is the status before it, `after` is folded up to it.
    pub(crate) fn of(frame: &Frame<'_>, before: Status, after: &Summary) -> Option<Self> {
        let said = match frame.header.kind {
            FrameKind::Record => of_record(Record::decode(frame.payload), before, after)?,
            FrameKind::Input => of_input(mixed::decode(frame.payload).ok()?.0)?,
            FrameKind::Output
            | FrameKind::ErrorOutput
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => return None,
        };
        let at = frame.header.time;
        Some(Self { seq: frame.header.seq, at, said, stats: stats(after, at) })
    }
}

/// The figures of a session at a moment.
pub(crate) fn stats(summary: &Summary, now: Micros) -> Stats {
    let until = summary.ended.unwrap_or(now);
    let duration_us = summary.started.map_or(0, |started| until.0.saturating_sub(started.0));
    let Summary { offset, interventions, .. } = *summary;
    let lines = summary.printed_lines();
    Stats { duration_ms: duration_us / 1000, bytes: offset, lines, interventions }
}

/// What the terminal answers by itself is nobody's doing.
fn of_input(note: InputNote) -> Option<Said> {
    note.answers.is_none().then_some(Said::Typed(note))
}

fn of_record(record: Record, before: Status, after: &Summary) -> Option<Said> {
    if !before.is_ended() && after.status.is_ended() {
        return Some(of_end(after));
    }
    let said = match record {
        Record::Started { pid, mode, size } => Said::Started { pid, mode, size },
        Record::Gap { bytes_max, certain } => Said::Gap { bytes_max, certain },
        Record::Intent(intent) => Said::Intended(intent),
        Record::Outcome(outcome) => Said::Concluded(outcome),
        Record::Stopping { cause } if before != Status::Stopping => {
            (after.status == Status::Stopping).then_some(Said::Stopping { cause })?
        }
        Record::Suspended { .. } => Said::Suspended,
        Record::Resumed if before == Status::Suspended => Said::Resumed,
        Record::Paused { reason } => Said::Paused { reason },
        Record::Unpaused => Said::Unpaused,
        Record::Opened { .. }
        | Record::StartFailed(_)
        | Record::Unguarded
        | Record::Resized { .. }
        | Record::Stopping { .. }
        | Record::Resumed
        | Record::LimitReached { .. }
        | Record::InputClosed
        | Record::Exited { .. }
        | Record::OutputEnded { .. }
        | Record::Leftovers { .. }
        | Record::TreeEmptied
        | Record::Lost { .. }
        | Record::Closed { .. }
        | Record::Summary(_)
        | Record::Unknown => return None,
    };
    Some(said)
}

fn of_end(after: &Summary) -> Said {
    let cause = after.changes.last().map(|change| change.cause.clone()).unwrap_or_default();
    if after.status == Status::Lost {
        return Said::Lost { cause };
    }
    let Summary { status, exit, failure, limit, .. } = after;
    let (status, exit, failure, limit) = (*status, *exit, failure.clone(), *limit);
    Said::Ended(End { status, cause, exit, failure, limit })
}

/// The notes of one session that wait: all there were from frame `from` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notes {
    from: Seq,
    waiting: Vec<Note>,
}

impl Notes {
    /// From this frame on, nothing is missing.
    pub(crate) fn starting_at(from: Seq) -> Self {
        Self { from, waiting: Vec::new() }
    }

    /// The next note. Where there is no room, all are dropped: the journal has them.
    pub(crate) fn push(&mut self, note: Note) {
        if self.waiting.len() == NOTES_MAX {
            *self = Self::starting_at(note.seq.next());
            return;
        }
        self.waiting.push(note);
    }

    /// Takes the notes of the frames from the one given back up to `head`.
    pub(crate) fn take(&mut self, head: Seq) -> (Seq, Vec<Note>) {
        let from = std::mem::replace(&mut self.from, head);
        (from, std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(seq: u64) -> Note {
        Note { seq: Seq(seq), at: Micros(0), said: Said::Unpaused, stats: Stats::default() }
    }

    #[test]
    fn notes_that_find_no_room_leave_a_gap_that_shows() {
        let mut notes = Notes::starting_at(Seq(5));
        notes.push(note(7));
        assert_eq!(notes.take(Seq(9)), (Seq(5), vec![note(7)]));
        (10..10 + NOTES_MAX as u64).for_each(|seq| notes.push(note(seq)));
        let last = 10 + NOTES_MAX as u64;
        notes.push(note(last));
        notes.push(note(last + 3));
        let (from, taken) = notes.take(Seq(last + 4));
        assert_eq!((from, taken), (Seq(last + 1), vec![note(last + 3)]));
        assert_eq!(notes.take(Seq(last + 4)), (Seq(last + 4), vec![]));
    }
}
