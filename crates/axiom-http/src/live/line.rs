//! The socket of one live connection: it is heard while it is written to, so that a client which does not read can still
//! say that the flood should stop. What waits to be sent is bounded by whoever pushes only when it is idle.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use axiom_proto::live::Tell;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{Sink, Stream};

use super::parting::of_error;

/// Short answers that may wait behind a batch of frames. With more the client is not heard until it reads.
const ANSWERS_MAX: usize = 64;

/// What the socket did.
pub(super) enum Turn {
    /// All that was pushed is sent.
    Sent,
    /// The client said this.
    Heard(Message),
    /// The client broke the protocol, and is to be told so: nothing more is understood.
    Broken(CloseFrame),
    /// The client is gone.
    Gone,
}

/// A socket and what waits to be sent.
pub(super) struct Line {
    socket: WebSocket,
    waiting: VecDeque<Message>,
    unsent: bool,
}

impl Line {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self { socket, waiting: VecDeque::new(), unsent: false }
    }

    /// True if nothing waits: then a batch of frames may be pushed.
    pub(super) fn is_idle(&self) -> bool {
        !self.unsent
    }

    /// True if another short answer may be caused.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < ANSWERS_MAX
    }

    pub(super) fn push(&mut self, message: Message) {
        self.waiting.push_back(message);
        self.unsent = true;
    }

    pub(super) fn tell(&mut self, tell: &Tell) {
        let text = axiom_proto::json::to_string(tell);
        self.push(Message::Text(text.into()));
    }

    /// Sends, and hears if it may. Cancel-safe; waits for ever where there is nothing to send and nothing may be heard.
    pub(super) async fn turn(&mut self, may_hear: bool) -> Turn {
        poll_fn(|context| self.poll_turn(may_hear, context)).await
    }

    fn poll_turn(&mut self, may_hear: bool, context: &mut Context<'_>) -> Poll<Turn> {
        if self.unsent {
            match self.poll_send(context) {
                Poll::Ready(Ok(())) => {
                    self.unsent = false;
                    return Poll::Ready(Turn::Sent);
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::Gone),
                Poll::Pending => {}
            }
        }
        if !may_hear {
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_next(context).map(|heard| match heard {
            Some(Ok(message)) => Turn::Heard(message),
            Some(Err(error)) => of_error(error).map_or(Turn::Gone, Turn::Broken),
            None => Turn::Gone,
        })
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        let mut socket = Pin::new(&mut self.socket);
        while !self.waiting.is_empty() {
            std::task::ready!(socket.as_mut().poll_ready(context))?;
            if let Some(message) = self.waiting.pop_front() {
                socket.as_mut().start_send(message)?;
            }
        }
        socket.poll_flush(context)
    }
}
