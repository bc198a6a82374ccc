//! What a command to one or several tasks came to: words, JSON, exit code. One task's failure does not keep it from others.

use axiom_client::ClientError;
use axiom_proto::api::CommandAnswer;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::record::Verdict;
use serde::Serialize;

use crate::failure::{Audience, Failure};
use crate::lines::one_line;
use crate::printing::{print, print_json};

/// `--json` of verbs that command several tasks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answers {
    answers: Vec<CommandAnswer>,
}

/// Collects what became of a command to each of several tasks.
#[derive(Debug)]
pub(super) struct Settled {
    audience: Audience,
    done: Answers,
    failed: Option<Failure>,
}

impl Settled {
    pub(super) fn new(json: bool) -> Self {
        let audience = if json { Audience::Program } else { Audience::Person };
        Self { audience, done: Answers::default(), failed: None }
    }

    /// Takes one task's answer and says it; `word` is what was done, `asked` how the task was called.
    pub(super) fn take(
        &mut self,
        (word, asked): (&str, &str),
        answer: Result<CommandAnswer, ClientError>,
    ) -> Result<(), Failure> {
        let answer = answer.map_err(|error| of_task(asked, error));
        match answer.and_then(|answer| applied(&answer).map(|()| answer)) {
            Ok(answer) => {
                if self.audience == Audience::Person {
                    print(&said(word, &answer))?;
                }
                self.done.answers.push(answer);
            }
            Err(failure) => {
                // The last one is told by the caller, as every verb's failure is.
                if let Some(failed) = self.failed.replace(failure) {
                    let _: std::process::ExitCode = failed.tell(self.audience);
                }
            }
        }
        Ok(())
    }

    /// The end: JSON of what was done, and the failure if there was one.
    pub(super) fn finish(self) -> Result<u8, Failure> {
        if self.audience == Audience::Program {
            print_json(&self.done)?;
        }
        match self.failed {
            Some(failure) => Err(failure),
            None => Ok(0),
        }
    }
}

/// A failure about a task names it as it was called, whatever the server calls it.
pub(super) fn of_task(asked: &str, error: ClientError) -> Failure {
    let ClientError::Fault(fault) = error else { return error.into() };
    let named = if fault.message.contains(asked) || asked.is_empty() {
        fault.message
    } else {
        format!("{asked}: {}", fault.message)
    };
    let ended = fault.code == ErrorCode::TaskEnded;
    let hint = if ended { format!("how it ended: axiom show {asked}") } else { fault.hint };
    Fault { message: named, hint, ..fault }.into()
}

fn said(word: &str, answer: &CommandAnswer) -> String {
    let task = &answer.task;
    let name = task.name.as_deref().map(|name| format!(" ({})", one_line(name)));
    let name = name.unwrap_or_default();
    format!("{word} {}{name}: {}", task.id.short(), task.status.word())
}

/// An outcome that is no success is a failure, with its own code where it has one.
pub(super) fn applied(answer: &CommandAnswer) -> Result<(), Failure> {
    let (outcome, id) = (&answer.outcome, answer.task.id.short());
    match outcome.verdict {
        Verdict::Applied if outcome.left.is_empty() => Ok(()),
        Verdict::Applied => {
            let left: Vec<String> =
                outcome.left.iter().map(|left| format!("{} {}", left.pid, left.name)).collect();
            let message = format!("task {id}: processes are left: {}", left.join(", "));
            Err(Fault::new(ErrorCode::Internal, message, "see `axiom show`").into())
        }
        Verdict::Refused => {
            let code = outcome.code.unwrap_or(ErrorCode::Internal);
            Err(Fault::new(code, format!("task {id}: {}", outcome.detail), "").into())
        }
        Verdict::Unknown => {
            let message = format!("task {id}: {}", outcome.detail);
            Err(Fault::new(ErrorCode::Unavailable, message, format!("axiom show {id}")).into())
        }
    }
}
