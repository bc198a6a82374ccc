//! A screen as rows of text with their looks, for JSON and for people. Everything in it is harmless to print: no control
//! character and no invisible one is among the text.

use crate::cursor::CursorStyle;
use crate::mode::{Mode, Mouse, MouseEncoding};
use crate::row::Row;
use crate::screen::Screen;
use crate::size::Size;
use crate::style::Style;
use crate::terminal::Terminal;

/// A picture of a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its size.
    pub size: Size,
    /// All rows of the screen, from the top.
    pub rows: Vec<ViewRow>,
    /// The cursor.
    pub cursor: ViewCursor,
    /// The window's title.
    pub title: String,
    /// True if this is the alternate page, as full-screen programs use it.
    pub alternate: bool,
    /// True if text and background are exchanged all over.
    pub reversed: bool,
    /// What programs asked of keyboard and mouse.
    pub input: InputModes,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewRow {
    /// Its text, without the blanks after the last character.
    pub text: String,
    /// The looks of its columns, from the left, without those that look like nothing at all.
    pub runs: Vec<Run>,
    /// True if its text goes on in the next row.
    pub wrapped: bool,
}

/// Columns that look the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The first column, from 0.
    pub column: u16,
    /// How many columns.
    pub columns: u16,
    /// How they look.
    pub style: Style,
    /// Where they lead, if they are a link.
    pub link: Option<String>,
}

/// Where the cursor is, and how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewCursor {
    /// From 0, at the top.
    pub row: u16,
    /// From 0, at the left.
    pub column: u16,
    /// Whether it is shown.
    pub shown: bool,
    /// True if it stands behind the last column, and the next character begins a new row.
    pub pending_wrap: bool,
    /// Its shape.
    pub style: CursorStyle,
}

/// What programs asked of keyboard and mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the terminal, and all combine"
)]
pub struct InputModes {
    /// Cursor keys in their application form.
    pub cursor_keys: bool,
    /// The keypad in its application form.
    pub keypad: bool,
    /// Pasted text comes in brackets.
    pub paste: bool,
    /// Focus in and out are told.
    pub focus: bool,
    /// Which events of the mouse are told.
    pub mouse: Mouse,
    /// How they are written.
    pub mouse_encoding: MouseEncoding,
    /// Kitty's keyboard flags in force.
    pub key_flags: u8,
}

impl Screen {
    /// The picture now.
    #[must_use]
    pub fn view(&self) -> View {
        let terminal = &self.terminal;
        let rows = (0..terminal.rows()).map(|row| terminal.view_row(terminal.grid().row(row)));
        View {
            size: terminal.size,
            rows: rows.collect(),
            cursor: terminal.view_cursor(),
            title: terminal.title.text().to_owned(),
            alternate: terminal.on_alternate,
            reversed: terminal.modes.has(Mode::ReverseScreen),
            input: terminal.input_modes(),
        }
    }

    /// One row's text, without the blanks after the last character; empty if there is no such row.
    #[must_use]
    pub fn row_text(&self, row: u16) -> String {
        if row >= self.terminal.size.rows() {
            return String::new();
        }
        self.terminal.row_text(self.terminal.grid().row(usize::from(row)))
    }

    /// The rows that scrolled off the primary page and are still kept, oldest first.
    pub fn history(&self) -> impl Iterator<Item = ViewRow> {
        self.terminal.primary.grid.history().map(|row| self.terminal.view_row(row))
    }
}

impl View {
    /// The rows' text, one line each, without empty ones at the end.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text: String = self.rows.iter().map(|row| format!("{}\n", row.text)).collect();
        text.truncate(text.trim_end_matches('\n').len());
        text
    }
}

impl Terminal {
    fn row_text(&self, row: &Row) -> String {
        let mut text = String::new();
        for glyph in row.glyphs().iter().filter(|glyph| !glyph.is_spacer()) {
            self.write_glyph(*glyph, &mut text);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    fn view_row(&self, row: &Row) -> ViewRow {
        let mut runs: Vec<Run> = Vec::new();
        let mut last = None;
        for (column, cell) in row.cells().enumerate() {
            if cell.pen == crate::cell::Pen::default() {
                last = None;
                continue;
            }
            match runs.last_mut() {
                Some(run) if last == Some(cell.pen) => run.columns += 1,
                _ => runs.push(Run {
                    column: narrowed(column),
                    columns: 1,
                    style: cell.pen.style,
                    link: self.address(cell.pen.link),
                }),
            }
            last = Some(cell.pen);
        }
        ViewRow { text: self.row_text(row), runs, wrapped: row.wrapped }
    }

    fn address(&self, link: u16) -> Option<String> {
        self.links.value(u32::from(link)).map(|link| link.address.clone())
    }

    fn view_cursor(&self) -> ViewCursor {
        ViewCursor {
            row: narrowed(self.cursor.row),
            column: narrowed(self.cursor.column),
            shown: self.modes.has(Mode::CursorShown),
            pending_wrap: self.cursor.pending_wrap,
            style: self.cursor_style,
        }
    }

    pub(crate) fn input_modes(&self) -> InputModes {
        InputModes {
            cursor_keys: self.modes.has(Mode::CursorKeys),
            keypad: self.modes.has(Mode::Keypad),
            paste: self.modes.has(Mode::Paste),
            focus: self.modes.has(Mode::Focus),
            mouse: self.mouse,
            mouse_encoding: self.mouse_encoding,
            key_flags: self.page().keys.stack().last().copied().unwrap_or(0),
        }
    }
}

fn narrowed(place: usize) -> u16 {
    u16::try_from(place).expect("a screen has at most 1000 columns and 500 rows")
}
