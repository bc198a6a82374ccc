//! The oracles of one session's journal: reads every appended byte again, with eyes of its own, and remembers
//! what was done to the child. Says at once what must never be.

use std::collections::{BTreeMap, BTreeSet};

use axiom_proto::frame::{Frame, FrameKind, Micros, Offset, Seq};
use axiom_proto::id::CommandId;
use axiom_proto::mixed;
use axiom_proto::record::{Closing, InputNote, OutputEnd, Record, Verdict};

use crate::sim::disk::Disk;
use crate::sim::stage::Stage;

/// A killed worker loses at most one read.
pub(crate) const GAP_BYTES_MAX: u64 = 4096;

#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Where each frame begins.
    starts: Vec<usize>,
    good_end: usize,
    next: (Seq, Offset),
    time: Micros,
    epoch: u64,
    outcomes: BTreeMap<CommandId, Verdict>,
    intents: BTreeSet<CommandId>,
    inputs: BTreeSet<CommandId>,
    /// Who typed or signaled for a command.
    done_by: BTreeMap<(CommandId, &'static str), u64>,
    /// So much of what was printed is in the journal, or declared missing.
    printed_to: u64,
    missing_max: u64,
    closed: bool,
}

impl Witness {
    /// Looks at everything that was appended since the last look.
    pub(crate) fn observe(&mut self, disk: &Disk, site: usize, stage: &mut Stage) {
        if disk.bytes().len() < self.good_end {
            stage.fail("a whole frame is never cut", || format!("session {site}"));
            return;
        }
        while let Ok(frame) = Frame::decode(&disk.bytes()[self.good_end..]) {
            self.take(&frame, site, stage);
        }
    }

    fn take(&mut self, frame: &Frame<'_>, site: usize, stage: &mut Stage) {
        let header = frame.header;
        if (header.seq, header.offset) != self.next || header.time < self.time {
            let expected = self.next;
            stage.fail("frames in the journal are contiguous", || {
                format!("session {site}: {header:?} where {expected:?} must come")
            });
        }
        if self.closed {
            stage.fail("nothing follows the close", || format!("session {site}: {header:?}"));
        }
        self.starts.push(self.good_end);
        self.good_end += header.frame_bytes();
        self.next = (header.seq.next(), header.offset_after());
        self.time = header.time;
        match header.kind {
            FrameKind::Record => self.take_record(Record::decode(frame.payload), site, stage),
            FrameKind::Input => {
                if let Ok((note, _)) = mixed::decode::<InputNote>(frame.payload) {
                    self.begin_command(note.id, true, site, stage);
                }
            }
            FrameKind::Output
            | FrameKind::ErrorOutput
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
    }

    fn take_record(&mut self, record: Record, site: usize, stage: &mut Stage) {
        match record {
            Record::Opened { epoch, .. } => {
                let last = self.epoch;
                if epoch <= last {
                    stage.fail("epochs rise", || format!("session {site}: {epoch} after {last}"));
                }
                self.epoch = epoch;
            }
            Record::Gap { bytes_max, .. } => {
                if bytes_max > GAP_BYTES_MAX {
                    stage.fail("a gap is one read at most", || format!("session {site}"));
                }
                self.missing_max += bytes_max;
            }
            Record::Intent(intent) => self.begin_command(intent.id, false, site, stage),
            Record::Outcome(outcome) => {
                let id = outcome.id;
                stage.note(word_of(outcome.verdict), site, 0, 0);
                if let Some(first) = self.outcomes.insert(id, outcome.verdict) {
                    stage.fail("a command has one outcome", || {
                        format!("session {site}: {id} was {first:?}, then {:?}", outcome.verdict)
                    });
                }
            }
            Record::Closed { reason: Closing::Ended } => self.closed = true,
            Record::Lost { .. } => stage.note("lost", site, 0, 0),
            Record::Unguarded => stage.note("unguarded", site, 0, 0),
            Record::Paused { .. } => stage.note("paused", site, 0, 0),
            Record::LimitReached { .. } => stage.note("limit", site, 0, 0),
            Record::OutputEnded { reason: OutputEnd::HeldOpen, .. } => {
                stage.note("held open", site, 0, 0);
            }
            Record::Closed { reason: Closing::Handover } => stage.note("handover", site, 0, 0),
            Record::Started { .. }
            | Record::StartFailed(_)
            | Record::Resized { .. }
            | Record::Stopping { .. }
            | Record::Suspended { .. }
            | Record::Resumed
            | Record::InputClosed
            | Record::Unpaused
            | Record::Exited { .. }
            | Record::OutputEnded { reason: OutputEnd::Closed | OutputEnd::Lost, .. }
            | Record::Leftovers { .. }
            | Record::TreeEmptied
            | Record::Summary(_)
            | Record::Unknown => {}
        }
    }

    fn begin_command(&mut self, id: CommandId, types: bool, site: usize, stage: &mut Stage) {
        let kind = if types { &mut self.inputs } else { &mut self.intents };
        if !kind.insert(id) || self.outcomes.contains_key(&id) {
            stage.fail("a command is begun once", || format!("session {site}: {id}"));
        }
    }

    /// Output was appended: it must be what the child printed, with nothing missing but what was declared.
    pub(crate) fn output(
        &mut self,
        (from, payload): (u64, &[u8]),
        printed: &[u8],
        site: usize,
        stage: &mut Stage,
    ) {
        let expected = self.printed_to;
        let most = expected + std::mem::take(&mut self.missing_max);
        let start = usize::try_from(from).expect("what is printed fits in memory");
        let is_printed = printed.get(start..start + payload.len()) == Some(payload);
        if from > expected {
            stage.note("output missing", site, expected, from - expected);
        }
        if from < expected || from > most || !is_printed {
            stage.fail("output is what the child printed, but for declared gaps", || {
                format!("session {site}: from byte {from}, expected {expected} to {most}")
            });
        }
        self.printed_to = from + payload.len() as u64;
    }

    /// A worker types for a command, or signals for it.
    pub(crate) fn acts(
        &mut self,
        (id, what): (CommandId, &'static str),
        epoch: u64,
        site: usize,
        stage: &mut Stage,
    ) {
        if !self.intents.contains(&id) && !self.inputs.contains(&id) {
            stage.fail("an intent is journaled before the act", || format!("session {site}: {id}"));
        }
        let first = *self.done_by.entry((id, what)).or_insert(epoch);
        if first != epoch || self.outcomes.contains_key(&id) {
            stage.fail("a command is carried out once", || {
                format!("session {site}: {what} for {id} by {first} and {epoch}")
            });
        }
    }

    pub(crate) fn good_end(&self) -> usize {
        self.good_end
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where a frame begins in the journal.
    pub(crate) fn start_of(&self, seq: Seq) -> usize {
        let index = usize::try_from(seq.0).expect("as many as are in memory");
        self.starts.get(index).copied().unwrap_or(self.good_end)
    }

    /// The number of the frame that begins at this byte, or will.
    pub(crate) fn seq_at(&self, byte: usize) -> Seq {
        Seq(self.starts.partition_point(|start| *start < byte) as u64)
    }

    /// Frames from number `from` to before `until`, about so many bytes, at least one.
    pub(crate) fn batch(&self, from: Seq, until: Seq, bytes_max: usize) -> std::ops::Range<usize> {
        let start = self.start_of(from);
        let end = self.start_of(until);
        let mut to = end;
        let mut seq = from.next();
        while seq < until {
            let next = self.start_of(seq);
            if next - start > bytes_max {
                to = next;
                break;
            }
            seq = seq.next();
        }
        start..to.max(start)
    }

    pub(crate) fn outcome_of(&self, id: CommandId) -> Option<Verdict> {
        self.outcomes.get(&id).copied()
    }

    /// Commands that were begun and never answered.
    pub(crate) fn unanswered(&self) -> Vec<CommandId> {
        let begun = self.intents.union(&self.inputs);
        begun.filter(|id| !self.outcomes.contains_key(id)).copied().collect()
    }
}

fn word_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}
