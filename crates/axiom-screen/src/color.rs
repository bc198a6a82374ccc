//! Colours as programs name them: the terminal's own, one of its 256, or an exact one.

/// A colour of text, of what is behind it, or of a line under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Color {
    /// Whatever the viewer's terminal has.
    #[default]
    Default,
    /// One of the palette: 0 to 7 plain, 8 to 15 bright, then a cube of 216 and 24 greys.
    Indexed(u8),
    /// Exact, in red, green and blue.
    Rgb(u8, u8, u8),
}
