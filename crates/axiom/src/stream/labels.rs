//! What stands before a task's lines: its name or its id, harmless, short, and not the same for two tasks. Pure.

use std::collections::BTreeSet;

use axiom_proto::id::TaskId;

use crate::lines::one_line;

/// The longest label. A name that is longer keeps its beginning and its end, where names differ.
const LABEL_CHARS_MAX: usize = 24;

/// The labels of one view.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: BTreeSet<String>,
}

impl Labels {
    /// A label for this task: its name, with its id where another has that name already.
    pub(super) fn claim(&mut self, name: Option<&str>, id: TaskId) -> String {
        let name = name.map(harmless).filter(|name| !name.is_empty());
        let short = id.short();
        let with_id = name.as_deref().map(|name| format!("{}/{short}", middle_cut(name, 15)));
        let candidates = [name.as_deref().map(|name| middle_cut(name, LABEL_CHARS_MAX)), with_id]
            .into_iter()
            .flatten()
            .chain([short.to_owned()]);
        for label in candidates {
            if self.taken.insert(label.clone()) {
                return label;
            }
        }
        // Whole ids are of one task only, and longer than any other label but a name that was made to look like one.
        id.to_string()
    }
}

/// A name that cannot end the brackets that it stands in.
fn harmless(name: &str) -> String {
    one_line(name).trim().replace('[', "(").replace(']', ")")
}

/// A text in so many characters at most, cut in its middle.
pub(super) fn middle_cut(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let tail = chars_max.saturating_sub(1) / 3;
    let head = chars_max.saturating_sub(1) - tail;
    let beginning: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{beginning}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: char) -> TaskId {
        format!("000000000000000{last}").parse().unwrap()
    }

    #[test]
    fn a_label_is_the_name_or_else_the_short_id() {
        let mut labels = Labels::default();
        assert_eq!(labels.claim(Some("build"), id('1')), "build");
        assert_eq!(labels.claim(None, id('2')), "00000000");
        assert_eq!(labels.claim(Some("  \u{7} "), id('3')), "0000000000000003");
    }

    #[test]
    fn two_tasks_of_one_name_are_told_apart() {
        let mut labels = Labels::default();
        assert_eq!(labels.claim(Some("web"), id('1')), "web");
        assert_eq!(labels.claim(Some("web"), id('2')), "web/00000000");
        let third = labels.claim(Some("web"), id('3'));
        assert_eq!(third, "00000000");
        assert_eq!(labels.claim(Some("web"), id('4')), "0000000000000004");
    }

    #[test]
    fn a_name_cannot_break_its_brackets_nor_hide_its_end() {
        let mut labels = Labels::default();
        let label = labels.claim(Some("x] [COMPLETED] \u{1b}[2J\u{202e}\n== [y"), id('1'));
        assert!(!label.contains(['[', ']', '\u{1b}', '\n', '\u{202e}']), "{label:?}");
        let long = |end: &str| format!("integration-tests-of-the-whole-{end}");
        let (one, two) = (long("one"), long("two"));
        assert_ne!(labels.claim(Some(&one), id('2')), labels.claim(Some(&two), id('3')));
        assert_eq!(middle_cut("0123456789", 7), "0123…89");
    }
}
