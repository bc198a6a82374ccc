//! The summary: all that a session's frames say about it, folded in order.
//! Worker, server and a closing server fold the same frames with this one function, so that they never disagree.
//! It decides nothing; what it keeps is bounded.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::command::Action;
use crate::frame::{Frame, FrameKind, Header, Micros, Offset, Seq};
use crate::id::CommandId;
use crate::mixed;
use crate::record::{
    Closing, Exit, Failure, FreezeMeans, InputNote, Limit, Outcome, OutputEnd, Record, Verdict,
};
use crate::task::{Mode, ProcessNote, Size, Status};

/// Status changes kept: the first and the newest ones.
const CHANGES_MAX: usize = 64;

/// Outcomes kept, so that a command repeated after a lost link is answered and not carried out twice.
const OUTCOMES_MAX: usize = 64;

/// One status change, in the session's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Micros,
    /// What it became.
    pub status: Status,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
}

/// How processes are frozen at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// How.
    pub means: FreezeMeans,
    /// Those that a resume leaves stopped.
    pub already_stopped: Vec<u32>,
}

/// All that a session's frames say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Where it stands.
    pub status: Status,
    /// How it came to stand there.
    pub changes: Vec<Change>,
    /// The newest writer's epoch.
    pub epoch: u64,
    /// The next frame's number.
    pub next_seq: Seq,
    /// Output bytes.
    pub offset: Offset,
    /// Ends of output lines; see [`Summary::printed_lines`].
    pub lines: u64,
    /// True where the last output byte is not the end of a line.
    #[serde(default)]
    pub line_open: bool,
    /// Questions in the output before this place were answered by the terminal.
    #[serde(default)]
    pub answered: Offset,
    /// The newest frame's time.
    pub time: Micros,
    /// The newest output's time.
    pub output_time: Micros,
    /// Terminal or pipes.
    pub mode: Mode,
    /// The terminal's size.
    pub size: Option<Size>,
    /// The child, while it lives.
    pub pid: Option<u32>,
    /// When the child started.
    pub started: Option<Micros>,
    /// When it ended.
    pub ended: Option<Micros>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// Why it never started.
    pub failure: Option<Failure>,
    /// The limit that was reached. It ended the task, but for one of output that was reached as the task ended by itself.
    pub limit: Option<Limit>,
    /// False once the holder is dead.
    pub guarded: bool,
    /// Frozen, and how.
    pub freeze: Option<Freeze>,
    /// A freeze that was begun and not concluded: what it froze is not known.
    #[serde(default)]
    pub freezing: Option<CommandId>,
    /// True once a stop was asked for.
    pub stop_asked: bool,
    /// True once every process was seen to be gone after a stop.
    pub tree_emptied: bool,
    /// True once the child's input is closed.
    pub input_closed: bool,
    /// Why reading stands still.
    pub paused: Option<String>,
    /// Gaps in the output, and how much is missing at most.
    pub gaps: u64,
    /// Sum of the gaps' bounds.
    pub gap_bytes_max: u64,
    /// Interventions: everything asked of the session but typing and resizing.
    pub interventions: u64,
    /// Commands with an intent and no outcome yet.
    pub open: Vec<CommandId>,
    /// The newest outcomes.
    pub outcomes: VecDeque<Outcome>,
    /// Why output ended.
    pub output_end: Option<OutputEnd>,
    /// Who held the output open.
    pub held_by: Vec<ProcessNote>,
    /// Who outlived the child.
    pub leftovers: Vec<ProcessNote>,
    /// True once a writer said that nothing more will come.
    pub closed: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            status: Status::Starting,
            changes: Vec::new(),
            epoch: 0,
            next_seq: Seq(0),
            offset: Offset(0),
            lines: 0,
            line_open: false,
            answered: Offset(0),
            time: Micros(0),
            output_time: Micros(0),
            mode: Mode::Terminal,
            size: None,
            pid: None,
            started: None,
            ended: None,
            exit: None,
            failure: None,
            limit: None,
            guarded: true,
            freeze: None,
            freezing: None,
            stop_asked: false,
            tree_emptied: false,
            input_closed: false,
            paused: None,
            gaps: 0,
            gap_bytes_max: 0,
            interventions: 0,
            open: Vec::new(),
            outcomes: VecDeque::new(),
            output_end: None,
            held_by: Vec::new(),
            leftovers: Vec::new(),
            closed: false,
        }
    }
}

impl Summary {
    /// Takes the next frame in. Frames must come in order, without gaps.
    pub fn fold(&mut self, frame: &Frame<'_>) {
        match frame.header.kind {
            FrameKind::Output | FrameKind::ErrorOutput => self.fold_output(frame),
            FrameKind::Input => {
                if let Ok((note, _)) = mixed::decode::<InputNote>(frame.payload) {
                    self.fold_input(&note);
                }
            }
            FrameKind::Record => {
                let record = Record::decode(frame.payload);
                if let Record::Summary(summary) = record {
                    self.adopt(*summary);
                } else {
                    self.fold_record(frame.header.time, record);
                }
            }
            FrameKind::Keyframe | FrameKind::Control | FrameKind::Other(_) => {}
        }
        self.advance(&frame.header);
    }

    /// The outcome of a command, if it is among the newest.
    #[must_use]
    pub fn outcome_of(&self, id: CommandId) -> Option<&Outcome> {
        self.outcomes.iter().rev().find(|outcome| outcome.id == id)
    }

    /// True if a command with this id was seen: it is open, or its outcome is kept.
    #[must_use]
    pub fn knows(&self, id: CommandId) -> bool {
        self.open.contains(&id) || self.outcome_of(id).is_some()
    }

    /// Output lines as people count them: one whose end was never printed is one too.
    #[must_use]
    pub fn printed_lines(&self) -> u64 {
        self.lines + u64::from(self.line_open)
    }

    fn advance(&mut self, header: &Header) {
        self.next_seq = header.seq.next();
        self.offset = header.offset_after();
        self.time = header.time;
    }

    fn fold_output(&mut self, frame: &Frame<'_>) {
        self.lines += memchr::memchr_iter(b'\n', frame.payload).count() as u64;
        self.line_open = frame.payload.last().map_or(self.line_open, |last| *last != b'\n');
        self.output_time = frame.header.time;
    }

    /// The terminal's own answers have no outcome that anybody waits for.
    fn fold_input(&mut self, note: &InputNote) {
        match note.answers {
            Some(until) => self.answered = self.answered.max(until),
            None => self.open_command(note.id),
        }
    }

    /// A summary frame says what the frames before it said; only a reader that starts there needs it.
    fn adopt(&mut self, summary: Self) {
        if self.next_seq == Seq(0) {
            *self = summary;
        }
    }

    fn fold_record(&mut self, at: Micros, record: Record) {
        match record {
            Record::Opened { epoch, .. } => self.epoch = epoch,
            Record::Started { pid, mode, size } => {
                (self.pid, self.mode, self.size) = (Some(pid), mode, size);
                self.started = Some(at);
                self.become_status(at, Status::Running, "started".to_owned());
            }
            Record::StartFailed(failure) => {
                let cause = failure.message.clone();
                self.failure = Some(failure);
                self.end(at, Status::Failed, cause);
            }
            Record::Unguarded => self.guarded = false,
            Record::Gap { bytes_max, .. } => {
                self.gaps += 1;
                self.gap_bytes_max += bytes_max;
            }
            Record::Resized { size } => self.size = Some(size),
            Record::Intent(intent) => {
                if intent.action == Action::Suspend {
                    self.freezing = Some(intent.id);
                }
                self.open_command(intent.id);
                self.interventions += 1;
            }
            Record::Outcome(outcome) => self.fold_outcome(outcome),
            Record::Stopping { cause } => {
                self.stop_asked = true;
                if self.exit.is_none() {
                    self.become_status(at, Status::Stopping, cause);
                }
            }
            Record::Suspended { means, already_stopped } => {
                self.freeze = Some(Freeze { means, already_stopped });
                self.become_status(at, Status::Suspended, "asked for".to_owned());
            }
            Record::Resumed => {
                self.freeze = None;
                if self.status == Status::Suspended {
                    self.become_status(at, Status::Running, "resumed".to_owned());
                }
            }
            Record::LimitReached { limit } => self.limit = Some(limit),
            Record::InputClosed => self.input_closed = true,
            Record::Paused { reason } => self.paused = Some(reason),
            Record::Unpaused => self.paused = None,
            Record::Exited { exit } => self.fold_exit(at, exit),
            Record::OutputEnded { reason, held_by } => {
                self.output_end = Some(reason);
                self.held_by = held_by;
            }
            Record::Leftovers { processes, .. } => self.leftovers = processes,
            Record::TreeEmptied => self.fold_tree_emptied(at),
            Record::Lost { reason } => self.end(at, Status::Lost, reason),
            Record::Closed { reason } => {
                self.closed = reason == Closing::Ended;
                self.paused = None;
            }
            Record::Summary(_) | Record::Unknown => {}
        }
    }

    /// The text that follows an interrupt is typed under the interrupt's id: one command, one outcome.
    fn open_command(&mut self, id: CommandId) {
        if !self.open.contains(&id) {
            self.open.push(id);
        }
    }

    fn fold_outcome(&mut self, outcome: Outcome) {
        self.open.retain(|id| *id != outcome.id);
        if self.freezing == Some(outcome.id) {
            self.freezing = None;
        }
        if self.outcomes.len() == OUTCOMES_MAX {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(outcome);
    }

    /// A stopped task is `stopped` only once its whole tree is gone; any other is over when its child is.
    fn fold_exit(&mut self, at: Micros, exit: Exit) {
        self.exit = Some(exit);
        self.pid = None;
        self.freeze = None;
        if self.stop_asked {
            return;
        }
        self.end_by(at, exit);
    }

    /// Over by itself.
    fn end_by(&mut self, at: Micros, exit: Exit) {
        match exit {
            Exit::Code(0) => self.end(at, Status::Succeeded, "exit 0".to_owned()),
            Exit::Code(code) => self.end(at, Status::Failed, format!("exit {code}")),
            Exit::Signal(signal) => self.end(at, Status::Failed, format!("signal {signal}")),
            Exit::Unknown => self.end(at, Status::Failed, "exit status unknown".to_owned()),
        }
    }

    fn fold_tree_emptied(&mut self, at: Micros) {
        self.tree_emptied = true;
        if !self.stop_asked || self.status.is_ended() {
            return;
        }
        match (self.limit, self.exit) {
            (None, _) => self.end(at, Status::Stopped, "every process is gone".to_owned()),
            (Some(Limit::Timeout), _) => self.end(at, Status::Failed, "limit: timeout".to_owned()),
            // This limit kills: a child with a code of its own had ended before, whichever was seen first.
            (Some(Limit::Output), Some(exit @ Exit::Code(_))) => self.end_by(at, exit),
            (Some(Limit::Output), _) => self.end(at, Status::Failed, "limit: output".to_owned()),
        }
    }

    fn end(&mut self, at: Micros, status: Status, cause: String) {
        self.pid = None;
        self.ended = Some(at);
        self.become_status(at, status, cause);
    }

    fn become_status(&mut self, at: Micros, status: Status, cause: String) {
        self.status = status;
        if self.changes.len() == CHANGES_MAX {
            self.changes.remove(CHANGES_MAX / 2);
        }
        self.changes.push(Change { at, status, cause });
    }
}

/// True where an outcome says that the command was carried out.
#[must_use]
pub fn was_applied(outcome: &Outcome) -> bool {
    match outcome.verdict {
        Verdict::Applied => true,
        Verdict::Refused | Verdict::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folds output and records as a writer would number them.
    struct Fold(Summary);

    impl Fold {
        fn new() -> Self {
            Self(Summary::default())
        }

        fn frame(&mut self, kind: FrameKind, payload: &[u8]) {
            let at = Micros(self.0.time.0 + 1);
            let header = Header::of(kind, self.0.next_seq, self.0.offset, at, payload);
            self.0.fold(&Frame { header, payload });
        }

        fn record(&mut self, record: Record) -> Status {
            self.frame(FrameKind::Record, &record.encode());
            self.0.status
        }

        fn started() -> Self {
            let mut fold = Self::new();
            fold.record(Record::Started { pid: 5, mode: Mode::Terminal, size: None });
            fold
        }
    }

    #[test]
    fn exit_codes_decide_between_success_and_failure() {
        for (exit, status) in [
            (Exit::Code(0), Status::Succeeded),
            (Exit::Code(3), Status::Failed),
            (Exit::Signal(9), Status::Failed),
            (Exit::Unknown, Status::Failed),
        ] {
            assert_eq!(Fold::started().record(Record::Exited { exit }), status, "{exit:?}");
        }
    }

    #[test]
    fn a_stopped_task_is_stopped_only_when_its_tree_is_gone() {
        let mut fold = Fold::started();
        assert_eq!(fold.record(Record::Stopping { cause: "asked".into() }), Status::Stopping);
        assert_eq!(fold.record(Record::Exited { exit: Exit::Signal(2) }), Status::Stopping);
        assert_eq!(fold.record(Record::TreeEmptied), Status::Stopped);
        assert_eq!(fold.0.exit, Some(Exit::Signal(2)));
    }

    #[test]
    fn a_reached_limit_is_named() {
        let mut fold = Fold::started();
        fold.record(Record::LimitReached { limit: Limit::Timeout });
        fold.record(Record::Stopping { cause: "limit: timeout".into() });
        fold.record(Record::Exited { exit: Exit::Signal(15) });
        assert_eq!(fold.record(Record::TreeEmptied), Status::Failed);
        assert_eq!(fold.0.changes.last().map(|change| &*change.cause), Some("limit: timeout"));
    }

    #[test]
    fn a_task_that_ended_as_its_limit_of_output_was_reached_ended_as_it_did() {
        let limit = Record::LimitReached { limit: Limit::Output };
        let stopping = Record::Stopping { cause: "limit: output".into() };
        for (exit, status, cause) in [
            (Exit::Code(0), Status::Succeeded, "exit 0"),
            (Exit::Code(3), Status::Failed, "exit 3"),
            (Exit::Signal(9), Status::Failed, "limit: output"),
        ] {
            let mut fold = Fold::started();
            fold.record(limit.clone());
            fold.record(stopping.clone());
            fold.record(Record::Exited { exit });
            assert_eq!(fold.record(Record::TreeEmptied), status, "{exit:?}");
            assert_eq!(fold.0.changes.last().map(|change| &*change.cause), Some(cause));
            assert_eq!(fold.0.limit, Some(Limit::Output));
        }
        let mut fold = Fold::started();
        fold.record(Record::Exited { exit: Exit::Code(0) });
        fold.record(limit);
        fold.record(stopping);
        assert_eq!(fold.record(Record::TreeEmptied), Status::Succeeded);
        assert_eq!(fold.0.limit, Some(Limit::Output));
    }

    #[test]
    fn a_summary_frame_lets_a_reader_start_in_the_middle() {
        let mut whole = Fold::started();
        whole.frame(FrameKind::Output, b"one\ntwo\n");
        let kept = whole.0.clone();
        let payload = Record::Summary(Box::new(kept.clone())).encode();
        let (seq, offset) = (kept.next_seq, kept.offset);
        let header = Header::of(FrameKind::Record, seq, offset, Micros(9), &payload);
        let frame = Frame { header, payload: &payload };
        let mut late = Summary::default();
        late.fold(&frame);
        whole.0.fold(&frame);
        assert_eq!(late, whole.0);
        assert_eq!((late.lines, late.next_seq), (2, seq.next()));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut fold = Fold::started();
        for _ in 0..500 {
            fold.record(Record::Suspended { means: FreezeMeans::Signals, already_stopped: vec![] });
            fold.record(Record::Resumed);
        }
        assert_eq!(fold.0.changes.len(), CHANGES_MAX);
        assert_eq!(fold.0.changes[0].status, Status::Running);
        fold.record(Record::Closed { reason: Closing::Handover });
        assert!(!fold.0.closed);
    }
}
