//! Where the Model Context Protocol is mounted: `/mcp` as requests, `/mcp/ws` as a WebSocket with one message in each text.
//! Behind the same gate as all else. What it says is the protocol's own, so it stands in no document of ours.

use std::time::Duration;

use axiom_mcp::{Face, ServerHandler, Streamable};
use axiom_proto::api::BODY_BYTES_MAX;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::{Caller, Operations};
use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, Stream, StreamExt, future};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::asked::invalid;
use crate::door::Visit;
use crate::gate::{METADATA_PATHS, offered_protocols};
use crate::refusal::Refusal;

/// What a WebSocket of MCP speaks, for clients that name it.
const PROTOCOL: &str = "mcp";

/// Names the session of a client of the older era.
const SESSION_HEADER: &str = "mcp-session-id";

/// How long a body may take to come.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// Bytes read at once. Each connection holds as many all the time, and what a client says is short.
const READ_BYTES: usize = 4 * 1024;

/// The routes, whatever the others are served from; what is asked by requests is answered by this handler.
pub(crate) fn routes<S, Handler>(
    operations: &Operations,
    make: impl Fn() -> Handler + Send + Sync + 'static,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Handler: ServerHandler + Clone,
{
    let face = Face::new(operations.clone());
    let streamable = Streamable::new(make, operations.ended());
    let requests = Router::new()
        .route_service("/mcp", streamable.service.clone())
        .layer(from_fn_with_state(streamable, bounded::<Handler>));
    let connections = Router::new().route("/mcp/ws", get(upgrade)).with_state(face);
    let about = Router::new()
        .route(METADATA_PATHS[0], get(metadata))
        .route(METADATA_PATHS[1], get(metadata));
    requests.merge(connections).merge(about)
}

/// One request: its body comes whole and in time, and its place is held until its answer, which may be a stream, is over.
async fn bounded<Handler: ServerHandler + Clone>(
    State(streamable): State<Streamable<Handler>>,
    Extension(visit): Extension<Visit>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let permit = visit.door.mcp()?;
    let session = request.headers().get(SESSION_HEADER).and_then(|session| session.to_str().ok());
    if session.is_some_and(|session| !streamable.is_theirs(session, caller.task)) {
        let fault = Fault::new(ErrorCode::InvalidArgument, "there is no such session", "begin one");
        return Err(Refusal::with_status(fault, StatusCode::NOT_FOUND));
    }
    if session.is_none() && !streamable.has_room().await {
        let message = "too many sessions of MCP are open";
        let hint = "end one with DELETE, or speak 2026-07-28, which has none";
        return Err(Fault::new(ErrorCode::LimitReached, message, hint).into());
    }
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_WAIT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
            return Err(Fault::new(ErrorCode::TooLarge, message, "").into());
        }
        Ok(Err(_)) => return Err(invalid("the body broke off".to_owned(), "")),
        Err(_) => {
            let message = format!("the body did not come within {} s", BODY_WAIT.as_secs());
            return Err(Fault::new(ErrorCode::Timeout, message, "").into());
        }
    };
    // A stream that only tells of changes is no answer.
    let answering = (head.method == Method::POST).then(|| streamable.answer());
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let (head, body) = response.into_parts();
    if let Some(session) =
        head.headers.get(SESSION_HEADER).and_then(|session| session.to_str().ok())
    {
        streamable.remember(session, caller.task).await;
    }
    let body = body.map_frame(move |frame| {
        let _held = (&permit, &answering);
        frame
    });
    Ok(Response::from_parts(head, Body::new(body)))
}

/// What a client that is refused may learn of how to be let in: that it must bring the home's token itself.
async fn metadata(headers: HeaderMap) -> axum::Json<serde_json::Value> {
    // The gate has looked at it.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    axum::Json(serde_json::json!({
        "resource": format!("http://{host}/mcp"),
        "resource_name": "Axiom",
        "bearer_methods_supported": ["header"],
    }))
}

async fn upgrade(
    State(face): State<Face>,
    Extension(caller): Extension<Caller>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| {
        invalid(format!("this is a WebSocket: {}", error.body_text()), "use /mcp")
    })?;
    let mut offered = offered_protocols(&headers).peekable();
    if offered.peek().is_some() && !offered.any(|name| name == PROTOCOL) {
        let message = format!("none of the offered protocols is {PROTOCOL}");
        return Err(invalid(message, "offer it, or none"));
    }
    let permit = visit.door.mcp()?;
    let presence = visit.presence;
    // A client may stop reading for as long as it likes: it holds little.
    drop(visit.patience.lasts());
    let upgrade = upgrade
        .max_message_size(BODY_BYTES_MAX)
        .max_frame_size(BODY_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0);
    Ok(upgrade
        .protocols([PROTOCOL])
        .on_upgrade(move |socket| async move {
            let (sink, stream) = socket.split();
            let answers =
                sink.with(|text: String| future::ok::<_, axum::Error>(Message::Text(text.into())));
            face.of_connection(caller).serve(Box::pin(texts(stream)), Box::pin(answers)).await;
            drop((presence, permit));
        })
        .into_response())
}

/// What a client says, until it hangs up or says something else than text.
fn texts(stream: SplitStream<WebSocket>) -> impl Stream<Item = String> + Send {
    futures_util::stream::unfold(stream, |mut stream| async move {
        loop {
            match stream.next().await? {
                Ok(Message::Text(text)) => return Some((text.to_string(), stream)),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Binary(_) | Message::Close(_)) | Err(_) => return None,
            }
        }
    })
}
