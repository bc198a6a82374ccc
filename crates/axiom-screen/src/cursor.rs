//! The cursor with all that saving it saves, and how it looks.

use crate::cell::Pen;
use crate::charset::Charsets;

/// Where text goes, and how. DECSC saves exactly this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    pub(crate) row: usize,
    pub(crate) column: usize,
    /// The last column was written, and the next character begins a new row.
    pub(crate) pending_wrap: bool,
    pub(crate) pen: Pen,
    pub(crate) charsets: Charsets,
    /// DECOM, in a saved cursor only: what is in force is the switch.
    pub(crate) origin: bool,
}

/// How the cursor is drawn (DECSCUSR).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CursorShape {
    /// As the viewer likes it.
    #[default]
    Default,
    /// A block.
    Block,
    /// A line under the character.
    Underline,
    /// A line before the character.
    Bar,
}

/// How the cursor is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorStyle {
    /// Its shape.
    pub shape: CursorShape,
    /// Whether a program asked for it to blink, or not to.
    pub blinking: Option<bool>,
}

impl CursorStyle {
    /// Reads DECSCUSR's number; nothing if it has none of the known ones.
    pub(crate) fn of(number: u16) -> Option<Self> {
        let shape = match number {
            0 => return Some(Self::default()),
            1 | 2 => CursorShape::Block,
            3 | 4 => CursorShape::Underline,
            5 | 6 => CursorShape::Bar,
            _ => return None,
        };
        Some(Self { shape, blinking: Some(number % 2 == 1) })
    }

    /// Appends what makes a fresh terminal draw it so.
    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        let steady = match self.shape {
            CursorShape::Default => 0,
            CursorShape::Block => 2,
            CursorShape::Underline => 4,
            CursorShape::Bar => 6,
        };
        match (steady, self.blinking) {
            (0, None) => {}
            (0, Some(true)) => bytes.extend_from_slice(b"\x1b[?12h"),
            (0, Some(false)) => bytes.extend_from_slice(b"\x1b[?12l"),
            (number, blinking) => {
                let number = if blinking == Some(true) { number - 1 } else { number };
                bytes.extend_from_slice(format!("\x1b[{number} q").as_bytes());
            }
        }
    }
}
