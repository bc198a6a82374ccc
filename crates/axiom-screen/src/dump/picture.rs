//! The rows of a page, drawn so that rows which were wrapped are wrapped again by the reading terminal.

use super::Dump;
use crate::grid::Grid;
use crate::row::Row;

/// Blanks in a row that are stepped over rather than written: a step takes four bytes or more.
const STEP_MIN: usize = 6;

impl Dump<'_> {
    /// Draws on a cleared page.
    pub(super) fn picture(&mut self, grid: &Grid) {
        let mut continued = false;
        for index in 0..grid.height() {
            let row = grid.row(index);
            let wraps = row.wrapped && index + 1 < grid.height();
            let end = if wraps { wrapped_end(row, grid, index + 1) } else { row.filled() };
            if end == 0 && !continued {
                continue;
            }
            if !continued {
                self.go(index, 0);
            }
            self.row(row, end.max(usize::from(continued)), continued || wraps);
            continued = wraps;
        }
    }

    /// Writes columns up to `end`. A row that is continued or goes on is written in full, since steps do not wrap.
    fn row(&mut self, row: &Row, end: usize, in_full: bool) {
        let mut column = 0;
        let mut text = String::new();
        while column < end {
            let blanks = blanks_at(row, column, end);
            if blanks >= STEP_MIN && !in_full {
                self.say(&format!("\x1b[{blanks}C"));
                column += blanks;
                continue;
            }
            let cell = row.cell(column);
            column += 1;
            if cell.glyph.is_spacer() {
                continue;
            }
            self.ink.change(cell.pen, self.terminal, &mut self.bytes);
            text.clear();
            self.terminal.write_glyph(cell.glyph, &mut text);
            self.say(&text);
        }
    }
}

/// Where a row that goes on ends: at the width, or one column before if a wide glyph did not fit there.
fn wrapped_end(row: &Row, grid: &Grid, next: usize) -> usize {
    let short = row.len() + 1 == grid.columns();
    if short && grid.row(next).cell(0).glyph.is_wide() { row.len() } else { grid.columns() }
}

fn blanks_at(row: &Row, column: usize, end: usize) -> usize {
    (column..end).take_while(|column| row.cell(*column).is_blank()).count()
}
