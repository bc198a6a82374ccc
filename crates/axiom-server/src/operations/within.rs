//! Who asks from within a task: which one that is, and how far it reaches. Outside of its subtree nothing is there, unless it is
//! configured otherwise; and what concerns the whole server is not for it.

use std::sync::Arc;

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::task::{TaskRecord, TaskSpec};

use super::Operations;
use crate::background::beside;
use crate::peers;
use crate::subtrees::Reach;
use crate::task::Task;

/// True if a task is this one or a descendant of it.
pub(crate) fn is_within(record: &TaskRecord, task: TaskId) -> bool {
    // An older version wrote no ancestors.
    record.id == task || record.ancestors.contains(&task) || record.spec.parent == Some(task)
}

impl Operations {
    /// The same operations as they are for who asks from within this task. Where that is none, nothing is changed.
    #[must_use]
    pub fn within(&self, task: Option<TaskId>) -> Self {
        Self { inside: task.or(self.inside), ..self.clone() }
    }

    /// The task whose token is shown.
    #[must_use]
    pub fn task_of_token(&self, shown: &[u8]) -> Option<TaskId> {
        self.fleet.task_tokens.task_of(shown)
    }

    /// The task that a process belongs to: one that was started in it, and all that was started by that, whatever environment
    /// they have.
    ///
    /// # Errors
    /// The process has ended.
    pub async fn task_of_process(&self, pid: u32) -> Result<Option<TaskId>, Fault> {
        let fleet = self.fleet.clone();
        beside(move || peers::task_of(&fleet, pid)).await.map_err(|gone| {
            let hint = "ask while the asking process lives, or show a token";
            Fault::new(ErrorCode::Denied, gone.to_string(), hint)
        })
    }

    /// A proof that a text was written by this home's server: this one, or one before or after it.
    #[must_use]
    pub fn seal(&self, text: &str) -> String {
        self.fleet.task_tokens.seal(text)
    }

    /// True if the proof is this text's.
    #[must_use]
    pub fn is_sealed(&self, text: &str, proof: &str) -> bool {
        self.fleet.task_tokens.is_sealed(text, proof)
    }

    /// The subtree that is seen; none where all is.
    pub(super) fn bounds(&self) -> Option<TaskId> {
        match self.fleet.task_reach {
            Reach::Subtree => self.inside,
            Reach::Home => None,
        }
    }

    pub(super) fn sees(&self, task: &Arc<Task>) -> bool {
        self.bounds().is_none_or(|bounds| is_within(&task.record, bounds))
    }

    /// What is spawned from within a task is below it.
    pub(super) fn below(&self, spec: TaskSpec) -> Result<TaskSpec, Fault> {
        let parent = match (spec.parent, self.bounds()) {
            // The task itself may have been removed: what it left behind spawns below it all the same.
            (Some(parent), Some(bounds)) if parent != bounds => Some(self.get(parent)?.id()),
            (parent, _) => parent.or(self.inside),
        };
        Ok(TaskSpec { parent, ..spec })
    }

    /// Refuses what concerns more than a subtree.
    pub(super) fn whole(&self, what: &str) -> Result<(), Fault> {
        let Some(task) = self.bounds() else { return Ok(()) };
        let message = format!("task {} may not {what}", task.short());
        let hint = "ask outside of tasks, or set subtree.reach to \"home\" in config.toml";
        Err(Fault::new(ErrorCode::Denied, message, hint))
    }
}
