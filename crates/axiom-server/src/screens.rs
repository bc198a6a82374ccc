//! Tasks' screens, made from their journals when somebody asks: everything printed so far goes through the model. Owner of the few
//! that are kept, so that the next look at a task reads only what came since.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axiom_hub::Place;
use axiom_journal::{JournalError, Reader, SeekTo, frames};
use axiom_proto::frame::{Frame, FrameKind, Offset, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::record::Record;
use axiom_proto::task::Size as AskedSize;
use axiom_screen::{Answers, Screen, Size};
use tokio::sync::Semaphore;

use crate::task::Task;

/// Screens that are kept: what a person or an agent looks at in turn. Each has less than a megabyte.
const KEPT_MAX: usize = 8;

/// Screens that are made at once; a long journal takes a processor for a second per half a gigabyte.
const MAKERS_MAX: usize = 2;

/// Bytes read at once while a screen is made.
const BATCH_BYTES: usize = 256 * 1024;

/// The screens that are kept, and the places of those who make some.
#[derive(Debug)]
pub(crate) struct Screens {
    /// Newest last.
    kept: Mutex<VecDeque<(TaskId, Live)>>,
    pub(crate) makers: Semaphore,
}

impl Default for Screens {
    fn default() -> Self {
        Self { kept: Mutex::default(), makers: Semaphore::new(MAKERS_MAX) }
    }
}

/// A screen, and how far the journal is in it.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) screen: Screen,
    pub(crate) next: Seq,
    /// Of what it is the picture.
    pub(crate) offset: Offset,
}

impl Screens {
    /// Takes a task's screen out, if it is kept.
    pub(crate) fn take(&self, task: TaskId) -> Option<Live> {
        let mut kept = self.kept();
        let place = kept.iter().position(|(id, _)| *id == task)?;
        kept.remove(place).map(|(_, live)| live)
    }

    /// Keeps a screen; the one that nobody asked for longest goes.
    pub(crate) fn keep(&self, task: TaskId, live: Live) {
        let mut kept = self.kept();
        kept.retain(|(id, _)| *id != task);
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
    /// The screen before the first output.
    fn blank(size: AskedSize) -> Self {
        Self { screen: Screen::new(size_of(size)), next: Seq(0), offset: Offset(0) }
    }

    fn take(&mut self, frame: &Frame<'_>, answers: &mut Answers) {
        match frame.header.kind {
            FrameKind::Output => self.screen.feed(frame.payload, answers),
            FrameKind::Record => {
                if let Record::Resized { size } | Record::Started { size: Some(size), .. } =
                    Record::decode(frame.payload)
                {
                    self.screen.resize(size_of(size));
                }
            }
            FrameKind::ErrorOutput
            | FrameKind::Input
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
        self.next = frame.header.seq.next();
        self.offset = frame.header.offset_after();
    }
}

/// Brings a task's screen up to `head`, from `live` on if it was kept.
pub(crate) fn catch_up(task: &Task, live: Option<Live>, head: Place) -> Result<Live, JournalError> {
    let size = task.record.spec.size.unwrap_or_default();
    let mut live = live.unwrap_or_else(|| Live::blank(size));
    if live.next >= head.seq {
        return Ok(live);
    }
    let mut reader = Reader::open(&task.folder)?;
    if live.next > Seq(0) {
        reader.seek(SeekTo::Seq(live.next))?;
    }
    // Nobody is told again what the terminal answered then.
    let mut answers = Answers::default();
    loop {
        let batch = reader.read(BATCH_BYTES, Some(head.seq))?;
        if batch.is_empty() {
            return Ok(live);
        }
        for frame in frames(&batch) {
            live.take(&frame, &mut answers);
        }
        drop(answers.take());
    }
}

fn size_of(size: AskedSize) -> Size {
    Size::nearest(size.cols.into(), size.rows.into())
}
