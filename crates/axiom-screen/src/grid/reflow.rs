//! A new width: rows that were one line before they were wrapped are joined, and wrapped again where the new width asks.
//! The cursor and whatever else is handed in stay at their characters.

use std::collections::VecDeque;

use super::Grid;
use crate::cell::{Cell, Glyph};
use crate::row::Row;
use crate::size::Size;

/// A place on the screen that follows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// A place in the text: which line, how many cells into it, and whether text stands there or beyond.
#[derive(Clone, Copy)]
struct Spot {
    line: usize,
    offset: usize,
}

/// The text of the rows between two hard ends.
#[derive(Default)]
struct Line {
    cells: Vec<Cell>,
}

impl Grid {
    /// Changes the size. `cursor` stays visible; it and `others` are moved with the text that they stand at.
    pub(crate) fn reflow(&mut self, size: Size, cursor: &mut Position, others: &mut [Position]) {
        let (columns, height) = (usize::from(size.columns()), usize::from(size.rows()));
        let bottom = self.height - 1;
        let full = cursor.row == bottom || self.row(bottom).filled() > 0;
        let mut places = vec![Position { row: 0, column: 0 }, *cursor];
        places.extend_from_slice(others);

        let (lines, spots) = self.lines(&places);
        let mut rows = VecDeque::new();
        let mut starts = Vec::with_capacity(lines.len());
        for line in lines {
            starts.push(rows.len());
            wrap(line, columns, &mut rows);
        }
        let found: Vec<Position> =
            spots.iter().map(|spot| place(&rows, &starts, *spot, columns)).collect();

        let lowest = found[1].row;
        let written = rows.iter().rposition(|row| row.filled() > 0).map_or(0, |last| last + 1);
        rows.truncate(written.max(lowest + 1).max(found[0].row + 1));
        let fitting = rows.len().saturating_sub(height);
        let top = if full { fitting } else { found[0].row.max(fitting) }.min(lowest);
        rows.resize_with(top + height, Row::default);
        rows.drain(..top.saturating_sub(self.history_rows_max));
        self.rows = rows;
        (self.columns, self.height) = (columns, height);
        self.row_mut(height - 1).wrapped = false;

        let on_screen = |at: &Position| Position {
            row: at.row.saturating_sub(top).min(height - 1),
            column: at.column,
        };
        *cursor = on_screen(&found[1]);
        for (other, at) in others.iter_mut().zip(&found[2..]) {
            *other = on_screen(at);
        }
    }

    /// The text as lines, and where in it the places are.
    fn lines(&mut self, places: &[Position]) -> (Vec<Line>, Vec<Spot>) {
        let history = self.history_len();
        let mut lines = vec![Line::default()];
        let mut spots = vec![Spot { line: 0, offset: 0 }; places.len()];
        let rows = std::mem::take(&mut self.rows);
        let count = rows.len();
        for (index, row) in rows.iter().enumerate() {
            let at = lines.len() - 1;
            let line = &mut lines[at];
            for (place, spot) in places.iter().zip(&mut spots) {
                if place.row + history == index {
                    *spot = Spot { line: at, offset: line.cells.len() + place.column };
                }
            }
            let wrapped = row.wrapped && index + 1 < count;
            let taken = match rows.get(index + 1).filter(|_| wrapped) {
                Some(next) => row.wrapped_len(next, self.columns),
                None => row.filled(),
            };
            line.cells.extend((0..taken).map(|column| row.cell(column)));
            if !wrapped && index + 1 < count {
                lines.push(Line::default());
            }
        }
        (lines, spots)
    }
}

/// Cuts a line into rows. A wide glyph is not parted: it begins the next row, or is replaced if no row can hold it.
fn wrap(line: Line, columns: usize, rows: &mut VecDeque<Row>) {
    let mut rest = line.cells;
    loop {
        if columns == 1 {
            narrow(&mut rest);
        }
        if rest.len() <= columns {
            rows.push_back(Row::from_cells(&rest, false));
            return;
        }
        let parted = rest[columns].glyph.is_spacer();
        let tail = rest.split_off(if parted { columns - 1 } else { columns });
        rows.push_back(Row::from_cells(&rest, true));
        rest = tail;
    }
}

/// On a screen of one column no wide glyph has room.
fn narrow(cells: &mut Vec<Cell>) {
    cells.retain(|cell| !cell.glyph.is_spacer());
    for cell in cells.iter_mut().filter(|cell| cell.glyph.is_wide()) {
        cell.glyph = Glyph::narrow(char::REPLACEMENT_CHARACTER);
    }
}

/// The row and column of a spot.
fn place(rows: &VecDeque<Row>, starts: &[usize], spot: Spot, columns: usize) -> Position {
    let end = starts.get(spot.line + 1).copied().unwrap_or(rows.len());
    let mut row = starts[spot.line];
    let mut column = spot.offset;
    while row + 1 < end && column >= rows[row].len() {
        column -= rows[row].len();
        row += 1;
    }
    Position { row, column: column.min(columns - 1) }
}
