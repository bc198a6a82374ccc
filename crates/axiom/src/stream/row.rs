//! One task of the stream: its lines, what its frames say of it, its notices. Pure; time comes as an argument.
//! Frames alone tell of interventions and ends; views fill in what frames of a late start cannot say.

use axiom_proto::command::Action;
use axiom_proto::cursor::Gone;
use axiom_proto::event::Stats;
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Offset};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::record::{Exit, Intent, Outcome, Record, Verdict};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Status, TaskView};

use super::Millis;
use super::escape::Progress;
use super::lines::{Aside, Lines, Piece};
use super::notice::{Ended, Intervention, Notice};
use crate::conclusion::Conclusion;

/// Interventions that wait for their outcome. More are not told of one by one.
const OPEN_MAX: usize = 64;

/// What an interrupt sends where nothing else is named.
const SIGINT: i32 = 2;

/// What a row says.
#[derive(Debug)]
pub(super) enum Said<'a> {
    Text(Piece, &'a str),
    Notice(Notice),
}

/// One task.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) task: TaskId,
    pub(super) view: TaskView,
    pub(super) progress: Option<Progress>,
    pub(super) full_screen: bool,
    summary: Summary,
    output: Lines,
    error: Lines,
    /// The session's start, where it is known: frames count from it.
    anchor: Option<Millis>,
    /// The last moment that was given.
    moment_at: Millis,
    /// When it printed last.
    output_at: Millis,
    silence_told: bool,
    waiting_told: bool,
    open: Vec<Open>,
    /// The signal that it was last asked to be interrupted by.
    interrupted_by: Option<i32>,
    over: bool,
    /// True once every frame was given, and none said how it ended: the server will.
    waits_for_its_end: bool,
    /// Where the reader wants to begin: frames are whole, and the first one may begin before it.
    from: Offset,
    /// Where reading ends, for who wants only what is there.
    until: Option<Offset>,
    /// When its end was seen, for want of a better moment.
    end_seen_at: Option<Millis>,
}

/// An intervention whose outcome has not come yet.
#[derive(Debug)]
struct Open {
    id: CommandId,
    number: u64,
    action: &'static str,
    author: String,
    cause: String,
    request_id: String,
}

impl Row {
    pub(super) fn new(now: Millis, view: TaskView) -> Self {
        let mut row = Self {
            task: view.id,
            progress: None,
            full_screen: false,
            summary: Summary { status: view.status, ..Summary::default() },
            output: Lines::default(),
            error: Lines::default(),
            anchor: None,
            moment_at: 0,
            output_at: now,
            silence_told: false,
            waiting_told: false,
            open: Vec::new(),
            interrupted_by: None,
            over: false,
            waits_for_its_end: false,
            from: Offset(0),
            until: None,
            end_seen_at: None,
            view,
        };
        // What its end is told by frames: they come still, unless there are none.
        if row.summary.status.is_ended() {
            row.summary.status = Status::Starting;
        }
        row
    }

    /// Begins at this byte of the output.
    pub(super) fn begin_at(&mut self, from: Offset) {
        self.from = from;
    }

    /// Ends with what it has printed by now. One that has ended goes on to its end, which is near.
    pub(super) fn end_at_bytes(&mut self) {
        if !self.view.status.is_ended() {
            self.until = Some(self.view.bytes);
            self.over = self.from >= self.view.bytes;
        }
    }

    /// True once all that was wanted of a task that goes on was given.
    pub(super) fn is_read(&self) -> bool {
        self.over && self.until.is_some()
    }

    /// What of an output frame comes after the place where the reader wants to begin.
    pub(super) fn wanted<'a>(&self, header: &Header, payload: &'a [u8]) -> &'a [u8] {
        let before = self.from.0.saturating_sub(header.offset.0);
        let before = usize::try_from(before).unwrap_or(usize::MAX).min(payload.len());
        &payload[before..]
    }

    /// Takes the next frame.
    pub(super) fn frame(
        &mut self,
        now: Millis,
        header: &Header,
        payload: &[u8],
        give: &mut dyn FnMut(Said<'_>),
    ) {
        let paused = self.summary.paused.clone();
        self.summary.fold(&Frame { header: *header, payload });
        match header.kind {
            FrameKind::Output | FrameKind::ErrorOutput => {
                let wanted = self.wanted(header, payload);
                self.printed(now, header, wanted, give);
                if self.until.is_some_and(|until| header.offset_after() >= until) {
                    self.over = true;
                    self.finish_lines(give);
                }
            }
            FrameKind::Record => {
                let record = Record::decode(payload);
                self.set_anchor();
                self.record(now, record, paused.is_some(), give);
                if self.summary.status.is_ended() {
                    self.end_seen_at.get_or_insert(now);
                }
                self.end_if_told(give);
            }
            FrameKind::Input | FrameKind::Keyframe | FrameKind::Control | FrameKind::Other(_) => {}
        }
    }

    fn printed(
        &mut self,
        now: Millis,
        header: &Header,
        payload: &[u8],
        give: &mut dyn FnMut(Said<'_>),
    ) {
        self.output_at = self.at(header.time).map_or(now, |at| at.min(now));
        self.silence_told = false;
        let error = header.kind == FrameKind::ErrorOutput;
        let lines = if error { &mut self.error } else { &mut self.output };
        let (progress, full_screen) = (&mut self.progress, &mut self.full_screen);
        let mut draws = false;
        lines.push(
            now,
            payload,
            |piece, text| give(Said::Text(piece, text)),
            |aside| match aside {
                Aside::Progress(Progress::Gone) => *progress = None,
                Aside::Progress(reported) => *progress = Some(reported),
                Aside::FullScreen(on) => {
                    draws |= on && !*full_screen;
                    *full_screen = on;
                }
            },
        );
        if draws {
            give(Said::Notice(Notice::FullScreen));
        }
    }

    fn record(
        &mut self,
        now: Millis,
        record: Record,
        was_paused: bool,
        give: &mut dyn FnMut(Said<'_>),
    ) {
        let notice = match record {
            Record::Started { pid, mode, size } => {
                self.output_at = now;
                Some(Notice::Running { pid: Some(pid), mode, size, since: None })
            }
            Record::Unguarded => Some(Notice::Unguarded),
            Record::Gap { bytes_max, certain } => Some(Notice::Gap { bytes_max, certain }),
            Record::Stopping { cause } => Some(Notice::Stopping { cause }),
            Record::Suspended { .. } => Some(Notice::Suspended),
            Record::Resumed => {
                self.output_at = now;
                Some(Notice::Resumed)
            }
            Record::Paused { reason } if !was_paused => Some(Notice::Paused { reason }),
            Record::Unpaused if was_paused => Some(Notice::Unpaused),
            Record::Intent(intent) => {
                self.intended(intent);
                None
            }
            Record::Outcome(outcome) => self.concluded(outcome).map(Notice::Intervention),
            Record::Opened { .. }
            | Record::StartFailed(_)
            | Record::Resized { .. }
            | Record::LimitReached { .. }
            | Record::InputClosed
            | Record::Paused { .. }
            | Record::Unpaused
            | Record::Exited { .. }
            | Record::OutputEnded { .. }
            | Record::Leftovers { .. }
            | Record::TreeEmptied
            | Record::Lost { .. }
            | Record::Closed { .. }
            | Record::Summary(_)
            | Record::Unknown => None,
        };
        if let Some(notice) = notice {
            give(Said::Notice(notice));
        }
    }

    fn intended(&mut self, intent: Intent) {
        if let Action::Interrupt { signal, .. } = intent.action {
            self.interrupted_by = Some(signal.unwrap_or(SIGINT));
        }
        let told = match intent.action {
            Action::Type | Action::CloseInput | Action::Resize { .. } => false,
            Action::Interrupt { .. } | Action::Suspend | Action::Resume | Action::Stop { .. } => {
                true
            }
        };
        if told && self.open.len() < OPEN_MAX {
            let Intent { id, author, cause, action, request_id } = intent;
            let number = self.interventions();
            self.open.push(Open { id, number, action: action.word(), author, cause, request_id });
        }
    }

    fn concluded(&mut self, outcome: Outcome) -> Option<Intervention> {
        let place = self.open.iter().position(|open| open.id == outcome.id)?;
        let Open { number, action, author, cause, request_id, .. } = self.open.remove(place);
        let Outcome { verdict, code, detail, .. } = outcome;
        if action == "interrupt" && verdict == Verdict::Refused {
            self.interrupted_by = None;
        }
        Some(Intervention { number, action, author, cause, request_id, verdict, code, detail })
    }

    /// Takes how the server shows the task now.
    pub(super) fn viewed(&mut self, view: TaskView, give: &mut dyn FnMut(Said<'_>)) {
        self.view = view;
        self.set_anchor();
        // A task that ended without ever having a session has no frames.
        let no_frames = self.view.session == 0 || self.waits_for_its_end;
        if no_frames && self.view.status.is_ended() {
            self.end(give);
        }
    }

    /// Every frame was given. Where none of them says how it ended, its end is told with the view that does.
    pub(super) fn end(&mut self, give: &mut dyn FnMut(Said<'_>)) {
        if self.over {
            return;
        }
        let Some(conclusion) = self.conclusion() else {
            self.waits_for_its_end = true;
            return;
        };
        self.gone(give);
        let ended = self.ended(conclusion);
        give(Said::Notice(Notice::Ended(ended)));
    }

    /// What was to come next is no longer kept: a line that was begun before it does not go on after it.
    pub(super) fn not_kept(&mut self, gone: Gone, give: &mut dyn FnMut(Said<'_>)) {
        self.finish_lines(give);
        give(Said::Notice(Notice::NotKept(gone)));
    }

    /// Nothing more comes of it.
    pub(super) fn gone(&mut self, give: &mut dyn FnMut(Said<'_>)) {
        if !std::mem::replace(&mut self.over, true) {
            self.finish_lines(give);
        }
    }

    /// True once every frame was given, while nobody has said how it ended.
    pub(super) fn waits_for_its_end(&self) -> bool {
        self.waits_for_its_end && !self.over
    }

    fn finish_lines(&mut self, give: &mut dyn FnMut(Said<'_>)) {
        self.output.finish(|piece, text| give(Said::Text(piece, text)));
        self.error.finish(|piece, text| give(Said::Text(piece, text)));
    }

    /// Nothing more can come that matters here: what is journaled after it is for others.
    fn end_if_told(&mut self, give: &mut dyn FnMut(Said<'_>)) {
        let summary = &self.summary;
        let no_output = summary.failure.is_some() || summary.status == Status::Lost;
        if summary.status.is_ended() && (no_output || summary.output_end.is_some()) {
            self.end(give);
        }
    }

    /// Gives what is due by now.
    pub(super) fn tick(
        &mut self,
        now: Millis,
        (partial, idle_after): (bool, Millis),
        give: &mut dyn FnMut(Said<'_>),
    ) {
        if partial {
            self.output.settle(now, |piece, text| give(Said::Text(piece, text)));
            self.error.settle(now, |piece, text| give(Said::Text(piece, text)));
        }
        if self.silence_is_told_at(idle_after).is_some_and(|at| at <= now) {
            self.silence_told = true;
            give(Said::Notice(Notice::Idle { silent: self.silent(now) }));
        }
        if self.waiting_is_told_at(idle_after).is_some_and(|at| at <= now) {
            self.waiting_told = true;
            let since = now.saturating_sub(self.view.created_at_ms);
            give(Said::Notice(Notice::Waiting { since }));
        }
    }

    /// When [`Row::tick`] has something to give.
    pub(super) fn wakes_at(&self, partial: bool, idle_after: Millis) -> Option<Millis> {
        let settles = [self.output.settles_at(), self.error.settles_at()];
        let settles = settles.into_iter().flatten().filter(|_| partial);
        let told = [self.silence_is_told_at(idle_after), self.waiting_is_told_at(idle_after)];
        settles.chain(told.into_iter().flatten()).min()
    }

    fn silence_is_told_at(&self, idle_after: Millis) -> Option<Millis> {
        let waits = idle_after > 0 && !self.silence_told && self.is_running();
        waits.then_some(self.output_at.saturating_add(idle_after))
    }

    fn waiting_is_told_at(&self, idle_after: Millis) -> Option<Millis> {
        let waits = idle_after > 0 && !self.waiting_told && self.status() == Status::Queued;
        waits.then_some(self.view.created_at_ms.saturating_add(idle_after))
    }

    /// The moment of a frame, where it is known.
    fn at(&self, time: Micros) -> Option<Millis> {
        self.anchor.map(|anchor| anchor + time.0 / 1000)
    }

    /// The moment of a frame that comes next, or now where nobody knows it. One task's moments never go back.
    pub(super) fn moment(&mut self, now: Millis, header: &Header) -> Millis {
        // Who begins late does not see the start, which is milliseconds after the session's own: that is near enough.
        let late = || {
            let at = self.view.started_at_ms?.saturating_add(header.time.0 / 1000);
            Some(at.min(self.view.ended_at_ms.unwrap_or(at)))
        };
        let at = self.at(header.time).or_else(late).map_or(now, |at| at.min(now));
        self.moment_at = self.moment_at.max(at);
        self.moment_at
    }

    fn set_anchor(&mut self) {
        if let (None, Some(at), Some(started)) =
            (self.anchor, self.view.started_at_ms, self.summary.started)
        {
            self.anchor = Some(at.saturating_sub(started.0 / 1000));
        }
    }

    /// True once nothing more will be said.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn status(&self) -> Status {
        let from_frames = self.summary.status;
        // Until its first frames come, the server knows more.
        if from_frames == Status::Starting || from_frames == Status::Queued {
            return self.view.status;
        }
        from_frames
    }

    fn is_running(&self) -> bool {
        !self.over && self.status() == Status::Running
    }

    /// How long it has printed nothing.
    pub(super) fn silent(&self, now: Millis) -> Millis {
        now.saturating_sub(self.output_at)
    }

    /// How it ended, with what is known here only.
    pub(super) fn ended(&self, conclusion: Conclusion) -> Ended {
        let interrupted = self.is_interrupted(&conclusion);
        Ended { took: self.took(), interrupted, conclusion }
    }

    /// True if it ended by the signal that somebody asked for: then nothing went wrong.
    fn is_interrupted(&self, conclusion: &Conclusion) -> bool {
        let (Some(signal), Some(exit)) = (self.interrupted_by, conclusion.exit()) else {
            return false;
        };
        let of_signal = exit == Exit::Signal(signal) || exit == Exit::Code(128 + signal);
        of_signal && conclusion.status() == Status::Failed && conclusion.limit().is_none()
    }

    /// True if it has ended as somebody asked, and failed only by that.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted_by.is_some()
            && self.conclusion().is_some_and(|conclusion| self.is_interrupted(&conclusion))
    }

    /// How it ended, if it has.
    pub(super) fn conclusion(&self) -> Option<Conclusion> {
        Conclusion::of_summary(&self.summary).or_else(|| Conclusion::of_view(&self.view))
    }

    /// How long it ran, if it has ended.
    pub(super) fn took(&self) -> Option<Millis> {
        let frames = self.summary.started.zip(self.summary.ended);
        let views = self.view.started_at_ms.zip(self.view.ended_at_ms);
        frames
            .map(|(started, ended)| ended.0.saturating_sub(started.0) / 1000)
            .or_else(|| views.map(|(started, ended)| ended.saturating_sub(started)))
            .or_else(|| Some(self.end_seen_at?.saturating_sub(self.view.started_at_ms?)))
    }

    /// When it ended, if it has, as far as that is known.
    pub(super) fn ended_at(&self) -> Option<Millis> {
        if !self.over {
            return None;
        }
        let of_frames = self.summary.ended.and_then(|ended| self.at(ended));
        of_frames.max(self.view.ended_at_ms).or(self.end_seen_at)
    }

    /// How long it has run so far, or ran.
    pub(super) fn elapsed(&self, now: Millis) -> Option<Millis> {
        let running = || Some(now.saturating_sub(self.view.started_at_ms?));
        self.took().or_else(running)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.summary.offset.0.max(self.view.bytes.0)
    }

    pub(super) fn lines(&self) -> u64 {
        self.summary.printed_lines().max(self.view.lines)
    }

    pub(super) fn interventions(&self) -> u64 {
        self.summary.interventions.max(self.view.interventions)
    }

    /// Its figures so far.
    pub(super) fn stats(&self, now: Millis) -> Stats {
        Stats {
            duration_ms: self.elapsed(now).unwrap_or(0),
            bytes: Offset(self.bytes()),
            lines: self.lines(),
            interventions: self.interventions(),
        }
    }

    /// The line that has no end yet, as it stands.
    pub(super) fn unfinished(&self) -> Option<String> {
        self.output.unfinished().or_else(|| self.error.unfinished())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: &str) -> TaskView {
        let view = serde_json::json!({
            "id": "0000000000000001", "status": status, "command": "true", "mode": "terminal", "session": 0,
            "link": {"state": "connected"}, "guarded": true, "created_at_ms": 0, "bytes": 0, "lines": 0,
            "interventions": 0, "gaps": 0,
        });
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn an_end_is_told_once_whichever_of_the_view_and_the_last_frame_comes_first() {
        for frames_first in [true, false] {
            let mut row = Row::new(0, view("queued"));
            let mut told = Vec::new();
            let mut give = |said: Said<'_>| told.push(format!("{said:?}"));
            if frames_first {
                row.end(&mut give);
                assert!(!row.is_over());
            }
            row.viewed(view("stopped"), &mut give);
            row.viewed(view("stopped"), &mut give);
            row.end(&mut give);
            assert!(row.is_over());
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains("Ended"), "{told:?}");
        }
    }
}
