//! A screen as bytes: fed into a fresh terminal of the same size they give the same picture, cursor and modes, and
//! whatever follows has the same effect on both. Uses only sequences that terminals agree about, so that a viewer's own
//! terminal shows it too. Left out: rows that scrolled off, an open synchronized update, and the bell.

mod ink;
mod picture;
#[cfg(test)]
mod tests;

use crate::charset::Charset;
use crate::cursor::Cursor;
use crate::mode::{Mode, Mouse, MouseEncoding};
use crate::screen::Screen;
use crate::terminal::{Page, Terminal};

use ink::Ink;
pub(crate) use ink::write_style;

/// Brings a viewer's terminal back from whatever a task's output switched on, and leaves what it shows: pen, sets,
/// margins, tab stops, modes, keyboard and mouse as they began, on the primary page. The title stays.
pub const RESET: &[u8] =
    b"\x1b[=0;1u\x1b[?47l\x1b[?1049l\x1b[=0;1u\x1b[>4;0m\x1b[!p\x1b[?7h\x1b[4l\x1b[20l\x1b[r\
\x1b[?1l\x1b[?5l\x1b[?6l\x1b[?9l\x1b[?66l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\
\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?2026l\
\x1b[?1007h\x1b[?25h\x1b>\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[0 q\x1b]8;;\x1b\\\x1b[m\x1b[?5W";

impl Screen {
    /// Bytes that draw this screen in a fresh terminal of the same size. If the output ended inside a sequence, so do
    /// they.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let mut dump = Dump { terminal: &self.terminal, bytes: Vec::new(), ink: Ink::default() };
        dump.write();
        dump.bytes.extend(self.parser.unfinished());
        dump.bytes
    }
}

/// A dump that is being written, and what the terminal that reads it is left with so far.
struct Dump<'a> {
    terminal: &'a Terminal,
    bytes: Vec<u8>,
    ink: Ink,
}

impl Dump<'_> {
    fn write(&mut self) {
        let terminal = self.terminal;
        terminal.title.write(&mut self.bytes);
        if let Some(mark) = terminal.mark {
            mark.write(&mut self.bytes);
        }
        self.page(&terminal.primary);
        if terminal.on_alternate {
            self.saved(&terminal.primary, "\x1b[?1049h");
            self.page(&terminal.alternate);
        }
        if terminal.page().saved != Cursor::default() {
            self.saved(terminal.page(), "\x1b7");
        }
        self.tabs();
        if terminal.region != terminal.whole() {
            let (top, bottom) = (terminal.region.top + 1, terminal.region.bottom + 1);
            self.say(&format!("\x1b[{top};{bottom}r"));
        }
        self.cursor();
        self.switches();
    }

    fn say(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A page's picture and its keyboard's flags.
    fn page(&mut self, page: &Page) {
        self.ink.change(Default::default(), self.terminal, &mut self.bytes);
        self.say("\x1b[H\x1b[2J");
        self.picture(&page.grid);
        let stack = page.keys.stack();
        if stack[0] != 0 {
            self.say(&format!("\x1b[={};1u", stack[0]));
        }
        for flags in &stack[1..] {
            self.say(&format!("\x1b[>{flags}u"));
        }
    }

    /// Puts the cursor where a page's saved one is, has it saved, and takes back what that switched on.
    fn saved(&mut self, page: &Page, save: &str) {
        let saved = &page.saved;
        if saved.origin {
            self.say("\x1b[?6h");
        }
        self.go(saved.row, saved.column);
        if saved.pending_wrap {
            self.print_again(page, saved);
        }
        self.hand(saved);
        self.say(save);
        if saved.origin {
            self.say("\x1b[?6l");
        }
        self.take_back(saved);
    }

    /// The cursor as it is, counting rows as the program does.
    fn cursor(&mut self) {
        let cursor = &self.terminal.cursor;
        let (row, column) = self.terminal.told_place();
        if self.terminal.modes.has(Mode::Origin) {
            self.say("\x1b[?6h");
        }
        self.go(row - 1, column - 1);
        if cursor.pending_wrap || self.terminal.after.is_some() {
            self.print_again(self.terminal.page(), cursor);
        }
        self.hand(cursor);
    }

    fn go(&mut self, row: usize, column: usize) {
        self.say(&format!("\x1b[{};{}H", row + 1, column + 1));
    }

    /// Writes the glyph before the cursor once more, so that the terminal knows that it was just printed: the next
    /// character may begin a new row, or repeat it.
    fn print_again(&mut self, page: &Page, cursor: &Cursor) {
        let row = page.grid.row(cursor.row);
        let before = cursor.column.checked_sub(1);
        let Some(mut column) = (if cursor.pending_wrap { Some(cursor.column) } else { before })
        else {
            return;
        };
        let mut back = cursor.column - column;
        if row.cell(column).glyph.is_spacer() && column > 0 {
            column -= 1;
            back += 1;
        }
        if back > 0 {
            self.say(&format!("\x1b[{back}D"));
        }
        let cell = row.cell(column);
        self.ink.change(cell.pen, self.terminal, &mut self.bytes);
        let mut text = String::new();
        self.terminal.write_glyph(cell.glyph, &mut text);
        self.say(&text);
    }

    /// The pen and the character sets.
    fn hand(&mut self, cursor: &Cursor) {
        self.ink.change(cursor.pen, self.terminal, &mut self.bytes);
        for (set, designator) in cursor.charsets.sets.iter().zip(b"()*+") {
            if *set != Charset::Ascii {
                self.bytes.extend_from_slice(&[0x1b, *designator, set.last()]);
            }
        }
        self.shift(cursor.charsets.shifted);
        match cursor.charsets.single {
            Some(2) => self.say("\x1bN"),
            Some(_) => self.say("\x1bO"),
            None => {}
        }
    }

    fn shift(&mut self, set: u8) {
        self.say(match set {
            1 => "\x0e",
            2 => "\x1bn",
            3 => "\x1bo",
            _ => "",
        });
    }

    /// Undoes what [`Self::hand`] did to the character sets; the pen is changed where it is next used.
    fn take_back(&mut self, cursor: &Cursor) {
        for (set, designator) in cursor.charsets.sets.iter().zip(b"()*+") {
            if *set != Charset::Ascii {
                self.bytes.extend_from_slice(&[0x1b, *designator, b'B']);
            }
        }
        if cursor.charsets.shifted != 0 {
            self.say("\x0f");
        }
    }

    fn tabs(&mut self) {
        let tabs = &self.terminal.tabs;
        if *tabs == crate::tabs::Tabs::new(self.terminal.columns()) {
            return;
        }
        self.say("\x1b[3g");
        for column in tabs.stops() {
            self.say(&format!("\x1b[{}G\x1bH", column + 1));
        }
    }

    /// Everything that is neither picture nor cursor. Comes last: an inserting terminal draws differently.
    fn switches(&mut self) {
        let terminal = self.terminal;
        for mode in Mode::ALL {
            let fresh = crate::mode::Modes::default().has(mode);
            let on = terminal.modes.has(mode);
            if on == fresh || matches!(mode, Mode::Origin | Mode::Synchronized) {
                continue;
            }
            let (number, private) = mode.number();
            let (mark, end) = (if private { "?" } else { "" }, if on { 'h' } else { 'l' });
            self.say(&format!("\x1b[{mark}{number}{end}"));
        }
        if terminal.mouse != Mouse::Off {
            self.say(&format!("\x1b[?{}h", terminal.mouse.number()));
        }
        if terminal.mouse_encoding != MouseEncoding::Bytes {
            self.say(&format!("\x1b[?{}h", terminal.mouse_encoding.number()));
        }
        if terminal.other_keys != 0 {
            self.say(&format!("\x1b[>4;{}m", terminal.other_keys));
        }
        terminal.cursor_style.write(&mut self.bytes);
    }
}
