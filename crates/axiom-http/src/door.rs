//! One way in: its lock, its places and its allowances. Each door counts for itself, so that a flood at the network
//! port harms nobody who comes by the socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_server::{Caller, Operations};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::allowance::Allowance;
use crate::gate::{Admitted, Lock, METADATA_PATHS, admit};
use crate::listen::Presence;
use crate::patience::Patience;
use crate::places::{Number, Places};
use crate::refusal::Refusal;
use crate::requests::RequestId;

/// Connections at once, at each door. A browser with a fleet on screen uses a handful. Who comes when all are taken gets
/// the place of the oldest that was not let in yet; where all were let in, it waits in the listener's backlog.
pub(crate) const CONNECTIONS_MAX: usize = 1024;

/// Live connections at once, at each door: a batch of frames may wait for each.
pub(crate) const LIVE_MAX: usize = 1024;

/// Listeners to events at once, at each door. Each is cheap; a browser has a few.
pub(crate) const LISTENERS_MAX: usize = 512;

/// Requests and connections of MCP under way at once, at each door: an agent has a handful, each of which may be waiting.
const MCP_MAX: usize = 1024;

/// KiB of output that may be on its way to readers at once, at each door: a few of the largest pieces. Who asks for more
/// waits until others have read theirs, or were given up.
const PIECES_KIB_MAX: u32 = 64 * 1024;

/// The largest piece, and what one is counted as that does not say how much it wants.
const PIECE_KIB_MAX: u32 = 8 * 1024;
const PIECE_KIB_DEFAULT: u32 = 1024;

/// How long a piece may wait for its turn: longer than a stalled reader is waited for.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Requests by the socket: our own command line in a loop, started as fast as the machine can, stays below.
const SOCKET_REQUESTS: (u32, u32) = (10_000, 20_000);

/// Requests by the network, a second and at once: a page that loads a fleet, or a script in a loop.
const NETWORK_REQUESTS: (u32, u32) = (2_000, 4_000);

/// Requests without a token, a second and at once, refused or for the health: a person who looks for the token and a
/// monitor, not a program that tries.
const STRANGERS: (u32, u32) = (50, 500);

/// One way in.
#[derive(Debug)]
pub(crate) struct Door {
    lock: Lock,
    places: Mutex<Places<AbortHandle>>,
    lives: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    pieces: Arc<Semaphore>,
    mcp: Arc<Semaphore>,
    requests: Mutex<Allowance>,
    strangers: Mutex<Allowance>,
    opened: Instant,
}

/// One connection, as its requests see it.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) door: Arc<Door>,
    pub(crate) number: Number,
    /// Who is at the other end, or that the kernel names a stranger.
    pub(crate) peer: Result<Peer, Refusal>,
    pub(crate) presence: Presence,
    pub(crate) patience: Patience,
}

/// Who is at the other end of a connection, as far as that is known without being shown anything.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The name, for people.
    pub(crate) author: String,
    /// The task that the process belongs to.
    pub(crate) task: Option<TaskId>,
}

impl Door {
    pub(crate) fn new(lock: Lock) -> Self {
        let (per_second, burst) = match lock {
            Lock::Owner => SOCKET_REQUESTS,
            Lock::Token { .. } => NETWORK_REQUESTS,
        };
        Self {
            lock,
            places: Mutex::new(Places::new(CONNECTIONS_MAX)),
            lives: Arc::new(Semaphore::new(LIVE_MAX)),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
            pieces: Arc::new(Semaphore::new(PIECES_KIB_MAX as usize)),
            mcp: Arc::new(Semaphore::new(MCP_MAX)),
            requests: Mutex::new(Allowance::new(per_second, burst)),
            strangers: Mutex::new(Allowance::new(STRANGERS.0, STRANGERS.1)),
            opened: Instant::now(),
        }
    }

    pub(crate) fn places(&self) -> MutexGuard<'_, Places<AbortHandle>> {
        // No holder of it can panic half-way.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to one live connection.
    pub(crate) fn live(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let hint = "close one: a connection carries many subscriptions";
        one_of(&self.lives, &format!("{LIVE_MAX} live connections are the most"), hint)
    }

    /// The right to listen to events.
    pub(crate) fn listener(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let hint = "close one: a listener hears of as many tasks as it likes";
        one_of(&self.listeners, &format!("{LISTENERS_MAX} listeners are the most"), hint)
    }

    /// The right to one request or connection of MCP.
    pub(crate) fn mcp(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let hint = "wait for answers, or use one connection for many requests";
        one_of(&self.mcp, &format!("{MCP_MAX} requests of MCP are the most at once"), hint)
    }

    /// Room for a piece of output of so many bytes. Waits while too much is on its way.
    pub(crate) async fn piece(&self, bytes_max: Option<u64>) -> Result<Room, Refusal> {
        let asked = bytes_max.map_or(PIECE_KIB_DEFAULT, kib);
        let room = self.pieces.clone().acquire_many_owned(asked);
        match timeout(PIECE_WAIT_MAX, room).await {
            Ok(Ok(permit)) => Ok(Room(permit)),
            Ok(Err(_)) | Err(_) => {
                let message = "too much output is on its way to readers that do not read";
                Err(Fault::new(ErrorCode::Busy, message, "ask again, or for less").into())
            }
        }
    }

    fn spend(&self, allowance: &Mutex<Allowance>) -> Result<(), Refusal> {
        let mut allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.spend(self.opened.elapsed()).map_err(too_often)
    }

    /// Lets a known caller in (then it is true), and a stranger as far as the health. Who shows a task's token asks from within that
    /// task.
    fn admit(
        &self,
        operations: &Operations,
        head: &Parts,
        peer: Peer,
    ) -> Result<(bool, Peer), Refusal> {
        match admit(&self.lock, head, |shown| operations.task_of_token(shown)) {
            Ok(Admitted::Known) => Ok((true, peer)),
            Ok(Admitted::InTask(task)) => Ok((true, Peer::in_task(task))),
            Ok(Admitted::Anyone) => self.spend(&self.strangers).map(|()| (false, peer)),
            Err(refusal) => Err(self.spend(&self.strangers).err().unwrap_or(refusal)),
        }
    }
}

impl Peer {
    /// Somebody in a task.
    pub(crate) fn in_task(task: TaskId) -> Self {
        Self { author: format!("task {}", task.short()), task: Some(task) }
    }
}

/// A place at a door while its connection lasts.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) door: Arc<Door>,
    pub(crate) number: Number,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.door.places().leave(self.number);
    }
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, PIECE_KIB_MAX)
}

/// Room for a piece that is on its way.
#[derive(Debug)]
pub(crate) struct Room(OwnedSemaphorePermit);

/// A piece, and its room until it is sent.
struct Sending {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// Bytes that give their room back when the last of them was sent or dropped. Room that they do not need is given back
    /// at once.
    pub(crate) fn hold(mut self, bytes: Bytes) -> Bytes {
        let needed = kib(bytes.len() as u64) as usize;
        drop(self.0.split(self.0.num_permits().saturating_sub(needed)));
        Bytes::from_owner(Sending { bytes, _room: self.0 })
    }
}

fn one_of(
    places: &Arc<Semaphore>,
    message: &str,
    hint: &str,
) -> Result<OwnedSemaphorePermit, Refusal> {
    let place = places.clone().try_acquire_owned();
    place.map_err(|_none_left| Fault::new(ErrorCode::LimitReached, message, hint).into())
}

fn too_often(wait: Duration) -> Refusal {
    let fault = Fault::new(ErrorCode::LimitReached, "too many requests at once", "ask less often");
    Refusal::from(fault).tried_again_after(wait)
}

/// Where a client of MCP that is refused learns how to be let in.
fn metadata_of(head: &Parts) -> Option<String> {
    let host = head.headers.get(HOST)?.to_str().ok()?;
    let is_mcp = head.uri.path() == "/mcp" || head.uri.path().starts_with("/mcp/");
    is_mcp.then(|| format!("http://{host}{}", METADATA_PATHS[1]))
}

/// Lets a request in, or answers it here. What is not let in ends its connection: it holds no place.
pub(crate) async fn enter(
    State(operations): State<Operations>,
    Extension(visit): Extension<Visit>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let door = visit.door.clone();
    let (head, body) = request.into_parts();
    let admitted = visit.peer.and_then(|peer| door.admit(&operations, &head, peer));
    let (is_known, Peer { author, task }) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let refusal = match metadata_of(&head) {
                Some(url) => refusal.with_metadata(url),
                None => refusal,
            };
            return refusal.ending_the_connection().into_response();
        }
    };
    if is_known {
        if let Err(refusal) = door.spend(&door.requests) {
            return refusal.into_response();
        }
        door.places().heard(visit.number);
    }
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(operations.within(task));
    request.extensions_mut().insert(Caller { author, request_id, task });
    next.run(request).await
}
