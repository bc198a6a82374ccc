//! What a viewer's terminal shows, cell by cell. Composed from a screen: the part that is seen, dots where the terminal is
//! larger, a note over the last row.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

use super::{Painting, Place};
use crate::cell::Pen;
use crate::sanitizer::leads_somewhere_harmless;
use crate::size::Size;
use crate::style::{Attributes, Style};
use crate::terminal::Terminal;
use crate::unseen::is_unseen;

/// What stands where the task's screen is not.
const BEYOND: char = '.';

/// Rows must have moved by less than this part of the screen, else they are written anew.
const MOVED_PART: usize = 2;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Glyph {
    One(char),
    /// A letter with marks on it.
    Cluster(Arc<str>),
    /// The right half of a wide glyph.
    Spacer,
}

/// One place of a viewer's terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    glyph: Glyph,
    pub(super) style: Style,
    pub(super) link: Option<Arc<str>>,
}

impl Default for Cell {
    fn default() -> Self {
        Self { glyph: Glyph::One(' '), style: Style::default(), link: None }
    }
}

impl Cell {
    fn new(glyph: Glyph, style: Style) -> Self {
        Self { glyph, style, link: None }
    }

    /// As erasing with the default pen leaves it.
    pub(super) fn is_blank(&self) -> bool {
        self.glyph == Glyph::One(' ') && self.style == Style::default() && self.link.is_none()
    }

    pub(super) fn is_spacer(&self) -> bool {
        self.glyph == Glyph::Spacer
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match &self.glyph {
            Glyph::One(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Glyph::Cluster(text) => bytes.extend_from_slice(text.as_bytes()),
            Glyph::Spacer => {}
        }
    }

    pub(super) fn has_marks(&self) -> bool {
        matches!(self.glyph, Glyph::Cluster(_))
    }

    /// True if terminals do not agree about the columns that it takes: marks, emoji, symbols that may be emoji.
    pub(super) fn is_of_doubtful_width(&self) -> bool {
        match &self.glyph {
            Glyph::One(character) => {
                matches!(character, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{2bff}' | '\u{e000}'..='\u{f8ff}' | '\u{1f000}'..)
            }
            Glyph::Cluster(_) => true,
            Glyph::Spacer => false,
        }
    }
}

/// All of a viewer's terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    pub(super) size: Option<Size>,
    cells: Vec<Cell>,
    /// One for each row, so that rows are quickly told apart.
    hashes: Vec<u64>,
}

impl Picture {
    pub(super) fn blank(size: Option<Size>) -> Self {
        let mut picture = Self { size, ..Self::default() };
        picture.cells.resize(picture.columns() * picture.rows(), Cell::default());
        picture.hash();
        picture
    }

    fn columns(&self) -> usize {
        self.size.map_or(0, |size| usize::from(size.columns()))
    }

    pub(super) fn rows(&self) -> usize {
        self.size.map_or(0, |size| usize::from(size.rows()))
    }

    pub(super) fn row(&self, row: usize) -> &[Cell] {
        &self.cells[row * self.columns()..(row + 1) * self.columns()]
    }

    /// Makes it the picture of what is to be seen.
    pub(super) fn compose(&mut self, what: &Painting<'_>, place: Place) {
        self.size = Some(what.room);
        self.cells.clear();
        let terminal = &what.screen.terminal;
        let mut links = Links::default();
        for row in 0..self.rows() {
            let from = self.cells.len();
            let below = usize::from(place.top) + row;
            if below < terminal.rows() {
                self.compose_row(terminal, below, usize::from(place.left), &mut links);
            }
            let style = dim();
            self.cells.resize(from + self.columns(), Cell::new(Glyph::One(BEYOND), style));
        }
        if let Some(note) = what.note {
            self.compose_note(note);
        }
        self.hash();
    }

    fn compose_row(&mut self, terminal: &Terminal, row: usize, left: usize, links: &mut Links) {
        let row = terminal.grid().row(row);
        let right = (left + self.columns()).min(terminal.columns());
        for column in left..right {
            let cell = row.cell(column);
            let cut = cell.glyph.is_spacer() && column == left
                || cell.glyph.is_wide() && column + 1 == right;
            let glyph = if cut {
                Glyph::One(' ')
            } else if cell.glyph.is_spacer() {
                Glyph::Spacer
            } else if let Some(character) = cell.glyph.character() {
                Glyph::One(character)
            } else {
                let mut text = String::new();
                terminal.write_glyph(cell.glyph, &mut text);
                Glyph::Cluster(text.into())
            };
            let link = links.of(cell.pen, terminal);
            self.cells.push(Cell { glyph, style: cell.pen.style, link });
        }
    }

    /// Over the last row, cut at the width.
    fn compose_note(&mut self, note: &str) {
        let columns = self.columns();
        let Some(start) = self.cells.len().checked_sub(columns) else { return };
        let mut style = Style::default();
        style.attributes.set(Attributes::REVERSE, true);
        let row = &mut self.cells[start..];
        row.fill(Cell::new(Glyph::One(' '), style));
        let mut column = 0;
        for character in note.chars().filter(|one| !one.is_control() && !is_unseen(*one)) {
            let width = character.width().unwrap_or(0);
            if width == 0 || column + width > columns {
                continue;
            }
            row[column].glyph = Glyph::One(character);
            if width == 2 {
                row[column + 1].glyph = Glyph::Spacer;
            }
            column += width;
        }
    }

    fn hash(&mut self) {
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        hashes.extend((0..self.rows()).map(|row| {
            let mut hasher = DefaultHasher::new();
            self.row(row).hash(&mut hasher);
            hasher.finish()
        }));
        self.hashes = hashes;
    }

    /// By how many rows what was shown has moved up, if most of it did; else 0.
    pub(super) fn moved_up(&self, shown: &Self) -> usize {
        let rows = self.rows();
        let same = |up: usize| {
            let pairs = self.hashes.iter().zip(&shown.hashes[up..]);
            pairs.filter(|(now, before)| now == before).count()
        };
        let stayed = same(0);
        let best = (1..rows / MOVED_PART).max_by_key(|up| (same(*up), rows - up));
        // A step costs little, but what stays where it was must not move.
        best.filter(|up| same(*up) > stayed + 2).unwrap_or(0)
    }

    /// As the terminal does it: blank rows come in below.
    pub(super) fn move_up(&mut self, up: usize) {
        let columns = self.columns();
        self.cells.drain(..up * columns);
        self.cells.resize(self.rows() * columns, Cell::default());
        self.hash();
    }
}

/// Addresses by the number that cells name them by.
#[derive(Default)]
struct Links(HashMap<u16, Option<Arc<str>>>);

impl Links {
    /// Where a cell leads, if that can be no harm.
    fn of(&mut self, pen: Pen, terminal: &Terminal) -> Option<Arc<str>> {
        if pen.link == 0 {
            return None;
        }
        let address = self.0.entry(pen.link).or_insert_with(|| {
            let link = terminal.links.value(u32::from(pen.link));
            let link = link.filter(|link| leads_somewhere_harmless(link));
            link.map(|link| link.address.as_str().into())
        });
        address.clone()
    }
}

fn dim() -> Style {
    let mut style = Style::default();
    style.attributes.set(Attributes::DIM, true);
    style
}
