//! The front's state: what the host asked and was not answered, so that a server may die and the next one be asked the same.
//! Pure: texts and times in, texts out. A call that acts has a key, the host's or ours, so that it is carried out once.

mod message;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use message::{Message, unavailable};

/// How often a request is sent: whatever ends three servers is answered instead.
const TRIES_MAX: u32 = 3;

/// Requests without an answer. More are refused: no host has so many.
const OPEN_MAX: usize = 4096;

/// Calls that act, which are given a key where they have none.
const ACTING: [&str; 3] = ["axiom_spawn", "axiom_send", "axiom_interrupt"];

/// The call that waits by itself, and how long where nobody says, in milliseconds.
const WAITING: &str = "axiom_wait";
const WAIT_DEFAULT_MS: u64 = 25_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Send this.
    ToServer(String),
    /// Print this.
    ToHost(String),
}

/// A request without an answer.
#[derive(Debug)]
struct Open {
    message: Message,
    tries: u32,
    /// When it came, in milliseconds.
    at_ms: u64,
    /// The host was told that it is listening.
    is_listening: bool,
}

/// What must be said before all else to a server that has not heard it, and whether this one has.
#[derive(Debug)]
enum Greeting {
    /// The host speaks the newer era, or has said nothing.
    None,
    /// `initialize` was asked, and stands among the open requests.
    Asked,
    /// The host has its answer; `initialized` as it was said, if it was.
    Done { initialize: Message, initialized: Option<String> },
}

/// The line to a server.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Down,
    /// `initialize` was said again; its answer is not for the host.
    Greeting {
        id: String,
    },
    Up,
}

/// The front's state.
#[derive(Debug)]
pub(crate) struct Relay {
    nonce: String,
    calls: u64,
    order: u64,
    greeting: Greeting,
    line: Line,
    /// In the order of their coming.
    open: BTreeMap<u64, Open>,
    /// Of each progress token: what to add to a server's count, and the last count that was told.
    progress: BTreeMap<String, (f64, f64)>,
    /// Of each address that the host is subscribed to in the older era: how it asked.
    subscribed: BTreeMap<String, Message>,
}

impl Relay {
    /// One that has heard nothing. The nonce keeps its keys apart from those of others.
    pub(crate) fn new(nonce: String) -> Self {
        Self {
            nonce,
            calls: 0,
            order: 0,
            greeting: Greeting::None,
            line: Line::Down,
            open: BTreeMap::new(),
            progress: BTreeMap::new(),
            subscribed: BTreeMap::new(),
        }
    }

    /// True if something waits for a server.
    pub(crate) fn wants_server(&self) -> bool {
        !self.open.is_empty()
    }

    /// True if something is open that should be answered at once: what waits by itself does not count.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.open.values().any(|open| {
            open.message.tool().is_none_or(|tool| tool != WAITING)
                && open.message.method() != Some("subscriptions/listen")
        })
    }

    /// The host says this.
    pub(crate) fn host_says(&mut self, now_ms: u64, line: &str) -> Vec<Act> {
        let Some(mut message) = Message::read(line) else {
            // The server says what is wrong with it.
            return self.to_server(line.to_owned());
        };
        match (message.method(), message.id()) {
            (Some(_), Some(_)) => {}
            (Some("notifications/cancelled"), None) => {
                if let Some(id) = message.cancelled() {
                    self.open.retain(|_, open| open.message.id().as_ref() != Some(&id));
                }
                return self.to_server(line.to_owned());
            }
            (Some("notifications/initialized"), None) => {
                if let Greeting::Done { initialized, .. } = &mut self.greeting {
                    *initialized = Some(line.to_owned());
                }
                return self.to_server(line.to_owned());
            }
            (Some(_) | None, None) | (None, Some(_)) => return self.to_server(line.to_owned()),
        }
        if self.open.len() >= OPEN_MAX {
            let answer = unavailable(&message, "too many requests are open", false);
            return vec![Act::ToHost(answer)];
        }
        if message.tool().is_some_and(|tool| ACTING.contains(&tool)) {
            self.calls += 1;
            let key = format!("mcp-{}-{}", self.nonce, self.calls);
            message.give_argument("idempotency_key", &json!(key));
        }
        if message.method() == Some("initialize") {
            self.greeting = Greeting::Asked;
        }
        self.order += 1;
        let text = message.text();
        let tries = u32::from(self.line == Line::Up);
        self.open.insert(self.order, Open { message, tries, at_ms: now_ms, is_listening: false });
        self.to_server(text)
    }

    /// What is sent to a server that is not there is lost; requests stay open, and are sent when one is.
    fn to_server(&self, text: String) -> Vec<Act> {
        if self.line == Line::Up { vec![Act::ToServer(text)] } else { Vec::new() }
    }

    /// The server says this.
    pub(crate) fn server_says(&mut self, now_ms: u64, text: &str) -> Vec<Act> {
        let Some(message) = Message::read(text) else { return vec![Act::ToHost(text.to_owned())] };
        match (message.method(), message.id()) {
            (None, Some(id)) => self.answered(now_ms, &id, text),
            (Some("notifications/progress"), None) => self.progressed(message),
            (Some("notifications/subscriptions/acknowledged"), None) => {
                self.listening(&message, text)
            }
            (Some(_), _) | (None, None) => vec![Act::ToHost(text.to_owned())],
        }
    }

    fn answered(&mut self, now_ms: u64, id: &str, text: &str) -> Vec<Act> {
        if self.line == (Line::Greeting { id: id.to_owned() }) {
            self.line = Line::Up;
            let mut acts = Vec::new();
            if let Greeting::Done { initialized: Some(initialized), .. } = &self.greeting {
                acts.push(Act::ToServer(initialized.clone()));
            }
            acts.extend(self.subscribe_again());
            acts.extend(self.send_open(now_ms));
            return acts;
        }
        let found = self.open.iter().find(|(_, open)| open.message.id().as_deref() == Some(id));
        // Answered before, or cancelled: the host does not wait for it.
        let Some(order) = found.map(|(order, _)| *order) else { return Vec::new() };
        if let Some(open) = self.open.remove(&order) {
            if let Some(token) = open.message.progress_token() {
                self.progress.remove(&token);
            }
            let is_refused = Message::read(text).is_some_and(|answer| answer.is_error());
            match (open.message.method(), open.message.uri()) {
                (Some("resources/subscribe"), Some(uri)) if !is_refused => {
                    self.subscribed.insert(uri.to_owned(), open.message.clone());
                }
                (Some("resources/unsubscribe"), Some(uri)) => drop(self.subscribed.remove(uri)),
                (Some(_) | None, Some(_) | None) => {}
            }
            if open.message.method() == Some("initialize") {
                self.greeting = if is_refused {
                    Greeting::None
                } else {
                    Greeting::Done { initialize: open.message, initialized: None }
                };
            }
        }
        vec![Act::ToHost(text.to_owned())]
    }

    /// A host is told once that it is listening, however many servers are.
    fn listening(&mut self, message: &Message, text: &str) -> Vec<Act> {
        let id = message.subscription();
        let mut open = self.open.values_mut();
        let Some(open) = open.find(|open| id.is_some() && open.message.id() == id) else {
            return Vec::new();
        };
        // What a server has taken up does not end servers.
        open.tries = 1;
        if std::mem::replace(&mut open.is_listening, true) {
            return Vec::new();
        }
        vec![Act::ToHost(text.to_owned())]
    }

    /// What the host is subscribed to, for a server that has not heard of it. Its answers are for nobody.
    fn subscribe_again(&self) -> Vec<Act> {
        let again = self.subscribed.values().enumerate().map(|(number, message)| {
            let id = json!(format!("axiom-{}-{number}", self.nonce));
            Act::ToServer(message.with_id(id).text())
        });
        again.collect()
    }

    /// Counts rise for the host, though a new server begins anew.
    fn progressed(&mut self, mut message: Message) -> Vec<Act> {
        let (Some(token), Some(count)) = (message.told_token(), message.told_count()) else {
            return Vec::new();
        };
        let known =
            self.open.values().any(|open| open.message.progress_token().as_ref() == Some(&token));
        if !known {
            return Vec::new();
        }
        let (more, last) = self.progress.entry(token).or_insert((0.0, 0.0));
        *last = (*more + count).max(*last);
        message.set_count(*more + count);
        vec![Act::ToHost(message.text())]
    }

    /// A server is there.
    pub(crate) fn connected(&mut self, now_ms: u64) -> Vec<Act> {
        for (more, last) in self.progress.values_mut() {
            *more = *last;
        }
        if let Greeting::Done { initialize, .. } = &self.greeting
            && let Some(id) = initialize.id()
        {
            self.line = Line::Greeting { id };
            return vec![Act::ToServer(initialize.text())];
        }
        self.line = Line::Up;
        self.send_open(now_ms)
    }

    /// Everything that has no answer, in order.
    fn send_open(&mut self, now_ms: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        self.open.retain(|_, open| {
            if open.tries >= TRIES_MAX {
                let why = format!("the server ended {TRIES_MAX} times without an answer to this");
                acts.push(Act::ToHost(unavailable(&open.message, &why, false)));
                return false;
            }
            open.tries += 1;
            acts.push(Act::ToServer(open.text_at(now_ms)));
            true
        });
        acts
    }

    /// The server is gone.
    pub(crate) fn lost(&mut self) {
        self.line = Line::Down;
    }

    /// There is no server, and there will be none for what is open. A new request may find one.
    pub(crate) fn give_up(&mut self, why: &str, retryable: bool) -> Vec<Act> {
        self.lost();
        let open = std::mem::take(&mut self.open);
        if matches!(self.greeting, Greeting::Asked) {
            self.greeting = Greeting::None;
        }
        self.progress.clear();
        open.into_values()
            .map(|open| Act::ToHost(unavailable(&open.message, why, retryable)))
            .collect()
    }
}

impl Open {
    /// As it is sent now: what waits by itself does not wait longer than it was asked to.
    fn text_at(&self, now_ms: u64) -> String {
        let waited = now_ms.saturating_sub(self.at_ms);
        if self.message.tool() != Some(WAITING) {
            return self.message.text();
        }
        let mut message = self.message.clone();
        let asked = message.argument("timeout_ms").and_then(Value::as_u64);
        let left = asked.unwrap_or(WAIT_DEFAULT_MS).saturating_sub(waited);
        message.set_argument("timeout_ms", json!(left));
        message.text()
    }
}

#[cfg(test)]
mod tests;
