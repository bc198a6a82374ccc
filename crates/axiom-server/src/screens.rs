//! Tasks' screens, made from their journals when somebody asks: from the last keyframe before the place that is asked for, or from
//! the start. Owner of the few that are kept, so that the next look at a task reads only what came since.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axiom_hub::Place;
use axiom_journal::{Head, JournalError, Reader, SeekTo, frames};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::frame::{Frame, FrameKind, Offset, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::keyframe::Keyframe;
use axiom_proto::record::Record;
use axiom_proto::task::Size as AskedSize;
use axiom_screen::{Answers, Screen, Size};
use tokio::sync::Semaphore;

use crate::kept;
use crate::task::Task;

/// Screens that are kept: what a person or an agent looks at in turn. Each has less than a megabyte.
const KEPT_MAX: usize = 8;

/// Screens that are made at once; one without keyframes takes a processor for a second per half a gigabyte.
const MAKERS_MAX: usize = 2;

/// Bytes read at once while a screen is made.
const BATCH_BYTES: usize = 256 * 1024;

/// From a kept screen so many frames on, a keyframe is not looked for: going through 4 MiB of output costs no more than
/// finding it.
const NEAR_FRAMES: u64 = 1024;

/// Keyframes behind a place that are looked at for one that was made before it: of a picture that lags by a tenth of a gigabyte.
const LATE_KEYFRAMES_MAX: usize = 32;

/// Output between two keyframes that follow each other, with twice the room.
const KEYFRAME_GAP_BYTES: u64 = 8 << 20;

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
    /// Frames that were read for it the last time.
    pub(crate) frames_read: u64,
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
        let screen = Screen::new(size_of(size));
        Self { screen, next: Seq(0), offset: Offset(0), frames_read: 0 }
    }

    /// The screen of the keyframe that stands next; none where it cannot be read, or what follows it is no longer kept.
    fn of_keyframe(reader: &mut Reader) -> Result<Option<Self>, JournalError> {
        let first_kept = reader.first_kept()?;
        let batch = reader.read(1, None)?;
        let keyframe = frames(&batch).next().and_then(|frame| Keyframe::decode(frame.payload).ok());
        Ok(keyframe.filter(|keyframe| keyframe.note.next >= first_kept).map(|keyframe| {
            let Keyframe { note, dump, .. } = keyframe;
            let mut live = Self { next: note.next, offset: note.offset, ..Self::blank(note.size) };
            live.screen.feed(dump, &mut Answers::default());
            live
        }))
    }

    fn take(&mut self, frame: &Frame<'_>, answers: &mut Answers) {
        match frame.header.kind {
            FrameKind::Output => self.screen.feed(frame.payload, answers),
            FrameKind::Record => {
                if let Some(size) = Record::decode(frame.payload).terminal_size() {
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
    draw(&task.folder, size, live, head.seq)
}

/// A task's screen as it was at a cursor, which may stand in the middle of a frame. Where that place is no longer kept, the
/// first picture that can be had, and what is gone before it.
pub(crate) fn look_back(
    task: &Task,
    at: Cursor,
    head: Place,
) -> Result<(Live, Option<Gone>), JournalError> {
    look_back_in(&task.folder, task.record.spec.size.unwrap_or_default(), at, head)
}

fn look_back_in(
    folder: &Path,
    size: AskedSize,
    at: Cursor,
    head: Place,
) -> Result<(Live, Option<Gone>), JournalError> {
    if at.offset == Offset(0) && head.seq == Seq(0) {
        return Ok((Live::blank(size), None));
    }
    let to = at.seq.map_or(SeekTo::Offset(at.offset), SeekTo::Seq);
    let mut reader = Reader::open(folder)?;
    if let Some(oldest) = kept::seek(&mut reader, to)? {
        let live = first_picture(&mut reader, size, oldest, head.seq)?;
        let gone = Gone { from: at.offset, to: live.offset };
        return Ok((live, Some(gone)));
    }
    let place = reader.head();
    if place.seq > head.seq {
        let head = Head { seq: head.seq, offset: head.offset, ..Head::default() };
        return Err(JournalError::Beyond { asked: to, head });
    }
    let mut live = draw(folder, size, None, place.seq)?;
    let part = usize::try_from(at.offset.0.saturating_sub(place.offset.0)).unwrap_or(usize::MAX);
    if at.seq.is_none() && part > 0 {
        let batch = reader.read(1, Some(head.seq))?;
        let covering = frames(&batch).next().filter(|frame| frame.header.kind == FrameKind::Output);
        if let Some(bytes) = covering.and_then(|frame| frame.payload.get(..part)) {
            live.screen.feed(bytes, &mut Answers::default());
            live.offset = at.offset;
        }
    }
    Ok((live, None))
}

/// The screen of the first keyframe; where there is none near, a blank one where what is kept begins.
fn first_picture(
    reader: &mut Reader,
    size: AskedSize,
    oldest: Head,
    until: Seq,
) -> Result<Live, JournalError> {
    for _ in 0..LATE_KEYFRAMES_MAX {
        if !reader.seek_to_next_keyframe(KEYFRAME_GAP_BYTES)? {
            break;
        }
        // The first ones may be of places that are gone.
        if let Some(live) = Live::of_keyframe(reader)?.filter(|kept| kept.next <= until) {
            return Ok(live);
        }
    }
    Ok(Live { next: oldest.seq, offset: oldest.offset, ..Live::blank(size) })
}

/// The screen before the frame `until`: from `live` on, from the last keyframe before it, or from the oldest frame that is
/// kept, whichever is nearest.
fn draw(
    folder: &Path,
    size: AskedSize,
    live: Option<Live>,
    until: Seq,
) -> Result<Live, JournalError> {
    draw_with(NEAR_FRAMES, folder, size, live, until)
}

fn draw_with(
    near: u64,
    folder: &Path,
    size: AskedSize,
    live: Option<Live>,
    until: Seq,
) -> Result<Live, JournalError> {
    let mut live = live.unwrap_or_else(|| Live::blank(size));
    live.frames_read = 0;
    if live.next >= until {
        return Ok(live);
    }
    let mut reader = Reader::open(folder)?;
    if until.0 - live.next.0 > near
        && let Some(kept) =
            nearest_keyframe(&mut reader, until)?.filter(|kept| kept.next > live.next)
    {
        live = kept;
    }
    if let Some(oldest) = kept::seek(&mut reader, SeekTo::Seq(live.next))? {
        live = Live { next: oldest.seq, offset: oldest.offset, ..Live::blank(size) };
    }
    // Nobody is told again what the terminal answered then.
    let mut answers = Answers::default();
    loop {
        let batch = reader.read(BATCH_BYTES, Some(until))?;
        if batch.is_empty() {
            return Ok(live);
        }
        for frame in frames(&batch) {
            live.take(&frame, &mut answers);
            live.frames_read += 1;
        }
        drop(answers.take());
    }
}

/// The newest keyframe whose screen is not past the frame `until`. It may stand behind that: a worker draws beside its writing,
/// and the more is printed the further it lags.
fn nearest_keyframe(reader: &mut Reader, until: Seq) -> Result<Option<Live>, JournalError> {
    let mut nearest = match reader.seek_to_keyframe(until)? {
        true => Live::of_keyframe(reader)?,
        false => None,
    };
    match reader.seek(SeekTo::Seq(until)) {
        Err(JournalError::Gone { .. }) => return Ok(nearest),
        sought => sought?,
    }
    for _ in 0..LATE_KEYFRAMES_MAX {
        if !reader.seek_to_next_keyframe(KEYFRAME_GAP_BYTES)? {
            break;
        }
        match Live::of_keyframe(reader)?.filter(|kept| kept.next <= until) {
            Some(kept) => nearest = Some(kept),
            None => break,
        }
    }
    Ok(nearest)
}

fn size_of(size: AskedSize) -> Size {
    Size::nearest(size.cols.into(), size.rows.into())
}

#[cfg(test)]
mod tests;
