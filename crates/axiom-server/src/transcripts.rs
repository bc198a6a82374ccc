//! Tasks' transcripts, made from their journals when somebody reads: from the keyframe before the place that is asked for, and
//! on from where a reader was if that is kept. What a transcript is and when it gives a line, `axiom-screen` decides.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axiom_journal::{JournalError, Reader, SeekTo, frames};
use axiom_proto::frame::{Frame, FrameKind, Micros, Offset, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::keyframe::Keyframe;
use axiom_proto::record::Record;
use axiom_proto::task::Size as ToldSize;
use axiom_screen::{Answers, CodeBlocks, Line, LineKind, Size, Transcript};

use crate::task::Task;

/// Transcripts that are kept: a reader that asks again and again is served from where it was. Each has less than a megabyte.
const KEPT_MAX: usize = 8;

/// Journal bytes read at once.
const BATCH_BYTES: usize = 256 * 1024;

/// The transcripts that are kept.
#[derive(Debug, Default)]
pub(crate) struct Transcripts {
    /// Newest last. A task may have several, for readers at several places.
    kept: Mutex<VecDeque<(TaskId, Live)>>,
}

/// A transcript on its way through a journal, and the lines that it gave and nobody took yet.
#[derive(Debug)]
pub(crate) struct Live {
    transcript: Transcript,
    /// The first frame, and the first byte, that are not in it.
    pub(crate) next: Seq,
    pub(crate) offset: Offset,
    /// When the newest frame in it happened.
    time: Micros,
    has_ended: bool,
    waiting: VecDeque<Waiting>,
    /// The code blocks of the lines that were taken.
    pub(crate) blocks: CodeBlocks,
    answers: Answers,
}

/// A line that waits to be taken, with the frame that gave it.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) number: u64,
    pub(crate) kind: LineKind,
    pub(crate) text: String,
    /// The place before the frame that gave it, and the place after.
    pub(crate) seq: Seq,
    pub(crate) offset: Offset,
    pub(crate) offset_after: Offset,
}

impl Transcripts {
    /// Takes out the transcript that has come nearest to a line and not gone past it.
    pub(crate) fn take(&self, task: TaskId, line: u64) -> Option<Live> {
        let mut kept = self.kept();
        let before = |(at, (id, live)): (usize, &(TaskId, Live))| {
            (*id == task && live.next_line() <= line).then_some((live.next_line(), at))
        };
        let (_, at) = kept.iter().enumerate().filter_map(before).max()?;
        kept.remove(at).map(|(_, live)| live)
    }

    /// Keeps a transcript; the one that nobody asked for longest goes.
    pub(crate) fn keep(&self, task: TaskId, live: Live) {
        let mut kept = self.kept();
        kept.retain(|(id, other)| *id != task || other.next_line() != live.next_line());
        while kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((task, live));
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(TaskId, Live)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// At the last keyframe before the frame `before` that has given no line from `line` on; else at the oldest frame that is
    /// kept.
    pub(crate) fn open(task: &Task, before: Seq, line: u64) -> Result<Self, JournalError> {
        let mut reader = Reader::open(&task.folder)?;
        let oldest = reader.head();
        let mut before = before;
        while reader.seek_to_keyframe(before)? {
            let batch = reader.read(1, None)?;
            let Some(frame) = frames(&batch).next() else { break };
            if frame.header.seq >= before {
                break;
            }
            if let Some(live) = Self::of_keyframe(&frame).filter(|live| live.next_line() <= line) {
                return Ok(live);
            }
            before = frame.header.seq;
        }
        let transcript = Transcript::new(size_of(task.record.spec.size.unwrap_or_default()));
        Ok(Self::at(transcript, (oldest.seq, oldest.offset, Micros(0))))
    }

    /// A keyframe of a worker that made no transcript, or another one, is passed over.
    fn of_keyframe(frame: &Frame<'_>) -> Option<Self> {
        let Keyframe { note, dump, rest } = Keyframe::decode(frame.payload).ok()?;
        let transcript = Transcript::restore(size_of(note.size), dump, rest).ok()?;
        Some(Self::at(transcript, (note.next, note.offset, note.time)))
    }

    fn at(transcript: Transcript, (next, offset, time): (Seq, Offset, Micros)) -> Self {
        Self {
            blocks: transcript.code_blocks().clone(),
            transcript,
            next,
            offset,
            time,
            has_ended: false,
            waiting: VecDeque::new(),
            answers: Answers::default(),
        }
    }

    /// The same, without the lines that wait.
    pub(crate) fn copy(&self) -> Self {
        let place = (self.next, self.offset, self.time);
        Self { has_ended: self.has_ended, ..Self::at(self.transcript.clone(), place) }
    }

    /// The number of the next line that can be taken.
    pub(crate) fn next_line(&self) -> u64 {
        self.waiting.front().map_or(self.transcript.lines(), |line| line.number)
    }

    /// How many lines were given so far, taken or not.
    pub(crate) fn lines(&self) -> u64 {
        self.transcript.lines()
    }

    /// The place of the next line: a reader from there on gets it first.
    pub(crate) fn place(&self) -> (Seq, Offset) {
        self.waiting.front().map_or((self.next, self.offset), |line| (line.seq, line.offset))
    }

    /// Reads frame by frame up to `head`, and has lines looked at that wait, until `enough` says so.
    pub(crate) fn read(
        &mut self,
        task: &Task,
        head: Seq,
        mut enough: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), JournalError> {
        if enough(self) || self.next >= head {
            return Ok(());
        }
        let mut reader = Reader::open(&task.folder)?;
        reader.seek(SeekTo::Seq(self.next))?;
        loop {
            let batch = reader.read(BATCH_BYTES, Some(head))?;
            if batch.is_empty() {
                return Ok(());
            }
            for frame in frames(&batch) {
                self.feed(&frame);
                if !self.waiting.is_empty() && enough(self) {
                    return Ok(());
                }
            }
        }
    }

    fn feed(&mut self, frame: &Frame<'_>) {
        let Frame { header, payload } = frame;
        let (place, time) = ((header.seq, header.offset, header.offset_after()), header.time.0);
        // What stood still until now was complete before this frame.
        let before = (header.seq, header.offset, header.offset);
        let waiting = &mut self.waiting;
        self.transcript.pass(time, &mut |line| waiting.push_back(Waiting::of(&line, before)));
        let mut take = |line: Line<'_>| waiting.push_back(Waiting::of(&line, place));
        match header.kind {
            FrameKind::Output => {
                self.transcript.feed(time, payload, &mut self.answers, &mut take);
                // Nobody is told again what the terminal answered then.
                drop(self.answers.take());
            }
            FrameKind::Record => {
                if let Some(size) = Record::decode(payload).terminal_size() {
                    self.transcript.resize(time, size_of(size), &mut take);
                }
            }
            FrameKind::ErrorOutput
            | FrameKind::Input
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
        (self.next, self.offset, self.time) =
            (header.seq.next(), header.offset_after(), header.time);
    }

    /// Says that it is this moment of the session, and nothing came since.
    pub(crate) fn pass(&mut self, now: Micros) {
        let place = (self.next, self.offset, self.offset);
        let waiting = &mut self.waiting;
        self.transcript.pass(now.0, &mut |line| waiting.push_back(Waiting::of(&line, place)));
    }

    /// Says that nothing more will come.
    pub(crate) fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let place = (self.next, self.offset, self.offset);
        let waiting = &mut self.waiting;
        self.transcript.end(self.time.0, &mut |line| waiting.push_back(Waiting::of(&line, place)));
    }

    /// The lines that would be given if nothing more came.
    pub(crate) fn unsettled(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.has_ended {
            let mut take = |line: Line<'_>| lines.push(line.text.to_owned());
            self.transcript.clone().end(self.time.0, &mut take);
        }
        lines
    }

    /// The next line, without taking it.
    pub(crate) fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// Takes the next line.
    pub(crate) fn take_line(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }
}

impl Waiting {
    fn of(line: &Line<'_>, (seq, offset, offset_after): (Seq, Offset, Offset)) -> Self {
        let Line { number, kind, text, .. } = *line;
        Self { number, kind, text: text.to_owned(), seq, offset, offset_after }
    }
}

fn size_of(size: ToldSize) -> Size {
    Size::nearest(size.cols.into(), size.rows.into())
}
