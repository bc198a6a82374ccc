//! One row: cells up to the last one that was written; what follows is blank. Keeps wide glyphs whole or erases them:
//! never half of one. Refuses nothing; columns beyond the width are the caller's fault.

use crate::cell::{Cell, Glyph, Pen};

/// One row of a grid. Glyphs and pens lie apart: most text has no pen of its own, and is then looked through four bytes a column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    glyphs: Vec<Glyph>,
    /// Of the first glyphs; those beyond have the usual pen. Never more than there are glyphs.
    pens: Vec<Pen>,
    /// True if its text goes on in the next row.
    pub(crate) wrapped: bool,
}

impl Row {
    pub(crate) fn from_cells(cells: &[Cell], wrapped: bool) -> Self {
        let glyphs: Vec<Glyph> = cells.iter().map(|cell| cell.glyph).collect();
        let drawn = cells.iter().rposition(|cell| cell.pen != Pen::default());
        let pens = cells[..drawn.map_or(0, |last| last + 1)].iter().map(|cell| cell.pen).collect();
        Self { glyphs, pens, wrapped }
    }

    /// The cells that were written, perhaps fewer than the width.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        let pens = self.pens.iter().copied().chain(std::iter::repeat(Pen::default()));
        self.glyphs.iter().zip(pens).map(|(glyph, pen)| Cell { glyph: *glyph, pen })
    }

    /// How many columns were written.
    pub(crate) fn len(&self) -> usize {
        self.glyphs.len()
    }

    pub(crate) fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    pub(crate) fn glyphs_mut(&mut self) -> &mut [Glyph] {
        &mut self.glyphs
    }

    /// The pens that are not the usual one, and perhaps some that are.
    pub(crate) fn pens(&self) -> &[Pen] {
        &self.pens
    }

    pub(crate) fn pens_mut(&mut self) -> &mut [Pen] {
        &mut self.pens
    }

    pub(crate) fn cell(&self, column: usize) -> Cell {
        let glyph = self.glyphs.get(column).copied().unwrap_or(Glyph::SPACE);
        Cell { glyph, pen: self.pens.get(column).copied().unwrap_or_default() }
    }

    /// The columns up to the last cell that is not blank.
    pub(crate) fn filled(&self) -> usize {
        let written = self.glyphs.iter().rposition(|glyph| *glyph != Glyph::SPACE);
        let drawn = self.pens.iter().rposition(|pen| *pen != Pen::default());
        written.max(drawn).map_or(0, |last| last + 1)
    }

    /// The columns of a row that goes on in the next one: all, but for the last one if a wide glyph did not fit there. Counted by
    /// what is seen, so that a row that was drawn again counts the same.
    pub(crate) fn wrapped_len(&self, next: &Self, columns: usize) -> usize {
        let parted = next.cell(0).glyph.is_wide() && self.cell(columns - 1).is_blank();
        columns - usize::from(parted)
    }

    /// Makes the whole row what erasing leaves.
    pub(crate) fn reset(&mut self, blank: Cell, columns: usize) {
        self.glyphs.clear();
        self.pens.clear();
        self.wrapped = false;
        if !blank.is_blank() {
            self.glyphs.resize(columns, blank.glyph);
            self.pens.resize(columns, blank.pen);
        }
    }

    /// Writes printable ASCII, one column each.
    pub(crate) fn write(&mut self, column: usize, run: &[u8], pen: Pen) {
        let end = column + run.len();
        self.make_room(column, end);
        let written = self.glyphs.len().min(end) - column;
        let (over, beyond) = run.split_at(written);
        for (glyph, byte) in self.glyphs[column..column + written].iter_mut().zip(over) {
            *glyph = Glyph::ascii(*byte);
        }
        self.glyphs.extend(beyond.iter().map(|byte| Glyph::ascii(*byte)));
        self.draw(column, end, pen);
    }

    /// Writes one glyph, and its spacer if it is wide.
    pub(crate) fn put(&mut self, column: usize, cell: Cell) {
        let width = if cell.glyph.is_wide() { 2 } else { 1 };
        self.make_room(column, column + width);
        self.set(column, cell.glyph);
        if width == 2 {
            self.set(column + 1, Glyph::SPACER);
        }
        self.draw(column, column + width, cell.pen);
    }

    /// Replaces a glyph by another one that takes the same room.
    pub(crate) fn replace(&mut self, column: usize, glyph: Glyph) {
        if let Some(place) = self.glyphs.get_mut(column) {
            *place = glyph;
        }
    }

    /// Erases columns `from` to before `to`.
    pub(crate) fn erase(&mut self, from: usize, to: usize, blank: Cell) {
        self.make_room(from, to);
        if blank.is_blank() && to >= self.glyphs.len() {
            self.truncate(from);
            return;
        }
        self.extend_to(to);
        self.glyphs[from..to].fill(blank.glyph);
        self.draw(from, to, blank.pen);
    }

    /// Moves what is at and after the column to the right; what leaves the width is gone.
    pub(crate) fn insert(&mut self, column: usize, count: usize, blank: Cell, columns: usize) {
        self.part(column);
        let count = count.min(columns - column);
        if self.glyphs.len() > column || !blank.is_blank() {
            self.extend_to(column);
            self.glyphs.splice(column..column, std::iter::repeat_n(blank.glyph, count));
            if self.pens.len() > column {
                self.pens.splice(column..column, std::iter::repeat_n(blank.pen, count));
            } else {
                self.draw(column, column + count, blank.pen);
            }
        }
        self.cut(columns);
    }

    /// Takes columns out; what follows moves to the left, and blanks come in at the end.
    pub(crate) fn delete(&mut self, column: usize, count: usize, blank: Cell, columns: usize) {
        let count = count.min(columns - column);
        self.part(column);
        self.part(column + count);
        if !blank.is_blank() {
            self.extend_to(columns);
        }
        let end = self.glyphs.len().min(column + count);
        if end > column {
            self.glyphs.drain(column..end);
            let drawn = self.pens.len();
            self.pens.drain(column.min(drawn)..end.min(drawn));
        }
        if !blank.is_blank() {
            let left = self.glyphs.len();
            self.glyphs.resize(columns, blank.glyph);
            self.draw(left, columns, blank.pen);
        }
    }

    /// Cuts what is beyond the width, or nothing.
    pub(crate) fn cut(&mut self, columns: usize) {
        if self.glyphs.len() > columns {
            self.part(columns);
            self.truncate(columns);
        }
    }

    /// Gives columns, all of which have glyphs, a pen.
    fn draw(&mut self, from: usize, to: usize, pen: Pen) {
        let drawn = self.pens.len();
        if pen == Pen::default() {
            if to >= drawn {
                self.pens.truncate(from);
            } else {
                self.pens[from..to].fill(pen);
            }
            return;
        }
        if drawn < from {
            self.pens.resize(from, Pen::default());
        }
        let over = self.pens.len().min(to);
        self.pens[from..over].fill(pen);
        if over < to {
            self.pens.resize(to, pen);
        }
    }

    fn truncate(&mut self, columns: usize) {
        self.glyphs.truncate(columns);
        self.pens.truncate(columns);
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
        if self.glyphs.get(column).is_some_and(|glyph| glyph.is_spacer()) {
            self.glyphs[column - 1..=column].fill(Glyph::SPACE);
        }
    }

    fn set(&mut self, column: usize, glyph: Glyph) {
        match self.glyphs.get_mut(column) {
            Some(place) => *place = glyph,
            None => self.glyphs.push(glyph),
        }
    }

    fn extend_to(&mut self, len: usize) {
        if self.glyphs.len() < len {
            self.glyphs.resize(len, Glyph::SPACE);
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
        row.cells().filter_map(|cell| cell.glyph.character()).collect()
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
        assert_eq!(row.len(), 2);
    }
}
