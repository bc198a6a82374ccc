//! The face over Streamable HTTP, both eras of it on one path. Who may ask, from where and how often was decided before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axiom_proto::id::TaskId;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::face::Face;

/// Sessions of the older era that may be open at once; those of which nothing is heard for five minutes are closed.
const SESSIONS_MAX: usize = 256;

/// How long answers that are on their way may take at most once the server leaves, before streams are cut.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The service for the path of MCP, and what it has open.
#[derive(Clone)]
pub struct Streamable<Handler = Face> {
    /// Answers requests, and nothing else.
    pub service: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    /// Answers that are on their way.
    answering: Arc<watch::Sender<usize>>,
    /// From within which task each session was begun: nobody else speaks in it.
    begun_from: Arc<Mutex<HashMap<String, Option<TaskId>>>>,
}

/// Held while an answer is on its way: the end waits for it.
#[derive(Debug)]
pub struct Answering(Arc<watch::Sender<usize>>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.send_modify(|answers| *answers -= 1);
    }
}

impl<Handler: ServerHandler + Clone> Streamable<Handler> {
    /// A service that ends its streams when the server ends; each session, and each request without one, has a handler of its own. Call
    /// inside of a runtime.
    #[must_use]
    pub fn new(
        make: impl Fn() -> Handler + Send + Sync + 'static,
        mut ended: watch::Receiver<bool>,
    ) -> Self {
        // Host and origin are looked at by the gate, which knows the port; what is not let in never comes here.
        let config =
            StreamableHttpServerConfig::default().disable_allowed_hosts().disable_allowed_origins();
        let streams = config.cancellation_token.clone();
        let answering = Arc::new(watch::Sender::new(0));
        let mut answers = answering.subscribe();
        tokio::spawn(async move {
            drop(ended.wait_for(|ended| *ended).await);
            drop(timeout(LAST_ANSWERS, answers.wait_for(|answers| *answers == 0)).await);
            streams.cancel();
        });
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(make()), sessions.clone(), config);
        Self { service, sessions, answering, begun_from: Arc::default() }
    }

    /// An answer is on its way until what is given is dropped.
    #[must_use]
    pub fn answer(&self) -> Answering {
        self.answering.send_modify(|answers| *answers += 1);
        Answering(self.answering.clone())
    }

    /// A session was begun from within this task, or from outside of all.
    pub async fn remember(&self, session: &str, from: Option<TaskId>) {
        let open = self.sessions.sessions.read().await;
        let mut begun_from = self.begun_from.lock().unwrap_or_else(PoisonError::into_inner);
        begun_from.retain(|session, _| open.contains_key(session.as_str()));
        begun_from.insert(session.to_owned(), from);
    }

    /// True if a session may be spoken in from there.
    #[must_use]
    pub fn is_theirs(&self, session: &str, from: Option<TaskId>) -> bool {
        let begun_from = self.begun_from.lock().unwrap_or_else(PoisonError::into_inner);
        begun_from.get(session).is_none_or(|begun| *begun == from)
    }

    /// True if another session may begin.
    pub async fn has_room(&self) -> bool {
        self.sessions.sessions.read().await.len() < SESSIONS_MAX
    }
}
