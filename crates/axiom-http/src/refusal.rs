//! A fault on its way out: its HTTP status, and its body once the request's id is known.
//! The one place that maps codes to statuses.

use std::time::Duration;

use axiom_proto::fault::{ErrorCode, Fault, FaultBody};
use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::json::Json;

/// A request that is answered with a fault. The fault waits beside the response until [`Refusal::render`].
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    fault: Fault,
    status: StatusCode,
    try_after: Option<Duration>,
    ends_connection: bool,
    /// Where a client of MCP learns how to be let in.
    metadata: Option<Box<str>>,
}

impl Refusal {
    /// A fault with another status than its code's.
    pub(crate) fn with_status(fault: Fault, status: StatusCode) -> Self {
        Self { status, ..fault.into() }
    }

    /// Says in how long it may be tried again.
    pub(crate) fn tried_again_after(self, wait: Duration) -> Self {
        Self { try_after: Some(wait), ..self }
    }

    /// Closes the connection behind the answer.
    pub(crate) fn ending_the_connection(self) -> Self {
        Self { ends_connection: true, ..self }
    }

    /// Says where to learn how to be let in.
    pub(crate) fn with_metadata(self, url: String) -> Self {
        Self { metadata: Some(url.into()), ..self }
    }

    pub(crate) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The whole response.
    pub(crate) fn render(mut self, request_id: &str) -> Response {
        request_id.clone_into(&mut self.fault.request_id);
        let challenge = self.status == StatusCode::UNAUTHORIZED;
        let mut response = (self.status, Json(FaultBody { error: self.fault })).into_response();
        let headers = response.headers_mut();
        if challenge {
            let told = self.metadata.map(|url| format!(", resource_metadata=\"{url}\""));
            let challenge = format!("Bearer realm=\"axiom\"{}", told.unwrap_or_default());
            let plain = HeaderValue::from_static("Bearer realm=\"axiom\"");
            headers.insert(WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap_or(plain));
        }
        if let Some(wait) = self.try_after {
            // Whole seconds, and never too few.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        if self.ends_connection {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let status = status_of(fault.code);
        Self { fault, status, try_after: None, ends_connection: false, metadata: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::TaskNotFound => StatusCode::NOT_FOUND,
        ErrorCode::AmbiguousId
        | ErrorCode::TaskEnded
        | ErrorCode::InputConflict
        | ErrorCode::Blocked
        | ErrorCode::IdempotencyConflict
        | ErrorCode::VersionMismatch => StatusCode::CONFLICT,
        ErrorCode::InvalidArgument => StatusCode::BAD_REQUEST,
        ErrorCode::LimitReached => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::SpawnFailed => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Denied => StatusCode::FORBIDDEN,
        ErrorCode::Busy | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Timeout => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::NotSupported => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_is_told_with_its_status_and_its_requests_id() {
        let fault = Fault::new(ErrorCode::TaskNotFound, "no task", "look");
        let response = Refusal::from(fault.clone()).render("7-1");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let FaultBody { error } = serde_json::from_slice(&body).unwrap();
        assert_eq!(error, Fault { request_id: "7-1".to_owned(), ..fault });
    }

    #[test]
    fn what_may_be_tried_again_has_a_status_that_says_so() {
        for code in [ErrorCode::Busy, ErrorCode::Unavailable] {
            assert_eq!(status_of(code), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(status_of(ErrorCode::LimitReached), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(status_of(ErrorCode::Timeout), StatusCode::REQUEST_TIMEOUT);
    }
}
