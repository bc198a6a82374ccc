//! The face over Streamable HTTP, both eras of it on one path. Who may ask, from where and how often was decided before.

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::face::Face;

/// Sessions of the older era that may be open at once; those of which nothing is heard for five minutes are closed.
const SESSIONS_MAX: usize = 256;

/// How long answers that are on their way may take once the server leaves, before streams are cut.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The service for the path of MCP, and what it has open.
#[derive(Clone)]
pub struct Streamable<Handler = Face> {
    /// Answers requests, and nothing else.
    pub service: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
}

impl<Handler: ServerHandler + Clone> Streamable<Handler> {
    /// A service that ends its streams when the server ends. Call inside of a runtime.
    #[must_use]
    pub fn new(handler: Handler, mut ended: watch::Receiver<bool>) -> Self {
        // Host and origin are looked at by the gate, which knows the port; what is not let in never comes here.
        let config =
            StreamableHttpServerConfig::default().disable_allowed_hosts().disable_allowed_origins();
        let streams = config.cancellation_token.clone();
        tokio::spawn(async move {
            drop(ended.wait_for(|ended| *ended).await);
            sleep(LAST_ANSWERS).await;
            streams.cancel();
        });
        let sessions = Arc::new(LocalSessionManager::default());
        let service =
            StreamableHttpService::new(move || Ok(handler.clone()), sessions.clone(), config);
        Self { service, sessions }
    }

    /// True if another session may begin.
    pub async fn has_room(&self) -> bool {
        self.sessions.sessions.read().await.len() < SESSIONS_MAX
    }
}
