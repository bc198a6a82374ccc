//! The list of `ESC` and `CSI` sequences that may pass. Whatever asks the terminal something, prints, moves windows, saves
//! modes or is not known is not in it.

use super::Outlet;
use crate::charset::Charset;
use crate::dump::RESET;
use crate::mode::{Mode, Mouse, MouseEncoding};
use crate::parser::{Csi, Params};

/// Greatest number that is passed on: far beyond any screen, and within what every terminal can count.
const NUMBER_MAX: u16 = 9_999;

/// Private modes beside those of the model's own lists: the cursor's blinking, and the pages.
const PAGES_AND_BLINKING: &[u16] = &[12, 47, 1047, 1048, 1049];

impl Outlet<'_> {
    pub(super) fn pass_escape(&mut self, intermediates: &[u8], last: u8) {
        match (intermediates, last) {
            (
                [],
                b'7' | b'8' | b'=' | b'>' | b'D' | b'E' | b'H' | b'M' | b'N' | b'O' | b'n' | b'o',
            ) => {
                self.pass(&[0x1b, last]);
            }
            // A full reset would take the viewer's own lines above the screen with it.
            ([], b'c') => {
                self.pass(RESET);
                self.pass(b"\x1b[H\x1b[2J");
            }
            ([b'#'], b'8') => self.pass(b"\x1b#8"),
            ([set @ b'('..=b'+'], _) => self.pass(&[0x1b, *set, Charset::of(last).last()]),
            _ => {}
        }
    }

    pub(super) fn pass_csi(&mut self, csi: &Csi) {
        let params = &csi.params;
        if params.has_joined() && csi.last != b'm' {
            return;
        }
        match (csi.prefix, csi.intermediates(), csi.last) {
            (0, [], b'h' | b'l') => {
                self.pass_modes(csi, |number| Mode::of(number, false).is_some());
            }
            (b'?', [], b'h' | b'l') => self.pass_modes(csi, is_private_mode),
            (0, [], last) if is_harmless(last, params) => self.write(csi),
            (0, [b'!'], b'p') => self.pass(b"\x1b[!p"),
            (0, [b' '], b'q') | (b'>' | b'<' | b'=', [], b'u') => self.write(csi),
            (b'?', [], b'J' | b'K') if params.or(0, 0) != 3 => self.write(csi),
            (b'?', [], b'W') if params.at(0) == Some(5) => self.pass(b"\x1b[?5W"),
            (b'>', [], b'm') if params.at(0) == Some(4) => self.write(csi),
            _ => {}
        }
    }

    fn pass_modes(&mut self, csi: &Csi, may_pass: impl Fn(u16) -> bool) {
        let params = &csi.params;
        for number in
            (0..params.len()).filter_map(|index| params.at(index)).filter(|n| may_pass(*n))
        {
            let mark = if csi.prefix == b'?' { "?" } else { "" };
            self.pass(format!("\x1b[{mark}{number}{}", char::from(csi.last)).as_bytes());
        }
    }

    /// Writes a sequence anew.
    fn write(&mut self, csi: &Csi) {
        self.pass(b"\x1b[");
        if csi.prefix != 0 {
            self.pass(&[csi.prefix]);
        }
        csi.params.clamped(NUMBER_MAX).write(self.harmless);
        self.pass(csi.intermediates());
        self.pass(&[csi.last]);
    }
}

fn is_private_mode(number: u16) -> bool {
    Mode::of(number, true).is_some()
        || Mouse::of(number).is_some()
        || MouseEncoding::of(number).is_some()
        || PAGES_AND_BLINKING.contains(&number)
}

/// Sequences without prefix or intermediates: text's looks, the cursor's moves, erasing, inserting, scrolling, margins.
fn is_harmless(last: u8, params: &Params) -> bool {
    match last {
        b'@'..=b'I'
        | b'L'
        | b'M'
        | b'P'
        | b'S'
        | b'X'
        | b'Z'
        | b'`'
        | b'a'
        | b'b'
        | b'd'..=b'g'
        | b'm'
        | b'r' => true,
        // What scrolled off above the viewer's screen is the viewer's.
        b'J' | b'K' => params.or(0, 0) != 3,
        b'T' => params.len() <= 1,
        b's' | b'u' => params.is_empty(),
        _ => false,
    }
}
