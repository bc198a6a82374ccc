//! What the picture's thread does: reads the journal in batches, feeds the screen, hands over answers and keyframes.
//! It begins at the last keyframe, and sleeps whenever it is at the head.

use std::thread;
use std::time::Duration;

use axiom_journal::{JournalError, Reader, SeekTo, frames};
use axiom_proto::frame::{Frame, FrameKind, Micros, Offset, Seq};
use axiom_proto::keyframe::{DUMP_BYTES_MAX, Keyframe, KeyframeError, KeyframeNote};
use axiom_proto::record::Record;
use axiom_proto::task::Size as ToldSize;
use axiom_screen::{Answers, Size, StateError, Transcript};
use axiom_session::Cadence;
use thiserror::Error;

use crate::clock::Clock;
use crate::picture::Subject;
use crate::picture::mailbox::{Drawn, Mailbox};

/// Journal bytes read at once.
const BATCH_BYTES: usize = 256 << 10;

/// The least time between two rounds: in a flood many reads are taken together, and the hot thread need not wake this one
/// for each. After a pause the first round begins at once.
const GATHER: u64 = 5_000;

/// The same after a round of a flood, which is one of at least so many bytes: each round takes a processor from those who move
/// the bytes. Whoever asks in a flood is answered in a fifth of a second all the same.
const GATHER_IN_FLOOD: u64 = 80_000;
const FLOOD_BYTES: u64 = 64 << 10;

/// Whoever asked longer ago than this does not wait for an answer any more, and may take it for typing.
const ANSWER_WITHIN: u64 = 30_000_000;

/// Why there is no picture any more.
#[derive(Debug, Error)]
pub(crate) enum PictureError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the keyframe to begin with: {0}")]
    Keyframe(#[from] KeyframeError),
    #[error("the keyframe to begin with: {0}")]
    State(#[from] StateError),
}

/// A screen with its transcript, and how far the journal is in them.
#[derive(Debug)]
pub(crate) struct Model {
    reader: Reader,
    transcript: Transcript,
    answers: Answers,
    cadence: Cadence,
    /// The first frame, and the first byte, that are not in the screen.
    next: Seq,
    offset: Offset,
    /// When the newest frame in it happened.
    time: Micros,
    /// The segment that was read last.
    segment: u32,
    /// Questions before this place are answered, or not to be.
    answered: Offset,
    clock: Clock,
}

impl Model {
    /// The screen of the last keyframe before `head`, or a blank one.
    pub(crate) fn open(subject: &Subject, head: Seq) -> Result<Self, PictureError> {
        let reader = Reader::open(&subject.folder)?;
        let mut model = Self {
            transcript: Transcript::new(size_of(ToldSize::default())),
            answers: Answers::default(),
            cadence: Cadence::default(),
            next: reader.position(),
            offset: reader.head().offset,
            time: Micros(0),
            segment: reader.segment().segment,
            answered: subject.answered,
            clock: subject.clock,
            reader,
        };
        if model.reader.seek_to_keyframe(head)? {
            model.begin_with_keyframe()?;
        }
        Ok(model)
    }

    fn begin_with_keyframe(&mut self) -> Result<(), PictureError> {
        let batch = self.reader.read(1, None)?;
        let Some(frame) = frames(&batch).next() else { return Ok(()) };
        let Keyframe { note, dump, rest } = Keyframe::decode(frame.payload)?;
        match self.reader.seek(SeekTo::Seq(note.next)) {
            Err(JournalError::Gone { .. }) => return self.begin_anew(),
            sought => sought?,
        }
        self.transcript = Transcript::restore(size_of(note.size), dump, rest)?;
        (self.next, self.offset, self.time) = (note.next, note.offset, note.time);
        self.segment = self.reader.segment().segment;
        self.cadence.kept(dump.len());
        Ok(())
    }

    /// It lags, and what it would read next is no longer kept: what is kept goes onto a blank screen.
    fn begin_anew(&mut self) -> Result<(), PictureError> {
        self.reader.seek(SeekTo::Start)?;
        self.transcript = Transcript::new(self.transcript.screen().size());
        (self.next, self.offset) = (self.reader.position(), self.reader.head().offset);
        self.segment = self.reader.segment().segment;
        Ok(())
    }

    /// Follows the journal for as long as it can be read.
    pub(crate) fn run(mut self, mailbox: &Mailbox) -> Result<(), PictureError> {
        loop {
            let (head, before) = (mailbox.head(), self.offset);
            while self.next < head {
                self.take_batch(head, mailbox)?;
            }
            let ended = self.clock.now();
            self.keep_if_settled(ended, mailbox);
            let longest = self.cadence.settles_at().map(|at| lasting(ended, at));
            mailbox.sleep(head, longest);
            if mailbox.head() > head {
                let flood = self.offset.0.saturating_sub(before.0) >= FLOOD_BYTES;
                let gather = if flood { GATHER_IN_FLOOD } else { GATHER };
                thread::sleep(lasting(self.clock.now(), ended.plus(gather)));
            }
        }
    }

    fn take_batch(&mut self, head: Seq, mailbox: &Mailbox) -> Result<(), PictureError> {
        let batch = match self.reader.read(BATCH_BYTES, Some(head)) {
            Err(JournalError::Gone { .. }) => return self.begin_anew(),
            read => read?,
        };
        let segment = self.reader.segment().segment;
        if segment != self.segment {
            self.segment = segment;
            self.cadence.segment_begun();
        }
        let asked_since = Micros(self.clock.now().0.saturating_sub(ANSWER_WITHIN));
        for frame in frames(&batch) {
            self.take(&frame, asked_since);
            let screen = self.transcript.screen();
            let unfinished = !screen.is_at_rest() || screen.is_updating();
            if self.cadence.is_due(!unfinished) {
                self.hand_over_answers(mailbox);
                self.keep(mailbox);
            }
        }
        self.hand_over_answers(mailbox);
        // Announced and not there: whoever announces it waits for nothing, so this must not spin.
        self.next = if batch.is_empty() { head } else { self.next };
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, asked_since: Micros) {
        let header = &frame.header;
        (self.next, self.offset) = (header.seq.next(), header.offset_after());
        self.time = header.time;
        match header.kind {
            FrameKind::Output => {
                let answers = &mut self.answers;
                self.transcript.feed(header.time.0, frame.payload, answers, &mut |_line| {});
                self.cadence.output(frame.payload.len(), header.time);
                let too_late = self.offset <= self.answered || header.time < asked_since;
                if too_late && !self.answers.is_empty() {
                    drop(self.answers.take());
                }
            }
            FrameKind::Record => {
                if let Some(size) = Record::decode(frame.payload).terminal_size() {
                    self.transcript.resize(header.time.0, size_of(size), &mut |_line| {});
                }
            }
            FrameKind::ErrorOutput
            | FrameKind::Input
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
    }

    fn hand_over_answers(&mut self, mailbox: &Mailbox) {
        if !self.answers.is_empty() {
            mailbox.answer(self.offset, &self.answers.take());
        }
    }

    fn keep_if_settled(&mut self, now: Micros, mailbox: &Mailbox) {
        if self.cadence.settles_at().is_some_and(|at| now >= at) {
            self.keep(mailbox);
        }
    }

    fn keep(&mut self, mailbox: &Mailbox) {
        let screen = self.transcript.screen();
        let (dump, size) = (screen.dump(), screen.size());
        let state = self.transcript.state();
        self.cadence.kept(dump.len() + state.len());
        if dump.len() > DUMP_BYTES_MAX {
            return;
        }
        let note = KeyframeNote {
            size: ToldSize { cols: size.columns(), rows: size.rows() },
            next: self.next,
            offset: self.offset,
            time: self.time,
            // The hot thread knows the terminal.
            line_mode: false,
            echo: false,
            lines: self.transcript.lines(),
            dump_bytes: dump.len() as u64,
        };
        mailbox.keep(Drawn { note, dump, state });
    }
}

fn size_of(size: ToldSize) -> Size {
    Size::nearest(size.cols.into(), size.rows.into())
}

fn lasting(from: Micros, to: Micros) -> Duration {
    Duration::from_micros(to.0.saturating_sub(from.0))
}
