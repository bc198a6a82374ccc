//! A transcript's state beside its screen, as bytes that lie in keyframes: with the screen's dump they are enough to go on as if
//! everything before had been read. Versioned; what is damaged or from a later version is refused.

use std::collections::VecDeque;

use thiserror::Error;

use super::likeness::Likeness;
use super::memory::{Memory, REMEMBERED_MAX, Replay};
use super::standing::{Held, Redraw, Standing, Why};
use super::{STILL, Transcript};
use crate::answers::Answers;
use crate::codeblocks::{CodeBlock, CodeBlocks, Open};
use crate::roll::PICTURES_MAX;
use crate::screen::Screen;
use crate::size::{ROWS_MAX, Size};

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// Why bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StateError {
    /// They were written by another version.
    #[error(
        "a transcript's state of version {version}, but only {VERSION} is known; read from the start"
    )]
    Version {
        /// What stands there.
        version: u8,
    },
    /// They end early, go on too long, or say what cannot be.
    #[error("a transcript's state is damaged at byte {at}; read from the start")]
    Damaged {
        /// Where.
        at: usize,
    },
}

impl Transcript {
    /// What [`Self::restore`] needs besides [`Screen::dump`]. A few kilobytes.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let (continued, pictures, switches) = self
            .screen
            .roll()
            .map_or((false, 0, 0), |roll| (roll.continued, roll.pictures, roll.switches));
        let flags = u8::from(continued)
            | u8::from(self.screen.is_updating()) << 1
            | u8::from(self.redraw == Redraw::AfterClear) << 2;
        bytes.extend([flags, pictures]);
        for number in [
            switches,
            self.last,
            self.before_last,
            self.looked,
            self.offset,
            self.reached as u64,
            self.lines,
            u64::from(self.empty_lines),
            self.showing,
            self.left as u64,
        ] {
            put(&mut bytes, number);
        }
        put_text(&mut bytes, &self.head);
        put_standing(&mut bytes, &self.standing);
        put_standing(&mut bytes, &self.shown);
        put_memory(&mut bytes, &self.memory);
        put_blocks(&mut bytes, &self.blocks);
        bytes
    }

    /// A transcript that goes on where another one was: `size` and `dump` are its screen's, `state` is its [`Self::state`].
    ///
    /// # Errors
    /// [`StateError`] if `state` is not one.
    pub fn restore(size: Size, dump: &[u8], state: &[u8]) -> Result<Self, StateError> {
        let mut source = Source { bytes: state, at: 0 };
        let version = source.byte()?;
        if version != VERSION {
            return Err(StateError::Version { version });
        }
        let (flags, pictures) = (source.byte()?, source.byte()?);
        let mut transcript = Self::new(size);
        let switches = source.number()?;
        transcript.last = source.number()?;
        transcript.before_last = source.number()?;
        transcript.looked = source.number()?;
        transcript.offset = source.number()?;
        transcript.reached = source.count(STILL.len())?;
        transcript.lines = source.number()?;
        transcript.empty_lines = u32::try_from(source.number()?).map_err(|_| source.damaged())?;
        transcript.showing = source.number()?;
        transcript.left = source.count(usize::MAX)?;
        transcript.head = source.text()?;
        transcript.standing = source.standing()?;
        transcript.shown = source.standing()?;
        transcript.memory = source.memory()?;
        transcript.blocks = source.blocks()?;
        if source.at != state.len() {
            return Err(source.damaged());
        }
        transcript.redraw = if flags & 4 > 0 { Redraw::AfterClear } else { Redraw::InPlace };
        if flags & 2 > 0 {
            feed(&mut transcript.screen, b"\x1b[?2026h");
        }
        feed(&mut transcript.screen, dump);
        if let Some(roll) = transcript.screen.roll_mut() {
            roll.continued = flags & 1 > 0;
            roll.pictures = pictures.min(PICTURES_MAX);
            roll.switches = switches;
        }
        Ok(transcript)
    }
}

/// Draws a dump: what it does to the page on its way is nobody's text.
fn feed(screen: &mut Screen, bytes: &[u8]) {
    let mut answers = Answers::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let used = screen.feed_some(rest, &mut answers);
        rest = &rest[used..];
        if let Some(roll) = screen.roll_mut() {
            roll.recycle(String::new(), Vec::new());
        }
    }
}

fn put(bytes: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

fn put_hash(bytes: &mut Vec<u8>, hash: u64) {
    bytes.extend_from_slice(&hash.to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn put_standing(bytes: &mut Vec<u8>, standing: &[Standing]) {
    put(bytes, standing.len() as u64);
    for line in standing {
        put_hash(bytes, line.likeness.whole);
        put_hash(bytes, line.likeness.still);
        put(bytes, u64::from(line.likeness.still_len));
        let why = match &line.held {
            None => 0,
            Some(Held { why: Why::New, .. }) => 4,
            Some(Held { why: Why::Cursor, .. }) => 1,
            Some(Held { why: Why::Growing, .. }) => 2,
            Some(Held { why: Why::Moving, .. }) => 3,
        };
        bytes.push(why << 1 | u8::from(line.told));
        if let Some(held) = &line.held {
            put_text(bytes, &held.text);
        }
    }
}

fn put_memory(bytes: &mut Vec<u8>, memory: &Memory) {
    put(bytes, memory.lines.len() as u64);
    memory.lines.iter().for_each(|line| put_hash(bytes, *line));
    match memory.replay {
        None => bytes.push(0),
        Some(Replay { at, misses }) => {
            bytes.push(1);
            put(bytes, at as u64);
            put(bytes, u64::from(misses));
        }
    }
}

fn put_blocks(bytes: &mut Vec<u8>, blocks: &CodeBlocks) {
    let Some(Open { mark, marks, block }) = blocks.open() else {
        return bytes.push(0);
    };
    bytes.push(*mark);
    for number in [*marks as u64, block.first_line, block.last_line, block.offset] {
        put(bytes, number);
    }
    put_text(bytes, &block.language);
}

/// Bytes as they are read.
struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Source<'_> {
    fn damaged(&self) -> StateError {
        StateError::Damaged { at: self.at }
    }

    fn take(&mut self, len: usize) -> Result<&[u8], StateError> {
        let damaged = self.damaged();
        let end = self.at.checked_add(len).ok_or(damaged)?;
        let taken = self.bytes.get(self.at..end).ok_or(damaged)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, StateError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, StateError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    /// A number that counts something of which there are not more than so many.
    fn count(&mut self, max: usize) -> Result<usize, StateError> {
        let count = usize::try_from(self.number()?).map_err(|_| self.damaged())?;
        if count > max { Err(self.damaged()) } else { Ok(count) }
    }

    fn hash(&mut self) -> Result<u64, StateError> {
        let damaged = self.damaged();
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(*bytes.first_chunk().ok_or(damaged)?))
    }

    fn text(&mut self) -> Result<String, StateError> {
        let damaged = self.damaged();
        let len = self.count(self.bytes.len())?;
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| damaged)?;
        Ok(text.to_owned())
    }

    fn standing(&mut self) -> Result<Vec<Standing>, StateError> {
        let count = self.count(usize::from(ROWS_MAX))?;
        let mut standing = Vec::with_capacity(count);
        for _ in 0..count {
            let (whole, still) = (self.hash()?, self.hash()?);
            let still_len = u32::try_from(self.number()?).map_err(|_| self.damaged())?;
            let flags = self.byte()?;
            let why = match flags >> 1 {
                0 => None,
                1 => Some(Why::Cursor),
                2 => Some(Why::Growing),
                3 => Some(Why::Moving),
                4 => Some(Why::New),
                _ => return Err(self.damaged()),
            };
            let held = why.map(|why| Ok(Held { text: self.text()?, why })).transpose()?;
            let likeness = Likeness { whole, still, still_len };
            standing.push(Standing { likeness, told: flags & 1 > 0, held });
        }
        Ok(standing)
    }

    fn blocks(&mut self) -> Result<CodeBlocks, StateError> {
        let mark = self.byte()?;
        if mark == 0 {
            return Ok(CodeBlocks::default());
        }
        let marks = self.count(usize::MAX)?;
        let (first_line, last_line, offset) = (self.number()?, self.number()?, self.number()?);
        let language = self.text()?;
        let block = CodeBlock { language, first_line, last_line, offset, finished: false };
        Ok(CodeBlocks::with(Some(Open { mark, marks, block })))
    }

    fn memory(&mut self) -> Result<Memory, StateError> {
        let count = self.count(REMEMBERED_MAX)?;
        let mut lines = VecDeque::with_capacity(count);
        for _ in 0..count {
            lines.push_back(self.hash()?);
        }
        let replay = match self.byte()? {
            0 => None,
            1 => {
                let at = self.count(count)?;
                let misses = u32::try_from(self.number()?).map_err(|_| self.damaged())?;
                Some(Replay { at, misses })
            }
            _ => return Err(self.damaged()),
        };
        Ok(Memory { lines, replay })
    }
}
