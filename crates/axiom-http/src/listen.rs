//! Accepts connections on the home's socket and ends them in order.
//! Who connects is asked of the kernel: only the server's own user is heard.

use std::convert::Infallible;
use std::time::Duration;

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::{Caller, Operations};
use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::refusal::Refusal;
use crate::routes::router;

/// Connections at once; more wait in the listener's backlog. A browser with a fleet on screen uses a handful.
const CONNECTIONS_MAX: usize = 1024;

/// How long a client may take to say what it wants. An idle connection is closed then; clients dial again.
const HEADER_WAIT_MAX: Duration = Duration::from_secs(30);

/// The largest head of a request.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// How long requests under way and goodbyes may take once the server ends.
const GOODBYE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Pause after a failed accept: it fails for want of descriptors, and at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Held by whoever must be waited for at the end.
#[derive(Debug, Clone)]
pub(crate) struct Presence {
    /// Nothing is ever sent: the waiting side sees when the last holder has let go.
    _held: mpsc::Sender<Infallible>,
}

/// What a connection is served with.
#[derive(Clone)]
struct Face {
    routes: Router,
    ended: watch::Receiver<bool>,
    presence: Presence,
}

/// Serves until the server has ended, then says goodbye to everyone.
pub async fn serve(operations: Operations, listener: UnixListener) {
    let (held, mut present) = mpsc::channel(1);
    let mut ended = operations.ended();
    let presence = Presence { _held: held };
    let face = Face { ended: ended.clone(), routes: router(operations), presence };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(face.clone(), stream));
                }
                Err(error) => {
                    tracing::warn!("accept: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = ended.wait_for(|ended| *ended) => break,
        }
    }
    drop((listener, face));
    let all = async {
        while connections.join_next().await.is_some() {}
        // Live connections have left their HTTP connection behind.
        while present.recv().await.is_some() {}
    };
    if timeout(GOODBYE_WAIT_MAX, all).await.is_err() {
        tracing::warn!("{} connections did not end in time", connections.len());
    }
    connections.shutdown().await;
}

async fn connection(face: Face, stream: UnixStream) {
    let Face { routes, mut ended, presence } = face;
    let caller = caller(&stream);
    let service = service_fn(move |request: Request<Incoming>| {
        answer(routes.clone(), (caller.clone(), presence.clone()), request)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(http);
    let closed = tokio::select! {
        closed = http.as_mut() => closed,
        () = true_at_last(&mut ended) => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = closed {
        tracing::debug!("connection: {error}");
    }
}

async fn true_at_last(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone has ended as well.
    drop(ended.wait_for(|ended| *ended).await);
}

async fn answer(
    routes: Router,
    (caller, presence): (Result<Caller, Refusal>, Presence),
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(presence);
            routes.oneshot(request).await
        }
        Err(refusal) => Ok(refusal.render("")),
    }
}

/// Who is at the other end.
fn caller(stream: &UnixStream) -> Result<Caller, Refusal> {
    let ours = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours => {
            Ok(Caller { author: format!("user {ours}"), request_id: String::new() })
        }
        Ok(peer) => Err(denied(format!("this server serves user {ours}, not {}", peer.uid()))),
        Err(error) => Err(denied(format!("the kernel does not say who asks: {error}"))),
    }
}

fn denied(message: String) -> Refusal {
    Fault::new(ErrorCode::Denied, message, "use a home of your own: set AXIOM_HOME").into()
}
