//! What stands before a task's lines: short, harmless, and never the same for two tasks of one stream. Pure.
//! - A command of `run --each` has its number and its name or first word: `2:make`. One alone with a name has that.
//! - Any other task has its name, with its id after it where tasks of the stream share that name: `web/0v1hfx0h`.
//! - One without a name has its id. A label stays as it is for as long as the stream goes on.

use std::collections::{BTreeMap, BTreeSet};

use axiom_proto::id::TaskId;

use crate::lines::one_line;

/// The longest label. A name that is longer keeps its beginning and its end, where names differ.
const LABEL_CHARS_MAX: usize = 24;

/// The longest name beside a number or an id.
const NAME_CHARS_MAX: usize = 15;

/// What a label is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called<'a> {
    /// A command of `run --each`, from 1, with its name if it has one.
    Numbered { number: usize, name: Option<&'a str>, command: &'a str },
    /// Any other task.
    Named { name: Option<&'a str>, id: TaskId },
}

/// The labels of one stream.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: BTreeSet<String>,
    /// Names that several of the tasks have with which the stream begins.
    shared: BTreeSet<String>,
}

impl Labels {
    /// The labels of a stream that begins with tasks of these names.
    pub(super) fn of<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in names.filter_map(label_name) {
            *counts.entry(name).or_default() += 1;
        }
        let shared = counts.into_iter().filter(|(_, count)| *count > 1);
        Self { taken: BTreeSet::new(), shared: shared.map(|(name, _)| name).collect() }
    }

    /// A label for this task.
    pub(super) fn claim(&mut self, called: Called<'_>, id: TaskId) -> String {
        let candidates = match called {
            Called::Numbered { .. } => [Some(numbered(called)), None],
            Called::Named { name, .. } => {
                let name = name.and_then(|name| label_name(Some(name)));
                let alone = name.as_ref().filter(|name| !self.shared.contains(*name));
                let alone = alone.map(|name| middle_cut(name, LABEL_CHARS_MAX));
                let short = |name: &String| middle_cut(name, NAME_CHARS_MAX);
                [alone, name.as_ref().map(|name| format!("{}/{}", short(name), id.short()))]
            }
        };
        let short = id.short().to_owned();
        for label in candidates.into_iter().flatten().chain([short]) {
            if self.taken.insert(label.clone()) {
                return label;
            }
        }
        // Whole ids are of one task only, and longer than any other label but a name that was made to look like one.
        id.to_string()
    }
}

/// The label of a command of `run --each`: `2:make`.
pub(crate) fn numbered(called: Called<'_>) -> String {
    match called {
        Called::Numbered { number, name, command } => {
            let word = name.and_then(|name| label_name(Some(name))).or_else(|| first_word(command));
            let word = word.map(|word| format!(":{}", middle_cut(&word, NAME_CHARS_MAX)));
            format!("{number}{}", word.unwrap_or_default())
        }
        Called::Named { id, .. } => id.short().to_owned(),
    }
}

fn label_name(name: Option<&str>) -> Option<String> {
    name.map(harmless).filter(|name| !name.is_empty())
}

/// What a shell line runs first, as far as a glance tells: variables that are set before it are passed over.
fn first_word(command: &str) -> Option<String> {
    let line = harmless(command);
    let mut words =
        line.split_whitespace().map(|word| word.trim_matches(|c| "({;&|})'\"".contains(c)));
    let word = words.find(|word| !word.is_empty() && !word.contains('='))?;
    let word = word.rsplit('/').find(|part| !part.is_empty())?;
    Some(word.to_owned())
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
        format!("{last}00000000000000{last}").parse().unwrap()
    }

    fn named(labels: &mut Labels, name: Option<&str>, id: TaskId) -> String {
        labels.claim(Called::Named { name, id }, id)
    }

    fn each(number: usize, name: Option<&str>, command: &str) -> String {
        numbered(Called::Numbered { number, name, command })
    }

    #[test]
    fn a_label_is_the_name_or_else_the_short_id() {
        let mut labels = Labels::default();
        assert_eq!(named(&mut labels, Some("build"), id('1')), "build");
        assert_eq!(named(&mut labels, None, id('2')), "20000000");
        assert_eq!(named(&mut labels, Some("  \u{7} "), id('3')), "30000000");
    }

    #[test]
    fn tasks_of_one_name_all_have_their_ids_beside_it_where_that_is_known_before() {
        let mut labels = Labels::of([Some("web"), Some("db"), Some("web"), None].into_iter());
        assert_eq!(named(&mut labels, Some("web"), id('1')), "web/10000000");
        assert_eq!(named(&mut labels, Some("db"), id('2')), "db");
        assert_eq!(named(&mut labels, Some("web"), id('3')), "web/30000000");
        // One that comes later changes no label that stands there already.
        assert_eq!(named(&mut labels, Some("db"), id('4')), "db/40000000");
    }

    #[test]
    fn a_command_of_many_has_its_number_and_its_name_or_first_word() {
        assert_eq!(each(1, None, "make -j4"), "1:make");
        assert_eq!(each(2, Some("build"), "make"), "2:build");
        assert_eq!(each(3, None, "A=1 B='2' ./bin/serve --port 8"), "3:serve");
        assert_eq!(each(4, None, "(sleep 1; echo)"), "4:sleep");
        assert_eq!(each(5, None, "''"), "5");
        assert_eq!(each(500, None, "integration-tests-of-the-whole"), "500:integratio…hole");
    }

    #[test]
    fn a_name_cannot_break_its_brackets_nor_hide_its_end() {
        let mut labels = Labels::default();
        let name = "x] [COMPLETED] \u{1b}[2J\u{202e}\n== [y";
        let label = named(&mut labels, Some(name), id('1'));
        assert!(!label.contains(['[', ']', '\u{1b}', '\n', '\u{202e}']), "{label:?}");
        let label = each(1, None, "] [COMPLETED]");
        assert!(!label.contains(['[', ']']), "{label:?}");
        let long = |end: &str| format!("integration-tests-of-the-whole-{end}");
        let (one, two) = (long("one"), long("two"));
        let one = named(&mut labels, Some(&one), id('2'));
        assert_ne!(one, named(&mut labels, Some(&two), id('3')));
        assert_eq!(middle_cut("0123456789", 7), "0123…89");
    }
}
