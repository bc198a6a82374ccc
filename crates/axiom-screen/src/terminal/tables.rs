//! The tables beside the grid: marks on letters, and links. Looks which entries are still on a page when one is full.

use super::Terminal;
use crate::cell::Glyph;
use crate::link::Link;
use crate::row::Row;
use crate::table::Moved;

/// Most characters of a letter with its marks: more are dropped. Real scripts and emoji stay far below.
pub(crate) const CLUSTER_CHARACTERS_MAX: usize = 10;

impl Terminal {
    /// The text of a glyph, appended.
    pub(crate) fn write_glyph(&self, glyph: Glyph, text: &mut String) {
        match glyph.cluster() {
            Some(number) => {
                text.push_str(self.clusters.value(number).map_or(" ", String::as_str));
            }
            None => text.push(glyph.character().unwrap_or(' ')),
        }
    }

    /// The same glyph with one more mark; nothing if it has enough of them.
    pub(super) fn marked(&mut self, glyph: Glyph, mark: char) -> Option<Glyph> {
        let mut text = String::new();
        self.write_glyph(glyph, &mut text);
        text.push(mark);
        if text.chars().count() > CLUSTER_CHARACTERS_MAX {
            return None;
        }
        let mut number = self.clusters.number(&text);
        if number.is_none() && self.clusters.wants_sweep() {
            self.sweep_clusters();
            number = self.clusters.number(&text);
        }
        number.map(|number| glyph.with_cluster(number))
    }

    /// The number of a link; 0 if there is no room for it.
    pub(super) fn link_number(&mut self, link: &Link) -> u16 {
        let mut number = self.links.number(link);
        if number.is_none() && self.links.wants_sweep() {
            self.sweep_links();
            number = self.links.number(link);
        }
        number.and_then(|number| u16::try_from(number).ok()).unwrap_or(0)
    }

    fn sweep_clusters(&mut self) {
        let mut used = vec![false; self.clusters.len() + 1];
        let rows = self.primary.grid.all_rows().chain(self.alternate.grid.all_rows());
        for number in rows.flat_map(Row::glyphs).filter_map(|glyph| glyph.cluster()) {
            used[number as usize] = true;
        }
        let moved = self.clusters.sweep(&used);
        for glyph in self.all_rows_mut().flat_map(Row::glyphs_mut) {
            if let Some(number) = glyph.cluster() {
                *glyph = glyph.with_cluster(moved.of(number));
            }
        }
    }

    fn sweep_links(&mut self) {
        let mut used = vec![false; self.links.len() + 1];
        let rows = self.primary.grid.all_rows().chain(self.alternate.grid.all_rows());
        for pen in rows.flat_map(Row::pens) {
            used[usize::from(pen.link)] = true;
        }
        for cursor in [&self.cursor, &self.primary.saved, &self.alternate.saved] {
            used[usize::from(cursor.pen.link)] = true;
        }
        let moved = self.links.sweep(&used);
        for pen in self.all_rows_mut().flat_map(Row::pens_mut) {
            renumber(&mut pen.link, &moved);
        }
        for cursor in [&mut self.cursor, &mut self.primary.saved, &mut self.alternate.saved] {
            renumber(&mut cursor.pen.link, &moved);
        }
    }

    fn all_rows_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.primary.grid.all_rows_mut().chain(self.alternate.grid.all_rows_mut())
    }
}

fn renumber(link: &mut u16, moved: &Moved) {
    *link = u16::try_from(moved.of(u32::from(*link))).unwrap_or(0);
}
