//! A screen on a viewer's own terminal, kept up to date: from what the terminal shows now to the newest picture, with as few
//! bytes as are needed. Nothing that a task printed is copied: everything is written anew from the model, so nothing in it can
//! act. Between two paintings the terminal has the default pen and no open link.

mod picture;
mod switches;
#[cfg(test)]
mod tests;

use crate::dump::write_style;
use crate::link::LINK_END;
use crate::screen::Screen;
use crate::size::Size;
use crate::style::Style;

use picture::{Cell, Picture};
use switches::Switches;

/// Takes a viewer's terminal for a [`Painter`]: its title put aside, the alternate page, no wrapping. [`LEAVE`] gives it back.
pub const ENTER: &[u8] = b"\x1b[22;2t\x1b[?1007s\x1b[?1049h\x1b[?7l\x1b[m\x1b[H\x1b[2J";

/// Gives a viewer's terminal back as it was before [`ENTER`], whatever was painted, and also in the middle of a painting.
pub const LEAVE: &[u8] = b"\x18\x1b[?2026l\x1b]8;;\x1b\\\x1b[m\x1b[=0;1u\x1b[>4;0m\x1b[?1l\x1b>\
\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\
\x1b[?2004l\x1b[?5l\x1b[?7h\x1b[?1007h\x1b[?1007r\x1b[0 q\x1b[?25h\x1b[?1049l\x1b[23;2t";

/// Cells that did not change and are written again, because to step over them takes as many bytes.
const GAP_MIN: usize = 4;

/// What a viewer's keyboard and mouse are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The task: keys and mouse come in the forms that it asked for.
    Task,
    /// Nobody but us: keys come in their plainest form, and the wheel as cursor keys.
    Ours,
    /// Nobody: the same, and the wheel does nothing.
    None,
}

/// What is to be seen.
#[derive(Debug, Clone, Copy)]
pub struct Painting<'a> {
    /// The task's screen.
    pub screen: &'a Screen,
    /// The viewer's terminal.
    pub room: Size,
    /// One line over the last row, if there is something to say. Its controls are left out.
    pub note: Option<&'a str>,
    /// What keyboard and mouse are for.
    pub input: Input,
}

/// A viewer's terminal as it is now.
#[derive(Debug, Clone, Default)]
pub struct Painter {
    /// Nothing after it was taken, or when it was changed by others.
    shown: Option<Picture>,
    /// Buffers of the painting before.
    spare: Picture,
    switches: Switches,
    place: Place,
    bells: Option<u64>,
}

/// The part of a screen that is seen where the viewer's terminal is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The first row that is seen, from 0.
    pub top: u16,
    /// The first column that is seen, from 0.
    pub left: u16,
}

impl Painter {
    /// For a terminal that was just taken with [`ENTER`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The terminal was resized, or shows what others wrote: the next painting writes all of it.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// Where in the screen the viewer's first cell lies.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Appends what brings the terminal to the picture; nothing if it shows it already.
    pub fn paint(&mut self, what: &Painting<'_>, bytes: &mut Vec<u8>) {
        self.place = self.place.following(what);
        let mut picture = std::mem::take(&mut self.spare);
        picture.compose(what, self.place);
        let switches = Switches::of(what, self.place);
        let mut brush = Brush::default();
        let shown = match self.shown.take() {
            Some(shown) if shown.size == picture.size => shown,
            Some(_) | None => {
                brush.say("\x1b[m\x1b[H\x1b[2J");
                self.switches.forget_cursor();
                Picture::blank(picture.size)
            }
        };
        brush.picture(shown, &picture);
        let bells = what.screen.bells();
        // Pages of our own ring no bell.
        if what.input != Input::Ours
            && self.bells.replace(bells).is_some_and(|before| before < bells)
        {
            brush.bytes.push(0x07);
        }
        let drawn = brush.finish();
        let mut switched = Vec::new();
        self.switches.change(&switches, !drawn.is_empty(), &mut switched);
        if !drawn.is_empty() || !switched.is_empty() {
            bytes.extend_from_slice(b"\x1b[?2026h");
            if !drawn.is_empty() && switches.is_cursor_shown() {
                bytes.extend_from_slice(b"\x1b[?25l");
            }
            bytes.extend_from_slice(&drawn);
            bytes.extend_from_slice(&switched);
            bytes.extend_from_slice(b"\x1b[?2026l");
        }
        self.spare = self.shown.replace(picture).unwrap_or_default();
    }
}

impl Place {
    /// The part that has the cursor in it, moved as little as that needs.
    fn following(self, what: &Painting<'_>) -> Self {
        let (screen, cursor) = (what.screen.size(), &what.screen.terminal.cursor);
        let along = |first: u16, cursor: usize, seen: u16, all: u16| {
            let cursor = u16::try_from(cursor).unwrap_or(u16::MAX);
            let least = (cursor + 1).saturating_sub(seen);
            first.clamp(least, cursor.max(least)).min(all.saturating_sub(seen))
        };
        Self {
            top: along(self.top, cursor.row, what.room.rows(), screen.rows()),
            left: along(self.left, cursor.column, what.room.columns(), screen.columns()),
        }
    }
}

/// Writes, and knows the terminal's pen.
#[derive(Debug, Default)]
struct Brush {
    bytes: Vec<u8>,
    style: Style,
    link: Option<std::sync::Arc<str>>,
}

impl Brush {
    fn say(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn go(&mut self, row: usize, column: usize) {
        self.say(&format!("\x1b[{};{}H", row + 1, column + 1));
    }

    fn picture(&mut self, mut shown: Picture, picture: &Picture) {
        let up = picture.moved_up(&shown);
        if up > 0 {
            self.say(&format!("\x1b[{up}S"));
            shown.move_up(up);
        }
        for row in 0..picture.rows() {
            let (before, now) = (shown.row(row), picture.row(row));
            if before != now {
                self.row(row, before, now);
            }
        }
    }

    fn row(&mut self, row: usize, before: &[Cell], now: &[Cell]) {
        let end = now.iter().rposition(|cell| !cell.is_blank()).map_or(0, |last| last + 1);
        let mut column = 0;
        while let Some(first) = (column..end).find(|column| before[*column] != now[*column]) {
            // Half of a wide glyph is written with its other half.
            let first = if now[first].is_spacer() { first - 1 } else { first };
            let stop = stop_of(before, now, first, end);
            self.go(row, first);
            self.cells(row, first..stop, now);
            column = stop;
        }
        if before[end..] != now[end..] {
            self.pen(&Cell::default());
            self.go(row, end);
            self.say("\x1b[K");
        }
    }

    fn cells(&mut self, row: usize, run: std::ops::Range<usize>, now: &[Cell]) {
        let mut sure = true;
        for column in run.filter(|column| !now[*column].is_spacer()) {
            let cell = &now[column];
            if !sure {
                self.go(row, column);
            }
            self.pen(cell);
            // Marks find the letter at the edge only where the cursor waits behind it.
            let waits = cell.has_marks() && now[column + 1..].iter().all(Cell::is_spacer);
            self.say(if waits { "\x1b[?7h" } else { "" });
            cell.write(&mut self.bytes);
            self.say(if waits { "\x1b[?7l" } else { "" });
            sure = !cell.is_of_doubtful_width();
        }
    }

    fn pen(&mut self, cell: &Cell) {
        if cell.style != self.style {
            write_style(cell.style, &mut self.bytes);
            self.style = cell.style;
        }
        if cell.link != self.link {
            match &cell.link {
                Some(address) => self.say(&format!("\x1b]8;;{address}\x1b\\")),
                None => self.bytes.extend_from_slice(LINK_END),
            }
            self.link = cell.link.clone();
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.pen(&Cell::default());
        self.bytes
    }
}

/// Where a run of cells to be written ends: before a gap that is worth stepping over.
fn stop_of(before: &[Cell], now: &[Cell], first: usize, end: usize) -> usize {
    let mut stop = first + 1;
    let mut same = 0;
    for column in first + 1..end {
        if before[column] == now[column] && !now[column].is_spacer() {
            same += 1;
        } else {
            stop = column + 1;
            same = 0;
        }
        if same >= GAP_MIN {
            break;
        }
    }
    stop
}
