//! Which path is which operation, and the document that says so: both come from one list, so that they cannot differ.
//! One file for each group; every answer is the operation's own, as JSON.

mod events;
mod fleet;
mod later;
mod output;
mod pages;
mod screen;
mod steering;
mod tasks;

use axiom_mcp::ServerHandler;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::Operations;
use axum::Router;
use axum::extract::FromRef;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::document::{self, Documents};
use crate::door::enter;
use crate::json::Json;
use crate::live;
use crate::mcp;
use crate::refusal::Refusal;
use crate::requests::{RequestIds, stamp};

/// An answer as JSON, or a fault.
type Answered<T> = Result<Json<T>, Refusal>;

/// What the routes are served from. Operations are not among it: each request gets those that it may use, at the door.
#[derive(Debug, Clone)]
struct Face {
    documents: Documents,
}

impl FromRef<Face> for Documents {
    fn from_ref(face: &Face) -> Self {
        face.documents.clone()
    }
}

/// Every route, with what is said of it.
fn documented() -> (Router<Face>, OpenApi) {
    let api = OpenApiRouter::new()
        .routes(routes!(tasks::spawn, tasks::list))
        .routes(routes!(tasks::show, tasks::remove))
        .routes(routes!(output::read))
        .routes(routes!(output::frames))
        .routes(routes!(screen::look))
        .routes(routes!(tasks::wait))
        .routes(routes!(steering::input))
        .routes(routes!(steering::interrupt))
        .routes(routes!(steering::resize))
        .routes(routes!(steering::suspend))
        .routes(routes!(steering::resume))
        .routes(routes!(steering::stop))
        .routes(routes!(later::answer))
        .routes(routes!(later::link))
        .routes(routes!(events::listen))
        .routes(routes!(fleet::prune))
        .routes(routes!(fleet::status))
        .routes(routes!(fleet::shutdown))
        .routes(routes!(live::upgrade));
    let (router, mut document) = OpenApiRouter::new()
        .nest("/api/v1", api)
        .routes(routes!(fleet::health))
        .routes(routes!(fleet::metrics))
        .routes(routes!(pages::front))
        .routes(routes!(pages::openapi))
        .routes(routes!(pages::event_schema))
        .split_for_parts();
    document::complete(&mut document);
    (router, document)
}

pub(crate) fn router<Handler: ServerHandler + Clone>(
    operations: Operations,
    make: impl Fn() -> Handler + Send + Sync + 'static,
) -> Router {
    let (routes, document) = documented();
    let documents = Documents::new(&document);
    routes
        .merge(mcp::routes(&operations, make))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(Face { documents })
        .layer(from_fn_with_state(operations, enter))
        .layer(from_fn_with_state(RequestIds::new(), stamp))
}

async fn unknown_path(uri: Uri) -> Refusal {
    let message = format!("nothing is at {}", uri.path());
    let fault = Fault::new(ErrorCode::InvalidArgument, message, "see /openapi.json");
    Refusal::with_status(fault, StatusCode::NOT_FOUND)
}

async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    let message = format!("{} does not take {method}", uri.path());
    let fault = Fault::new(ErrorCode::InvalidArgument, message, "see /openapi.json");
    Refusal::with_status(fault, StatusCode::METHOD_NOT_ALLOWED)
}
