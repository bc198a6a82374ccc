//! Output: a piece of what a task has printed, as text or as it was, from a cursor or from the last lines.
//! Read from the journal, never past the announced head; cut exactly. The text of a task on a terminal is its transcript; of one on
//! pipes it is the bytes without what could act on a terminal, cut only where nothing is pending.

mod lines;

use std::sync::Arc;

use axiom_hub::Place;
use axiom_journal::{Head, JournalError, Reader, SeekTo, frames};
use axiom_proto::api::{CodeBlock, View};
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::{Frame, Offset, Seq};
use axiom_proto::task::Mode;

use crate::background::beside;
use crate::fault;
use crate::feed::check_session;
use crate::fleet::Fleet;
use crate::kept;
use crate::task::{FIRST_SESSION, Task};
use crate::text::TextFilter;

/// The size of an answer where nobody says, and the largest.
const BYTES_DEFAULT: usize = 1 << 20;
const BYTES_MAX: usize = 8 << 20;

/// The smallest: any character fits.
const BYTES_MIN: usize = 4;

/// Journal bytes read at once.
const BATCH_BYTES: usize = 256 * 1024;

/// The most lines that are counted back: each costs eight bytes while it is looked for. More is refused, not cut.
const TAIL_LINES_MAX: usize = 4 << 20;

/// The first look back; it doubles twice each time.
const TAIL_BYTES_FIRST: u64 = 64 * 1024;

/// The longest unfinished escape sequence or character that an answer stops before. A longer one is passed over.
const HELD_BACK_BYTES_MAX: u64 = 4096;

/// `GET /tasks/{id}/output`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputRequest {
    /// Text or raw.
    pub view: View,
    /// From where; the beginning where absent.
    pub cursor: Option<Cursor>,
    /// At most so many bytes.
    pub bytes_max: Option<u64>,
    /// The last lines only; not together with a cursor.
    pub tail: Option<u64>,
    /// Which text, of a task on a terminal.
    pub wording: Wording,
}

/// Which text of a task on a terminal is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wording {
    /// The lines of its transcript.
    #[default]
    Settled,
    /// Also those that may still change, as if nothing more came; the cursor stays before them.
    Unsettled,
    /// What was printed as it came, without what could act on a terminal: redraws stand below each other, and nothing waits
    /// until it has settled.
    AsPrinted,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputAnswer {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where the next piece begins.
    pub cursor: Cursor,
    /// True when nothing will ever come after it.
    pub ended: bool,
    /// What was asked for and is no longer kept: the bytes begin after it.
    pub gone: Option<Gone>,
    /// What the lines are, where they are numbered: the text of a terminal, if there was any.
    pub lines: Option<Lines>,
    /// How many lines at the end may still change, if they were asked for and all before them are there.
    pub unsettled: Option<usize>,
}

/// Numbered lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The number of the first one.
    pub first: u64,
    /// The code blocks that end in them or are open behind them.
    pub blocks: Vec<CodeBlock>,
}

/// What an answer may be, and where what is kept begins.
#[derive(Clone, Copy)]
struct Bounds {
    bytes_max: usize,
    first_kept: Offset,
}

pub(super) async fn output(
    fleet: &Arc<Fleet>,
    task: &Arc<Task>,
    request: &OutputRequest,
) -> Result<OutputAnswer, Fault> {
    if let Some(cursor) = request.cursor {
        check_session(cursor)?;
    }
    if request.tail.is_some_and(|lines| lines > TAIL_LINES_MAX as u64) {
        let text = format!("at most {TAIL_LINES_MAX} lines are counted back");
        let hint = "ask for fewer, or read from the start";
        return Err(Fault::new(ErrorCode::InvalidArgument, text, hint));
    }
    let numbered = is_numbered(task, request);
    let _place = match numbered {
        true => Some(fleet.screens.makers.acquire().await.expect("nobody closes it")),
        false => None,
    };
    let (fleet, task, request) = (fleet.clone(), task.clone(), request.clone());
    beside(move || kept::read(|| read((&fleet, &task), &request)))
        .await
        .map_err(|error| fault::of_journal(&error))
}

fn is_numbered(task: &Task, request: &OutputRequest) -> bool {
    let of_terminal = request.view == View::Text && task.record.spec.mode == Mode::Terminal;
    of_terminal && request.wording != Wording::AsPrinted
}

fn read(
    (fleet, task): (&Fleet, &Task),
    request: &OutputRequest,
) -> Result<OutputAnswer, JournalError> {
    let announced = task.announced();
    let until = announced.head.map(|head| head.seq);
    let mut reader = match Reader::open(&task.folder) {
        Ok(reader) => reader,
        // Nothing was printed yet, or ever will be.
        Err(JournalError::Missing { .. }) => {
            let cursor = request.cursor.unwrap_or(Cursor::start(FIRST_SESSION));
            let (bytes, ended) = (Vec::new(), announced.over);
            let unsettled = (request.wording == Wording::Unsettled).then_some(0);
            return Ok(OutputAnswer { bytes, cursor, ended, gone: None, lines: None, unsettled });
        }
        Err(error) => return Err(error),
    };
    let first_kept = reader.head().offset;
    let bytes_max = request.bytes_max.and_then(|bytes| usize::try_from(bytes).ok());
    let bytes_max = bytes_max.unwrap_or(BYTES_DEFAULT).clamp(BYTES_MIN, BYTES_MAX);
    let beyond = |start: Offset| announced.head.filter(|head| start > head.offset);
    if is_numbered(task, request) && request.cursor.is_none_or(|at| beyond(at.offset).is_none()) {
        let bounds = Bounds { bytes_max, first_kept };
        return lines::read((fleet, task), request, (bounds, announced));
    }
    let asked = match (request.cursor, request.tail) {
        (Some(cursor), _) => cursor.offset,
        (None, Some(lines)) => find_tail(&mut reader, (first_kept, announced.head), lines)?,
        (None, None) => Offset(0),
    };
    let gone = (asked < first_kept).then_some(Gone { from: asked, to: first_kept });
    let start = asked.max(first_kept);
    if let Some(head) = beyond(start) {
        let head = Head { seq: head.seq, offset: head.offset, ..Head::default() };
        return Err(JournalError::Beyond { asked: SeekTo::Offset(start), head });
    }
    let mut piece = Piece::new(request.view, start, bytes_max, announced.over);
    piece.read(&mut reader, until)?;
    let cursor = piece.cursor();
    let ended = announced.over && announced.head.is_some_and(|head| cursor.offset >= head.offset);
    Ok(OutputAnswer {
        bytes: piece.into_bytes(),
        cursor,
        ended,
        gone,
        lines: None,
        unsettled: None,
    })
}

/// The piece as it grows.
struct Piece {
    shown: Shown,
    bytes_max: usize,
    /// The next raw byte to take.
    at: Offset,
    /// The next frame, where `at` is its beginning.
    seq: Option<Seq>,
    start: Offset,
    is_full: bool,
    /// Nothing will come after what there is.
    over: bool,
}

enum Shown {
    Raw(Vec<u8>),
    Text {
        filter: TextFilter,
        text: String,
        /// The last place where nothing was pending: raw offset, next frame if known, bytes of text.
        settled: (Offset, Option<Seq>, usize),
    },
}

impl Piece {
    fn new(view: View, start: Offset, bytes_max: usize, over: bool) -> Self {
        let shown = match view {
            View::Raw => Shown::Raw(Vec::new()),
            View::Text => Shown::Text {
                filter: TextFilter::at_line_start(start == Offset(0)),
                text: String::new(),
                settled: (start, None, 0),
            },
        };
        Self { shown, bytes_max, at: start, seq: None, start, is_full: false, over }
    }

    /// Reads from the piece's start until it is full, or there is no more.
    fn read(&mut self, reader: &mut Reader, until: Option<Seq>) -> Result<(), JournalError> {
        // One byte earlier, to see whether a line begins here.
        kept::seek(reader, SeekTo::Offset(Offset(self.start.0.saturating_sub(1))))?;
        while !self.is_full {
            let batch = reader.read(BATCH_BYTES, until)?;
            if batch.is_empty() {
                break;
            }
            for frame in frames(&batch) {
                self.take(&frame);
                if self.is_full {
                    break;
                }
            }
        }
        self.finish();
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>) {
        let header = &frame.header;
        if !header.kind.is_output() {
            // A record at this very place lies behind us then.
            if header.offset == self.at {
                self.seq = Some(header.seq.next());
            }
            return;
        }
        self.look_behind(frame);
        let Some(skip) = self.at.0.checked_sub(header.offset.0) else { return };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let Some(rest) = frame.payload.get(skip..).filter(|rest| !rest.is_empty()) else { return };
        match &mut self.shown {
            Shown::Raw(bytes) => {
                let room = (self.bytes_max - bytes.len()).min(rest.len());
                bytes.extend_from_slice(&rest[..room]);
                self.at.0 += room as u64;
                self.is_full = bytes.len() == self.bytes_max;
            }
            Shown::Text { .. } => self.take_text(rest),
        }
        let whole = self.at == header.offset_after();
        self.seq = whole.then(|| header.seq.next());
        match &mut self.shown {
            Shown::Text { settled, .. } if whole && settled.0 == self.at => settled.1 = self.seq,
            Shown::Text { .. } | Shown::Raw(_) => {}
        }
    }

    /// The byte before the start says whether a line begins there.
    fn look_behind(&mut self, frame: &Frame<'_>) {
        let Some(before) = self.start.0.checked_sub(1) else { return };
        let Shown::Text { filter, .. } = &mut self.shown else { return };
        let inside = before.checked_sub(frame.header.offset.0);
        let byte = inside.and_then(|at| frame.payload.get(usize::try_from(at).ok()?));
        if let Some(b'\n') = byte {
            *filter = TextFilter::at_line_start(true);
        }
    }

    fn take_text(&mut self, rest: &[u8]) {
        let Shown::Text { filter, text, settled } = &mut self.shown else { return };
        let mut rest = rest;
        while let Some((first, behind)) = rest.split_first() {
            // What fits, and all is settled after each byte of it.
            let room = (self.bytes_max - text.len()).min(rest.len());
            let plain = filter.push_plain(&rest[..room], text);
            if plain > 0 {
                self.at.0 += plain as u64;
                *settled = (self.at, None, text.len());
                rest = &rest[plain..];
                continue;
            }
            filter.push_byte(*first, text);
            self.at.0 += 1;
            if text.len() > self.bytes_max {
                self.is_full = true;
                return;
            }
            if filter.is_settled() {
                *settled = (self.at, None, text.len());
            }
            rest = behind;
        }
    }

    /// Takes back what is pending, unless nothing will come to complete it, or it is too long to wait for.
    fn finish(&mut self) {
        let Shown::Text { filter, text, settled } = &mut self.shown else { return };
        let (at, seq, len) = *settled;
        let pending = self.at.0 - at.0;
        let is_final = !self.is_full && (self.over || pending > HELD_BACK_BYTES_MAX);
        if is_final {
            filter.finish(text);
            return;
        }
        // Something that shows nothing fills no answer: a piece that is full and never settled is passed over whole.
        if self.is_full && at == self.start {
            return;
        }
        text.truncate(len);
        (self.at, self.seq) = (at, seq);
    }

    fn cursor(&self) -> Cursor {
        Cursor { session: FIRST_SESSION, offset: self.at, seq: self.seq, line: None }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self.shown {
            Shown::Raw(bytes) => bytes,
            Shown::Text { text, .. } => text.into_bytes(),
        }
    }
}

/// Where the last `lines` lines begin.
/// Before the first byte that is kept, if there are not so many lines after it.
fn find_tail(
    reader: &mut Reader,
    (first_kept, head): (Offset, Option<Place>),
    lines: u64,
) -> Result<Offset, JournalError> {
    let Some(head) = head else { return Ok(Offset(0)) };
    let mut window = TAIL_BYTES_FIRST;
    loop {
        let from = head.offset.0.saturating_sub(window).max(first_kept.0);
        if let Some(start) = line_start(reader, from, head, lines)? {
            return Ok(start);
        }
        if from == first_kept.0 {
            return Ok(Offset(0));
        }
        window = window.saturating_mul(4);
    }
}

/// The beginning of the last `lines` lines after `from`; `None` if there are not that many.
fn line_start(
    reader: &mut Reader,
    from: u64,
    head: Place,
    lines: u64,
) -> Result<Option<Offset>, JournalError> {
    let mut ends = std::collections::VecDeque::new();
    let lines = usize::try_from(lines).unwrap_or(TAIL_LINES_MAX).min(TAIL_LINES_MAX);
    if lines == 0 {
        return Ok(Some(head.offset));
    }
    let keep = lines + 1;
    let mut last = None;
    reader.seek(SeekTo::Offset(Offset(from)))?;
    loop {
        let batch = reader.read(BATCH_BYTES, Some(head.seq))?;
        if batch.is_empty() {
            break;
        }
        for frame in frames(&batch).filter(|frame| frame.header.kind.is_output()) {
            for (at, byte) in (frame.header.offset.0..).zip(frame.payload) {
                last = Some(*byte);
                if *byte == b'\n' && at >= from {
                    ends.push_back(at + 1);
                    if ends.len() > keep {
                        ends.pop_front();
                    }
                }
            }
        }
    }
    // A last line without an end is a line too.
    let is_open = last.is_some_and(|byte| byte != b'\n');
    let wanted = lines + usize::from(!is_open);
    Ok(ends.len().checked_sub(wanted).and_then(|at| ends.get(at)).map(|at| Offset(*at)))
}

#[cfg(test)]
mod tests;
