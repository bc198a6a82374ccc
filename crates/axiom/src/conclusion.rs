//! How a task ended, in one form for all who report it: the exit code, and the words that the code lacks. Pure.

use axiom_proto::record::{Exit, Failure, Limit};
use axiom_proto::summary::Summary;
use axiom_proto::task::{Status, TaskView};

use crate::failure::{EXIT_INTERRUPTED, EXIT_OWN};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conclusion {
    status: Status,
    exit: Option<Exit>,
    failure: Option<Failure>,
    limit: Option<Limit>,
    cause: String,
}

impl Conclusion {
    /// What the frames say, if they say it.
    #[must_use]
    pub(crate) fn of_summary(summary: &Summary) -> Option<Self> {
        let cause = summary.changes.last().map(|change| change.cause.clone());
        summary.status.is_ended().then(|| Self {
            status: summary.status,
            exit: summary.exit,
            failure: summary.failure.clone(),
            limit: summary.limit,
            cause: cause.unwrap_or_default(),
        })
    }

    /// What the server says, if the task has ended.
    #[must_use]
    pub(crate) fn of_view(view: &TaskView) -> Option<Self> {
        view.status.is_ended().then(|| Self {
            status: view.status,
            exit: view.exit,
            failure: view.failure.clone(),
            limit: view.limit,
            cause: view.cause.clone(),
        })
    }

    /// True for a success.
    #[must_use]
    pub(crate) fn succeeded(&self) -> bool {
        self.status == Status::Succeeded
    }

    /// True where there never was a child.
    #[must_use]
    pub(crate) fn never_started(&self) -> bool {
        self.failure.is_some()
    }

    /// The child's code, 128 and the signal, 126 or 127 where it never started, 125 where nobody knows. Stopped before it
    /// started, it ended as by the interrupt that a stop begins with.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        if let Some(failure) = &self.failure {
            return low_byte(failure.exit_code);
        }
        match (self.exit, self.status) {
            (Some(exit), _) => low_byte(exit.shell_code()),
            (None, Status::Succeeded) => 0,
            (None, Status::Stopped) => EXIT_INTERRUPTED,
            (None, _) => EXIT_OWN,
        }
    }

    /// What a person should be told beside the exit code.
    #[must_use]
    pub(crate) fn words(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(failure.message.clone());
        }
        match (self.limit, self.exit) {
            (Some(Limit::Timeout), _) => Some("stopped: its timeout is over".to_owned()),
            (Some(Limit::Output), Some(Exit::Code(_))) => {
                Some("its limit of output was reached as it ended".to_owned())
            }
            (Some(Limit::Output), _) => Some("stopped: its limit of output is reached".to_owned()),
            (None, Some(Exit::Unknown)) => Some("it ended, and nobody saw how".to_owned()),
            (None, Some(Exit::Code(_) | Exit::Signal(_))) => None,
            (None, None) => Some(self.shown()),
        }
    }

    /// Status and reason in a few words.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        let reason = self.reason();
        if reason.is_empty() {
            return self.status.word().to_owned();
        }
        format!("{}: {reason}", self.status.word())
    }

    /// The reason in a few words; nothing for a plain success.
    #[must_use]
    pub(crate) fn reason(&self) -> String {
        match (&self.failure, self.limit, self.exit) {
            (Some(failure), _, _) => failure.message.clone(),
            (None, Some(Limit::Timeout), _) => "timeout".to_owned(),
            (None, Some(Limit::Output), Some(Exit::Code(0))) => {
                "its limit of output was reached as it ended".to_owned()
            }
            (None, Some(Limit::Output), Some(Exit::Code(code))) => {
                format!("exit {code}, its limit of output was reached as it ended")
            }
            (None, Some(Limit::Output), _) => "too much output".to_owned(),
            (None, None, Some(Exit::Code(0))) => String::new(),
            (None, None, Some(Exit::Code(code))) => format!("exit {code}"),
            (None, None, Some(Exit::Signal(signal))) => format!("signal {signal}"),
            (None, None, Some(Exit::Unknown)) => "exit unknown".to_owned(),
            (None, None, None) => self.cause.clone(),
        }
    }

    /// As what it ended.
    #[must_use]
    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// How the child ended, where there was one and somebody saw it.
    #[must_use]
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Why there never was a child.
    #[must_use]
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The limit that ended it.
    #[must_use]
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Why it stands as it does.
    #[must_use]
    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }
}

/// A code as a process can have it.
fn low_byte(code: i32) -> u8 {
    u8::try_from(code & 0xff).expect("eight bits")
}

#[cfg(test)]
mod tests {
    use axiom_proto::record::Stage;

    use super::*;

    fn ended(status: Status, exit: Option<Exit>) -> Conclusion {
        Conclusion { status, exit, failure: None, limit: None, cause: String::new() }
    }

    #[test]
    fn exit_codes_are_those_that_a_shell_would_give() {
        let code = |exit| ended(Status::Failed, Some(exit)).exit_code();
        assert_eq!(ended(Status::Succeeded, Some(Exit::Code(0))).exit_code(), 0);
        assert_eq!(code(Exit::Code(3)), 3);
        assert_eq!(code(Exit::Signal(9)), 137);
        assert_eq!(code(Exit::Unknown), 125);
        assert_eq!(ended(Status::Lost, None).exit_code(), 125);
        assert_eq!(ended(Status::Stopped, None).exit_code(), 130, "before it started");
    }

    #[test]
    fn a_start_that_failed_says_why() {
        let failure = Failure {
            stage: Stage::Exec,
            errno: 2,
            message: "nope: not found".to_owned(),
            exit_code: 127,
        };
        let conclusion = Conclusion { failure: Some(failure), ..ended(Status::Failed, None) };
        assert_eq!(conclusion.exit_code(), 127);
        assert_eq!(conclusion.words().unwrap(), "nope: not found");
        assert_eq!(conclusion.shown(), "failed: nope: not found");
    }

    #[test]
    fn words_are_added_only_where_the_code_says_too_little() {
        assert_eq!(ended(Status::Failed, Some(Exit::Code(3))).words(), None);
        assert_eq!(ended(Status::Failed, Some(Exit::Code(3))).shown(), "failed: exit 3");
        assert_eq!(ended(Status::Succeeded, Some(Exit::Code(0))).shown(), "succeeded");
        let late = Conclusion {
            limit: Some(Limit::Timeout),
            ..ended(Status::Failed, Some(Exit::Signal(15)))
        };
        assert_eq!(late.exit_code(), 143);
        assert!(late.words().unwrap().contains("timeout"));
        let loud =
            |exit, status| Conclusion { limit: Some(Limit::Output), ..ended(status, Some(exit)) };
        let over = loud(Exit::Signal(9), Status::Failed);
        assert_eq!(over.words().unwrap(), "stopped: its limit of output is reached");
        assert_eq!(over.shown(), "failed: too much output");
        let by_itself = loud(Exit::Code(0), Status::Succeeded);
        assert_eq!(by_itself.words().unwrap(), "its limit of output was reached as it ended");
        assert_eq!(by_itself.shown(), "succeeded: its limit of output was reached as it ended");
        let lost = Conclusion { cause: "gone".to_owned(), ..ended(Status::Lost, None) };
        assert_eq!(lost.words().unwrap(), "lost: gone");
    }
}
