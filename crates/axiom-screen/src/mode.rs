//! The terminal's switches: which of them are on, and what kind each is. One list says which the model has; answers to
//! DECRQM, the dump and the sanitizer all read it.

/// A switch of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// IRM: text pushes what follows to the right.
    Insert,
    /// LNM: a line feed returns to the first column too.
    NewLine,
    /// DECCKM.
    CursorKeys,
    /// DECSCNM.
    ReverseScreen,
    /// DECOM: rows count from the scroll region's first.
    Origin,
    /// DECAWM.
    Wrap,
    /// DECNKM, and `ESC =`.
    Keypad,
    /// DECTCEM.
    CursorShown,
    /// Wheel as cursor keys on the alternate page.
    AlternateScroll,
    /// Focus in and out.
    Focus,
    /// Bracketed paste.
    Paste,
    /// Synchronized update: while on, the picture is unfinished.
    Synchronized,
}

impl Mode {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Insert,
        Self::NewLine,
        Self::CursorKeys,
        Self::ReverseScreen,
        Self::Origin,
        Self::Wrap,
        Self::Keypad,
        Self::CursorShown,
        Self::AlternateScroll,
        Self::Focus,
        Self::Paste,
        Self::Synchronized,
    ];

    /// Its number in `CSI … h`, and whether that is a private one (`CSI ? … h`).
    pub(crate) const fn number(self) -> (u16, bool) {
        match self {
            Self::Insert => (4, false),
            Self::NewLine => (20, false),
            Self::CursorKeys => (1, true),
            Self::ReverseScreen => (5, true),
            Self::Origin => (6, true),
            Self::Wrap => (7, true),
            Self::CursorShown => (25, true),
            Self::Keypad => (66, true),
            Self::Focus => (1004, true),
            Self::AlternateScroll => (1007, true),
            Self::Paste => (2004, true),
            Self::Synchronized => (2026, true),
        }
    }

    /// The switch with this number.
    pub(crate) fn of(number: u16, private: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == (number, private))
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The switches that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modes(u16);

impl Default for Modes {
    /// As a terminal starts: text wraps, the cursor is shown, the wheel moves through programs that have the whole screen.
    fn default() -> Self {
        Self(Mode::Wrap.bit() | Mode::CursorShown.bit() | Mode::AlternateScroll.bit())
    }
}

impl Modes {
    pub(crate) fn has(self, mode: Mode) -> bool {
        self.0 & mode.bit() != 0
    }

    pub(crate) fn set(&mut self, mode: Mode, on: bool) {
        if on {
            self.0 |= mode.bit();
        } else {
            self.0 &= !mode.bit();
        }
    }
}

/// Which events of the mouse are told. One at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mouse {
    /// None.
    #[default]
    Off,
    /// Presses (mode 9).
    Press,
    /// Presses and releases (1000).
    Click,
    /// And movements with a button down (1002).
    Drag,
    /// And all movements (1003).
    Motion,
}

impl Mouse {
    pub(crate) const ON: [Self; 4] = [Self::Press, Self::Click, Self::Drag, Self::Motion];

    /// Its private mode's number; 0 for off.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Off => 0,
            Self::Press => 9,
            Self::Click => 1000,
            Self::Drag => 1002,
            Self::Motion => 1003,
        }
    }

    pub(crate) fn of(number: u16) -> Option<Self> {
        Self::ON.into_iter().find(|mouse| mouse.number() == number)
    }
}

/// How events of the mouse are written. One at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseEncoding {
    /// Three bytes, up to column 223.
    #[default]
    Bytes,
    /// The same in UTF-8 (1005).
    Utf8,
    /// Decimal numbers (1006).
    Sgr,
    /// urxvt's (1015).
    Urxvt,
    /// As SGR, in pixels (1016).
    Pixels,
}

impl MouseEncoding {
    pub(crate) const OTHERS: [Self; 4] = [Self::Utf8, Self::Sgr, Self::Urxvt, Self::Pixels];

    /// Its private mode's number; 0 for the one that terminals start with.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Bytes => 0,
            Self::Utf8 => 1005,
            Self::Sgr => 1006,
            Self::Urxvt => 1015,
            Self::Pixels => 1016,
        }
    }

    pub(crate) fn of(number: u16) -> Option<Self> {
        Self::OTHERS.into_iter().find(|encoding| encoding.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_a_number_and_a_bit_of_its_own() {
        for mode in Mode::ALL {
            let (number, private) = mode.number();
            assert_eq!(Mode::of(number, private), Some(mode));
            let mut modes = Modes(0);
            modes.set(mode, true);
            assert_eq!(Mode::ALL.into_iter().filter(|other| modes.has(*other)).count(), 1);
        }
    }
}
