//! Rows of one page, with the newest ones that scrolled off above them. Scrolls, and reflows when the width changes.
//! Knows neither cursor nor modes; positions that must follow the text are handed in.

mod reflow;

use std::collections::VecDeque;

use crate::cell::Cell;
use crate::row::Row;
use crate::size::Size;

pub(crate) use reflow::Position;

/// A page's rows.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// First what scrolled off, then the rows of the screen.
    rows: VecDeque<Row>,
    columns: usize,
    height: usize,
    history_rows_max: usize,
    scrolled: u64,
}

/// Rows of the screen from `top` to `bottom`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) top: usize,
    pub(crate) bottom: usize,
}

impl Band {
    pub(crate) fn len(self) -> usize {
        self.bottom + 1 - self.top
    }

    pub(crate) fn contains(self, row: usize) -> bool {
        (self.top..=self.bottom).contains(&row)
    }
}

impl Grid {
    pub(crate) fn new(size: Size, history_rows_max: usize) -> Self {
        let height = usize::from(size.rows());
        let rows = std::iter::repeat_with(Row::default).take(height).collect();
        Self { rows, columns: usize::from(size.columns()), height, history_rows_max, scrolled: 0 }
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn history_len(&self) -> usize {
        self.rows.len() - self.height
    }

    /// How many rows ever left the screen at its top.
    pub(crate) fn scrolled(&self) -> u64 {
        self.scrolled
    }

    /// A new grid in the place of one from which so many rows had left.
    pub(crate) fn count_on_from(&mut self, scrolled: u64) {
        self.scrolled = scrolled;
    }

    pub(crate) fn row(&self, row: usize) -> &Row {
        &self.rows[self.rows.len() - self.height + row]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut Row {
        let at = self.rows.len() - self.height + row;
        &mut self.rows[at]
    }

    /// The rows that scrolled off and are still kept, oldest first.
    pub(crate) fn history(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().take(self.history_len())
    }

    pub(crate) fn all_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    pub(crate) fn all_rows_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut()
    }

    /// Moves a band's rows up. What leaves at the top of the screen goes to the history.
    pub(crate) fn scroll_up(&mut self, band: Band, count: usize, blank: Cell) {
        if band.top > 0 {
            self.delete_rows(band, count, blank);
            return;
        }
        self.row_mut(band.bottom).wrapped = false;
        for _ in 0..count.min(band.len()) {
            self.scroll_off(band.bottom, blank);
        }
    }

    /// Notes that the text above a row of the screen goes on in it.
    pub(crate) fn join_to_above(&mut self, row: usize) {
        let at = self.history_len() + row;
        if let Some(above) = at.checked_sub(1).and_then(|above| self.rows.get_mut(above)) {
            above.wrapped = true;
        }
    }

    /// Before a band's rows move against those around it: no text goes on over its borders.
    fn part_band(&mut self, band: Band) {
        self.row_mut(band.bottom).wrapped = false;
        let at = self.history_len() + band.top;
        if let Some(above) = at.checked_sub(1).and_then(|above| self.rows.get_mut(above)) {
            above.wrapped = false;
        }
    }

    /// Moves a band's rows up; what leaves at its top is gone.
    pub(crate) fn delete_rows(&mut self, band: Band, count: usize, blank: Cell) {
        self.part_band(band);
        if count >= band.len() {
            return self.erase_rows(band.top, band.bottom + 1, blank);
        }
        let at = self.history_len();
        for _ in 0..count {
            if let Some(mut row) = self.rows.remove(at + band.top) {
                row.reset(blank, self.columns);
                self.rows.insert(at + band.bottom, row);
            }
        }
    }

    fn scroll_off(&mut self, bottom: usize, blank: Cell) {
        let full = self.history_len() >= self.history_rows_max;
        let oldest = if full { self.rows.pop_front() } else { None };
        let mut row = oldest.unwrap_or_default();
        row.reset(blank, self.columns);
        let history = self.rows.len() + 1 - self.height;
        self.rows.insert(history + bottom, row);
        self.scrolled += 1;
    }

    /// Moves a band's rows down; what leaves at its bottom is gone.
    pub(crate) fn scroll_down(&mut self, band: Band, count: usize, blank: Cell) {
        self.part_band(band);
        if count >= band.len() {
            return self.erase_rows(band.top, band.bottom + 1, blank);
        }
        let at = self.history_len();
        for _ in 0..count {
            if let Some(mut row) = self.rows.remove(at + band.bottom) {
                row.reset(blank, self.columns);
                self.rows.insert(at + band.top, row);
            }
        }
        self.row_mut(band.bottom).wrapped = false;
    }

    pub(crate) fn erase_rows(&mut self, from: usize, to: usize, blank: Cell) {
        let columns = self.columns;
        for row in from..to {
            self.row_mut(row).reset(blank, columns);
        }
    }

    /// Sets how many rows are kept that scrolled off, and says how many it were. Rows that are there stay.
    pub(crate) fn replace_history_max(&mut self, rows_max: usize) -> usize {
        std::mem::replace(&mut self.history_rows_max, rows_max)
    }

    pub(crate) fn clear_history(&mut self) {
        self.rows.drain(..self.rows.len() - self.height);
    }

    /// Changes the size without reflow: rows are cut at the right, and given or taken at the bottom; those above
    /// `keep` stay visible, so rows leave at the top only as far as that needs.
    pub(crate) fn resize(&mut self, size: Size, keep: usize) -> usize {
        self.clear_history();
        let (columns, height) = (usize::from(size.columns()), usize::from(size.rows()));
        let leaving = (keep + 1).saturating_sub(height);
        self.rows.drain(..leaving);
        self.rows.resize_with(height, Row::default);
        for row in &mut self.rows {
            row.cut(columns);
            row.wrapped = false;
        }
        (self.columns, self.height) = (columns, height);
        leaving
    }
}
