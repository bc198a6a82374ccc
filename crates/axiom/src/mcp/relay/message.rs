//! One message of JSON-RPC, as far as the front must understand it. What it does not understand it passes on as it is.

use axiom_proto::fault::ErrorCode;
use serde_json::{Map, Value, json};

/// The first protocol whose results say of what kind they are.
const RESULT_TYPES_SINCE: &str = "2026-07-28";

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message(Map<String, Value>);

impl Message {
    /// `None` if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Value::Object(fields) => Some(Self(fields)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        }
    }

    /// One line.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(&self.0).expect("it was JSON")
    }

    pub(super) fn method(&self) -> Option<&str> {
        self.0.get("method")?.as_str()
    }

    /// Its id, as JSON: `1` and `"1"` are two.
    pub(super) fn id(&self) -> Option<String> {
        self.0.get("id").filter(|id| !id.is_null()).map(Value::to_string)
    }

    pub(super) fn is_error(&self) -> bool {
        self.0.contains_key("error")
    }

    fn params(&self) -> Option<&Map<String, Value>> {
        self.0.get("params")?.as_object()
    }

    /// The tool that is called.
    pub(super) fn tool(&self) -> Option<&str> {
        (self.method() == Some("tools/call"))
            .then(|| self.params()?.get("name")?.as_str())
            .flatten()
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        self.params()?.get("arguments")?.get(name)
    }

    /// Sets an argument that is not there. Arguments that are no object are the server's to refuse.
    pub(super) fn give_argument(&mut self, name: &str, value: &Value) {
        if self.argument(name).is_none_or(Value::is_null) {
            self.set_argument(name, value.clone());
        }
    }

    pub(super) fn set_argument(&mut self, name: &str, value: Value) {
        let Some(Value::Object(params)) = self.0.get_mut("params") else { return };
        let arguments = params.entry("arguments").or_insert_with(|| json!({}));
        if let Value::Object(arguments) = arguments {
            arguments.insert(name.to_owned(), value);
        }
    }

    /// What its progress is to go by.
    pub(super) fn progress_token(&self) -> Option<String> {
        self.params()?.get("_meta")?.get("progressToken").map(Value::to_string)
    }

    /// Of a notification of progress: whose it is, and its count.
    pub(super) fn told_token(&self) -> Option<String> {
        self.params()?.get("progressToken").map(Value::to_string)
    }

    pub(super) fn told_count(&self) -> Option<f64> {
        self.params()?.get("progress")?.as_f64()
    }

    pub(super) fn set_count(&mut self, count: f64) {
        if let Some(Value::Object(params)) = self.0.get_mut("params") {
            params.insert("progress".to_owned(), json!(count));
        }
    }

    /// The address of the resource that it is about.
    pub(super) fn uri(&self) -> Option<&str> {
        self.params()?.get("uri")?.as_str()
    }

    /// The request that listens, of a word to it.
    pub(super) fn subscription(&self) -> Option<String> {
        let id = self.params()?.get("_meta")?.get("io.modelcontextprotocol/subscriptionId");
        id.map(Value::to_string)
    }

    /// The same under another id.
    pub(super) fn with_id(&self, id: Value) -> Self {
        let mut message = self.clone();
        message.0.insert("id".to_owned(), id);
        message
    }

    /// Which request is cancelled.
    pub(super) fn cancelled(&self) -> Option<String> {
        self.params()?.get("requestId").map(Value::to_string)
    }

    fn has_result_types(&self) -> bool {
        let version = self.params().and_then(|params| {
            params.get("_meta")?.get("io.modelcontextprotocol/protocolVersion")?.as_str()
        });
        version.is_some_and(|version| version >= RESULT_TYPES_SINCE)
    }
}

/// The answer to a request that no server answers: of a tool, one that a model reads; else an error.
pub(super) fn unavailable(request: &Message, why: &str, retryable: bool) -> String {
    let id = request.0.get("id").cloned().unwrap_or_default();
    if request.tool().is_none() {
        let error = json!({"code": -32603, "message": why, "data": {"retryable": retryable}});
        return json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
    }
    let code = ErrorCode::Unavailable.word();
    let hint = if retryable {
        " hint=\"call again\""
    } else {
        " hint=\"ask the person to run: axiom doctor\""
    };
    let text = format!("axiom_error code={code} retryable={retryable} message={why:?}{hint}");
    let mut result = json!({"content": [{"type": "text", "text": text}], "isError": true});
    if request.has_result_types() {
        result["resultType"] = json!("complete");
    }
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}
