//! A live feed: frames of many tasks, watched views and commands over one WebSocket, across servers' deaths.
//! What must be remembered is in [`crate::resume`]; here is what waits: dialling, pausing, reading, writing.
//! After a crash it starts the next server itself; after a goodbye it waits until somebody else has.

mod pulse;
mod reach;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axiom_proto::id::TaskId;
use axiom_proto::live::{Ask, StartAt, Tell};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use crate::backoff::Backoff;
use crate::resume::{Event, Order, Resume, ResumeError};
use crate::start::{Place, StartError};
use pulse::{Due, Pulse};
use reach::LIVE;

pub use reach::ReachError;
pub(crate) use reach::{Missing, reach};

/// A server that lived so long is not in a loop of crashes: the next one is dialled without a pause.
const HEALTHY_LIFE: Duration = Duration::from_millis(500);

/// Why a feed is over.
#[derive(Debug, Error)]
pub enum FeedError {
    /// What the server sent cannot be right.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// A control message is not understood.
    #[error("the server's message is not understood")]
    Message(#[source] serde_json::Error),
    /// There is no server, after as many tries as make sense.
    #[error(transparent)]
    Reach(#[from] ReachError),
}

type Socket = WebSocketStream<UnixStream>;
type Dialling = Pin<Box<dyn Future<Output = Result<Socket, ReachError>> + Send>>;

enum Link {
    /// The next poll dials.
    Down,
    /// A dial is under way, or the pause before it.
    Dialling(Dialling),
    /// A server is there.
    Up { socket: Box<Socket>, since: Instant, unsent: bool, pulse: Pulse, timer: Pin<Box<Sleep>> },
}

/// A live feed. Nothing happens but in [`Feed::next`]: call it again and again.
pub struct Feed {
    place: Place,
    resume: Resume,
    backoff: Backoff,
    link: Link,
    /// True once a server has answered: from then on, losing it is no error.
    begun: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("place", &self.place)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// A feed that dials with the first [`Feed::next`].
    #[must_use]
    pub fn new(place: Place) -> Self {
        let (resume, backoff) = (Resume::default(), Backoff::default());
        Self { place, resume, backoff, link: Link::Down, begun: false }
    }

    /// Wants a task's frames from there on: [`Event::Frame`]s and at last [`Event::Ended`].
    pub fn subscribe(&mut self, task: TaskId, start: StartAt) {
        self.resume.subscribe(task, start);
    }

    /// Wants no more of a task.
    pub fn unsubscribe(&mut self, task: TaskId) {
        self.resume.unsubscribe(task);
    }

    /// Wants these tasks' views now and whenever they change; all tasks' where empty.
    pub fn watch(&mut self, tasks: Vec<TaskId>) {
        self.resume.watch(tasks);
    }

    /// Wants something done; told by [`Event::Outcome`] or [`Event::CommandRefused`], once.
    pub fn order(&mut self, order: Order) {
        self.resume.order(order);
    }

    /// The next event. Cancel-safe.
    ///
    /// # Errors
    /// [`FeedError`] when the feed is over: drop it then.
    pub async fn next(&mut self) -> Result<Event, FeedError> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// An event that is there already.
    pub fn next_now(&mut self) -> Option<Event> {
        self.resume.event()
    }

    /// Hands what was ordered to the server as far as it takes it at once: for callers who are not ready for the next event.
    pub async fn nudge(&mut self) {
        std::future::poll_fn(|context| {
            if let Link::Up { socket, unsent, .. } = &mut self.link {
                let mut line = Line { socket: Pin::new(socket), unsent };
                // A broken line is seen by the next read.
                drop(line.poll_send(&mut self.resume, context));
            }
            Poll::Ready(())
        })
        .await;
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, FeedError>> {
        loop {
            if let Some(event) = self.resume.event() {
                return Poll::Ready(Ok(event));
            }
            match &mut self.link {
                Link::Down => self.link = Link::Dialling(self.dialling()),
                Link::Dialling(dialling) => {
                    let dialled = ready!(dialling.as_mut().poll(context));
                    self.dialled(dialled)?;
                }
                Link::Up { socket, unsent, pulse, timer, .. } => {
                    let mut line = Line { socket: Pin::new(socket), unsent };
                    if line.poll_send(&mut self.resume, context).is_err() {
                        self.lost();
                        continue;
                    }
                    match line.socket.as_mut().poll_next(context) {
                        Poll::Ready(Some(Ok(message))) => {
                            if pulse.heard(Instant::now()) {
                                self.resume.answers(true);
                            }
                            self.received(message)?;
                        }
                        Poll::Ready(Some(Err(_)) | None) => self.lost(),
                        Poll::Pending => match ready!(poll_pulse(pulse, timer, context)) {
                            Due::Ask => line.ask_for_answer(context),
                            Due::Tell => self.resume.answers(false),
                        },
                    }
                }
            }
        }
    }

    fn dialling(&self) -> Dialling {
        let missing = match (self.resume.goodbye(), self.begun) {
            (true, _) => Missing::AwaitAnother,
            (false, true) => Missing::StartOrAwait,
            (false, false) => Missing::StartOrFail,
        };
        let mut random = [0; 4];
        // Without randomness there is no jitter, which costs little.
        let pause = match getrandom::fill(&mut random) {
            Ok(()) => self.backoff.pause(u32::from_le_bytes(random)),
            Err(_) => self.backoff.pause(0),
        };
        Box::pin(reach((self.place.clone(), LIVE), missing, pause))
    }

    fn dialled(&mut self, dialled: Result<Socket, ReachError>) -> Result<(), FeedError> {
        match dialled {
            Ok(socket) => {
                let (socket, since) = (Box::new(socket), Instant::now());
                let (pulse, timer) = (Pulse::new(since), Box::pin(sleep_until(since)));
                self.link = Link::Up { socket, since, unsent: false, pulse, timer };
                self.begun = true;
                self.resume.connected();
            }
            Err(error) => {
                self.link = Link::Down;
                self.backoff.failed();
                let hopeless = !self.begun && !error.may_pass();
                if hopeless || self.backoff.is_spent() {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn lost(&mut self) {
        match &self.link {
            Link::Up { since, .. } if since.elapsed() >= HEALTHY_LIFE => self.backoff.succeeded(),
            Link::Up { .. } => self.backoff.failed(),
            Link::Down | Link::Dialling(_) => {}
        }
        self.link = Link::Down;
        self.resume.lost();
    }

    fn received(&mut self, message: Message) -> Result<(), FeedError> {
        match message {
            Message::Text(text) => {
                let tell: Tell = serde_json::from_str(&text).map_err(FeedError::Message)?;
                if let Tell::Hello { .. } = tell {
                    self.backoff.answered();
                }
                self.resume.said(tell)?;
            }
            Message::Binary(bytes) => self.resume.frames(&bytes)?,
            // The stream's end follows a close; pings are answered below us.
            Message::Close(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(())
    }
}

/// The sending side of a live socket.
struct Line<'a> {
    socket: Pin<&'a mut Socket>,
    unsent: &'a mut bool,
}

impl Line<'_> {
    /// Sends a ping, if the line takes one: one that does not has not been read for long, which tells the same.
    fn ask_for_answer(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Ok(())) = self.socket.as_mut().poll_ready(context)
            && self.socket.as_mut().start_send(Message::Ping(Bytes::new())).is_ok()
        {
            *self.unsent = true;
        }
    }

    /// Gives the socket what is to be asked, as much as it takes. Waits for nothing: the read that follows does.
    fn poll_send(
        &mut self,
        resume: &mut Resume,
        context: &mut Context<'_>,
    ) -> Result<(), tungstenite::Error> {
        while let Poll::Ready(ready) = self.socket.as_mut().poll_ready(context) {
            ready?;
            let Some(ask) = resume.ask() else { break };
            self.socket.as_mut().start_send(text_of(&ask))?;
            *self.unsent = true;
        }
        if *self.unsent
            && let Poll::Ready(flushed) = self.socket.as_mut().poll_flush(context)
        {
            flushed?;
            *self.unsent = false;
        }
        Ok(())
    }
}

/// Waits until something is due. The timer is set anew only when it rings: what is heard costs no timer.
fn poll_pulse(
    pulse: &mut Pulse,
    timer: &mut Pin<Box<Sleep>>,
    context: &mut Context<'_>,
) -> Poll<Due> {
    loop {
        let Some(at) = pulse.wakes_at() else { return Poll::Pending };
        if let Some(due) = pulse.due(Instant::now()) {
            return Poll::Ready(due);
        }
        ready!(timer.as_mut().poll(context));
        timer.as_mut().reset(at);
    }
}

fn text_of(ask: &Ask) -> Message {
    let text = serde_json::to_string(ask).expect("a message is always JSON");
    Message::Text(Utf8Bytes::from(text))
}

impl FeedError {
    /// The same as a fault: what faces tell.
    #[must_use]
    pub fn to_fault(&self) -> axiom_proto::fault::Fault {
        use axiom_proto::fault::{ErrorCode, Fault};
        match self {
            Self::Reach(error) => error.to_fault(),
            Self::Resume(error) => Fault::new(
                ErrorCode::Internal,
                format!("the stream broke: {error}"),
                "the journal is whole: read it with `axiom logs`",
            ),
            Self::Message(error) => Fault::new(
                ErrorCode::VersionMismatch,
                format!("the server's message is not understood: {error}"),
                "`axiom shutdown`, then try again: tasks run on, and this version's server starts",
            ),
        }
    }
}

/// Only this module's callers know a [`StartError`] as a reason to give up.
impl From<StartError> for FeedError {
    fn from(error: StartError) -> Self {
        Self::Reach(ReachError::Start(error))
    }
}
