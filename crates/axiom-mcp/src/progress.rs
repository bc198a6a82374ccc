//! What a person sees while a wait goes on: one line, the last that a task printed. Sampled, at most twice a second, beside the
//! wait: a client that does not read slows nothing but its own lines. None comes behind the answer.

use std::pin::Pin;
use std::time::Duration;

use axiom_server::{OutputRequest, Wording};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::time::{Instant, sleep_until, timeout};

use crate::call::{Asker, Call};
use crate::plain::brief;
use crate::wait::Watched;

/// The shortest time between two lines.
const LINE_EVERY: Duration = Duration::from_millis(500);

/// The longest time without one: clients give up a call that says nothing.
const BEAT_EVERY: Duration = Duration::from_secs(20);

/// How long a line that is on its way may hold up the answer behind it.
const SETTLE_WAIT: Duration = Duration::from_millis(500);

/// Characters of a line: more is cut by those who show it.
const LINE_CHARS_MAX: usize = 160;

/// Lines that are looked at for one with text in it.
const LINES_LOOKED_AT: u64 = 4;

type Sending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is told of one wait; nothing where nobody asked for it.
pub(crate) struct Progress(Option<Teller>);

struct Teller {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    count: u32,
    last: Instant,
    /// What each task had printed when it was looked at, in the order of the wait.
    printed: Vec<u64>,
    /// The task to look at first.
    turn: usize,
    sending: Option<Sending>,
}

impl Progress {
    /// For one call.
    pub(crate) fn of(asker: &Asker) -> Self {
        let context = match asker {
            Asker::Request(context) => context,
            Asker::Later(_) => return Self(None),
        };
        Self(context.meta.get_progress_token().map(|token| Teller {
            peer: context.peer.clone(),
            token,
            count: 0,
            last: Instant::now(),
            printed: Vec::new(),
            turn: 0,
            sending: None,
        }))
    }

    /// Tells the next line when it is due. Cancel-safe: what is on its way is kept.
    pub(crate) async fn tell(&mut self, call: &Call, tasks: &[Watched]) {
        match &mut self.0 {
            Some(teller) => teller.tell(call, tasks).await,
            None => std::future::pending().await,
        }
    }

    /// Waits until nothing is on its way any more, for a short while.
    pub(crate) async fn settle(self) {
        if let Some(sending) = self.0.and_then(|teller| teller.sending) {
            drop(timeout(SETTLE_WAIT, sending).await);
        }
    }
}

impl Teller {
    async fn tell(&mut self, call: &Call, tasks: &[Watched]) {
        if let Some(sending) = &mut self.sending {
            sending.await;
            self.sending = None;
        }
        sleep_until(self.last + LINE_EVERY).await;
        self.printed.resize(tasks.len(), 0);
        let places = (0..tasks.len()).map(|place| (place + self.turn) % tasks.len());
        let printed =
            places.into_iter().find(|place| tasks[*place].printed().0 > self.printed[*place]);
        let message = match printed {
            Some(place) => {
                let line = Box::pin(line_of(call, &tasks[place])).await;
                self.printed[place] = tasks[place].printed().0;
                self.turn = place + 1;
                line
            }
            // The wait comes back here as soon as one has printed.
            None => {
                sleep_until(self.last + BEAT_EVERY).await;
                format!("[axiom] waiting for {} tasks", tasks.len())
            }
        };
        self.send(message);
    }

    fn send(&mut self, message: String) {
        self.count += 1;
        self.last = Instant::now();
        let (peer, count) = (self.peer.clone(), f64::from(self.count));
        let told = ProgressNotificationParam::new(self.token.clone(), count).with_message(message);
        self.sending = Some(Box::pin(async move {
            // A client that has gone does not want to know.
            drop(peer.notify_progress(told).await);
        }));
    }
}

/// `[name] last line`.
async fn line_of(call: &Call, task: &Watched) -> String {
    line_of_task(call, &task.id(), task.name()).await
}

/// The same of any task.
pub(crate) async fn line_of_task(call: &Call, id: &str, name: Option<&str>) -> String {
    let request = OutputRequest {
        tail: Some(LINES_LOOKED_AT),
        wording: Wording::AsPrinted,
        ..OutputRequest::default()
    };
    let text = match call.operations.output(id, &request).await {
        Ok(piece) => String::from_utf8_lossy(&piece.bytes).into_owned(),
        Err(_no_more) => String::new(),
    };
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let name = name.map_or_else(
        || id.get(..8).unwrap_or(id).to_owned(),
        |name| brief(name, LINE_CHARS_MAX / 4),
    );
    brief(&format!("[{name}] {}", line.trim()), LINE_CHARS_MAX)
}
