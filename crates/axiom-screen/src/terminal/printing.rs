//! Text: runs of ASCII at once, other characters one by one, marks onto the letter before them; wrapping.

use unicode_width::UnicodeWidthChar;

use super::Terminal;
use crate::cell::{Cell, Glyph};
use crate::mode::Mode;
use crate::unseen::is_unseen;

/// Characters that REP writes at once.
const RUN_MAX: usize = 256;

impl Terminal {
    /// Prints printable ASCII.
    pub(super) fn print_run(&mut self, run: &[u8]) {
        self.note_overwriting();
        if !self.cursor.charsets.is_plain() || self.has(Mode::Insert) {
            for byte in run {
                let character = self.cursor.charsets.show(*byte);
                self.print_glyph(Glyph::narrow(character), character);
            }
            return;
        }
        let (columns, pen) = (self.columns(), self.cursor.pen);
        let mut rest = run;
        while !rest.is_empty() {
            if self.cursor.pending_wrap {
                self.wrap();
            }
            let column = self.cursor.column;
            let (now, later) = rest.split_at(rest.len().min(columns - column));
            let row = self.cursor.row;
            self.grid_mut().row_mut(row).write(column, now, pen);
            self.changes.touch_row(row);
            self.advance(now.len(), now.last().map(|byte| char::from(*byte)));
            rest = later;
        }
    }

    /// Prints one character.
    pub(super) fn print(&mut self, character: char) {
        if is_unseen(character) {
            return;
        }
        match character.width() {
            None => {}
            Some(0) => self.mark_last(character),
            Some(1) => self.print_glyph(Glyph::narrow(character), character),
            Some(_) if self.columns() < 2 => {
                let instead = char::REPLACEMENT_CHARACTER;
                self.print_glyph(Glyph::narrow(instead), instead);
            }
            Some(_) => self.print_glyph(Glyph::wide(character), character),
        }
    }

    /// REP: the last printed character again.
    pub(super) fn repeat(&mut self, count: usize) {
        let Some(character) = self.after else {
            return;
        };
        let mut left = count.min(self.columns() * self.rows());
        let plain = self.cursor.charsets.is_plain();
        if let (Ok(byte @ 0x20..0x7f), true) = (u8::try_from(character), plain) {
            let run = [byte; RUN_MAX];
            while left > 0 {
                let now = left.min(RUN_MAX);
                self.print_run(&run[..now]);
                left -= now;
            }
            return;
        }
        for _ in 0..left {
            self.print(character);
        }
    }

    fn print_glyph(&mut self, glyph: Glyph, character: char) {
        let columns = self.columns();
        let width = if glyph.is_wide() { 2 } else { 1 };
        self.cursor.charsets.single = None;
        self.note_overwriting();
        if self.cursor.pending_wrap {
            self.wrap();
        }
        if self.cursor.column + width > columns {
            self.make_room_for_wide();
        }
        let (row, column) = (self.cursor.row, self.cursor.column);
        let (blank, insert) = (self.blank(), self.has(Mode::Insert));
        let cell = Cell { glyph, pen: self.cursor.pen };
        let cells = self.grid_mut().row_mut(row);
        if insert {
            cells.insert(column, width, blank, columns);
        }
        cells.put(column, cell);
        self.changes.touch_row(row);
        self.advance(width, Some(character));
    }

    /// A wide glyph does not fit into the last column: it begins the next row, or pushes the cursor back.
    fn make_room_for_wide(&mut self) {
        let columns = self.columns();
        if self.has(Mode::Wrap) {
            let row = self.cursor.row;
            self.grid_mut().row_mut(row).erase(columns - 1, columns, Cell::default());
            self.changes.touch_row(row);
            self.wrap();
        } else {
            self.cursor.column = columns - 2;
        }
    }

    /// Moves the cursor behind what was printed. In the last column without wrapping it stays on it.
    fn advance(&mut self, width: usize, character: Option<char>) {
        let last = self.columns() - 1;
        let column = self.cursor.column + width;
        let wraps = self.has(Mode::Wrap);
        self.cursor.pending_wrap = column > last && wraps;
        self.cursor.column = column.min(last);
        self.after = if column > last && !wraps { None } else { character };
    }

    /// Goes on in the next row, and notes that the text does.
    fn wrap(&mut self) {
        let before = self.cursor.row;
        let scrolls =
            before == self.region.bottom && (self.region.top == 0 || self.region.len() > 1);
        self.note_wrap(scrolls);
        self.index();
        self.cursor.column = 0;
        let row = self.cursor.row;
        if scrolls || row > before {
            self.grid_mut().join_to_above(row);
        }
    }

    /// Puts a mark of no width onto the character before the cursor.
    fn mark_last(&mut self, mark: char) {
        let (row, column) = (self.cursor.row, self.cursor.column);
        let last = if self.cursor.pending_wrap { Some(column) } else { column.checked_sub(1) };
        let Some(mut last) = last else {
            return;
        };
        let mut cell = self.grid().row(row).cell(last);
        if cell.glyph.is_spacer() && last > 0 {
            last -= 1;
            cell = self.grid().row(row).cell(last);
        }
        if let Some(glyph) = self.marked(cell.glyph, mark) {
            let cells = self.grid_mut().row_mut(row);
            if last < cells.len() {
                cells.replace(last, glyph);
            } else {
                cells.put(last, Cell { glyph, ..cell });
            }
            self.changes.touch_row(row);
        }
    }
}
