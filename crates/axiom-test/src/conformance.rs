//! What the protocol's own suite of tests asks a server for, behind the gate, the router and the mount that the product has:
//! a server of its home as `axiom serve` is one, with another handler. It knows nothing of tasks.

#![expect(deprecated, reason = "clients of the older era still take log messages")]

mod inputs;
mod pages;
mod tools;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axiom_server::{Options, Server};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, CompleteRequestParams,
    CompleteResult, ErrorData, GetPromptRequestParams, GetPromptResponse, Implementation,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    LoggingLevel, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

/// Serves the home that the environment names, until the process is told to end.
///
/// # Errors
///
/// When the home, its instance lock or its sockets are not to be had.
pub fn run() -> anyhow::Result<()> {
    let options = Options::load(None, None).context("read the options")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::start(options).await.context("start")?;
        let operations = server.operations();
        let listening = server.listen().context("listen")?;
        // Whoever started it waits for this word.
        writeln!(std::io::stdout(), "serving")?;
        axiom_http::serve_with(operations, listening, Fixtures::default()).await;
        server.end().await;
        Ok(())
    })
}

/// The handler.
#[derive(Debug, Clone)]
pub(crate) struct Fixtures {
    /// What clients of the older era watch.
    watched: Arc<Mutex<Vec<String>>>,
    /// Below it, nothing is logged to clients of the older era.
    level: Arc<Mutex<LoggingLevel>>,
    /// Told when a list has changed, as far as subscribers are to believe.
    changes: watch::Sender<Changes>,
}

/// How often each list has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) tools: u64,
    pub(crate) prompts: u64,
}

impl Default for Fixtures {
    fn default() -> Self {
        Self {
            watched: Arc::default(),
            level: Arc::new(Mutex::new(LoggingLevel::Debug)),
            changes: watch::Sender::default(),
        }
    }
}

impl Fixtures {
    /// True if this message may be sent to whoever made this request.
    pub(crate) fn may_log(
        &self,
        context: &RequestContext<RoleServer>,
        level: LoggingLevel,
    ) -> bool {
        let least = if is_newer(context) {
            // Nothing is logged where nobody asked.
            context.meta.log_level()
        } else {
            Some(*self.level.lock().unwrap_or_else(PoisonError::into_inner))
        };
        least.is_some_and(|least| severity(level) >= severity(least))
    }

    pub(crate) fn changed(&self, change: impl FnOnce(&mut Changes)) {
        self.changes.send_modify(change);
    }
}

/// The order of levels, from the least to the worst.
fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

/// True in the era without a handshake.
pub(crate) fn is_newer(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// What a client says that it can do, in this request or at its beginning.
pub(crate) fn abilities(context: &RequestContext<RoleServer>) -> ClientCapabilities {
    context.client_capabilities().unwrap_or_default()
}

/// A whole result; the era that does not know the word is not told it.
pub(crate) fn result<T: DeserializeOwned>(mut said: Value) -> T {
    said["resultType"] = "complete".into();
    fixture(said)
}

/// A fixture, which is written as the protocol writes it.
pub(crate) fn fixture<T: DeserializeOwned>(said: Value) -> T {
    serde_json::from_value(said).expect("fixtures are of the protocol's shapes")
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .build();
        let server = Implementation::new("axiom-conformance", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(server)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match inputs::call(&request, &context) {
            Some(answer) => answer,
            None => tools::call(self, &request, &context).await.map(CallToolResponse::from),
        }
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(pages::prompts())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        pages::prompt(&request)
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(pages::resources())
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(pages::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        pages::read(&request.uri).map(ReadResourceResponse::from)
    }

    async fn complete(
        &self,
        _request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::default())
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|uri| *uri != request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        let mut told = *changes.borrow_and_update();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
            }
            let now = *changes.borrow_and_update();
            let accepted = context.accepted();
            let tools = now.tools != told.tools && accepted.tools_list_changed == Some(true);
            let prompts =
                now.prompts != told.prompts && accepted.prompts_list_changed == Some(true);
            told = now;
            let told_of_tools = !tools || context.sink().notify_tool_list_changed().await.is_ok();
            let told_of_prompts =
                !prompts || context.sink().notify_prompt_list_changed().await.is_ok();
            if !(told_of_tools && told_of_prompts) {
                return Ok(());
            }
        }
    }
}
