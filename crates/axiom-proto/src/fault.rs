//! What every face answers when something cannot be done: a code that programs branch on,
//! a sentence that says what failed, and a hint that says what to do.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The codes; design: "Contracts that outsiders depend on".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No task has this id or name.
    TaskNotFound,
    /// A prefix fits several tasks.
    AmbiguousId,
    /// The task has ended, and this needs a running one.
    TaskEnded,
    /// The request is wrong.
    InvalidArgument,
    /// A limit is reached.
    LimitReached,
    /// The input does not fit the terminal's state.
    InputConflict,
    /// The task waits for a person.
    Blocked,
    /// The session could not be started.
    SpawnFailed,
    /// Not allowed.
    Denied,
    /// Too much at once; try again.
    Busy,
    /// No token, or a wrong one.
    Unauthorized,
    /// The idempotency key was used for something else.
    IdempotencyConflict,
    /// The body or message is too large.
    TooLarge,
    /// A wait timed out.
    Timeout,
    /// The server or the worker cannot be reached now.
    Unavailable,
    /// Two parts of Axiom are too far apart in version.
    VersionMismatch,
    /// The disk is full.
    DiskFull,
    /// Not built yet, or not on this machine.
    NotSupported,
    /// A bug or a broken machine.
    Internal,
}

impl ErrorCode {
    /// The word that is sent.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TaskNotFound => "task_not_found",
            Self::AmbiguousId => "ambiguous_id",
            Self::TaskEnded => "task_ended",
            Self::InvalidArgument => "invalid_argument",
            Self::LimitReached => "limit_reached",
            Self::InputConflict => "input_conflict",
            Self::Blocked => "blocked",
            Self::SpawnFailed => "spawn_failed",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Unauthorized => "unauthorized",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::VersionMismatch => "version_mismatch",
            Self::DiskFull => "disk_full",
            Self::NotSupported => "not_supported",
            Self::Internal => "internal",
        }
    }

    /// True where the same request may succeed later.
    #[must_use]
    pub fn retryable(self) -> bool {
        match self {
            Self::LimitReached
            | Self::Busy
            | Self::Timeout
            | Self::Unavailable
            | Self::DiskFull => true,
            Self::TaskNotFound
            | Self::AmbiguousId
            | Self::TaskEnded
            | Self::InvalidArgument
            | Self::InputConflict
            | Self::Blocked
            | Self::SpawnFailed
            | Self::Denied
            | Self::Unauthorized
            | Self::IdempotencyConflict
            | Self::TooLarge
            | Self::VersionMismatch
            | Self::NotSupported
            | Self::Internal => false,
        }
    }
}

/// A failure as it is told to outsiders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Fault {
    /// What programs branch on.
    pub code: ErrorCode,
    /// What failed.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// True where trying again may help.
    #[serde(default)]
    pub retryable: bool,
    /// The request's id, in the server's log too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

impl Fault {
    /// A fault with its code's usual retry answer.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
            retryable: code.retryable(),
            request_id: String::new(),
        }
    }
}

/// The body of every failed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FaultBody {
    /// The failure.
    pub error: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codes_word_is_the_one_that_is_sent() {
        let codes = [ErrorCode::TaskNotFound, ErrorCode::Busy, ErrorCode::IdempotencyConflict];
        for code in codes {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
    }
}
