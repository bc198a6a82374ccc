//! What left a terminal's primary page, in order, for whoever makes a text of it: rows that scrolled off, and what stood there
//! before the page was cleared. Bounded: the parser stops when it is full, until it was read.

use crate::cell::Glyph;
use crate::grid::{Band, Grid};
use crate::row::Row;
use crate::screen::Screen;
use crate::terminal::Terminal;

/// Bytes of text after which the parser stops. One sequence adds at most a screenful to it.
const ROLL_BYTES_MAX: usize = 64 * 1024;

/// Events after which the parser stops: empty rows have no bytes.
const ROLL_EVENTS_MAX: usize = 8 * 1024;

/// Pictures that are taken of cleared pages before a page stands still: a program that clears over and over draws frames, and
/// nobody reads each of them.
pub(crate) const PICTURES_MAX: u8 = 4;

/// Glyphs of a row whose text is made in one go where they are ASCII.
const GLYPHS_AT_ONCE: usize = 128;

/// Glyphs that are looked at together.
const BLOCK: usize = 16;

/// One thing that happened to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rolled {
    /// A row left: its text goes up to this byte of the roll's text. It goes on in the next row if it is `wrapped`.
    Row { end: usize, wrapped: bool },
    /// What left last goes on nowhere: its continuation was erased, moved or overwritten.
    Severed,
    /// The page was cleared, or every row of it was erased; with the picture before, unless there were too many.
    Cleared(Option<Vec<PageLine>>),
}

/// A line of the page: rows joined where the text was wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageLine {
    /// Without the blanks at its end.
    pub(crate) text: String,
    /// True if the cursor stands in it.
    pub(crate) cursor: bool,
}

/// What left the page since it was last looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roll {
    pub(crate) text: String,
    pub(crate) events: Vec<Rolled>,
    /// True if the first row goes on with text that left.
    pub(crate) continued: bool,
    /// How many pictures were taken of pages that were cleared since the page last stood still.
    pub(crate) pictures: u8,
    /// How often the pages were switched.
    pub(crate) switches: u64,
    /// True while a wrap scrolls a region of one row, whose text goes on.
    wrapping: bool,
}

impl Roll {
    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= ROLL_BYTES_MAX || self.events.len() >= ROLL_EVENTS_MAX
    }

    /// Empties it, with buffers to use again.
    pub(crate) fn recycle(&mut self, mut text: String, mut events: Vec<Rolled>) {
        text.clear();
        events.clear();
        (self.text, self.events) = (text, events);
    }

    /// Notes that nothing is left on the page.
    fn clear(&mut self) {
        if self.events.last() != Some(&Rolled::Cleared(None)) {
            self.events.push(Rolled::Cleared(None));
        }
    }

    fn sever(&mut self) {
        if std::mem::take(&mut self.continued) {
            self.events.push(Rolled::Severed);
        }
    }
}

impl Screen {
    pub(crate) fn roll(&self) -> Option<&Roll> {
        self.terminal.roll.as_deref()
    }

    pub(crate) fn roll_mut(&mut self) -> Option<&mut Roll> {
        self.terminal.roll.as_deref_mut()
    }

    /// What stands on the primary page.
    pub(crate) fn primary_lines(&self) -> Vec<PageLine> {
        self.terminal.page_lines(&self.terminal.primary.grid)
    }

    /// What stands on the alternate page, if it is shown.
    pub(crate) fn alternate_lines(&self) -> Option<Vec<PageLine>> {
        let terminal = &self.terminal;
        terminal.on_alternate.then(|| terminal.page_lines(&terminal.alternate.grid))
    }
}

impl Terminal {
    /// The roll, if the primary page is the one that is written to.
    fn roll_of_page(&mut self) -> Option<&mut Roll> {
        if self.on_alternate { None } else { self.roll.as_deref_mut() }
    }

    /// Before a band scrolls up.
    pub(crate) fn note_scroll(&mut self, band: Band, count: usize) {
        if self.on_alternate || band.top > 0 {
            return;
        }
        let Some(mut roll) = self.roll.take() else {
            return;
        };
        for index in 0..count.min(band.len()) {
            let row = self.primary.grid.row(index);
            let goes_on = if index < band.bottom {
                row.wrapped.then(|| self.primary.grid.row(index + 1))
            } else {
                roll.wrapping.then_some(row)
            };
            self.note_row(&mut roll, row, goes_on);
        }
        roll.wrapping = false;
        self.roll = Some(roll);
    }

    fn note_row(&self, roll: &mut Roll, row: &Row, next: Option<&Row>) {
        self.write_row(row, next, &mut roll.text);
        let wrapped = next.is_some();
        roll.events.push(Rolled::Row { end: roll.text.len(), wrapped });
        roll.continued = wrapped;
    }

    /// Before text goes on in the next row.
    pub(crate) fn note_wrap(&mut self, scrolls: bool) {
        let one_row = self.region.len() == 1;
        if let Some(roll) = self.roll_of_page() {
            roll.wrapping = scrolls && one_row;
        }
    }

    /// Before the rows from here on move down or are taken out: the first row no longer stands below what left.
    pub(crate) fn note_moved(&mut self, top: usize) {
        if top == 0
            && let Some(roll) = self.roll_of_page()
        {
            roll.sever();
        }
    }

    /// Before a character is printed: at the first place of the page it is no continuation, unless it is wrapped there.
    pub(crate) fn note_overwriting(&mut self) {
        if (self.cursor.row, self.cursor.column) == (0, 0) && !self.cursor.pending_wrap {
            self.note_moved(0);
        }
    }

    /// After a row was erased from its first column on. It may have been the last one of a page that is cleared row by row.
    pub(crate) fn note_emptied(&mut self, row: usize) {
        self.note_moved(row);
        if self.on_alternate || self.roll.is_none() || !is_blank(&self.primary.grid) {
            return;
        }
        if let Some(roll) = self.roll_of_page() {
            roll.clear();
        }
    }

    /// Before the whole page is cleared.
    pub(crate) fn note_clear(&mut self) {
        let blank = is_blank(&self.primary.grid);
        match self.roll_of_page() {
            None => return,
            Some(roll) if blank => return roll.clear(),
            Some(_) => {}
        }
        let pictured = self.roll.as_ref().is_some_and(|roll| roll.pictures >= PICTURES_MAX);
        let picture = (!pictured).then(|| self.page_lines(&self.primary.grid));
        if let Some(roll) = self.roll_of_page() {
            // Without a picture, what left before is a line of its own.
            if pictured {
                roll.sever();
            }
            roll.continued = false;
            roll.pictures = PICTURES_MAX.min(roll.pictures + 1);
            roll.events.push(Rolled::Cleared(picture));
        }
    }

    /// After a switch between the pages.
    pub(crate) fn note_page(&mut self) {
        if let Some(roll) = self.roll.as_deref_mut() {
            roll.switches += 1;
        }
    }

    /// Reflows the primary page; what leaves it at the top is noted.
    pub(crate) fn reflow(&mut self, reflow: impl FnOnce(&mut Grid)) {
        let Some(mut roll) = self.roll.take() else {
            return reflow(&mut self.primary.grid);
        };
        let kept = self.primary.grid.replace_history_max(usize::MAX);
        reflow(&mut self.primary.grid);
        let grid = &self.primary.grid;
        let following = grid.all_rows().skip(1);
        for (row, next) in grid.history().zip(following) {
            self.note_row(&mut roll, row, row.wrapped.then_some(next));
        }
        self.primary.grid.replace_history_max(kept);
        self.primary.grid.clear_history();
        self.roll = Some(roll);
    }

    /// The lines of a page down to the last one that is not empty, or has the cursor.
    pub(crate) fn page_lines(&self, grid: &Grid) -> Vec<PageLine> {
        let here = std::ptr::eq(grid, self.grid());
        let cursor = here.then_some(self.cursor.row);
        let last = (0..grid.height()).rfind(|row| grid.row(*row).filled() > 0);
        let mut lines = Vec::new();
        let mut line = PageLine { text: String::new(), cursor: false };
        for index in 0..last.map_or(0, |last| last + 1) {
            let row = grid.row(index);
            let wrapped = row.wrapped && index + 1 < grid.height();
            self.write_row(row, wrapped.then(|| grid.row(index + 1)), &mut line.text);
            line.cursor |= cursor == Some(index);
            if !wrapped {
                line.text.truncate(line.text.trim_end_matches(' ').len());
                lines.push(std::mem::replace(
                    &mut line,
                    PageLine { text: String::new(), cursor: false },
                ));
            }
        }
        if !line.text.is_empty() {
            line.text.truncate(line.text.trim_end_matches(' ').len());
            lines.push(line);
        }
        lines
    }

    /// A row's text: all of it if it goes on in the next row, else up to its last character.
    fn write_row(&self, row: &Row, next: Option<&Row>, text: &mut String) {
        let start = text.len();
        text.reserve(row.len());
        let mut rest = row.glyphs();
        while !rest.is_empty() {
            let written = write_ascii(rest, text);
            rest = &rest[written..];
            if let Some((other, after)) = rest.split_first().filter(|_| written < GLYPHS_AT_ONCE) {
                self.write_other(*other, text);
                rest = after;
            }
        }
        let Some(next) = next else {
            let used = text[start..].trim_end_matches(' ').len();
            text.truncate(start + used);
            return;
        };
        let columns = self.columns();
        text.extend((row.len()..columns).map(|_| ' '));
        if row.wrapped_len(next, columns) < columns {
            text.pop();
        }
    }

    fn write_other(&self, glyph: Glyph, text: &mut String) {
        if let Some(character) = glyph.plain() {
            text.push(character);
            return;
        }
        if glyph.is_spacer() {
            return;
        }
        let start = text.len();
        self.write_glyph(glyph, text);
        if text[start..].starts_with(|first: char| first.is_ascii()) {
            let plain = crate::unseen::without_tricks(&text[start..]);
            text.truncate(start);
            text.push_str(&plain);
        }
    }
}

/// Writes the glyphs of ASCII that these begin with, at most [`GLYPHS_AT_ONCE`]. Says how many.
fn write_ascii(glyphs: &[Glyph], text: &mut String) -> usize {
    let mut bytes = [0; GLYPHS_AT_ONCE];
    let (blocks, _) = glyphs.as_chunks::<BLOCK>();
    let (places, _) = bytes.as_chunks_mut::<BLOCK>();
    let mut run = 0;
    for (place, block) in places.iter_mut().zip(blocks) {
        if !fill(place, block) {
            break;
        }
        run += BLOCK;
    }
    for (byte, glyph) in bytes[run..].iter_mut().zip(&glyphs[run..]) {
        let Some(ascii) = glyph.as_ascii() else { break };
        *byte = ascii;
        run += 1;
    }
    text.push_str(str::from_utf8(&bytes[..run]).unwrap_or_default());
    run
}

/// Fills in glyphs, all of which are looked at together. False if one is no ASCII.
fn fill(bytes: &mut [u8; BLOCK], glyphs: &[Glyph; BLOCK]) -> bool {
    let mut others = 0;
    for (byte, glyph) in bytes.iter_mut().zip(glyphs) {
        others |= u8::from(glyph.as_ascii().is_none());
        *byte = glyph.as_ascii().unwrap_or_default();
    }
    others == 0
}

fn is_blank(grid: &Grid) -> bool {
    (0..grid.height()).all(|row| grid.row(row).filled() == 0)
}
