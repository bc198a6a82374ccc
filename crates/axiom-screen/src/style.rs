//! How a cell looks: two colours, a line under it, and attributes. Shared by the pen and the cells that it wrote.

use crate::color::Color;

/// A set of attributes; each is one bit, but for the underline, which is one of five or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attributes(u16);

/// The kind of line under a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Underline {
    /// No line.
    #[default]
    None,
    /// One straight line.
    Single,
    /// Two lines.
    Double,
    /// A wave.
    Curly,
    /// Dots.
    Dotted,
    /// Dashes.
    Dashed,
}

/// Where the kind of underline lies among the bits.
const UNDERLINE_SHIFT: u16 = 12;

impl Attributes {
    /// Bold.
    pub const BOLD: Self = Self(1);
    /// Dim.
    pub const DIM: Self = Self(1 << 1);
    /// Italic.
    pub const ITALIC: Self = Self(1 << 2);
    /// Blinking.
    pub const BLINK: Self = Self(1 << 3);
    /// Text and background colours exchanged.
    pub const REVERSE: Self = Self(1 << 4);
    /// There, but not to be seen.
    pub const HIDDEN: Self = Self(1 << 5);
    /// Struck through.
    pub const STRIKE: Self = Self(1 << 6);
    /// With a line above.
    pub const OVERLINE: Self = Self(1 << 7);

    /// True if all of the others are set.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The kind of underline.
    #[must_use]
    pub const fn underline(self) -> Underline {
        match self.0 >> UNDERLINE_SHIFT {
            1 => Underline::Single,
            2 => Underline::Double,
            3 => Underline::Curly,
            4 => Underline::Dotted,
            5 => Underline::Dashed,
            _ => Underline::None,
        }
    }

    pub(crate) fn set(&mut self, others: Self, on: bool) {
        if on {
            self.0 |= others.0;
        } else {
            self.0 &= !others.0;
        }
    }

    pub(crate) fn set_underline(&mut self, kind: Underline) {
        let bits = match kind {
            Underline::None => 0,
            Underline::Single => 1,
            Underline::Double => 2,
            Underline::Curly => 3,
            Underline::Dotted => 4,
            Underline::Dashed => 5,
        };
        self.0 = self.0 & !(0xf << UNDERLINE_SHIFT) | bits << UNDERLINE_SHIFT;
    }
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Style {
    /// Of the text.
    pub foreground: Color,
    /// Of what is behind it.
    pub background: Color,
    /// Of the line under it; [`Color::Default`] is that of the text.
    pub underline: Color,
    /// Everything else.
    pub attributes: Attributes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_underline_replaces_the_one_before_and_leaves_the_rest() {
        let mut attributes = Attributes::default();
        attributes.set(Attributes::BOLD, true);
        for kind in [
            Underline::Single,
            Underline::Double,
            Underline::Curly,
            Underline::Dotted,
            Underline::Dashed,
            Underline::None,
        ] {
            attributes.set_underline(kind);
            assert_eq!(attributes.underline(), kind);
            assert!(attributes.contains(Attributes::BOLD));
        }
    }
}
