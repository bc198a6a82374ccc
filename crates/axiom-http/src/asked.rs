//! Bodies and queries as typed requests: bounded before they are parsed, and refused with a sentence that says where.

use std::time::Duration;

use axiom_proto::api::BODY_BYTES_MAX;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::{Caller, Operations};
use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::door::Visit;
use crate::refusal::Refusal;

/// How long a body may take to come: the largest one in a second, on anything that is not stuck.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// A JSON body. No body at all stands for `{}`. One whose asker has gone by now is refused: nothing is begun for nobody.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

/// What a path names a task by.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) String);

/// As the document says it.
pub(crate) const ID: &str = "The task: its id, a beginning of it that no other has, or its name.";

/// A query string.
#[derive(Debug)]
pub(crate) struct Queried<T>(pub(crate) T);

/// What somebody wants done to a task.
#[derive(Debug)]
pub(crate) struct Order<T> {
    pub(crate) operations: Operations,
    pub(crate) caller: Caller,
    pub(crate) id: String,
    pub(crate) request: T,
}

impl<S, T> FromRequest<S> for Order<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        let passed = "every request passes the door";
        let caller = head.extensions.get::<Caller>().expect(passed).clone();
        let operations = head.extensions.get::<Operations>().expect(passed).clone();
        let Named(id) = Named::from_request_parts(&mut head, state).await?;
        let Asked(request) = Asked::from_request(Request::from_parts(head, body), state).await?;
        Ok(Self { operations, caller, id, request })
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let is_json = says_json(request.headers());
        let visit = request.extensions().get::<Visit>().cloned();
        let body = request.into_body();
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            // What is announced so large is not even read.
            return Err(too_large());
        }
        let whole = Limited::new(body, BODY_BYTES_MAX).collect();
        let body = match tokio::time::timeout(BODY_WAIT, whole).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Err(error)) => return Err(invalid(format!("the body broke off: {error}"), "")),
            Err(_elapsed) => {
                let message = format!("the body did not come within {} s", BODY_WAIT.as_secs());
                return Err(Fault::new(ErrorCode::Timeout, message, "send it again").into());
            }
        };
        if visit.is_some_and(|visit| visit.patience.is_abandoned()) {
            return Err(abandoned());
        }
        if body.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !is_json {
            return Err(invalid(
                "a body is JSON, and must say so".to_owned(),
                "send `Content-Type: application/json`",
            ));
        }
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let name = name.map_err(|error| invalid(format!("path: {}", error.body_text()), ""))?;
        Ok(Self(name.0))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Queried<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        let query = query.map_err(|error| invalid(format!("query: {}", error.body_text()), ""))?;
        Ok(Self(query.0))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| invalid(format!("body: {error}"), ""))
}

/// `application/json`, with or without parameters.
fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Somebody gave up while we could not hear them, or were stopped: what they do next counts on its not being done.
fn abandoned() -> Refusal {
    let message = "the connection ended before this was begun; nothing was done";
    Fault::new(
        ErrorCode::Unavailable,
        message,
        "keep it open, in both directions, until the answer has come",
    )
    .into()
}

fn too_large() -> Refusal {
    let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
    Fault::new(ErrorCode::TooLarge, message, "send less at once").into()
}

pub(crate) fn invalid(message: String, hint: &str) -> Refusal {
    Fault::new(ErrorCode::InvalidArgument, message, hint).into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_said_by_its_media_type_with_or_without_parameters() {
        let says = |value: &'static str| {
            says_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(says("application/json") && says("Application/JSON; charset=utf-8"));
        for other in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert!(!says(other), "{other:?}");
        }
        assert!(!says_json(&HeaderMap::new()));
    }
}
