//! Resources and prompts, word for word as the suite asks for them.

use rmcp::model::{
    ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult,
};
use serde_json::{Value, json};

use super::inputs;
use super::result;
use super::tools::PIXEL;

pub(super) fn resources() -> ListResourcesResult {
    result(json!({"resources": [
        {"uri": "test://static-text", "name": "text", "description": "A text", "mimeType": "text/plain"},
        {"uri": "test://static-binary", "name": "picture", "description": "A picture", "mimeType": "image/png"},
        {"uri": "test://watched-resource", "name": "watched", "description": "One to watch", "mimeType": "text/plain"},
    ]}))
}

pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = json!({
        "uriTemplate": "test://template/{id}/data", "name": "data",
        "description": "Data by id", "mimeType": "application/json",
    });
    result(json!({"resourceTemplates": [template]}))
}

pub(super) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let of_template =
        uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
    let content = match (uri, of_template) {
        (_, Some(id)) => {
            let data =
                json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
        ("test://static-text", None) => {
            let text = "This is the content of the static text resource.";
            json!({"uri": uri, "mimeType": "text/plain", "text": text})
        }
        ("test://static-binary", None) => {
            json!({"uri": uri, "mimeType": "image/png", "blob": PIXEL})
        }
        ("test://watched-resource", None) => {
            json!({"uri": uri, "mimeType": "text/plain", "text": "Watched"})
        }
        (_, None) => {
            return Err(ErrorData::resource_not_found(
                "Resource not found",
                Some(json!({"uri": uri})),
            ));
        }
    };
    Ok(result(json!({"contents": [content]})))
}

pub(super) fn prompts() -> ListPromptsResult {
    let argument = |name: &str| json!({"name": name, "description": name, "required": true});
    let prompt = |name: &str, arguments: Value| json!({"name": name, "description": name, "arguments": arguments});
    result(json!({"prompts": [
        prompt("test_simple_prompt", json!([])),
        prompt("test_prompt_with_arguments", json!([argument("arg1"), argument("arg2")])),
        prompt("test_prompt_with_embedded_resource", json!([argument("resourceUri")])),
        prompt("test_prompt_with_image", json!([])),
        prompt("test_input_required_result_prompt", json!([])),
    ]}))
}

pub(super) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let given = |name: &str| {
        let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name)?.as_str());
        value.ok_or_else(|| ErrorData::invalid_params(format!("{name} is missing"), None))
    };
    let text = |text: String| json!({"type": "text", "text": text});
    let contents = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            let (one, two) = (given("arg1")?, given("arg2")?);
            vec![text(format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let inside = "Embedded resource content for testing.";
            let uri = given("resourceUri")?;
            let resource = json!({"uri": uri, "mimeType": "text/plain", "text": inside});
            vec![
                json!({"type": "resource", "resource": resource}),
                text("Please process the embedded resource above.".to_owned()),
            ]
        }
        "test_prompt_with_image" => vec![
            json!({"type": "image", "data": PIXEL, "mimeType": "image/png"}),
            text("Please analyze the image above.".to_owned()),
        ],
        "test_input_required_result_prompt" => match inputs::context_of(request) {
            Ok(context) => vec![text(format!("The context is {context}."))],
            Err(asked) => return Ok(asked.into()),
        },
        name => {
            let message = format!("there is no prompt {name}");
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    let messages: Vec<Value> =
        contents.into_iter().map(|content| json!({"role": "user", "content": content})).collect();
    let prompt: GetPromptResult = result(json!({"messages": messages}));
    Ok(prompt.into())
}
