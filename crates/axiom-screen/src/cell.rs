//! One place of the grid: a glyph and the pen that wrote it, 20 bytes, copied freely.
//! What does not fit (marks on a letter, addresses of links) lies in tables and is named here by number.

use crate::color::Color;
use crate::style::Style;

/// A style and a link: what the next character is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pen {
    pub(crate) style: Style,
    /// A number in the table of links; 0 is none.
    pub(crate) link: u16,
}

/// A character, a cluster by its number, and how much room it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glyph(u32);

const CLUSTER: u32 = 1 << 31;
const WIDE: u32 = 1 << 30;
const SPACER: u32 = 1 << 29;
const VALUE: u32 = (1 << 24) - 1;

impl Glyph {
    pub(crate) const SPACE: Self = Self(b' ' as u32);
    /// The right half of a wide glyph.
    pub(crate) const SPACER: Self = Self(SPACER | b' ' as u32);

    pub(crate) const fn ascii(byte: u8) -> Self {
        Self(byte as u32)
    }

    pub(crate) fn narrow(character: char) -> Self {
        Self(u32::from(character))
    }

    pub(crate) fn wide(character: char) -> Self {
        Self(u32::from(character) | WIDE)
    }

    /// The same room, but a cluster's text.
    pub(crate) fn with_cluster(self, cluster: u32) -> Self {
        Self(self.0 & WIDE | CLUSTER | cluster & VALUE)
    }

    pub(crate) const fn is_wide(self) -> bool {
        self.0 & WIDE != 0
    }

    pub(crate) const fn is_spacer(self) -> bool {
        self.0 & SPACER != 0
    }

    /// The number of the cluster, if it is one.
    pub(crate) fn cluster(self) -> Option<u32> {
        (self.0 & CLUSTER != 0).then_some(self.0 & VALUE)
    }

    /// The character, if it is one of ASCII.
    pub(crate) const fn as_ascii(self) -> Option<u8> {
        if self.0 < 0x80 { Some(self.0.to_le_bytes()[0]) } else { None }
    }

    /// The character, if it is one of one column without marks.
    pub(crate) fn plain(self) -> Option<char> {
        if self.0 & !VALUE == 0 { char::from_u32(self.0) } else { None }
    }

    /// The character, if it is a single one. A spacer is a space.
    pub(crate) fn character(self) -> Option<char> {
        if self.0 & CLUSTER != 0 { None } else { char::from_u32(self.0 & VALUE) }
    }
}

/// One place of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) glyph: Glyph,
    pub(crate) pen: Pen,
}

impl Default for Cell {
    fn default() -> Self {
        Self { glyph: Glyph::SPACE, pen: Pen::default() }
    }
}

impl Cell {
    /// What erasing leaves: nothing but the background.
    pub(crate) fn erased(background: Color) -> Self {
        let style = Style { background, ..Style::default() };
        Self { glyph: Glyph::SPACE, pen: Pen { style, link: 0 } }
    }

    pub(crate) fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_takes_twenty_bytes_or_a_little_more() {
        assert!(size_of::<Cell>() <= 24, "{}", size_of::<Cell>());
    }
}
