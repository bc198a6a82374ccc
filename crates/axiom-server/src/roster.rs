//! All tasks of a home, in the order of their creation, and how people name them. Pure.
//! A text that could mean two tasks is never guessed at: the candidates are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use axiom_proto::id::{ID_SHOWN_CHARS, TaskId, is_id_prefix};
use thiserror::Error;

use crate::task::Task;

/// Candidates that are named in one answer: a screenful.
const CANDIDATES_MAX: usize = 10;

/// A task's place among all: when it was created, then its place in its spawn, then its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Age {
    pub(crate) created_at_ms: u64,
    pub(crate) index: u32,
    pub(crate) id: TaskId,
}

/// All tasks.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    by_id: BTreeMap<TaskId, Arc<Task>>,
    by_age: BTreeMap<Age, TaskId>,
}

/// The tasks that a text could mean.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) exact: Option<Arc<Task>>,
    /// Oldest first.
    pub(crate) named: Vec<Arc<Task>>,
    pub(crate) prefixed: Vec<Arc<Task>>,
}

/// Why a text names no task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FindError {
    #[error("no task has the id or name {text:?}")]
    NotFound { text: String },
    #[error("{text:?} could be any of {}", shown(candidates))]
    Ambiguous { text: String, candidates: Vec<Candidate> },
}

/// A task as it is named among candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: TaskId,
    pub(crate) name: Option<String>,
}

fn shown(candidates: &[Candidate]) -> String {
    let mut words: Vec<String> = candidates
        .iter()
        .take(CANDIDATES_MAX)
        .map(|candidate| match &candidate.name {
            Some(name) => format!("{} ({name})", candidate.id),
            None => candidate.id.to_string(),
        })
        .collect();
    if candidates.len() > CANDIDATES_MAX {
        words.push(format!("{} more", candidates.len() - CANDIDATES_MAX));
    }
    words.join(", ")
}

impl Roster {
    pub(crate) fn insert(&mut self, task: Arc<Task>) {
        self.by_age.insert(task.age(), task.id());
        self.by_id.insert(task.id(), task);
    }

    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Arc<Task>> {
        let task = self.by_id.remove(&id)?;
        self.by_age.remove(&task.age());
        Some(task)
    }

    pub(crate) fn get(&self, id: TaskId) -> Option<Arc<Task>> {
        self.by_id.get(&id).cloned()
    }

    /// Every task, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Task>> {
        self.by_age.values().filter_map(|id| self.get(*id)).collect()
    }

    /// What a text could mean.
    pub(crate) fn candidates(&self, text: &str) -> Candidates {
        let exact = text.parse().ok().and_then(|id| self.get(id));
        if exact.is_some() {
            return Candidates { exact, ..Candidates::default() };
        }
        let named = self.by_age.values().filter_map(|id| self.by_id.get(id));
        let named = named.filter(|task| task.record.spec.name.as_deref() == Some(text));
        let prefixed: Vec<Arc<Task>> = if is_id_prefix(text) {
            let all = self.by_id.values();
            all.filter(|task| task.id().as_str().starts_with(text)).cloned().collect()
        } else {
            Vec::new()
        };
        Candidates { exact: None, named: named.cloned().collect(), prefixed }
    }
}

/// What a decision needs to know of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) candidate: Candidate,
    pub(crate) has_ended: bool,
}

/// What a task is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be looked at or steered.
    Use,
    /// To be removed for good: a name that several have is not enough.
    Remove,
}

/// Decides which task a text means: a name goes before the beginning of an id, unless the text is as long as the ids that
/// people are shown. Among tasks of one name it is the only one that has not ended, else the newest of the ended.
pub(crate) fn choose(
    text: &str,
    purpose: Purpose,
    named: &[Choice],
    prefixed: &[Choice],
) -> Result<TaskId, FindError> {
    let ambiguous = |among: Vec<&Choice>| FindError::Ambiguous {
        text: text.to_owned(),
        candidates: among.into_iter().map(|choice| choice.candidate.clone()).collect(),
    };
    if purpose == Purpose::Remove && named.len() > 1 {
        return Err(ambiguous(named.iter().collect()));
    }
    let living: Vec<&Choice> = named.iter().filter(|choice| !choice.has_ended).collect();
    let by_name = match (&living[..], named.last()) {
        ([], None) => None,
        ([], Some(newest)) => Some(newest),
        ([one], _) => Some(*one),
        (several, _) => return Err(ambiguous(several.to_vec())),
    };
    match (by_name, prefixed) {
        (None, []) => Err(FindError::NotFound { text: text.to_owned() }),
        (None, [one]) => Ok(one.candidate.id),
        (None, several) => Err(ambiguous(several.iter().collect())),
        (Some(named), [_, ..]) if text.len() >= ID_SHOWN_CHARS => {
            let others = prefixed.iter().filter(|choice| choice.candidate != named.candidate);
            let others: Vec<&Choice> = others.collect();
            if others.is_empty() {
                return Ok(named.candidate.id);
            }
            Err(ambiguous([vec![named], others].concat()))
        }
        (Some(named), _) => Ok(named.candidate.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(number: u8, name: Option<&str>, has_ended: bool) -> Choice {
        let id = TaskId::from_random([number; 10]);
        Choice { candidate: Candidate { id, name: name.map(str::to_owned) }, has_ended }
    }

    fn id(number: u8) -> TaskId {
        TaskId::from_random([number; 10])
    }

    #[test]
    fn a_unique_prefix_is_enough_and_several_are_told() {
        assert_eq!(choose("0", Purpose::Use, &[], &[choice(1, None, false)]), Ok(id(1)));
        let several = [choice(1, None, false), choice(2, Some("build"), true)];
        let refused = choose("0", Purpose::Use, &[], &several).unwrap_err().to_string();
        assert_eq!(refused, format!("\"0\" could be any of {}, {} (build)", id(1), id(2)));
        let nothing = choose("0", Purpose::Use, &[], &[]).unwrap_err();
        assert_eq!(nothing.to_string(), "no task has the id or name \"0\"");
    }

    #[test]
    fn a_name_means_the_one_that_lives_else_the_newest() {
        let (old, living) = (choice(1, Some("n"), true), choice(2, Some("n"), false));
        let new = choice(3, Some("n"), true);
        assert_eq!(
            choose("n", Purpose::Use, &[old.clone(), living.clone(), new.clone()], &[]),
            Ok(id(2))
        );
        assert_eq!(choose("n", Purpose::Use, &[old, new], &[]), Ok(id(3)));
        let other = choice(4, Some("n"), false);
        assert!(matches!(
            choose("n", Purpose::Use, &[living, other], &[]),
            Err(FindError::Ambiguous { .. })
        ));
    }

    #[test]
    fn what_is_removed_is_named_alone_or_by_its_id() {
        let (old, new) = (choice(1, Some("n"), true), choice(2, Some("n"), true));
        let living = choice(3, Some("n"), false);
        for named in [[old.clone(), new], [old.clone(), living]] {
            let refused = choose("n", Purpose::Remove, &named, &[]).unwrap_err().to_string();
            let ids = named.map(|choice| choice.candidate.id);
            assert_eq!(refused, format!("\"n\" could be any of {} (n), {} (n)", ids[0], ids[1]));
        }
        assert_eq!(choose("n", Purpose::Remove, &[old], &[]), Ok(id(1)));
        assert_eq!(choose("0", Purpose::Remove, &[], &[choice(1, None, true)]), Ok(id(1)));
    }

    #[test]
    fn a_name_that_looks_like_anothers_shown_id_is_not_guessed_at() {
        let named = [choice(1, Some("04106104"), false)];
        let prefixed = [choice(2, None, false)];
        assert!(matches!(
            choose("04106104", Purpose::Use, &named, &prefixed),
            Err(FindError::Ambiguous { .. })
        ));
        assert_eq!(choose("04106104", Purpose::Use, &named, &named), Ok(id(1)));
        assert_eq!(choose("0410", Purpose::Use, &named, &prefixed), Ok(id(1)));
    }

    #[test]
    fn a_long_list_of_candidates_is_cut() {
        let many: Vec<Choice> = (0..15).map(|number| choice(number, None, false)).collect();
        let told = choose("0", Purpose::Use, &[], &many).unwrap_err().to_string();
        assert!(told.ends_with(", 5 more"), "{told}");
    }
}
