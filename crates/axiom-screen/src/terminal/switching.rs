//! Switches, and the change between the two pages.

use super::{Page, Terminal};
use crate::cursor::Cursor;
use crate::grid::Band;
use crate::mode::{Mode, Mouse, MouseEncoding};
use crate::parser::Params;

impl Terminal {
    pub(super) fn set_modes(&mut self, params: &Params, on: bool) {
        for number in numbers(params) {
            if let Some(mode) = Mode::of(number, false) {
                self.modes.set(mode, on);
            }
        }
    }

    pub(super) fn set_private_modes(&mut self, params: &Params, on: bool) {
        for number in numbers(params) {
            self.set_private_mode(number, on);
        }
    }

    fn set_private_mode(&mut self, number: u16, on: bool) {
        if let Some(mode) = Mode::of(number, true) {
            self.switch(mode, on);
        } else if let Some(mouse) = Mouse::of(number) {
            self.mouse = if on { mouse } else { Mouse::Off };
        } else if let Some(encoding) = MouseEncoding::of(number) {
            self.mouse_encoding = if on { encoding } else { MouseEncoding::Bytes };
        } else {
            match number {
                12 => self.cursor_style.blinking = Some(on),
                47 | 1047 => self.switch_page(on),
                1048 if on => self.save_cursor(),
                1048 => self.restore_cursor(),
                1049 => self.switch_page_and_cursor(on),
                _ => {}
            }
        }
    }

    fn switch(&mut self, mode: Mode, on: bool) {
        self.modes.set(mode, on);
        match mode {
            Mode::Origin => self.go_to(0, 0),
            Mode::Wrap if !on && self.cursor.pending_wrap => self.leave(),
            Mode::ReverseScreen => self.changes.touch_rows(0, self.rows()),
            Mode::Insert
            | Mode::NewLine
            | Mode::CursorKeys
            | Mode::Wrap
            | Mode::Keypad
            | Mode::CursorShown
            | Mode::AlternateScroll
            | Mode::Focus
            | Mode::Paste
            | Mode::Synchronized => {}
        }
    }

    /// 47 and 1047: the cursor stays where it is. The alternate page begins empty, whatever was on it before: what a
    /// program left there is nobody's picture.
    pub(super) fn switch_page(&mut self, alternate: bool) {
        if self.on_alternate != alternate {
            self.alternate = Page::new(self.size, 0);
            self.on_alternate = alternate;
            self.note_page();
            self.leave();
            self.changes.touch_rows(0, self.rows());
        }
    }

    /// 1049: the cursor is saved before, and restored after; as in xterm also if the page does not change, but only to
    /// what was saved.
    fn switch_page_and_cursor(&mut self, alternate: bool) {
        if alternate && !self.on_alternate {
            self.save_cursor();
            self.switch_page(true);
            self.erase_display(2);
        } else if !alternate {
            let was_saved = self.on_alternate || self.primary.saved != Cursor::default();
            self.switch_page(false);
            if was_saved {
                self.restore_cursor();
            }
        }
    }

    /// What DECRQM is told of a switch: 1 on, 2 off, 0 not known.
    pub(crate) fn told_mode(&self, number: u16, private: bool) -> u8 {
        let known = if let Some(mode) = Mode::of(number, private) {
            Some(self.modes.has(mode))
        } else if !private {
            None
        } else if let Some(mouse) = Mouse::of(number) {
            Some(self.mouse == mouse)
        } else if let Some(encoding) = MouseEncoding::of(number) {
            Some(self.mouse_encoding == encoding)
        } else {
            match number {
                12 => Some(self.cursor_style.blinking == Some(true)),
                47 | 1047 | 1049 => Some(self.on_alternate),
                _ => None,
            }
        };
        match known {
            Some(true) => 1,
            Some(false) => 2,
            None => 0,
        }
    }

    /// The whole screen as a region.
    pub(crate) fn whole(&self) -> Band {
        Band { top: 0, bottom: self.rows() - 1 }
    }
}

fn numbers(params: &Params) -> impl Iterator<Item = u16> {
    (0..params.len()).filter_map(|index| params.at(index))
}
