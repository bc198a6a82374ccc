//! Which sequence does what: C0 controls, `ESC`, `CSI`. What is not named here does nothing.

use super::Terminal;
use crate::charset::Charset;
use crate::cursor::CursorStyle;
use crate::mode::Mode;
use crate::parser::{Csi, Params};

impl Terminal {
    pub(super) fn control(&mut self, byte: u8) {
        self.changes.touch();
        match byte {
            0x07 => self.bells += 1,
            0x08 => self.left(1),
            0x09 => self.tab(1),
            0x0a..=0x0c => self.line_feed(),
            0x0d => self.go_to_column(0),
            0x0e => self.cursor.charsets.shifted = 1,
            0x0f => self.cursor.charsets.shifted = 0,
            _ => {}
        }
    }

    pub(super) fn escape(&mut self, intermediates: &[u8], last: u8) {
        self.changes.touch();
        match (intermediates, last) {
            ([], _) => self.plain_escape(last),
            ([b'#'], b'8') => self.align(),
            ([set @ b'('..=b'+'], _) => {
                self.cursor.charsets.sets[usize::from(set - b'(')] = Charset::of(last);
            }
            _ => {}
        }
    }

    fn plain_escape(&mut self, last: u8) {
        match last {
            b'7' => self.save_cursor(),
            b'8' => self.restore_cursor(),
            b'=' => self.modes.set(Mode::Keypad, true),
            b'>' => self.modes.set(Mode::Keypad, false),
            b'D' => self.index(),
            b'E' => {
                self.index();
                self.cursor.column = 0;
            }
            b'H' => self.tabs.set(self.cursor.column, true),
            b'M' => self.reverse_index(),
            b'N' => self.cursor.charsets.single = Some(2),
            b'O' => self.cursor.charsets.single = Some(3),
            b'c' => self.reset(),
            b'n' => self.cursor.charsets.shifted = 2,
            b'o' => self.cursor.charsets.shifted = 3,
            _ => {}
        }
    }

    pub(super) fn csi(&mut self, csi: &Csi) {
        self.changes.touch();
        let params = &csi.params;
        if params.has_joined() && csi.last != b'm' {
            return;
        }
        match (csi.prefix, csi.intermediates(), csi.last) {
            (0, [], b'm') => self.select_graphics(params),
            (0, [], b'A'..=b'I' | b'Z' | b'`' | b'a' | b'd'..=b'g') => self.move_by(csi),
            (0, [], _) => self.edit_by(csi),
            (b'?', [], b'h') => self.set_private_modes(params, true),
            (b'?', [], b'l') => self.set_private_modes(params, false),
            (b'?', [], b'J') => self.erase_display(params.or(0, 0)),
            (b'?', [], b'K') => self.erase_line(params.or(0, 0)),
            (b'?', [], b'W') if params.at(0) == Some(5) => self.usual_tabs(),
            (b'>', [], b'm') if params.at(0) == Some(4) => {
                self.other_keys = params.or(1, 0).min(3);
            }
            (b'>', [], b'u') => self.page_mut().keys.push(params.or(0, 0)),
            (b'<', [], b'u') => self.page_mut().keys.pop(params.or(0, 1)),
            (b'=', [], b'u') => self.page_mut().keys.set(params.or(0, 0), params.or(1, 1)),
            (0, [b'!'], b'p') => self.soft_reset(),
            (0, [b' '], b'q') => {
                if let Some(style) = CursorStyle::of(params.or(0, 0)) {
                    self.cursor_style = style;
                }
            }
            _ => {}
        }
    }

    /// What moves the cursor, and tab stops.
    fn move_by(&mut self, csi: &Csi) {
        let params = &csi.params;
        let count = count(params, 0);
        match csi.last {
            b'A' => self.up(count),
            b'B' => self.down(count),
            b'C' | b'a' => self.right(count),
            b'D' => self.left(count),
            b'E' => {
                self.down(count);
                self.go_to_column(0);
            }
            b'F' => {
                self.up(count);
                self.go_to_column(0);
            }
            b'G' | b'`' => self.go_to_column(count - 1),
            b'H' | b'f' => self.go_to(count - 1, self::count(params, 1) - 1),
            b'I' => self.tab(count),
            b'Z' => self.tab_back(count),
            b'd' => self.go_to_row(count - 1),
            b'e' => self.go_to_row(self.told_place().0 - 1 + count),
            b'g' => match params.or(0, 0) {
                0 => self.tabs.set(self.cursor.column, false),
                3 => self.tabs.clear(),
                _ => {}
            },
            _ => {}
        }
    }

    /// What changes the picture, margins and switches.
    fn edit_by(&mut self, csi: &Csi) {
        let params = &csi.params;
        let count = count(params, 0);
        match csi.last {
            b'@' => self.insert_characters(count),
            b'J' => self.erase_display(params.or(0, 0)),
            b'K' => self.erase_line(params.or(0, 0)),
            b'L' => self.insert_lines(count),
            b'M' => self.delete_lines(count),
            b'P' => self.delete_characters(count),
            b'S' => {
                self.scroll_up(self.region, count);
                self.look_behind();
            }
            b'T' if params.len() <= 1 => {
                self.scroll_down(self.region, count);
                self.look_behind();
            }
            b'X' => self.erase_characters(count),
            b'b' => self.repeat(count),
            b'h' => self.set_modes(params, true),
            b'l' => self.set_modes(params, false),
            b'r' => self.set_region(count, usize::from(params.or(1, u16::MAX))),
            b's' if params.is_empty() => self.save_cursor(),
            b't' => self.title_aside(params),
            b'u' if params.is_empty() => self.restore_cursor(),
            _ => {}
        }
    }

    fn usual_tabs(&mut self) {
        self.tabs = crate::tabs::Tabs::new(self.columns());
    }

    /// CSI 22 t and 23 t for the window's title; an icon's name (1) is not kept.
    fn title_aside(&mut self, params: &Params) {
        match (params.or(0, 0), params.or(1, 0)) {
            (22, 0 | 2) => self.title.put_aside(),
            (23, 0 | 2) => self.title.take_back(),
            _ => {}
        }
    }
}

/// A count, at least 1.
fn count(params: &Params, index: usize) -> usize {
    usize::from(params.or(index, 1))
}
