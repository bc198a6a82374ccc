//! What a task shows to say which it is: `AXIOM_TASK_TOKEN`, its id and a proof. Proofs are derived from one secret of the home, so that
//! nothing has to be kept of them, and the next server knows them too. Who shows one gets that task's subtree, no more.

use std::path::Path;

use axiom_proto::id::TaskId;

use crate::token::{Token, TokenError};

/// The variable in a task's environment.
pub(crate) const TASK_TOKEN_VARIABLE: &str = "AXIOM_TASK_TOKEN";

/// The secret's file in the home.
const KEY_FILE: &str = "task_key";

/// What proofs are derived for.
const PURPOSE: &str = "the token of axiom task ";

/// The same for texts that are given out and come back.
const SEAL: &str = "the seal of an axiom server on ";

/// Characters of an id.
const ID_CHARS: usize = 16;

/// Makes tokens of tasks, and knows them again.
#[derive(Debug, Clone)]
pub(crate) struct TaskTokens {
    key: Token,
}

impl TaskTokens {
    /// Those of a home.
    ///
    /// # Errors
    /// The secret's file cannot be read or written.
    pub(crate) fn of_home(root: &Path) -> Result<Self, TokenError> {
        Ok(Self { key: Token::of_file(&root.join(KEY_FILE))? })
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self { key: Token::new().expect("the kernel has randomness") }
    }

    /// A task's token.
    pub(crate) fn token_of(&self, task: TaskId) -> String {
        let proof = self.key.derive(PURPOSE, task.as_str());
        format!("{task}{}", proof.reveal())
    }

    /// A proof that a text is ours.
    pub(crate) fn seal(&self, text: &str) -> String {
        self.key.derive(SEAL, text).reveal().to_owned()
    }

    /// True if the proof is this text's.
    pub(crate) fn is_sealed(&self, text: &str, proof: &str) -> bool {
        self.key.derive(SEAL, text).is(proof.as_bytes())
    }

    /// The task whose token is shown; none where it is not one of this home's.
    pub(crate) fn task_of(&self, shown: &[u8]) -> Option<TaskId> {
        let (id, proof) = shown.split_at_checked(ID_CHARS)?;
        let id: TaskId = str::from_utf8(id).ok()?.parse().ok()?;
        // What was typed in capitals is another token.
        let written = id.as_str().as_bytes() == &shown[..ID_CHARS];
        (written && self.key.derive(PURPOSE, id.as_str()).is(proof)).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_task_for_every_server_of_its_home_and_for_no_other() {
        let home = tempfile::tempdir().unwrap();
        let id = TaskId::from_random([7; 10]);
        let token = TaskTokens::of_home(home.path()).unwrap().token_of(id);
        let next = TaskTokens::of_home(home.path()).unwrap();
        assert_eq!(next.task_of(token.as_bytes()), Some(id));
        assert_eq!(TaskTokens::for_tests().task_of(token.as_bytes()), None);
        assert_ne!(next.token_of(TaskId::from_random([8; 10]))[ID_CHARS..], token[ID_CHARS..]);
    }

    #[test]
    fn whatever_else_is_shown_names_nobody() {
        let tokens = TaskTokens::for_tests();
        let token = tokens.token_of(TaskId::from_random([7; 10]));
        for place in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[place] ^= 1;
            assert_eq!(tokens.task_of(&other), None, "differs at {place}");
            assert_eq!(tokens.task_of(&token.as_bytes()[..place]), None, "cut at {place}");
        }
        assert_eq!(tokens.task_of(format!("{token}0").as_bytes()), None);
        assert_eq!(tokens.task_of(token.to_uppercase().as_bytes()), None);
    }
}
