//! The stdio front: a thin pipe between an agent's host and the home's server. Owns nothing: it may be started twice, and may
//! die at any time. A server that dies is replaced, and asked again what it did not answer; the host notices nothing.

mod framing;
pub(crate) mod hosts;
mod relay;

use std::collections::VecDeque;
use std::env;
use std::os::unix::ffi::OsStringExt;
use std::pin::Pin;
use std::time::Duration;

use axiom_client::{Channel, Heard, ReachError, Turn, new_command_id};
use axiom_mcp::{HERE_METHOD, Here as Client};
use bytes::Bytes;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use crate::failure::Failure;
use crate::here::Here;
use crate::spec::{own_environment, umask};
use crate::stdio::{Stream, Typed, Writer, read_input};
use framing::{Line, Lines};
use relay::{Act, Relay};

/// Texts that may wait for the server. With more the host is not heard.
const TEXTS_MAX: usize = 256;

/// How long answers to what was asked last may take, once the host has closed our input.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long the last answers may take to be written, to a host that reads slowly.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Nobody reads what we print: the host is gone.
struct Gone;

type Dialling = Pin<Box<dyn Future<Output = Dialled>>>;

type Dialled = Result<Box<Channel>, ReachError>;

/// The way to a server.
enum Way {
    None,
    Dialling(Dialling),
    Open(Box<Channel>),
}

/// What happens on it.
enum Step {
    Dialled(Dialled),
    Turn(Turn),
}

impl Way {
    /// Cancel-safe.
    async fn step(&mut self, has_text: bool) -> Step {
        match self {
            Self::None => std::future::pending().await,
            Self::Dialling(dialling) => Step::Dialled(dialling.await),
            Self::Open(channel) => Step::Turn(channel.turn(has_text).await),
        }
    }
}

/// The front as it runs.
struct Front<'a> {
    here: &'a Here,
    relay: Relay,
    way: Way,
    /// For the server.
    texts: VecDeque<String>,
    output: Writer,
    began: Instant,
}

/// Serves a host until it closes our input, or does not read our output any more.
///
/// # Errors
/// When the program cannot say where it lies.
pub(crate) async fn serve(here: &Here) -> Result<u8, Failure> {
    let place = here.place()?;
    let mut input = read_input();
    let mut lines = Lines::default();
    let mut front = Front {
        here,
        relay: Relay::new(new_command_id().to_string()),
        way: Way::None,
        texts: VecDeque::new(),
        output: Writer::start(),
        began: Instant::now(),
    };
    let mut leaves_at = None;
    while leaves_at.is_none_or(|at| front.relay.awaits_answer() && Instant::now() < at) {
        if matches!(front.way, Way::None) && front.relay.wants_server() {
            let dialled = Channel::open_mcp(place.clone());
            front.way = Way::Dialling(Box::pin(async move { dialled.await.map(Box::new) }));
        }
        let may_hear = leaves_at.is_none() && front.texts.len() < TEXTS_MAX;
        let has_text = !front.texts.is_empty();
        let done = tokio::select! {
            typed = input.recv(), if may_hear => match typed {
                Some(Typed::Bytes(bytes)) => front.host_says(lines.push(&bytes)).await,
                Some(Typed::End) | None => {
                    leaves_at = Some(Instant::now() + LAST_ANSWERS);
                    Ok(())
                }
            },
            step = front.way.step(has_text) => front.server_does(step).await,
            () = until(leaves_at) => Ok(()),
        };
        if let Err(Gone) = done {
            return Ok(0);
        }
    }
    // A host that does not read any more does not want to know.
    drop(timeout(LAST_WRITES, front.output.finish()).await);
    Ok(0)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Front<'_> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn host_says(&mut self, lines: Vec<Line>) -> Result<(), Gone> {
        for line in lines {
            let acts = match line {
                Line::Whole(text) => self.relay.host_says(self.now_ms(), &text),
                Line::TooLong => {
                    let error = json!({"code": -32600, "message": "the message is too long"});
                    vec![Act::ToHost(json!({"jsonrpc": "2.0", "error": error}).to_string())]
                }
            };
            self.act(acts).await?;
        }
        Ok(())
    }

    async fn server_does(&mut self, step: Step) -> Result<(), Gone> {
        let acts = match step {
            Step::Dialled(Ok(channel)) => {
                self.way = Way::Open(channel);
                self.texts.push_back(self.introduction());
                self.relay.connected(self.now_ms())
            }
            Step::Dialled(Err(error)) => {
                self.way = Way::None;
                self.relay.give_up(&told(&error), error.to_fault().retryable)
            }
            Step::Turn(Turn::MayGive) => {
                if let (Way::Open(channel), Some(text)) = (&mut self.way, self.texts.pop_front()) {
                    channel.give(text);
                }
                return Ok(());
            }
            Step::Turn(Turn::Heard(Heard::Text(text))) => {
                self.relay.server_says(self.now_ms(), &text)
            }
            // Whoever ended it wants none; what is asked from now on starts the next one.
            Step::Turn(Turn::Heard(Heard::Goodbye)) => {
                self.hang_up();
                self.relay.give_up("the server was shut down; tasks run on", true)
            }
            Step::Turn(Turn::Heard(Heard::Broken)) => {
                self.hang_up();
                self.relay.lost();
                Vec::new()
            }
        };
        self.act(acts).await
    }

    fn hang_up(&mut self) {
        self.way = Way::None;
        self.texts.clear();
    }

    /// Where we run: tasks that are asked for start here.
    fn introduction(&self) -> String {
        let cwd = env::current_dir().ok().map(|folder| folder.into_os_string().into_vec().into());
        let (env, task) = (Some(own_environment()), self.here.task);
        let client = Client { cwd, env, umask: umask(), task };
        json!({"jsonrpc": "2.0", "method": HERE_METHOD, "params": client}).to_string()
    }

    async fn act(&mut self, acts: Vec<Act>) -> Result<(), Gone> {
        for act in acts {
            match act {
                Act::ToServer(text) => self.texts.push_back(text),
                Act::ToHost(mut text) => {
                    text.push('\n');
                    let room = self.output.room().await.ok_or(Gone)?;
                    room.send((Stream::Output, Bytes::from(text)));
                }
            }
        }
        Ok(())
    }
}

/// Why there is no server, and what to do.
fn told(error: &ReachError) -> String {
    let fault = error.to_fault();
    if fault.hint.is_empty() { fault.message } else { format!("{}; {}", fault.message, fault.hint) }
}
