//! What an address of a resource names. Pure. Refuses what is none of ours; whether the task is there is not known here.

use std::str::FromStr;

use axiom_proto::cursor::Cursor;

/// What all begin with.
const ALL: &str = "axiom://tasks";

/// One resource of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aspect {
    /// How it stands.
    Task,
    /// What its terminal shows.
    Screen,
    /// What it printed.
    Output,
    /// What happened to it.
    Events,
}

impl Aspect {
    pub(crate) const ALL: [Self; 4] = [Self::Task, Self::Screen, Self::Output, Self::Events];

    /// What stands behind the task's id.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Task => "",
            Self::Screen => "/screen",
            Self::Output => "/output",
            Self::Events => "/events",
        }
    }

    pub(crate) fn mime_type(self) -> &'static str {
        match self {
            Self::Task | Self::Events => "application/json",
            Self::Screen | Self::Output => "text/plain",
        }
    }
}

/// What is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// All tasks.
    Index,
    /// Something of one task, which is named as everywhere; of output, only what came after the cursor.
    Of { task: String, aspect: Aspect, cursor: Option<Cursor> },
}

impl Address {
    /// None where it is none of ours.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix(ALL)?;
        if rest.is_empty() {
            return Some(Self::Index);
        }
        let rest = rest.strip_prefix('/')?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let (task, aspect) = match path.split_once('/') {
            None => (path, Aspect::Task),
            Some((task, part)) => {
                let is_it = |aspect: &Aspect| aspect.path().strip_prefix('/') == Some(part);
                (task, Aspect::ALL.into_iter().find(is_it)?)
            }
        };
        // Names may hold anything; in an address there are ids, and names as simple as those.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if task.is_empty() || !task.bytes().all(is_plain) {
            return None;
        }
        let cursor = match (query, aspect) {
            (None, _) => None,
            (Some(query), Aspect::Output) => Some(cursor_of(query)?),
            (Some(_), Aspect::Task | Aspect::Screen | Aspect::Events) => return None,
        };
        Some(Self::Of { task: task.to_owned(), aspect, cursor })
    }

    /// The address of something of a task.
    pub(crate) fn of(task: &str, aspect: Aspect) -> String {
        format!("{ALL}/{task}{}", aspect.path())
    }

    /// That of all tasks.
    pub(crate) fn index() -> &'static str {
        ALL
    }
}

/// `cursor=…`; what stands between its numbers may be escaped.
fn cursor_of(query: &str) -> Option<Cursor> {
    let value = query.strip_prefix("cursor=")?.replace("%3A", ":").replace("%3a", ":");
    Cursor::from_str(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_one_address_and_is_found_by_it() {
        assert_eq!(Address::parse(Address::index()), Some(Address::Index));
        for aspect in Aspect::ALL {
            let uri = Address::of("84hyrgba", aspect);
            let task = "84hyrgba".to_owned();
            assert_eq!(Address::parse(&uri), Some(Address::Of { task, aspect, cursor: None }));
        }
        let cursor = "1:18342:90".parse().ok();
        for uri in [
            "axiom://tasks/a/output?cursor=1:18342:90",
            "axiom://tasks/a/output?cursor=1%3A18342%3a90",
        ] {
            let (task, aspect) = ("a".to_owned(), Aspect::Output);
            assert_eq!(Address::parse(uri), Some(Address::Of { task, aspect, cursor }), "{uri}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for uri in [
            "",
            "axiom://",
            "axiom://task",
            "axiom://tasks/",
            "axiom://tasksx",
            "axiom://tasks//output",
            "axiom://tasks/a/b",
            "axiom://tasks/a/output/",
            "axiom://tasks/a?cursor=1:0",
            "axiom://tasks/a/output?cursor=x",
            "axiom://tasks/a/output?after=1:0",
            "axiom://tasks/../output",
            "axiom://tasks/a\u{1b}",
            "file:///etc/passwd",
        ] {
            let parsed = Address::parse(uri);
            let is_harmless = matches!(&parsed, Some(Address::Of { task, .. }) if task == "..");
            assert!(parsed.is_none() || is_harmless, "{uri:?}: {parsed:?}");
        }
    }
}
