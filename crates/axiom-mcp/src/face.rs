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
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use tokio::sync::{Semaphore, watch};

use crate::answers::refusal;
use crate::call::{Asker, Call, carry_out};
use crate::catalog::{INSTRUCTIONS, tools};
use crate::here::Here;
use crate::mcp_tasks::{McpTasks, timeout_of};
use crate::resources::{ADDRESSES_MAX, Address, Ear, SharedSubscribed, Subject, Wanted};
use crate::{completions, prompts, resources};

/// Requests of the newer era that may listen at once, by all doors together: a host has one.
const LISTENS_MAX: usize = 256;

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
    /// What the connection is subscribed to, in the older era.
    subscribed: SharedSubscribed,
    mcp_tasks: Arc<McpTasks>,
    listens: Arc<Semaphore>,
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
            subscribed: Arc::default(),
            mcp_tasks: Arc::default(),
            listens: Arc::new(Semaphore::new(LISTENS_MAX)),
            waits: Waits::within(operations.wait_max()),
            operations,
        }
    }

    /// The same for one connection, all of whose requests are this caller's.
    #[must_use]
    pub fn of_connection(&self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self.of_session() }
    }

    /// The same for one session, whose requests bring their callers along.
    #[must_use]
    pub fn of_session(&self) -> Self {
        let (here, calls, subscribed) = Default::default();
        Self { here, calls, subscribed, ..self.clone() }
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

impl Face {
    /// What a request is carried out with.
    fn call(&self, context: RequestContext<RoleServer>) -> Result<Call, ErrorData> {
        let Some(caller) = self.caller(&context) else {
            return Err(ErrorData::internal_error("the request does not say who asks", None));
        };
        Ok(Call {
            operations: self.operations.within(caller.task),
            caller,
            here: self.here.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waits: self.waits,
            asker: Asker::Request(Box::new(context)),
        })
    }

    /// Answers a wait with an MCP task, where the client can take one. The older era's clients cannot, whatever they say.
    async fn begin_mcp_task(
        &self,
        call: &Call,
        request: &CallToolRequestParams,
    ) -> Option<CallToolResponse> {
        let Asker::Request(context) = &call.asker else { return None };
        let newer =
            context.protocol_version().is_some_and(|era| era >= ProtocolVersion::V_2026_07_28);
        let takes = context.client_capabilities().is_some_and(|client| client.supports_tasks());
        if request.name != "axiom_wait" || !newer || !takes {
            return None;
        }
        let arguments = request.arguments.clone().unwrap_or_default();
        let timeout = timeout_of(&arguments)?;
        match self.mcp_tasks.begin(call, &arguments, timeout).await {
            Ok(task) => task.map(CallToolResponse::Task),
            Err(fault) => Some(refusal(&fault).into()),
        }
    }
}

impl ServerHandler for Face {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_resources_list_changed()
            .enable_prompts()
            .enable_completions()
            .enable_tasks()
            .build();
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
        let call = self.call(context)?;
        if let Some(response) = Box::pin(self.begin_mcp_task(&call, &request)).await {
            return Ok(response);
        }
        match Box::pin(carry_out(&call, &request.name, request.arguments)).await {
            Some(Ok(result)) => Ok(result.into()),
            Some(Err(fault)) => Ok(refusal(&fault).into()),
            None => {
                let message =
                    format!("there is no tool {:?}", crate::plain::brief(&request.name, 64));
                Err(ErrorData::invalid_params(message, None))
            }
        }
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let call = self.call(context)?;
        Ok(prompts::get(&call, &request.name, request.arguments).await?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        completions::complete(&self.call(context)?, &request).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        resources::list(&self.call(context)?, request.and_then(|request| request.cursor)).await
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(&self.call(context)?, &request.uri).await?.into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let peer = context.peer.clone();
        let call = self.call(context)?;
        let subject = resources::subject_of(&call, &request.uri).await?;
        let from = (call.operations.clone(), peer);
        if self.subscribed.add(subject, &request.uri, from) {
            return Ok(());
        }
        let message = format!("{ADDRESSES_MAX} subscriptions are the most");
        Err(ErrorData::invalid_params(message, None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscribed.remove(&request.uri);
        Ok(())
    }

    /// Tools and prompts never change.
    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::new();
        accepted.resources_list_changed = requested.resources_list_changed;
        accepted.resource_subscriptions = requested.resource_subscriptions.as_ref().map(|uris| {
            let ours = uris.iter().filter(|uri| Address::parse(uri).is_some());
            ours.take(ADDRESSES_MAX).cloned().collect()
        });
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let Ok(_place) = self.listens.try_acquire() else {
            let message = format!("{LISTENS_MAX} requests listen already: end one");
            return Err(ErrorData::internal_error(message, None));
        };
        let call = self.call(context.request_context().clone())?;
        let mut wanted = Wanted::new();
        if context.accepted().resources_list_changed == Some(true) {
            wanted.entry(Subject::List).or_default();
        }
        for uri in context.accepted().resource_subscriptions.iter().flatten() {
            // One that is not there never changes.
            if let Ok(subject) = resources::subject_of(&call, uri).await {
                wanted.entry(subject).or_default().insert(uri.clone());
            }
        }
        let (_kept, wanted) = watch::channel(wanted);
        let mut ended = self.operations.ended();
        tokio::select! {
            () = context.cancelled() => {}
            _ = ended.wait_for(|ended| *ended) => {}
            () = async {
                let ear = Ear::Request(context.sink().clone());
                resources::tell(call.operations.clone(), wanted, ear).await;
                // Nothing is left that could change; the request goes on as long as its client likes.
                std::future::pending().await
            } => {}
        }
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.mcp_tasks.get(&self.call(context)?, &request.task_id).await
    }

    /// No wait asks for anything.
    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.mcp_tasks.get(&self.call(context)?, &request.task_id).await.map(drop)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.mcp_tasks.cancel(&self.call(context)?, &request.task_id)
    }
}
