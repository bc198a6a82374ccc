//! One try to get a live socket: the pause before it, a server (dialled, started or waited for), the WebSocket's handshake.

use std::io;
use std::time::Duration;

use axiom_proto::fault::{ErrorCode, Fault, FaultBody};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::dial::{DialError, dial};
use crate::home::Home;
use crate::socket_watch::SocketWatch;
use crate::start::{Place, Start, StartError, reach as reach_server};

/// How long a server may take to answer the handshake: it does nothing else before it.
const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);

/// The largest message: one frame of the largest payload, and room for those beside it.
const MESSAGE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Bytes read at once: a batch of frames as the server sends it. The library clears so many before each read.
const READ_BYTES: usize = 64 * 1024;

/// Where live connections are made.
pub(super) const LIVE: &str = "ws://localhost/api/v1/live";

/// What to do where no server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Start one; where that is not allowed, that is the answer.
    StartOrFail,
    /// Start one; where that is not allowed, wait until somebody does.
    StartOrAwait,
    /// Wait until somebody starts one.
    AwaitAnother,
}

/// Why a live socket could not be had.
#[derive(Debug, Error)]
pub enum ReachError {
    /// There is no server.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server refuses.
    #[error(transparent)]
    Refused(Fault),
    /// The handshake broke off.
    #[error("open a live connection")]
    Handshake(#[source] Box<tungstenite::Error>),
    /// The server is silent.
    #[error("the server did not answer within {} s", HANDSHAKE_WAIT_MAX.as_secs())]
    Silent,
    /// The home cannot be watched.
    #[error("wait for the next server")]
    Watch(#[source] io::Error),
}

impl ReachError {
    /// True if another try may do better.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Handshake(_) | Self::Silent => true,
            Self::Start(_) | Self::Refused(_) | Self::Watch(_) => false,
        }
    }

    /// The same as a fault: what faces tell.
    #[must_use]
    pub fn to_fault(&self) -> Fault {
        match self {
            Self::Start(error) => error.to_fault(),
            Self::Refused(fault) => fault.clone(),
            Self::Handshake(error) => {
                let message = format!("the server went away: {error}");
                Fault::new(ErrorCode::Unavailable, message, "see `axiom doctor`")
            }
            Self::Silent => Fault::new(ErrorCode::Timeout, self.to_string(), "see `axiom doctor`"),
            Self::Watch(error) => {
                let message = format!("cannot wait for the next server: {error}");
                Fault::new(ErrorCode::Unavailable, message, "check that the home is still there")
            }
        }
    }
}

/// Tries once, after the pause.
pub(crate) async fn reach(
    (place, url): (Place, &'static str),
    missing: Missing,
    pause: Duration,
) -> Result<WebSocketStream<UnixStream>, ReachError> {
    if !pause.is_zero() {
        sleep(pause).await;
    }
    let may_start = match &place.start {
        Start::With(_) => true,
        Start::InsideTask | Start::Never => false,
    };
    let waits = match missing {
        Missing::StartOrFail => false,
        Missing::StartOrAwait => !may_start,
        Missing::AwaitAnother => true,
    };
    if waits {
        return await_another(&place.home, url).await;
    }
    shake_hands(reach_server(&place).await?, url).await
}

/// Waits for as long as it takes: the person who said goodbye decides when the next server starts.
async fn await_another(
    home: &Home,
    url: &'static str,
) -> Result<WebSocketStream<UnixStream>, ReachError> {
    let mut watch = SocketWatch::new(home).map_err(ReachError::Watch)?;
    loop {
        match dial(home).await {
            // The one that is leaving may still take a dial; it then hangs up.
            Ok(stream) => {
                if let Ok(socket) = shake_hands(stream, url).await {
                    return Ok(socket);
                }
            }
            Err(DialError::NoServer { .. }) => {}
            Err(error @ (DialError::Foreign { .. } | DialError::Io { .. })) => {
                return Err(ReachError::Start(error.into()));
            }
        }
        watch.appeared().await.map_err(ReachError::Watch)?;
    }
}

async fn shake_hands(
    stream: UnixStream,
    url: &'static str,
) -> Result<WebSocketStream<UnixStream>, ReachError> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let handshake = client_async_with_config(url, stream, Some(config));
    match timeout(HANDSHAKE_WAIT_MAX, handshake).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(answer))) => {
            Err(ReachError::Refused(fault_of(answer.status(), answer.body().as_deref())))
        }
        Ok(Err(error)) => Err(ReachError::Handshake(Box::new(error))),
        Err(_) => Err(ReachError::Silent),
    }
}

fn fault_of(status: StatusCode, body: Option<&[u8]>) -> Fault {
    let told = body.and_then(|body| serde_json::from_slice::<FaultBody>(body).ok());
    told.map_or_else(
        || {
            let message = format!("the server answers {status} to a live connection");
            Fault::new(ErrorCode::VersionMismatch, message, "`axiom shutdown`, then try again")
        },
        |told| told.error,
    )
}
