//! What a task is called in the stream: the label before its lines, and what it runs. Pure.

use super::labels::middle_cut;

/// A label that is no longer is an id, or as short as one.
const SHORT_CHARS: usize = 8;

/// A task's name and command, as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) label: String,
    pub(super) command: String,
}

/// A label in so many columns at most: a name keeps its beginning and its end, an id its beginning, by which it is found.
pub(super) fn fitted(label: &str, chars_max: usize) -> String {
    if label.len() <= SHORT_CHARS {
        return label.chars().take(chars_max).collect();
    }
    middle_cut(label, chars_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_cut_to_its_beginning_and_a_name_in_its_middle() {
        assert_eq!(fitted("0v1hfx0h", 5), "0v1hf");
        assert_eq!(fitted("integration/one", 8), "integ…ne");
        assert_eq!(fitted("web", 5), "web");
    }
}
