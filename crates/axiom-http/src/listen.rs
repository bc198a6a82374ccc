//! Accepts connections on the home's socket and on the loopback port, and ends them in order.
//! Who comes by the socket is asked of the kernel: only the server's own user is heard.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axiom_mcp::ServerHandler;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_server::{Listening, Network, Operations};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::door::{Door, Peer, Seat, Visit};
use crate::gate::Lock;
use crate::patience::{Patience, Socket, Stream};
use crate::refusal::Refusal;
use crate::routes::router;

/// How long a client may take to say what it wants. An idle connection is closed then; clients dial again.
const HEADER_WAIT_MAX: Duration = Duration::from_secs(30);

/// The largest head of a request. A larger one is answered 431, with a bare line: nothing of it was understood.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Lines in it at most: several times what browsers send. More are answered 431.
const HEADERS_MAX: usize = 100;

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

/// What every connection is served with.
#[derive(Clone)]
struct Face {
    routes: Router,
    operations: Operations,
    ended: watch::Receiver<bool>,
    presence: Presence,
}

/// A door's sockets.
enum Listener {
    Socket(UnixListener),
    Network(Vec<TcpListener>),
}

/// Who came.
enum Arrival {
    Socket(UnixStream),
    Network(TcpStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Self::Socket(socket) => Ok(Arrival::Socket(socket.accept().await?.0)),
            Self::Network(sockets) => {
                let (stream, _) = poll_fn(|context| {
                    let mut accepts = sockets.iter().map(|socket| socket.poll_accept(context));
                    accepts.find(Poll::is_ready).unwrap_or(Poll::Pending)
                })
                .await?;
                // Keystrokes must not wait for a full packet.
                stream.set_nodelay(true)?;
                Ok(Arrival::Network(stream))
            }
        }
    }
}

/// Serves until the server has ended, then says goodbye to everyone.
pub async fn serve(operations: Operations, listening: Listening) {
    let face = axiom_mcp::Face::new(operations.clone());
    serve_made(operations, listening, move || face.of_session()).await;
}

/// The same with another handler of MCP behind the gate: what the protocol's own suite of tests asks for.
pub async fn serve_with(
    operations: Operations,
    listening: Listening,
    handler: impl ServerHandler + Clone,
) {
    serve_made(operations, listening, move || handler.clone()).await;
}

async fn serve_made<Handler: ServerHandler + Clone>(
    operations: Operations,
    listening: Listening,
    make: impl Fn() -> Handler + Send + Sync + 'static,
) {
    let (held, mut present) = mpsc::channel(1);
    let presence = Presence { _held: held };
    let ended = operations.ended();
    let routes = router(operations.clone(), make);
    let face = Face { ended, routes, operations, presence };
    let mut doors = JoinSet::new();
    let owner = Arc::new(Door::new(Lock::Owner));
    doors.spawn(open(face.clone(), owner, Listener::Socket(listening.socket)));
    if let Some(Network { port, sockets, token }) = listening.network {
        let door = Arc::new(Door::new(Lock::Token { port, token }));
        doors.spawn(open(face.clone(), door, Listener::Network(sockets)));
    }
    drop(face);
    while doors.join_next().await.is_some() {}
    // Live connections have left their HTTP connection behind.
    let all = async { while present.recv().await.is_some() {} };
    if timeout(GOODBYE_WAIT_MAX, all).await.is_err() {
        tracing::warn!("live connections did not end in time");
    }
}

/// Takes connections at one door until the server has ended, and sees them off.
async fn open(face: Face, door: Arc<Door>, listener: Listener) {
    let mut ended = face.ended.clone();
    let mut connections = JoinSet::new();
    loop {
        let has_room = door.places().has_room();
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok(arrival) => begin(&face, &door, arrival, &mut connections),
                Err(error) => {
                    tracing::warn!("accept: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = true_at_last(&mut ended) => break,
        }
    }
    drop((listener, face));
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(GOODBYE_WAIT_MAX, all).await.is_err() {
        tracing::warn!("{} connections did not end in time", connections.len());
    }
    connections.shutdown().await;
}

/// Begins a connection, and ends another where the door is full.
fn begin(face: &Face, door: &Arc<Door>, arrival: Arrival, connections: &mut JoinSet<()>) {
    let put_out = door.places().enter(|number| {
        let seat = Seat { door: door.clone(), number };
        match arrival {
            Arrival::Socket(stream) => {
                let face = face.clone();
                connections.spawn(async move {
                    let peer = owner(&face.operations, &stream).await;
                    connection(face, seat, peer, stream).await;
                })
            }
            Arrival::Network(stream) => {
                let peer = Ok(Peer { author: "token".to_owned(), task: None });
                connections.spawn(connection(face.clone(), seat, peer, stream))
            }
        }
    });
    if let Some(put_out) = put_out {
        tracing::debug!("the door is full: one that was not let in is put out");
        put_out.abort();
    }
}

async fn connection(face: Face, seat: Seat, peer: Result<Peer, Refusal>, stream: impl Socket) {
    let Face { routes, mut ended, presence, .. } = face;
    let (door, number, patience) = (seat.door.clone(), seat.number, Patience::default());
    let stream = Stream::new(stream, patience.clone());
    let visit = Visit { door, number, peer, presence, patience };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(visit.clone());
        routes.clone().oneshot(request)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
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
    drop(seat);
}

async fn true_at_last(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone has ended as well.
    drop(ended.wait_for(|ended| *ended).await);
}

/// Who is at the other end of the home's socket.
async fn owner(operations: &Operations, stream: &UnixStream) -> Result<Peer, Refusal> {
    let ours = rustix::process::geteuid().as_raw();
    let pid = match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours => peer.pid(),
        Ok(peer) => {
            return Err(denied(format!("this server serves user {ours}, not {}", peer.uid())));
        }
        Err(error) => return Err(denied(format!("the kernel does not say who asks: {error}"))),
    };
    // Zero is a process of a namespace that we do not see into: no task is in one.
    let pid = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let task = match pid {
        Some(pid) => operations.task_of_process(pid).await?,
        None => None,
    };
    Ok(match task {
        Some(task) => Peer::in_task(task),
        None => Peer { author: format!("user {ours}"), task: None },
    })
}

fn denied(message: String) -> Refusal {
    Fault::new(ErrorCode::Denied, message, "use a home of your own: set AXIOM_HOME").into()
}
