//! Character sets (ISO 2022) as far as anybody still uses them: line drawing, and the British pound.
//! Any other designation is ASCII.

/// A set that G0 to G3 can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Charset {
    #[default]
    Ascii,
    /// DEC special graphics: `q` is a horizontal line.
    Drawing,
    /// `#` is a pound sign.
    British,
}

/// DEC special graphics for 0x5f to 0x7e (VT220 manual, table 2-4).
const DRAWING: [char; 32] = [
    ' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─',
    '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];

impl Charset {
    /// The set that a designation's final byte names.
    pub(crate) fn of(last: u8) -> Self {
        match last {
            b'0' => Self::Drawing,
            b'A' => Self::British,
            _ => Self::Ascii,
        }
    }

    /// The final byte that designates it.
    pub(crate) fn last(self) -> u8 {
        match self {
            Self::Ascii => b'B',
            Self::Drawing => b'0',
            Self::British => b'A',
        }
    }

    /// What a byte of ASCII shows.
    pub(crate) fn shown(self, byte: u8) -> char {
        match self {
            Self::Drawing if (0x5f..0x7f).contains(&byte) => DRAWING[usize::from(byte - 0x5f)],
            Self::British if byte == b'#' => '£',
            Self::Ascii | Self::Drawing | Self::British => char::from(byte),
        }
    }
}

/// G0 to G3, and which one is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Charsets {
    pub(crate) sets: [Charset; 4],
    /// The one that is in use: 0 to 3.
    pub(crate) shifted: u8,
    /// The one that the next character alone uses.
    pub(crate) single: Option<u8>,
}

impl Charsets {
    /// True if text is shown as it is.
    pub(crate) fn is_plain(&self) -> bool {
        self.single.is_none() && self.sets[usize::from(self.shifted)] == Charset::Ascii
    }

    /// What a byte of ASCII shows; a single shift is used up.
    pub(crate) fn show(&mut self, byte: u8) -> char {
        let set = self.single.take().unwrap_or(self.shifted);
        self.sets[usize::from(set)].shown(byte)
    }
}
