//! JSON-RPC over anything that carries texts: one message each way per text. Bounds what a client may have under way, and
//! keeps the order that the protocol asks for: no progress behind its answer.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use rmcp::ErrorData;
use rmcp::ServiceExt;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, GetMeta, JsonRpcMessage, ProgressToken, RequestId,
    ServerJsonRpcMessage, ServerNotification,
};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::face::Face;
use crate::here::{HERE_METHOD, Here};

/// Requests that a connection may have under way. With more, nothing is read until one is done.
const UNDER_WAY_MAX: usize = 2048;

/// Messages in a row that are none: more come from no client of the protocol.
const NONSENSE_MAX: u32 = 64;

/// How long a goodbye may take to a client that does not read.
const GOODBYE_WAIT: Duration = Duration::from_millis(500);

/// Nobody takes what we send.
#[derive(Debug, Error)]
#[error("the connection is closed")]
struct Closed;

/// What is under way.
#[derive(Debug, Default)]
struct UnderWay {
    /// Requests without an answer, and what their progress goes by.
    requests: Mutex<HashMap<RequestId, Option<ProgressToken>>>,
    /// Wakes the reader when one is done.
    done: Notify,
}

impl UnderWay {
    fn requests(&self) -> MutexGuard<'_, HashMap<RequestId, Option<ProgressToken>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn room(&self) {
        loop {
            let done = self.done.notified();
            if self.requests().len() < UNDER_WAY_MAX {
                return;
            }
            done.await;
        }
    }

    fn heard(&self, message: &ClientJsonRpcMessage) {
        match message {
            JsonRpcMessage::Request(request) => {
                let token = request.request.get_meta().get_progress_token();
                self.requests().insert(request.id.clone(), token);
            }
            JsonRpcMessage::Notification(notification) => {
                // It gets no answer then.
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.end(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    fn end(&self, id: &RequestId) {
        self.requests().remove(id);
        self.done.notify_one();
    }

    /// True if the message may be sent; from then on nothing may come behind an answer.
    fn may_send(&self, message: &ServerJsonRpcMessage) -> bool {
        match message {
            JsonRpcMessage::Response(response) => self.end(&response.id),
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.end(id);
                }
            }
            JsonRpcMessage::Notification(notification) => {
                if let ServerNotification::ProgressNotification(progress) =
                    &notification.notification
                {
                    let token = &progress.params.progress_token;
                    return self.requests().values().any(|known| known.as_ref() == Some(token));
                }
            }
            JsonRpcMessage::Request(_) => {}
        }
        true
    }
}

/// One connection.
struct Line<Texts, Answers> {
    texts: Texts,
    answers: Arc<tokio::sync::Mutex<Answers>>,
    under_way: Arc<UnderWay>,
    face: Face,
    nonsense: u32,
}

/// The front's notification.
#[derive(Deserialize)]
struct HereMessage {
    method: String,
    params: Here,
}

impl<Texts, Answers> Line<Texts, Answers>
where
    Texts: Stream<Item = String> + Send + Unpin,
    Answers: Sink<String> + Send + Unpin + 'static,
    Answers::Error: Display,
{
    /// What a text says; `None` where it was dealt with here.
    fn heard(&mut self, text: &str) -> Option<ClientJsonRpcMessage> {
        if text.contains(HERE_METHOD)
            && let Ok(HereMessage { method, params }) = serde_json::from_str(text)
            && method == HERE_METHOD
        {
            self.face.set_here(params);
            return None;
        }
        match serde_json::from_str::<ClientJsonRpcMessage>(text) {
            Ok(message) => {
                self.nonsense = 0;
                self.under_way.heard(&message);
                Some(message)
            }
            Err(_) => {
                self.nonsense += 1;
                let answer = JsonRpcMessage::error(fault_of(text), id_of(text));
                let sent = self.send(answer);
                // Beside: a client that does not read must not hold up what it says.
                tokio::spawn(async move { drop(sent.await) });
                None
            }
        }
    }
}

/// Why a text is no message.
fn fault_of(text: &str) -> ErrorData {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(_)) => ErrorData::invalid_request("batches are not taken", None),
        Ok(_) => ErrorData::invalid_request("this is no message of the protocol", None),
        Err(_) => ErrorData::parse_error("this is no JSON", None),
    }
}

fn id_of(text: &str) -> Option<RequestId> {
    let message: Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(message.get("id")?.clone()).ok()
}

impl<Texts, Answers> Transport<RoleServer> for Line<Texts, Answers>
where
    Texts: Stream<Item = String> + Send + Unpin,
    Answers: Sink<String> + Send + Unpin + 'static,
    Answers::Error: Display,
{
    type Error = Closed;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Closed>> + Send + 'static {
        let text = self.under_way.may_send(&message).then(|| serde_json::to_string(&message));
        let answers = self.answers.clone();
        async move {
            // Nobody waits for it any more, or it is no JSON, which never happens.
            let Some(Ok(text)) = text else { return Ok(()) };
            answers.lock().await.send(text).await.map_err(|_| Closed)
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            self.under_way.room().await;
            let text = self.texts.next().await?;
            if let Some(message) = self.heard(&text) {
                return Some(message);
            }
            if self.nonsense > NONSENSE_MAX {
                return None;
            }
        }
    }

    /// Says goodbye: a peer that hears none knows that the server died.
    async fn close(&mut self) -> Result<(), Closed> {
        let answers = self.answers.clone();
        let closing = async move { answers.lock().await.close().await };
        match timeout(GOODBYE_WAIT, closing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Closed),
        }
    }
}

impl Face {
    /// Serves one connection until it ends, or the server does: then what waits is answered that it may be asked again.
    pub async fn serve<Texts, Answers>(self, texts: Texts, answers: Answers)
    where
        Texts: Stream<Item = String> + Send + Unpin + 'static,
        Answers: Sink<String> + Send + Unpin + 'static,
        Answers::Error: Display,
    {
        let mut ended = self.operations().ended();
        let line = Line {
            texts,
            answers: Arc::new(tokio::sync::Mutex::new(answers)),
            under_way: Arc::default(),
            face: self.clone(),
            nonsense: 0,
        };
        let begun = tokio::select! {
            begun = ServiceExt::serve(self, line) => begun,
            () = true_at_last(&mut ended) => return,
        };
        let running = match begun {
            Ok(running) => running,
            // One that only looked, and hung up.
            Err(error) => return tracing::debug!("an MCP connection did not begin: {error}"),
        };
        let end = running.cancellation_token();
        let waiting = running.waiting();
        tokio::pin!(waiting);
        tokio::select! {
            _quit = waiting.as_mut() => {}
            () = true_at_last(&mut ended) => {
                end.cancel();
                drop(waiting.await);
            }
        }
    }
}

/// Waits until the server leaves.
async fn true_at_last(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone has ended as well.
    drop(ended.wait_for(|ended| *ended).await);
}
