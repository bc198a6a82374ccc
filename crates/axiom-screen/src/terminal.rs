//! All of a terminal's state, and what each sequence does to it. Parts of the behaviour lie in `terminal/`, by what they
//! change. Follows xterm where it and ECMA-48 differ; every number from outside is clamped before it is used.

mod editing;
mod moving;
mod pen;
mod printing;
mod sequences;
mod strings;
mod switching;
mod tables;

use crate::answers::Answers;
use crate::cell::Cell;
use crate::cursor::{Cursor, CursorStyle};
use crate::grid::{Band, Grid, Position};
use crate::keyboard::KeyFlags;
use crate::link::{LINKS_MAX, Link};
use crate::mark::Mark;
use crate::mode::{Mode, Modes, Mouse, MouseEncoding};
use crate::parser::{Actions, Csi, StringEnd};
use crate::roll::Roll;
use crate::size::Size;
use crate::table::Table;
use crate::tabs::Tabs;
use crate::title::Title;

pub(crate) use tables::CLUSTER_CHARACTERS_MAX;

/// Letters with marks on them that a screen and its history can show at once: about 2 MB at the most.
const CLUSTERS_MAX: usize = 16_384;

/// One of the two pictures that a terminal holds.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) grid: Grid,
    pub(crate) saved: Cursor,
    pub(crate) keys: KeyFlags,
}

impl Page {
    fn new(size: Size, history_rows_max: usize) -> Self {
        let grid = Grid::new(size, history_rows_max);
        Self { grid, saved: Cursor::default(), keys: KeyFlags::default() }
    }
}

/// A terminal.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    pub(crate) size: Size,
    pub(crate) primary: Page,
    pub(crate) alternate: Page,
    pub(crate) on_alternate: bool,
    pub(crate) cursor: Cursor,
    /// The last printed character, while the cursor stands right behind it.
    pub(crate) after: Option<char>,
    pub(crate) region: Band,
    pub(crate) tabs: Tabs,
    pub(crate) modes: Modes,
    pub(crate) mouse: Mouse,
    pub(crate) mouse_encoding: MouseEncoding,
    pub(crate) other_keys: u16,
    pub(crate) cursor_style: CursorStyle,
    pub(crate) title: Title,
    pub(crate) mark: Option<Mark>,
    pub(crate) bells: u64,
    pub(crate) clusters: Table<String>,
    pub(crate) links: Table<Link>,
    pub(crate) changes: Changes,
    /// What left the primary page, where somebody reads it.
    pub(crate) roll: Option<Box<Roll>>,
    history_rows_max: usize,
}

/// What changed, and when: numbers that rise with each fed chunk that changed something.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    revision: u64,
    touched: bool,
    rows: Vec<u64>,
}

impl Changes {
    fn new(height: usize) -> Self {
        Self { revision: 0, touched: false, rows: vec![0; height] }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// True if the row may look different from how it looked at a revision.
    pub(crate) fn is_newer(&self, row: usize, revision: u64) -> bool {
        self.rows.get(row).is_some_and(|changed| *changed > revision)
    }

    fn touch(&mut self) {
        self.touched = true;
    }

    fn touch_row(&mut self, row: usize) {
        self.touched = true;
        self.rows[row] = self.revision + 1;
    }

    fn touch_rows(&mut self, from: usize, to: usize) {
        self.touched = true;
        self.rows[from..to].fill(self.revision + 1);
    }

    /// Ends a chunk.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.touched) {
            self.revision += 1;
        }
    }
}

impl Terminal {
    pub(crate) fn new(size: Size, history_rows_max: usize) -> Self {
        let columns = usize::from(size.columns());
        let rows = usize::from(size.rows());
        Self {
            size,
            primary: Page::new(size, history_rows_max),
            alternate: Page::new(size, 0),
            on_alternate: false,
            cursor: Cursor::default(),
            after: None,
            region: Band { top: 0, bottom: rows - 1 },
            tabs: Tabs::new(columns),
            modes: Modes::default(),
            mouse: Mouse::default(),
            mouse_encoding: MouseEncoding::default(),
            other_keys: 0,
            cursor_style: CursorStyle::default(),
            title: Title::default(),
            mark: None,
            bells: 0,
            clusters: Table::new(CLUSTERS_MAX),
            links: Table::new(LINKS_MAX),
            changes: Changes::new(rows),
            roll: None,
            history_rows_max,
        }
    }

    pub(crate) fn page(&self) -> &Page {
        if self.on_alternate { &self.alternate } else { &self.primary }
    }

    pub(crate) fn page_mut(&mut self) -> &mut Page {
        if self.on_alternate { &mut self.alternate } else { &mut self.primary }
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.page().grid
    }

    fn grid_mut(&mut self) -> &mut Grid {
        &mut self.page_mut().grid
    }

    pub(crate) fn columns(&self) -> usize {
        usize::from(self.size.columns())
    }

    pub(crate) fn rows(&self) -> usize {
        usize::from(self.size.rows())
    }

    fn has(&self, mode: Mode) -> bool {
        self.modes.has(mode)
    }

    /// What erasing leaves now.
    fn blank(&self) -> Cell {
        Cell::erased(self.cursor.pen.style.background)
    }

    /// The cursor no longer stands right behind what was printed.
    fn leave(&mut self) {
        self.cursor.pending_wrap = false;
        self.after = None;
    }

    /// Back to how it began, with nothing on the screen and nothing above it.
    fn reset(&mut self) {
        self.switch_page(false);
        self.note_clear();
        let roll = self.roll.take();
        let fresh = Self::new(self.size, self.history_rows_max);
        let changes = std::mem::replace(&mut self.changes, fresh.changes.clone());
        let (bells, scrolled) = (self.bells, self.primary.grid.scrolled());
        *self = Self { changes, bells, roll, ..fresh };
        self.primary.grid.count_on_from(scrolled);
        self.changes.touch_rows(0, self.rows());
    }

    /// DECSTR: modes, margins, sets and pen as they began; the picture stays.
    fn soft_reset(&mut self) {
        for mode in [Mode::Insert, Mode::Origin, Mode::CursorKeys, Mode::Keypad] {
            self.modes.set(mode, false);
        }
        for mode in [Mode::CursorShown, Mode::Wrap] {
            self.modes.set(mode, true);
        }
        self.region = Band { top: 0, bottom: self.rows() - 1 };
        let Cursor { row, column, .. } = self.cursor;
        self.cursor = Cursor { row, column, ..Cursor::default() };
        self.page_mut().saved = Cursor::default();
        self.after = None;
    }

    /// Changes the size: the primary page reflows, the alternate one is cut; margins are the whole screen again.
    pub(crate) fn resize(&mut self, size: Size) {
        if size == self.size {
            return;
        }
        let saved = self.primary.saved;
        let mut moved = [Position { row: saved.row, column: saved.column }];
        if self.on_alternate {
            self.reflow(|grid| grid.reflow(size, &mut moved[0], &mut []));
            let leaving = self.alternate.grid.resize(size, self.cursor.row);
            self.cursor.row -= leaving;
        } else {
            let mut at = Position { row: self.cursor.row, column: self.cursor.column };
            self.reflow(|grid| grid.reflow(size, &mut at, &mut moved));
            (self.cursor.row, self.cursor.column) = (at.row, at.column);
            self.alternate.grid.resize(size, 0);
        }
        (self.primary.saved.row, self.primary.saved.column) = (moved[0].row, moved[0].column);
        self.size = size;
        let (last_row, last_column) = (self.rows() - 1, self.columns() - 1);
        for cursor in [&mut self.cursor, &mut self.primary.saved, &mut self.alternate.saved] {
            cursor.row = cursor.row.min(last_row);
            if cursor.pending_wrap && cursor.column < last_column {
                cursor.column += 1;
                cursor.pending_wrap = false;
            }
            cursor.column = cursor.column.min(last_column);
        }
        self.look_behind();
        self.region = Band { top: 0, bottom: last_row };
        self.tabs.resize(last_column + 1);
        self.changes.rows.resize(last_row + 1, 0);
        self.changes.touch_rows(0, last_row + 1);
        self.changes.settle();
    }
}

/// A terminal while it is fed, with the place where its answers go.
pub(crate) struct Feeding<'a> {
    pub(crate) terminal: &'a mut Terminal,
    pub(crate) answers: &'a mut Answers,
}

impl Actions for Feeding<'_> {
    fn text(&mut self, run: &[u8]) {
        self.terminal.print_run(run);
    }

    fn character(&mut self, character: char) {
        self.terminal.print(character);
    }

    fn control(&mut self, byte: u8) {
        self.terminal.control(byte);
    }

    fn escape(&mut self, intermediates: &[u8], last: u8) {
        self.terminal.escape(intermediates, last);
    }

    fn csi(&mut self, csi: &Csi) {
        if !self.terminal.answer_csi(csi, self.answers) {
            self.terminal.csi(csi);
        }
    }

    fn osc(&mut self, string: &[u8], end: StringEnd) {
        if !self.answers.colors(string, end) {
            self.terminal.osc(string);
        }
    }

    fn dcs(&mut self, string: &[u8]) {
        self.answers.capabilities(string);
    }

    fn is_full(&self) -> bool {
        self.terminal.roll.as_ref().is_some_and(|roll| roll.is_full())
    }
}
