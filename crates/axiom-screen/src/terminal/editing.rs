//! Erasing, inserting, deleting, scrolling. What comes in new has the pen's background and nothing else.

use super::Terminal;
use crate::cell::{Cell, Glyph};
use crate::grid::Band;

impl Terminal {
    pub(super) fn scroll_up(&mut self, band: Band, count: usize) {
        let blank = self.blank();
        self.note_scroll(band, count);
        self.grid_mut().scroll_up(band, count, blank);
        self.changes.touch_rows(band.top, band.bottom + 1);
    }

    pub(super) fn scroll_down(&mut self, band: Band, count: usize) {
        let blank = self.blank();
        self.note_moved(band.top);
        self.grid_mut().scroll_down(band, count, blank);
        self.changes.touch_rows(band.top, band.bottom + 1);
    }

    /// ED: 0 from the cursor on, 1 up to it, 2 all, 3 what scrolled off.
    pub(super) fn erase_display(&mut self, what: u16) {
        let (row, rows) = (self.cursor.row, self.rows());
        if what == 2 || (what == 0 && (row, self.cursor.column) == (0, 0)) {
            self.note_clear();
        }
        match what {
            0 => {
                self.erase_line(0);
                self.erase_rows(row + 1, rows);
                return;
            }
            1 => {
                self.erase_line(1);
                self.erase_rows(0, row);
            }
            2 => self.erase_rows(0, rows),
            3 => return self.page_mut().grid.clear_history(),
            _ => return,
        }
        self.leave();
    }

    fn erase_rows(&mut self, from: usize, to: usize) {
        let blank = self.blank();
        if from == 0 && to > 0 {
            self.note_moved(0);
        }
        self.grid_mut().erase_rows(from, to, blank);
        self.changes.touch_rows(from, to);
    }

    /// EL: 0 from the cursor on, 1 up to it, 2 all. Behind the last column there is nothing to erase: programs that end
    /// a full row with EL (GNU grep, gcc) do not mean its last character.
    pub(super) fn erase_line(&mut self, what: u16) {
        let (column, columns) = (self.cursor.column, self.columns());
        match what {
            0 if self.cursor.pending_wrap => {}
            0 => self.erase(column, columns),
            1 => self.erase(0, column + 1),
            2 => self.erase(0, columns),
            _ => {}
        }
    }

    /// ECH.
    pub(super) fn erase_characters(&mut self, count: usize) {
        let column = self.cursor.column;
        if !self.cursor.pending_wrap {
            self.erase(column, (column + count).min(self.columns()));
        }
    }

    fn erase(&mut self, from: usize, to: usize) {
        let (row, columns, blank) = (self.cursor.row, self.columns(), self.blank());
        let cells = self.grid_mut().row_mut(row);
        let emptied = from == 0 && cells.filled() > 0;
        cells.erase(from, to, blank);
        if to == columns {
            cells.wrapped = false;
        }
        self.changes.touch_row(row);
        self.leave();
        if emptied {
            self.note_emptied(row);
        }
    }

    /// ICH.
    pub(super) fn insert_characters(&mut self, count: usize) {
        let (row, column, columns) = (self.cursor.row, self.cursor.column, self.columns());
        let blank = self.blank();
        let cells = self.grid_mut().row_mut(row);
        cells.insert(column, count, blank, columns);
        cells.wrapped = false;
        self.changes.touch_row(row);
        self.leave();
    }

    /// DCH.
    pub(super) fn delete_characters(&mut self, count: usize) {
        let (row, column, columns) = (self.cursor.row, self.cursor.column, self.columns());
        let blank = self.blank();
        let cells = self.grid_mut().row_mut(row);
        cells.delete(column, count, blank, columns);
        cells.wrapped = false;
        self.changes.touch_row(row);
        self.leave();
    }

    /// IL: only inside the region.
    pub(super) fn insert_lines(&mut self, count: usize) {
        self.in_rest_of_region(count, Self::scroll_down);
    }

    /// DL: only inside the region.
    pub(super) fn delete_lines(&mut self, count: usize) {
        self.in_rest_of_region(count, Self::delete_band);
    }

    fn in_rest_of_region(&mut self, count: usize, shift: fn(&mut Self, Band, usize)) {
        if self.region.contains(self.cursor.row) {
            let band = Band { top: self.cursor.row, bottom: self.region.bottom };
            shift(self, band, count);
            self.cursor.column = 0;
            self.leave();
        }
    }

    /// Deleted rows are gone: they do not count as scrolled off, even at the top of the screen.
    fn delete_band(&mut self, band: Band, count: usize) {
        let blank = self.blank();
        self.note_moved(band.top);
        self.grid_mut().delete_rows(band, count, blank);
        self.changes.touch_rows(band.top, band.bottom + 1);
    }

    /// DECALN: a screen of E, to adjust the picture by.
    pub(super) fn align(&mut self) {
        let rows = self.rows();
        let cell = Cell { glyph: Glyph::ascii(b'E'), ..Cell::default() };
        self.grid_mut().erase_rows(0, rows, cell);
        self.region = Band { top: 0, bottom: rows - 1 };
        (self.cursor.row, self.cursor.column) = (0, 0);
        self.leave();
        self.changes.touch_rows(0, rows);
    }

    /// DECSTBM: rows counted from 1; the cursor goes to the first place.
    pub(super) fn set_region(&mut self, top: usize, bottom: usize) {
        let bottom = bottom.min(self.rows());
        if top < bottom {
            self.region = Band { top: top - 1, bottom: bottom - 1 };
            self.go_to(0, 0);
        }
    }
}
