//! A WebSocket that carries texts between a program and a server, at a path of its own. Whoever holds it decides what the texts
//! mean. A server that leaves in order says so; one that died does not.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::backoff::Backoff;
use crate::feed::{Missing, ReachError, reach};
use crate::start::Place;

/// Where MCP is spoken.
const MCP: &str = "ws://localhost/mcp/ws";

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A text.
    Text(String),
    /// The server leaves in order.
    Goodbye,
    /// The server is gone.
    Broken,
}

/// What a channel does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A text may be given.
    MayGive,
    /// This came.
    Heard(Heard),
}

/// The channel.
#[derive(Debug)]
pub struct Channel {
    socket: WebSocketStream<UnixStream>,
    /// True while something was given that is not sent whole.
    unsent: bool,
}

impl Channel {
    /// Opens one for MCP. A server is started where there is none and that is allowed; one that dies at once is tried again.
    ///
    /// # Errors
    /// There is no server, or it refuses.
    pub async fn open_mcp(place: Place) -> Result<Self, ReachError> {
        let mut backoff = Backoff::default();
        loop {
            let pause: Duration = backoff.pause(u32::MAX / 2);
            match reach((place.clone(), MCP), Missing::StartOrFail, pause).await {
                Ok(socket) => return Ok(Self { socket, unsent: false }),
                Err(error) => {
                    backoff.failed();
                    if !error.may_pass() || backoff.is_spent() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Gives a text, after [`Turn::MayGive`].
    pub fn give(&mut self, text: String) {
        self.unsent = true;
        // What is broken is told by the next hearing.
        drop(self.socket.start_send_unpin(Message::text(text)));
    }

    /// What comes next: whether a text may be given, if one is there, and what is heard. Sends what was given meanwhile, so
    /// that neither side holds up the other. Cancel-safe.
    pub async fn turn(&mut self, has_text: bool) -> Turn {
        poll_fn(|context| self.poll_turn(has_text, context)).await
    }

    fn poll_turn(&mut self, has_text: bool, context: &mut Context<'_>) -> Poll<Turn> {
        // What is broken is told by the hearing.
        if has_text && self.socket.poll_ready_unpin(context).is_ready() {
            return Poll::Ready(Turn::MayGive);
        }
        if self.unsent && self.socket.poll_flush_unpin(context).is_ready() {
            self.unsent = false;
        }
        loop {
            let heard = match ready!(self.socket.poll_next_unpin(context)) {
                Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed)) => {
                    Heard::Goodbye
                }
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => continue,
                Some(Err(_)) | None => Heard::Broken,
            };
            return Poll::Ready(Turn::Heard(heard));
        }
    }
}
