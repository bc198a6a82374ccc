//! A session's frames as the events of a recording. Pure: frames in, events out; what it remembers is bounded.
//! Frames that a recording has no place for give none; what is lost by that is counted.

use std::collections::VecDeque;

use axiom_proto::command::Action;
use axiom_proto::frame::{Frame, FrameKind, Micros};
use axiom_proto::id::CommandId;
use axiom_proto::mixed;
use axiom_proto::record::{Exit, InputNote, Intent, Limit, Outcome, Record, Verdict};
use axiom_proto::task::{Mode, Size};
use bytes::Bytes;

use crate::{Event, What};

/// Inputs whose outcome is awaited; a worker answers them one after the other, long before there are so many.
const OPEN_INPUTS_MAX: usize = 256;

/// Takes frames in order.
#[derive(Debug, Default)]
pub struct Journaled {
    /// The terminal's size at the start, where there is one and its record has come.
    pub size: Option<Size>,
    /// What the streams are, once it is known.
    pub mode: Option<Mode>,
    /// When the child started.
    pub started: Option<Micros>,
    /// Typed bytes of which only the number is kept.
    pub hidden_bytes: u64,
    /// Typed bytes that are told as input, and that the child's terminal did not take.
    pub untaken_bytes: u64,
    open_inputs: VecDeque<(CommandId, u64)>,
}

impl Journaled {
    /// The event of a frame, if it is one.
    pub fn take(&mut self, frame: &Frame<'_>) -> Option<Event> {
        let payload = || Bytes::copy_from_slice(frame.payload);
        let what = match frame.header.kind {
            FrameKind::Output => Some(What::Output(payload())),
            FrameKind::ErrorOutput => Some(What::ErrorOutput(payload())),
            FrameKind::Input => self.input(frame.payload),
            FrameKind::Record => self.record(frame.header.time, Record::decode(frame.payload)),
            FrameKind::Keyframe | FrameKind::Control | FrameKind::Other(_) => None,
        };
        what.map(|what| Event { at: frame.header.time, what })
    }

    fn input(&mut self, payload: &[u8]) -> Option<What> {
        let (note, bytes) = mixed::decode::<InputNote>(payload).ok()?;
        if note.hidden {
            self.hidden_bytes += note.len;
            return None;
        }
        if self.open_inputs.len() == OPEN_INPUTS_MAX {
            self.open_inputs.pop_front();
        }
        self.open_inputs.push_back((note.id, note.len));
        Some(What::Input(Bytes::copy_from_slice(bytes)))
    }

    fn record(&mut self, at: Micros, record: Record) -> Option<What> {
        self.learn(at, &record);
        what(record)
    }

    /// What a record says of the session as a whole.
    fn learn(&mut self, at: Micros, record: &Record) {
        if let Record::Started { mode, size, .. } = record {
            self.mode = Some(*mode);
            self.size = *size;
            self.started = Some(at);
        }
        // Where the oldest segments are gone, this is the first that is told.
        if let (Record::Summary(summary), None) = (record, self.mode) {
            self.mode = Some(summary.mode);
            self.size = summary.size;
            self.started = summary.started;
        }
        if let Record::Outcome(outcome) = record {
            self.concluded(outcome);
        }
    }

    /// What the child did not take of an input is known only now; the input was told before.
    fn concluded(&mut self, outcome: &Outcome) {
        let place = self.open_inputs.iter().position(|(id, _)| *id == outcome.id);
        let Some((_, len)) = place.and_then(|place| self.open_inputs.remove(place)) else { return };
        let taken = match (outcome.verdict, outcome.accepted) {
            (_, Some(accepted)) => accepted,
            (Verdict::Refused, None) => 0,
            (Verdict::Applied | Verdict::Unknown, None) => len,
        };
        self.untaken_bytes += len.saturating_sub(taken);
    }
}

/// The event of a record: sizes, the exit, and as markers the places that people look for.
fn what(record: Record) -> Option<What> {
    let label = match record {
        Record::Resized { size } => return Some(What::Resized(size)),
        Record::Exited { exit: exit @ (Exit::Code(_) | Exit::Signal(_)) } => {
            return Some(What::Exited(exit.shell_code()));
        }
        Record::Exited { exit: Exit::Unknown } => "exit: unknown".to_owned(),
        Record::Intent(intent) => return intervention(&intent).map(What::Marker),
        Record::Gap { bytes_max, certain } => {
            let is = if certain { "is" } else { "may be" };
            format!("gap: up to {bytes_max} bytes of output {is} missing")
        }
        Record::Suspended { .. } => "suspended".to_owned(),
        Record::Resumed => "resumed".to_owned(),
        Record::LimitReached { limit: Limit::Timeout } => "limit: time".to_owned(),
        Record::LimitReached { limit: Limit::Output } => "limit: output".to_owned(),
        Record::Paused { reason } => format!("output stands still: {reason}"),
        Record::Unpaused => "output goes on".to_owned(),
        Record::Lost { reason } => format!("lost: {reason}"),
        Record::StartFailed(failure) => format!("never started: {}", failure.message),
        Record::Opened { .. }
        | Record::Started { .. }
        | Record::Unguarded
        | Record::Outcome(_)
        | Record::Stopping { .. }
        | Record::InputClosed
        | Record::OutputEnded { .. }
        | Record::Leftovers { .. }
        | Record::TreeEmptied
        | Record::Closed { .. }
        | Record::Summary(_)
        | Record::Unknown => return None,
    };
    Some(What::Marker(label))
}

/// What somebody asked of the session, with why. A suspend and a resume have records of their own, once they are done.
fn intervention(intent: &Intent) -> Option<String> {
    match intent.action {
        Action::Interrupt { .. } | Action::Stop { .. } | Action::CloseInput => {
            let cause = if intent.cause.is_empty() { "" } else { ": " };
            Some(format!("{}{cause}{}", intent.action.word(), intent.cause))
        }
        Action::Type | Action::Resize { .. } | Action::Suspend | Action::Resume => None,
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::{Offset, Seq};
    use axiom_proto::record::FreezeMeans;

    use super::*;

    /// Frames of these kinds and payloads, a millisecond apart, taken in order.
    fn events(frames: &[(FrameKind, Vec<u8>)]) -> (Journaled, Vec<Event>) {
        let (mut journaled, mut events) = (Journaled::default(), Vec::new());
        for (seq, (kind, payload)) in frames.iter().enumerate() {
            let time = Micros(seq as u64 * 1000);
            let header =
                axiom_proto::frame::Header::of(*kind, Seq(seq as u64), Offset(0), time, payload);
            events.extend(journaled.take(&Frame { header, payload }));
        }
        (journaled, events)
    }

    fn record(record: &Record) -> (FrameKind, Vec<u8>) {
        (FrameKind::Record, record.encode())
    }

    fn id(number: u8) -> CommandId {
        CommandId::from_random([number; 10])
    }

    fn input(number: u8, bytes: &[u8], hidden: bool) -> (FrameKind, Vec<u8>) {
        let len = bytes.len() as u64;
        let (author, request_id) = (String::new(), String::new());
        let note = InputNote { id: id(number), author, request_id, len, hidden, answers: None };
        (FrameKind::Input, mixed::encode(&note, if hidden { b"" } else { bytes }))
    }

    #[test]
    fn output_input_sizes_and_the_exit_are_events_at_their_times() {
        let size = Size { cols: 80, rows: 24 };
        let started = Record::Started { pid: 1, mode: Mode::Terminal, size: Some(size) };
        let (journaled, events) = events(&[
            record(&started),
            (FrameKind::Output, b"a".to_vec()),
            input(1, b"key", false),
            record(&Record::Resized { size }),
            (FrameKind::Keyframe, b"a screen".to_vec()),
            (FrameKind::ErrorOutput, b"e".to_vec()),
            record(&Record::Exited { exit: Exit::Signal(9) }),
        ]);
        let at = |millis: u64, what| Event { at: Micros(millis * 1000), what };
        assert_eq!(
            events,
            [
                at(1, What::Output(b"a".as_slice().into())),
                at(2, What::Input(b"key".as_slice().into())),
                at(3, What::Resized(size)),
                at(5, What::ErrorOutput(b"e".as_slice().into())),
                at(6, What::Exited(137)),
            ]
        );
        assert_eq!((journaled.size, journaled.mode), (Some(size), Some(Mode::Terminal)));
    }

    #[test]
    fn interventions_gaps_and_suspends_are_markers() {
        let intent = |action, cause: &str| {
            Record::Intent(Intent {
                id: id(1),
                author: "cli".to_owned(),
                cause: cause.to_owned(),
                request_id: String::new(),
                action,
            })
        };
        let means = FreezeMeans::Cgroup;
        let (_, events) = events(&[
            record(&intent(Action::Interrupt { signal: None, then: None }, "too long")),
            record(&intent(Action::Stop { grace_ms: None }, "")),
            record(&intent(Action::Suspend, "")),
            record(&Record::Suspended { means, already_stopped: Vec::new() }),
            record(&Record::Resumed),
            record(&Record::Gap { bytes_max: 4096, certain: false }),
            record(&Record::LimitReached { limit: Limit::Timeout }),
            record(&Record::Unknown),
        ]);
        let labels: Vec<&str> = events
            .iter()
            .map(|event| {
                let What::Marker(label) = &event.what else { panic!("{event:?} is no marker") };
                label.as_str()
            })
            .collect();
        assert_eq!(
            labels,
            [
                "interrupt: too long",
                "stop",
                "suspended",
                "resumed",
                "gap: up to 4096 bytes of output may be missing",
                "limit: time",
            ]
        );
    }

    #[test]
    fn what_is_not_in_the_recording_is_counted() {
        let outcome = |number, accepted| {
            record(&Record::Outcome(Outcome { accepted, ..Outcome::applied(id(number)) }))
        };
        let (journaled, events) = events(&[
            input(1, b"secret", true),
            input(2, b"whole", false),
            outcome(2, Some(5)),
            input(3, b"half", false),
            outcome(3, Some(2)),
            outcome(3, Some(0)),
        ]);
        assert_eq!((journaled.hidden_bytes, journaled.untaken_bytes), (6, 2));
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn what_is_remembered_of_inputs_is_bounded() {
        let frames: Vec<_> = (0..1000).map(|_| input(1, b"x", false)).collect();
        let (journaled, _) = events(&frames);
        assert_eq!(journaled.open_inputs.len(), OPEN_INPUTS_MAX);
    }
}
