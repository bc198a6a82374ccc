//! The text view of a task on a terminal: lines of its transcript, from a line, a place in the output, or so many before the last.

use axiom_journal::{JournalError, Reader, SeekTo};
use axiom_proto::api::CodeBlock;
use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::frame::{Micros, Offset, Seq};
use axiom_screen::LineKind;

use super::{Bounds, Lines, OutputAnswer, OutputRequest, Wording};
use crate::clock;
use crate::fleet::Fleet;
use crate::task::{Announced, FIRST_SESSION, Task};
use crate::transcripts::Live;

/// Most code blocks that one answer tells of: they stand in a header.
const BLOCKS_MAX: usize = 64;

/// How late a frame may come before a reader that is at the head takes it that none came: beyond that the lines that a pause
/// gives may come in another order than they would have. Longer than a busy machine's worst.
const LATENESS_MAX_US: u64 = 200_000;

/// Where reading begins.
#[derive(Clone, Copy)]
enum From {
    Line(u64),
    /// With the first line that output after this place gives.
    Offset(Offset),
}

/// Reads lines.
pub(super) fn read(
    (fleet, task): (&Fleet, &Task),
    request: &OutputRequest,
    (bounds, announced): (Bounds, Announced),
) -> Result<OutputAnswer, JournalError> {
    let head = announced.head.map_or(Seq(0), |head| head.seq);
    let now = now_of(task);
    let unsettled = request.wording == Wording::Unsettled;
    let asked = request.cursor.unwrap_or(Cursor::start(FIRST_SESSION));
    let (from, mut live) = match (asked.line, request.tail) {
        (_, Some(lines)) => begin_at_tail((fleet, task), (lines, unsettled), head)?,
        (Some(line), None) => {
            (From::Line(line), begin_at_line((fleet, task), line, asked.seq.unwrap_or(head))?)
        }
        (None, None) if asked.offset == Offset(0) => {
            (From::Line(0), begin_at_line((fleet, task), 0, Seq(0))?)
        }
        (None, None) => begin_at_offset(task, asked.offset)?,
    };
    let mut part = Part { from, bytes_max: bounds.bytes_max, ..Part::default() };
    live.read(task, head, |live| part.take(live))?;
    if live.next >= head && !part.is_full {
        if announced.over {
            live.end();
        } else if let Some(now) = now {
            live.pass(now);
        }
        part.take(&mut live);
    }
    let at_head = live.next >= head && live.first().is_none();
    let mut told = None;
    if at_head && unsettled && !part.is_full {
        let lines = live.unsettled();
        lines.iter().for_each(|line| part.say(line));
        told = Some(lines.len());
    }
    let (seq, offset) = live.place();
    let line = Some(live.next_line());
    let cursor = Cursor { session: FIRST_SESSION, offset, seq: Some(seq), line };
    let missed = asked.offset < bounds.first_kept && request.tail.is_none();
    let gone = missed.then_some(Gone { from: asked.offset, to: bounds.first_kept });
    part.blocks.extend(live.blocks.unfinished().filter(|_| part.first.is_some()).map(told_block));
    let lines = part.first.map(|first| Lines { first, blocks: part.blocks });
    fleet.transcripts.keep(task.id(), live);
    Ok(OutputAnswer {
        bytes: part.text.into_bytes(),
        cursor,
        ended: announced.over && at_head,
        gone,
        lines,
        unsettled: told,
    })
}

/// What the session's clock shows, if it is known, less what frames may be late by.
fn now_of(task: &Task) -> Option<Micros> {
    let started = task.look_live(|session| session.started_unix_us).flatten()?;
    Some(Micros(clock::now_us().saturating_sub(started).saturating_sub(LATENESS_MAX_US)))
}

fn begin_at_line(
    (fleet, task): (&Fleet, &Task),
    line: u64,
    before: Seq,
) -> Result<Live, JournalError> {
    match fleet.transcripts.take(task.id(), line) {
        Some(live) => Ok(live),
        None => Live::open(task, before, line),
    }
}

fn begin_at_offset(task: &Task, offset: Offset) -> Result<(From, Live), JournalError> {
    let mut reader = Reader::open(&task.folder)?;
    crate::kept::seek(&mut reader, SeekTo::Offset(offset))?;
    let live = Live::open(task, reader.position().next(), u64::MAX)?;
    if live.offset > offset {
        // The screen that the nearest keyframe is of is a later one.
        return Ok((From::Offset(offset), Live::open(task, reader.position(), u64::MAX)?));
    }
    Ok((From::Offset(offset), live))
}

/// Counts the lines by reading to the head, and begins anew where the last ones begin.
fn begin_at_tail(
    (fleet, task): (&Fleet, &Task),
    (wanted, unsettled): (u64, bool),
    head: Seq,
) -> Result<(From, Live), JournalError> {
    let mut last = begin_at_line((fleet, task), u64::MAX, head)?;
    last.read(task, head, |live| {
        while live.take_line().is_some() {}
        false
    })?;
    let announced = task.announced();
    let mut probe = last.copy();
    if announced.over {
        probe.end();
    } else if let Some(now) = now_of(task) {
        probe.pass(now);
    }
    let unsettled = if unsettled { probe.unsettled().len() as u64 } else { 0 };
    let line = (probe.lines() + unsettled).saturating_sub(wanted);
    fleet.transcripts.keep(task.id(), last);
    Ok((From::Line(line), begin_at_line((fleet, task), line, head)?))
}

/// The lines as they are taken.
struct Part {
    from: From,
    bytes_max: usize,
    text: String,
    /// The number of its first line.
    first: Option<u64>,
    blocks: Vec<CodeBlock>,
    is_full: bool,
}

impl Default for Part {
    fn default() -> Self {
        let text = String::new();
        Self {
            from: From::Line(0),
            bytes_max: 0,
            text,
            first: None,
            blocks: Vec::new(),
            is_full: false,
        }
    }
}

impl Part {
    /// Takes lines that wait. True when there is no room for the next one; the first is taken however long it is.
    fn take(&mut self, live: &mut Live) -> bool {
        while let Some(line) = live.first() {
            let wanted = match self.from {
                From::Line(from) => line.number >= from,
                From::Offset(from) => line.offset_after > from,
            };
            let fits = self.text.is_empty() && self.first.is_none()
                || self.text.len() + line.text.len() < self.bytes_max;
            if wanted && (!fits || self.blocks.len() >= BLOCKS_MAX - 1) {
                self.is_full = true;
                return true;
            }
            let Some(line) = live.take_line() else { break };
            let ended = match line.kind {
                LineKind::Printed | LineKind::Screen => {
                    live.blocks.line(line.number, line.offset.0, &line.text)
                }
                LineKind::Redrawn => None,
            };
            if wanted {
                self.first.get_or_insert(line.number);
                self.blocks.extend(ended.as_ref().map(told_block));
                self.say(&line.text);
            }
        }
        false
    }

    fn say(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn told_block(block: &axiom_screen::CodeBlock) -> CodeBlock {
    CodeBlock {
        language: block.language.clone(),
        first_line: block.first_line,
        last_line: block.last_line,
        finished: block.finished,
    }
}
