//! Tools, word for word as the suite asks for them.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientResult, ErrorData,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, Request,
    ServerRequest, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Fixtures, abilities, fixture, is_newer, result};

/// A red picture of one point.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A sound of one silent sample.
const SILENCE: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==";

/// The suite asks for pauses, so that messages come one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// Every tool, in this order.
pub(super) fn list() -> Vec<Tool> {
    let plain = [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_tool_with_logging",
        "test_error_handling",
        "test_tool_with_progress",
        "test_elicitation_sep1034_defaults",
        "test_elicitation_sep1330_enums",
        "test_missing_capability",
        "test_streaming_elicitation",
        "test_logging_tool",
        "test_trigger_tool_change",
        "test_trigger_prompt_change",
        "test_input_required_result_elicitation",
        "test_input_required_result_sampling",
        "test_input_required_result_list_roots",
        "test_input_required_result_request_state",
        "test_input_required_result_multiple_inputs",
        "test_input_required_result_multi_round",
        "test_input_required_result_tampered_state",
        "test_input_required_result_capabilities",
    ];
    let takes = |field: &str| json!({"type": "object", "properties": {field: {"type": "string"}}, "required": [field]});
    let nothing = json!({"type": "object", "properties": {}});
    let mut tools: Vec<Tool> = plain.into_iter().map(|name| tool(name, nothing.clone())).collect();
    tools.push(tool("test_sampling", takes("prompt")));
    tools.push(tool("test_elicitation", takes("message")));
    tools.push(tool("json_schema_2020_12_tool", rich_schema()));
    let mut by_region = takes("region");
    by_region["properties"]["region"]["x-mcp-header"] = "Region".into();
    tools.push(tool("test_custom_header", by_region));
    tools
}

fn tool(name: &'static str, schema: Value) -> Tool {
    Tool::new(name, name, Arc::new(fixture(schema)))
}

/// Words of JSON Schema 2020-12 that must arrive as they are.
fn rich_schema() -> Value {
    let address = json!({
        "$anchor": "addressDef",
        "type": "object",
        "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
    });
    let phone_is_chosen = json!({
        "properties": {"contactMethod": {"const": "phone"}},
        "required": ["contactMethod"],
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": address},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": phone_is_chosen,
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

/// Carries out a tool.
pub(super) async fn call(
    fixtures: &Fixtures,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    match request.name.as_ref() {
        "test_tool_with_logging" => {
            let steps =
                ["Tool execution started", "Tool processing data", "Tool execution completed"];
            for step in steps {
                log(fixtures, context, step).await;
                sleep(PAUSE).await;
            }
            Ok(said("done"))
        }
        "test_logging_tool" => {
            log(fixtures, context, "somebody asked for it").await;
            Ok(said("done"))
        }
        "test_tool_with_progress" => {
            progress(context).await;
            Ok(said("done"))
        }
        "test_trigger_tool_change" => {
            fixtures.changed(|changes| changes.tools += 1);
            Ok(said("the list of tools has changed"))
        }
        "test_trigger_prompt_change" => {
            fixtures.changed(|changes| changes.prompts += 1);
            Ok(said("the list of prompts has changed"))
        }
        "test_missing_capability" if abilities(context).sampling.is_none() => {
            let needs: ClientCapabilities = fixture(json!({"sampling": {}}));
            Err(ErrorData::missing_required_client_capability(needs))
        }
        "test_missing_capability" | "test_custom_header" => Ok(said("done")),
        name => match content(name) {
            Some(result) => Ok(result),
            None => ask(name, request, context).await,
        },
    }
}

fn said(text: &str) -> CallToolResult {
    result(json!({"content": [{"type": "text", "text": text}]}))
}

/// What always answers the same.
fn content(name: &str) -> Option<CallToolResult> {
    let image = json!({"type": "image", "data": PIXEL, "mimeType": "image/png"});
    let resource = |uri: &str, kind: &str, text: &str| json!({"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}});
    let content = match name {
        "test_simple_text" => {
            json!([{"type": "text", "text": "This is a simple text response for testing."}])
        }
        "test_image_content" => json!([image]),
        "test_audio_content" => {
            json!([{"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}])
        }
        "test_embedded_resource" => {
            let text = "This is an embedded resource content.";
            json!([resource("test://embedded-resource", "text/plain", text)])
        }
        "test_multiple_content_types" => {
            let text = r#"{"test":"data","value":123}"#;
            let inside = resource("test://mixed-content-resource", "application/json", text);
            json!([{"type": "text", "text": "Multiple content types test:"}, image, inside])
        }
        "test_error_handling" => {
            let text = "This tool intentionally returns an error for testing";
            let content = json!([{"type": "text", "text": text}]);
            return Some(result(json!({"content": content, "isError": true})));
        }
        _other => return None,
    };
    Some(result(json!({"content": content})))
}

async fn log(fixtures: &Fixtures, context: &RequestContext<RoleServer>, text: &str) {
    if fixtures.may_log(context, LoggingLevel::Info) {
        let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(text));
        // Who has hung up misses nothing.
        let _sent = context.peer.notify_logging_message(message).await;
    }
}

async fn progress(context: &RequestContext<RoleServer>) {
    let token = context.meta.get_progress_token();
    for progress in [0.0, 50.0, 100.0] {
        if let Some(token) = token.clone() {
            let step = ProgressNotificationParam::new(token, progress).with_total(100.0);
            let _sent = context.peer.notify_progress(step).await;
        }
        sleep(PAUSE).await;
    }
}

/// What a client of the older era is asked in the middle of a call.
async fn ask(
    name: &str,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let given = |field: &str| {
        let value = request.arguments.as_ref().and_then(|given| given.get(field)?.as_str());
        value.ok_or_else(|| ErrorData::invalid_params(format!("{field} is missing"), None))
    };
    let form = |message: &str, properties: Value, required: Value| {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        json!({"mode": "form", "message": message, "requestedSchema": schema})
    };
    let question = match name {
        "test_sampling" => {
            let content = json!({"type": "text", "text": given("prompt")?});
            let params =
                json!({"messages": [{"role": "user", "content": content}], "maxTokens": 100});
            ServerRequest::CreateMessageRequest(Request::new(fixture(params)))
        }
        "test_elicitation" => {
            let field = |says: &str| json!({"type": "string", "description": says});
            let properties = json!({"username": field("User's response"), "email": field("User's email address")});
            let form = form(given("message")?, properties, json!(["username", "email"]));
            ServerRequest::ElicitRequest(Request::new(fixture(form)))
        }
        "test_elicitation_sep1034_defaults" => {
            let form = form("Choose, or keep what is there", defaults(), json!([]));
            ServerRequest::ElicitRequest(Request::new(fixture(form)))
        }
        "test_elicitation_sep1330_enums" => {
            let form = form("Choose", choices(), json!([]));
            ServerRequest::ElicitRequest(Request::new(fixture(form)))
        }
        // No question of its own stands in the stream of an answer.
        "test_streaming_elicitation" => return Ok(said("done")),
        name => {
            let message = format!("there is no tool {name}");
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    if is_newer(context) {
        return Ok(refused("this era's clients are not asked in the middle of a call"));
    }
    match context.peer.send_request(question).await {
        Ok(ClientResult::CreateMessageResult(result)) => {
            let told = serde_json::to_value(&result).unwrap_or_default();
            let text = told["content"]["text"].as_str().unwrap_or_default();
            Ok(said(&format!("LLM response: {text}")))
        }
        Ok(ClientResult::ElicitResult(result)) => {
            let told = serde_json::to_value(&result).unwrap_or_default();
            let (action, content) = (&told["action"], &told["content"]);
            let action = action.as_str().unwrap_or_default();
            let begin = match name {
                "test_elicitation" => "User response",
                _other => "Elicitation completed",
            };
            Ok(said(&format!("{begin}: action={action}, content={content}")))
        }
        Ok(_other) => Ok(refused("the client answered something else")),
        Err(error) => Ok(refused(&format!("the client does not answer: {error}"))),
    }
}

fn refused(text: &str) -> CallToolResult {
    result(json!({"content": [{"type": "text", "text": text}], "isError": true}))
}

/// A field of each primitive type, with what it is where nobody chooses.
fn defaults() -> Value {
    json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    })
}

/// Every way to choose: one or several, with titles or without, and the way of old.
fn choices() -> Value {
    let titled = |begin: &str| {
        let choice = |(place, word): (usize, &str)| json!({"const": format!("value{}", place + 1), "title": format!("{word} {begin}")});
        ["First", "Second", "Third"].into_iter().enumerate().map(choice).collect::<Vec<_>>()
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    })
}
