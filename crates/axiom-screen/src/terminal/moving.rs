//! Where the cursor goes: by steps, to a place, by tab stops, to the next row; saved and restored.

use super::Terminal;
use crate::charset::Charsets;
use crate::cursor::Cursor;
use crate::mode::Mode;

impl Terminal {
    /// The rows that the cursor can be put into, as first and last.
    fn reach(&self) -> (usize, usize) {
        if self.has(Mode::Origin) {
            (self.region.top, self.region.bottom)
        } else {
            (0, self.rows() - 1)
        }
    }

    /// CUP: a place, counted from 0; from the region's first row if rows count from there.
    pub(super) fn go_to(&mut self, row: usize, column: usize) {
        let (first, last) = self.reach();
        self.cursor.row = (first + row).min(last);
        self.go_to_column(column);
    }

    pub(super) fn go_to_row(&mut self, row: usize) {
        self.go_to(row, self.cursor.column);
    }

    pub(super) fn go_to_column(&mut self, column: usize) {
        self.cursor.column = column.min(self.columns() - 1);
        self.leave();
    }

    /// The cursor's place as programs count it: from 1, and from the region's first row if rows count from there.
    pub(crate) fn told_place(&self) -> (usize, usize) {
        let (first, _) = self.reach();
        (self.cursor.row.saturating_sub(first) + 1, self.cursor.column + 1)
    }

    /// CUU: stops at the region's first row, if it begins below that.
    pub(super) fn up(&mut self, count: usize) {
        let stop = if self.cursor.row >= self.region.top { self.region.top } else { 0 };
        self.cursor.row = self.cursor.row.saturating_sub(count).max(stop);
        self.leave();
    }

    /// CUD: stops at the region's last row, if it begins above that.
    pub(super) fn down(&mut self, count: usize) {
        let within = self.cursor.row <= self.region.bottom;
        let stop = if within { self.region.bottom } else { self.rows() - 1 };
        self.cursor.row = (self.cursor.row + count).min(stop);
        self.leave();
    }

    pub(super) fn right(&mut self, count: usize) {
        self.go_to_column(self.cursor.column + count);
    }

    pub(super) fn left(&mut self, count: usize) {
        self.go_to_column(self.cursor.column.saturating_sub(count));
    }

    /// In the last column a tab does nothing, so that what follows a full row goes on in the next one.
    pub(super) fn tab(&mut self, count: usize) {
        if self.cursor.column + 1 == self.columns() {
            return;
        }
        for _ in 0..count.min(self.columns()) {
            self.cursor.column = self.tabs.after(self.cursor.column);
        }
        self.leave();
    }

    pub(super) fn tab_back(&mut self, count: usize) {
        for _ in 0..count.min(self.columns()) {
            self.cursor.column = self.tabs.before(self.cursor.column);
        }
        self.leave();
    }

    /// IND: one row down, scrolling at the end of the region.
    pub(super) fn index(&mut self) {
        if self.cursor.row == self.region.bottom {
            self.scroll_up(self.region, 1);
        } else if self.cursor.row + 1 < self.rows() {
            self.cursor.row += 1;
        }
        self.leave();
    }

    /// RI: one row up, scrolling at the beginning of the region.
    pub(super) fn reverse_index(&mut self) {
        if self.cursor.row == self.region.top {
            self.scroll_down(self.region, 1);
            self.look_behind();
        } else {
            self.cursor.row = self.cursor.row.saturating_sub(1);
            self.leave();
        }
    }

    pub(super) fn line_feed(&mut self) {
        self.index();
        if self.has(Mode::NewLine) {
            self.cursor.column = 0;
        }
    }

    /// DECSC. A single shift is not saved: it belongs to the next character.
    pub(super) fn save_cursor(&mut self) {
        let origin = self.has(Mode::Origin);
        let charsets = Charsets { single: None, ..self.cursor.charsets };
        self.page_mut().saved = Cursor { origin, charsets, ..self.cursor };
    }

    /// DECRC: what was saved, or how it began.
    pub(super) fn restore_cursor(&mut self) {
        self.cursor = self.page().saved;
        self.modes.set(Mode::Origin, std::mem::take(&mut self.cursor.origin));
        let (first, last) = self.reach();
        self.cursor.row = self.cursor.row.clamp(first, last);
        self.cursor.pending_wrap &= self.has(Mode::Wrap);
        self.look_behind();
    }

    /// After the cursor was put somewhere, or the rows were moved under it: it stands behind a character only if a wrap is
    /// pending.
    pub(super) fn look_behind(&mut self) {
        self.after = self.cursor.pending_wrap.then(|| {
            let row = self.grid().row(self.cursor.row);
            let mut cell = row.cell(self.cursor.column);
            if cell.glyph.is_spacer() {
                cell = row.cell(self.cursor.column - 1);
            }
            let mut text = String::new();
            self.write_glyph(cell.glyph, &mut text);
            text.chars().next().unwrap_or(' ')
        });
    }
}
