//! Colours: one for each task's label, one for each kind of notice. Pure.

use clap::ValueEnum;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal that has colours, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Decides. `no_color` is that variable's value.
    #[must_use]
    pub(crate) fn decide(self, terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        }
    }
}

/// The sequences that begin a colour; [`RESET`] ends each.
pub(super) const RESET: &str = "\x1b[0m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const GREEN: &str = "\x1b[1;32m";
pub(super) const RED: &str = "\x1b[1;31m";
pub(super) const YELLOW: &str = "\x1b[1;33m";
pub(super) const BLUE: &str = "\x1b[1;34m";

/// Labels' colours in the order in which tasks come. Red is left to failures.
const LABELS: [&str; 10] = [
    "\x1b[36m", "\x1b[35m", "\x1b[33m", "\x1b[34m", "\x1b[32m", "\x1b[96m", "\x1b[95m", "\x1b[93m",
    "\x1b[94m", "\x1b[92m",
];

/// The colour of the task with this number.
pub(super) fn label_color(number: usize) -> &'static str {
    LABELS[number % LABELS.len()]
}

/// Paints, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint {
    pub(super) on: bool,
}

impl Paint {
    /// A text in a colour.
    pub(super) fn paint(self, color: &str, text: &str) -> String {
        if self.on { format!("{color}{text}{RESET}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let auto = ColorChoice::Auto;
        assert!(auto.decide(true, None, Some("xterm")));
        assert!(auto.decide(true, Some(""), None));
        assert!(!auto.decide(true, Some("1"), Some("xterm")));
        assert!(!auto.decide(true, None, Some("dumb")));
        assert!(!auto.decide(false, None, Some("xterm")));
        assert!(ColorChoice::Always.decide(false, Some("1"), Some("dumb")));
        assert!(!ColorChoice::Never.decide(true, None, None));
    }
}
