//! The face itself: what a client may ask, in both eras of the protocol. It translates and bounds; the operations decide.
//! A tool that cannot do what was asked answers so; errors of the protocol are for requests that are none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axiom_server::{Caller, Operations};
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, GetPromptRequestMethod, Implementation,
    ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};

use crate::answers::refusal;
use crate::call::{Call, carry_out};
use crate::catalog::{INSTRUCTIONS, tools};
use crate::here::Here;

/// How long axiom_wait holds a call. Clients give up after a minute, some of them; a wait must end before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Where nobody says.
    pub default: Duration,
    /// At most.
    pub max: Duration,
}

impl Waits {
    /// The usual ones, within the server's bound.
    fn within(max: Duration) -> Self {
        Self { default: Self::default().default.min(max), max }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self { default: Duration::from_secs(25), max: Duration::from_secs(50) }
    }
}

/// The face. Cheap to clone: clones are the same connection's.
#[derive(Debug, Clone)]
pub struct Face {
    operations: Operations,
    /// Who asks on this connection; none where each request says it for itself.
    caller: Option<Caller>,
    here: Arc<Mutex<Here>>,
    tools: Arc<Vec<Tool>>,
    calls: Arc<AtomicU64>,
    waits: Waits,
}

impl Face {
    /// A face for requests that bring their [`Caller`] along, in the extensions of their HTTP head.
    #[must_use]
    pub fn new(operations: Operations) -> Self {
        Self {
            caller: None,
            here: Arc::default(),
            tools: Arc::new(tools()),
            calls: Arc::default(),
            waits: Waits::within(operations.wait_max()),
            operations,
        }
    }

    /// The same for one connection, all of whose requests are this caller's.
    #[must_use]
    pub fn of_connection(&self, caller: Caller) -> Self {
        Self { caller: Some(caller), here: Arc::default(), calls: Arc::default(), ..self.clone() }
    }

    /// The operations behind it.
    pub(crate) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Where the connection's client runs.
    pub(crate) fn set_here(&self, here: Here) {
        *self.here.lock().unwrap_or_else(PoisonError::into_inner) = here;
    }

    /// Who makes this call. Each has a request id of its own, so that a log can tell them apart.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Option<Caller> {
        let of_request = || context.extensions.get::<Parts>()?.extensions.get::<Caller>().cloned();
        let Caller { author, request_id, task } = self.caller.clone().or_else(of_request)?;
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        Some(Caller {
            author: format!("{author} by MCP"),
            request_id: format!("{request_id}.{number}"),
            task,
        })
    }
}

impl ServerHandler for Face {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let mut server = Implementation::new("axiom", self.operations.version());
        server.title = Some("Axiom".to_owned());
        ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(caller) = self.caller(&context) else {
            return Err(ErrorData::internal_error("the request does not say who asks", None));
        };
        let call = Call {
            operations: self.operations.within(caller.task),
            caller,
            here: self.here.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waits: self.waits,
            context,
        };
        match carry_out(&call, &request.name, request.arguments).await {
            Some(Ok(result)) => Ok(result.into()),
            Some(Err(fault)) => Ok(refusal(&fault).into()),
            None => {
                let message =
                    format!("there is no tool {:?}", crate::plain::brief(&request.name, 64));
                Err(ErrorData::invalid_params(message, None))
            }
        }
    }

    // What is not declared is not there: an empty list would say that it is.

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn get_prompt(
        &self,
        _request: rmcp::model::GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<rmcp::model::GetPromptResponse, ErrorData> {
        Err(ErrorData::method_not_found::<GetPromptRequestMethod>())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }
}
