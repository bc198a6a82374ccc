//! What is told about the interface itself: a page for people, and two documents for programs.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;

use crate::document::{Documents, FRONT};

type Page = ([(HeaderName, &'static str); 1], Bytes);

fn page(kind: &'static str, text: Bytes) -> Page {
    ([(CONTENT_TYPE, kind)], text)
}

/// What this is, and where to read on.
#[utoipa::path(get, path = "/", tag = "about", responses((status = OK, body = String, content_type = "text/plain")))]
pub(super) async fn front() -> Page {
    page("text/plain; charset=utf-8", Bytes::from_static(FRONT.as_bytes()))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = OK, body = serde_json::Value)))]
pub(super) async fn openapi(State(documents): State<Documents>) -> Page {
    page("application/json", documents.openapi)
}

/// The JSON Schema of every event.
#[utoipa::path(get, path = "/events.schema.json", tag = "about", responses((status = OK, body = serde_json::Value)))]
pub(super) async fn event_schema(State(documents): State<Documents>) -> Page {
    page("application/json", documents.event_schema)
}
