//! One row: cells up to the last one that was written; what follows is blank. Keeps wide glyphs whole or erases them:
//! never half of one. Refuses nothing; columns beyond the width are the caller's fault.

use crate::cell::{Cell, Glyph, Pen};

/// One row of a grid.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    cells: Vec<Cell>,
    /// True if its text goes on in the next row.
    pub(crate) wrapped: bool,
}

impl Row {
    pub(crate) fn from_cells(cells: Vec<Cell>, wrapped: bool) -> Self {
        Self { cells, wrapped }
    }

    /// The cells that were written, perhaps fewer than the width.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub(crate) fn cells_mut(&mut self) -> &mut [Cell] {
        &mut self.cells
    }

    pub(crate) fn cell(&self, column: usize) -> Cell {
        self.cells.get(column).copied().unwrap_or_default()
    }

    /// The columns up to the last cell that is not blank.
    pub(crate) fn filled(&self) -> usize {
        self.cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |last| last + 1)
    }

    /// The columns of a row that goes on in the next one: all, but for the last one if a wide glyph did not fit there. Counted by
    /// what is seen, so that a row that was drawn again counts the same.
    pub(crate) fn wrapped_len(&self, next: &Self, columns: usize) -> usize {
        let parted = next.cell(0).glyph.is_wide() && self.cell(columns - 1).is_blank();
        columns - usize::from(parted)
    }

    /// Makes the whole row what erasing leaves.
    pub(crate) fn reset(&mut self, blank: Cell, columns: usize) {
        self.cells.clear();
        self.wrapped = false;
        if !blank.is_blank() {
            self.cells.resize(columns, blank);
        }
    }

    /// Writes printable ASCII, one column each.
    pub(crate) fn write(&mut self, column: usize, run: &[u8], pen: Pen) {
        let end = column + run.len();
        self.make_room(column, end);
        let written = self.cells.len().min(end) - column;
        let (over, beyond) = run.split_at(written);
        for (cell, byte) in self.cells[column..column + written].iter_mut().zip(over) {
            *cell = Cell { glyph: Glyph::ascii(*byte), pen };
        }
        self.cells.extend(beyond.iter().map(|byte| Cell { glyph: Glyph::ascii(*byte), pen }));
    }

    /// Writes one glyph, and its spacer if it is wide.
    pub(crate) fn put(&mut self, column: usize, cell: Cell) {
        let width = if cell.glyph.is_wide() { 2 } else { 1 };
        self.make_room(column, column + width);
        self.set(column, cell);
        if width == 2 {
            self.set(column + 1, Cell { glyph: Glyph::SPACER, pen: cell.pen });
        }
    }

    /// Replaces a glyph by another one that takes the same room.
    pub(crate) fn replace(&mut self, column: usize, glyph: Glyph) {
        if let Some(cell) = self.cells.get_mut(column) {
            cell.glyph = glyph;
        }
    }

    /// Erases columns `from` to before `to`.
    pub(crate) fn erase(&mut self, from: usize, to: usize, blank: Cell) {
        self.make_room(from, to);
        if blank.is_blank() && to >= self.cells.len() {
            self.cells.truncate(from);
            return;
        }
        if self.cells.len() < to {
            self.cells.resize(to, Cell::default());
        }
        self.cells[from..to].fill(blank);
    }

    /// Moves what is at and after the column to the right; what leaves the width is gone.
    pub(crate) fn insert(&mut self, column: usize, count: usize, blank: Cell, columns: usize) {
        self.part(column);
        let count = count.min(columns - column);
        if self.cells.len() > column || !blank.is_blank() {
            self.extend_to(column);
            self.cells.splice(column..column, std::iter::repeat_n(blank, count));
        }
        if self.cells.len() > columns {
            self.part(columns);
            self.cells.truncate(columns);
        }
    }

    /// Takes columns out; what follows moves to the left, and blanks come in at the end.
    pub(crate) fn delete(&mut self, column: usize, count: usize, blank: Cell, columns: usize) {
        let count = count.min(columns - column);
        self.part(column);
        self.part(column + count);
        if !blank.is_blank() {
            self.extend_to(columns);
        }
        let end = self.cells.len().min(column + count);
        if end > column {
            self.cells.drain(column..end);
        }
        if !blank.is_blank() {
            self.cells.resize(columns, blank);
        }
    }

    /// Cuts what is beyond the width, or nothing.
    pub(crate) fn cut(&mut self, columns: usize) {
        if self.cells.len() > columns {
            self.part(columns);
            self.cells.truncate(columns);
        }
    }

    /// Before columns `from` to before `to` are overwritten: wide glyphs that stand half in them are erased,
    /// and the row reaches at least to `from`.
    fn make_room(&mut self, from: usize, to: usize) {
        self.part(from);
        self.part(to);
        self.extend_to(from);
    }

    /// Erases the wide glyph that the line before this column would cut in two, if there is one.
    fn part(&mut self, column: usize) {
        if self.cells.get(column).is_some_and(|cell| cell.glyph.is_spacer()) {
            self.cells[column].glyph = Glyph::SPACE;
            self.cells[column - 1].glyph = Glyph::SPACE;
        }
    }

    fn set(&mut self, column: usize, cell: Cell) {
        match self.cells.get_mut(column) {
            Some(place) => *place = cell,
            None => self.cells.push(cell),
        }
    }

    fn extend_to(&mut self, len: usize) {
        if self.cells.len() < len {
            self.cells.resize(len, Cell::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        let mut row = Row::default();
        row.write(0, text.as_bytes(), Pen::default());
        row
    }

    fn text(row: &Row) -> String {
        row.cells().iter().filter_map(|cell| cell.glyph.character()).collect()
    }

    #[test]
    fn writing_beyond_the_end_fills_with_blanks() {
        let mut row = row("ab");
        row.write(4, b"cd", Pen::default());
        assert_eq!(text(&row), "ab  cd");
        row.write(1, b"xyz12345", Pen::default());
        assert_eq!(text(&row), "axyz12345");
    }

    #[test]
    fn half_of_a_wide_glyph_never_stays() {
        let wide = Cell { glyph: Glyph::wide('漢'), pen: Pen::default() };
        for (column, expected) in [(1, "ax cd"), (2, "a xcd"), (0, "x漢 cd")] {
            let mut row = row("a");
            row.put(1, wide);
            row.write(3, b"cd", Pen::default());
            row.write(column, b"x", Pen::default());
            assert_eq!(text(&row), expected);
        }
    }

    #[test]
    fn deleting_and_inserting_keep_the_width() {
        let mut first = row("abcdef");
        first.delete(1, 2, Cell::default(), 6);
        assert_eq!(text(&first), "adef");
        let mut second = row("abcdef");
        second.insert(1, 2, Cell::default(), 6);
        assert_eq!(text(&second), "a  bcd");
        let mut third = row("abcdef");
        third.delete(2, 100, Cell::default(), 6);
        assert_eq!(text(&third), "ab");
    }

    #[test]
    fn erasing_to_the_end_takes_no_room() {
        let mut row = row("abcdef");
        row.erase(2, 6, Cell::default());
        assert_eq!(row.cells().len(), 2);
    }
}
