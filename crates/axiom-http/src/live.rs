//! The live connection: many subscriptions, watched views and commands over one WebSocket.
//! One message is made when the last one is sent, never ahead: a slow client's frames stay in ring and journal,
//! and what waits for it here is one batch. Its commands are heard first.

mod commands;
mod line;
mod parting;
mod pulls;

use std::time::Duration;

use axiom_proto::api::INPUT_BYTES_MAX;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::live::{Ask, Tell};
use axiom_server::{Caller, Changed, Operations, Watch};
use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::asked::invalid;
use crate::door::Visit;
use crate::gate::offered_protocols;
use crate::refusal::Refusal;
use commands::Commands;
use line::{Line, Turn};
use parting::{PARTING_WAIT_MAX, close};
use pulls::{Pulled, Pulls};

/// What is spoken, for clients that must name it: browsers, beside the token.
const PROTOCOL: &str = "axiom.v1";

/// Messages in a row that are not understood: more come from no client of ours, in whatever version.
const NONSENSE_MAX: u32 = 64;

/// The largest message of a client, in one frame or in many: a command with as much input as may be typed at once, in
/// base64. Whoever sends a larger one is not heard any more.
const MESSAGE_BYTES_MAX: usize = 2 * INPUT_BYTES_MAX;

/// Bytes read at once. Each connection holds as many all the time, and what a client says is short.
const READ_BYTES: usize = 4 * 1024;

/// How long a client is told of the last things before the server's goodbye, all in all.
const LAST_WAIT_MAX: Duration = Duration::from_millis(500);

/// When nothing has come for so long, that was the last: frames of a reader who is behind are fetched from the journal.
const LAST_QUIET: Duration = Duration::from_millis(50);

/// Bytes of messages that may lie in the socket's own buffer: one batch of frames, and room.
const SOCKET_BYTES_MAX: usize = 1024 * 1024;

/// The live connection: a WebSocket that follows many tasks. Its messages stand in docs/http.md.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    params(("sec-websocket-protocol" = Option<String>, Header, description = "`axiom.v1`, and for browsers `axiom.bearer.` with the token behind it.")),
    responses((status = SWITCHING_PROTOCOLS, description = "The connection is a WebSocket now."))
)]
pub(crate) async fn upgrade(
    Extension(operations): Extension<Operations>,
    Extension(caller): Extension<Caller>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| {
        invalid(format!("a live connection is a WebSocket: {}", error.body_text()), "")
    })?;
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(SOCKET_BYTES_MAX + pulls::MESSAGE_BYTES_MAX);
    if offered_protocols(&headers).next().is_some()
        && !offered_protocols(&headers).any(|name| name == PROTOCOL)
    {
        let message = format!("none of the offered protocols is {PROTOCOL}");
        return Err(invalid(message, "offer it, or none"));
    }
    let permit = visit.door.live()?;
    let presence = visit.presence;
    let socket_back = visit.patience.lasts();
    // Of what was offered only this is said back: never the token.
    Ok(upgrade.protocols([PROTOCOL]).on_upgrade(move |socket| async move {
        let live = Live::new(operations, caller, socket);
        if let End::Parted { until } = live.run().await {
            parting::linger(socket_back, until).await;
        }
        drop((presence, permit));
    }))
}

/// One client.
struct Live {
    operations: Operations,
    line: Line,
    ended: watch::Receiver<bool>,
    pulls: Pulls,
    commands: Commands,
    watch: Option<Watch>,
    /// How many messages in a row were not understood.
    nonsense: u32,
}

/// How a connection ended.
enum End {
    /// Its client left.
    Gone,
    /// We ended it, and the client may take so long to hear of it.
    Parted { until: Instant },
}

/// What happens next.
enum Step {
    Turn(Turn),
    Answered(Tell),
    More(More),
    Ended,
}

/// What there is to tell without being asked.
enum More {
    Changed(Changed),
    Pulled(Pulled),
}

impl Live {
    fn new(operations: Operations, caller: Caller, socket: WebSocket) -> Self {
        let ended = operations.ended();
        let pulls = Pulls::new(operations.clone());
        let commands = Commands::new(operations.clone(), caller);
        Self {
            operations,
            line: Line::new(socket),
            ended,
            pulls,
            commands,
            watch: None,
            nonsense: 0,
        }
    }

    /// Serves until the client is gone or the server ends.
    async fn run(mut self) -> End {
        let version = self.operations.version().to_owned();
        let (tasks, fleet) = (self.operations.counts(), self.operations.fleet_stats());
        self.line.tell(&Tell::Hello { version, tasks, fleet });
        loop {
            match self.step().await {
                Step::Turn(Turn::Sent) => {}
                Step::Turn(Turn::Heard(message)) => {
                    if let Err(close) = self.heard(&message).await {
                        return self.part(close).await;
                    }
                }
                Step::Turn(Turn::Broken(close)) => return self.part(close).await,
                Step::Turn(Turn::Gone) => return End::Gone,
                Step::Answered(tell) => self.line.tell(&tell),
                Step::More(more) => self.give(more),
                Step::Ended => {
                    self.tell_the_last().await;
                    self.line.tell(&Tell::Goodbye);
                    return self.part(close(close_code::AWAY, "the server leaves")).await;
                }
            }
        }
    }

    fn give(&mut self, more: More) {
        match more {
            More::Changed(Changed { views, removed }) => {
                for task in views {
                    self.line.tell(&Tell::Task { task: Box::new(task) });
                }
                for task in removed {
                    self.line.tell(&Tell::Removed { task });
                }
            }
            More::Pulled(Pulled::Tell(tell)) => self.line.tell(&tell),
            More::Pulled(Pulled::Frames(message)) => self.line.push(Message::Binary(message)),
        }
    }

    /// Gives what is at hand before the goodbye: the ends of tasks that were stopped because the server leaves.
    async fn tell_the_last(&mut self) {
        let until = Instant::now() + LAST_WAIT_MAX;
        loop {
            while !self.line.is_idle() {
                match timeout_at(until, self.line.turn(false)).await {
                    Ok(Turn::Sent) => {}
                    Ok(Turn::Heard(_) | Turn::Broken(_) | Turn::Gone) | Err(_) => return,
                }
            }
            let quiet = until.min(Instant::now() + LAST_QUIET);
            match timeout_at(quiet, more(&mut self.watch, &mut self.pulls)).await {
                Ok(more) => self.give(more),
                Err(_nothing_more) => return,
            }
        }
    }

    async fn step(&mut self) -> Step {
        let idle = self.line.is_idle();
        let may_hear = self.commands.has_room() && self.line.has_room();
        tokio::select! {
            biased;
            _ = self.ended.wait_for(|ended| *ended) => Step::Ended,
            turn = self.line.turn(may_hear) => Step::Turn(turn),
            tell = self.commands.next() => Step::Answered(tell),
            // By turns: output changes views all the time, and neither may starve the other.
            more = more(&mut self.watch, &mut self.pulls), if idle => Step::More(more),
        }
    }

    /// Does what is asked; an error ends the connection.
    async fn heard(&mut self, message: &Message) -> Result<(), CloseFrame> {
        let text = match message {
            Message::Text(text) => text.as_str(),
            Message::Binary(_) => {
                return Err(close(close_code::UNSUPPORTED, "a client's messages are JSON text"));
            }
            // The end of the stream follows a close; pings are answered below us.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        match serde_json::from_str(text) {
            Ok(ask) => {
                self.nonsense = 0;
                self.asked(ask).await;
            }
            Err(error) => {
                self.nonsense += 1;
                if self.nonsense > NONSENSE_MAX {
                    return Err(close(close_code::POLICY, "too many messages are not understood"));
                }
                self.refuse(format!("message: {error}"));
            }
        }
        Ok(())
    }

    async fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Subscribe { subscription, task, start } => {
                if let Err(error) = self.pulls.begin(subscription, task, start) {
                    let subscription = Some(subscription);
                    self.line.tell(&Tell::Refused { subscription, command: None, error });
                }
            }
            Ask::Unsubscribe { subscription } => self.pulls.end(subscription),
            Ask::Watch { tasks } => match self.operations.watch(&tasks) {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => {
                    self.line.tell(&Tell::Refused { subscription: None, command: None, error });
                }
            },
            Ask::Command { task, id, action, data } => {
                if let Some(tell) = self.commands.begin(task, id, (action, &data)).await {
                    self.line.tell(&tell);
                }
            }
        }
    }

    fn refuse(&mut self, message: String) {
        let error = Fault::new(ErrorCode::InvalidArgument, message, "");
        self.line.tell(&Tell::Refused { subscription: None, command: None, error });
    }

    /// Says why, and lets the socket go.
    async fn part(mut self, close: CloseFrame) -> End {
        let until = Instant::now() + PARTING_WAIT_MAX;
        self.line.push(Message::Close(Some(close)));
        // A client that does not listen sees the end of the stream.
        drop(timeout_at(until, self.line.turn(false)).await);
        End::Parted { until }
    }
}

async fn more(watch: &mut Option<Watch>, pulls: &mut Pulls) -> More {
    tokio::select! {
        changed = next_changed(watch) => More::Changed(changed),
        pulled = pulls.next() => More::Pulled(pulled),
    }
}

async fn next_changed(watch: &mut Option<Watch>) -> Changed {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
