//! What OSC strings do: titles, links, a shell's marks. All others are passed over.

use super::Terminal;
use crate::link::Link;
use crate::mark::Mark;

impl Terminal {
    pub(super) fn osc(&mut self, string: &[u8]) {
        let split = string.iter().position(|byte| *byte == b';').unwrap_or(string.len());
        let (number, rest) = string.split_at(split);
        let rest = rest.get(1..).unwrap_or_default();
        match number {
            b"0" | b"2" => {
                self.title.set(rest);
                self.changes.touch();
            }
            b"8" => {
                self.cursor.pen.link = Link::read(rest).map_or(0, |link| self.link_number(&link))
            }
            b"133" => {
                if let Some(mark) = Mark::read(rest) {
                    self.mark = Some(mark);
                    self.changes.touch();
                }
            }
            _ => {}
        }
    }
}
