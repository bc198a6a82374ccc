//! Tools and a prompt that need something of the client first: they answer what is asked of it, and are called again. What a
//! client brings back of us is believed only where its seal is ours.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, GetPromptRequestParams,
    InputRequests, InputRequiredResult, InputResponses,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{abilities, fixture, result};

/// What the tools of this file begin with.
const PREFIX: &str = "test_input_required_result_";

/// Nobody else's: it never leaves the process.
fn secret() -> &'static [u8; 32] {
    static SECRET: std::sync::OnceLock<[u8; 32]> = std::sync::OnceLock::new();
    SECRET.get_or_init(|| {
        let instant = format!("{:?}{}", std::time::Instant::now(), std::process::id());
        Sha256::digest(instant).into()
    })
}

/// The state of a tool after a round, with the mark by which it is known again.
fn sealed(tool: &str, round: u32) -> String {
    let mut hash = Sha256::new();
    for part in [secret().as_slice(), tool.as_bytes(), &round.to_le_bytes(), secret().as_slice()] {
        hash.update(part);
    }
    let mark: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{round}.{mark}")
}

/// The round that a state was given out in; none where there is no state.
fn round_of(tool: &str, state: Option<&str>) -> Result<Option<u32>, ErrorData> {
    let Some(state) = state else { return Ok(None) };
    let round = state.split('.').next().and_then(|round| round.parse().ok());
    match round {
        Some(round) if sealed(tool, round) == state => Ok(Some(round)),
        Some(_) | None => Err(ErrorData::invalid_params("this state is not one of ours", None)),
    }
}

/// Carries out a tool of this file; none where it is another.
pub(super) fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let tool = request.name.strip_prefix(PREFIX)?;
    let round = match round_of(tool, request.request_state.as_deref()) {
        Ok(round) => round,
        Err(error) => return Some(Err(error)),
    };
    let given = Given(request.input_responses.as_ref());
    let answered = match tool {
        "elicitation" => {
            given.name().map(|name| format!("Hello, {name}!")).ok_or_else(|| ask_name(None))
        }
        "sampling" => given.sampled("capital_question").ok_or_else(|| {
            ask([("capital_question", sampling("What is the capital of France?", 100))], None)
        }),
        "list_roots" => given.roots().ok_or_else(|| ask([("client_roots", roots())], None)),
        "request_state" | "tampered_state" => {
            let confirmed = given.elicited("confirm", "ok").filter(|_| round == Some(1));
            confirmed.map(|_| "state-ok".to_owned()).ok_or_else(|| {
                let question = elicitation("Please confirm", "ok", "boolean");
                ask([("confirm", question)], Some(sealed(tool, 1)))
            })
        }
        "multiple_inputs" => multiple_inputs(&given, tool),
        "multi_round" => multi_round(&given, tool, round),
        "capabilities" => Err(what_is_declared(context)),
        _other => return None,
    };
    Some(Ok(match answered {
        Ok(text) => {
            let content = json!([{"type": "text", "text": text}]);
            result::<CallToolResult>(json!({"content": content})).into()
        }
        Err(asked) => asked.into(),
    }))
}

/// What the prompt was told, or what it asks for.
pub(super) fn context_of(request: &GetPromptRequestParams) -> Result<String, InputRequiredResult> {
    let given = Given(request.input_responses.as_ref());
    given
        .elicited("user_context", "context")
        .and_then(|context| Some(context.as_str()?.to_owned()))
        .ok_or_else(|| {
            let question = "What context should the prompt use?";
            ask([("user_context", elicitation(question, "context", "string"))], None)
        })
}

fn multiple_inputs(given: &Given<'_>, tool: &str) -> Result<String, InputRequiredResult> {
    match (given.name(), given.sampled("greeting"), given.roots()) {
        (Some(name), Some(greeting), Some(roots)) => Ok(format!("{greeting}, {name}; {roots}")),
        (_, _, _) => {
            let name = elicitation("What is your name?", "name", "string");
            let greeting = sampling("Generate a greeting", 50);
            let asked = [("user_name", name), ("greeting", greeting), ("client_roots", roots())];
            Err(ask(asked, Some(sealed(tool, 1))))
        }
    }
}

fn multi_round(
    given: &Given<'_>,
    tool: &str,
    round: Option<u32>,
) -> Result<String, InputRequiredResult> {
    let color = given.elicited("step2", "color").filter(|_| round == Some(2));
    if let Some(color) = color {
        return Ok(format!("Your favorite color is {color}."));
    }
    if round == Some(1) && given.elicited("step1", "name").is_some() {
        let question = elicitation("Step 2: What is your favorite color?", "color", "string");
        return Err(ask([("step2", question)], Some(sealed(tool, 2))));
    }
    let question = elicitation("Step 1: What is your name?", "name", "string");
    Err(ask([("step1", question)], Some(sealed(tool, 1))))
}

/// Asks only for what the client says that it can do.
fn what_is_declared(context: &RequestContext<RoleServer>) -> InputRequiredResult {
    let can = abilities(context);
    let questions = [
        (
            can.elicitation.is_some(),
            "user_name",
            elicitation("What is your name?", "name", "string"),
        ),
        (can.sampling.is_some(), "greeting", sampling("Generate a greeting", 50)),
        (can.roots.is_some(), "client_roots", roots()),
    ];
    ask(
        questions.into_iter().filter(|(can, ..)| *can).map(|(_, key, question)| (key, question)),
        None,
    )
}

fn ask_name(state: Option<String>) -> InputRequiredResult {
    ask([("user_name", elicitation("What is your name?", "name", "string"))], state)
}

fn ask<'a>(
    questions: impl IntoIterator<Item = (&'a str, Value)>,
    state: Option<String>,
) -> InputRequiredResult {
    let questions: InputRequests =
        questions.into_iter().map(|(key, question)| (key.to_owned(), fixture(question))).collect();
    InputRequiredResult::new(Some(questions), state)
}

fn elicitation(message: &str, field: &str, kind: &str) -> Value {
    let schema =
        json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

fn sampling(text: &str, tokens: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": text}});
    let params = json!({"messages": [message], "maxTokens": tokens});
    json!({"method": "sampling/createMessage", "params": params})
}

fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

/// What a client brings along. What is of another shape is as good as missing.
struct Given<'a>(Option<&'a InputResponses>);

impl<'a> Given<'a> {
    fn under(&self, key: &str) -> Option<&'a Value> {
        self.0?.get(key)
    }

    fn elicited(&self, key: &str, field: &str) -> Option<&'a Value> {
        let answer = self.under(key)?;
        (answer["action"] == "accept").then(|| answer["content"].get(field)).flatten()
    }

    fn name(&self) -> Option<&'a str> {
        self.elicited("user_name", "name")?.as_str()
    }

    fn sampled(&self, key: &str) -> Option<String> {
        Some(self.under(key)?["content"]["text"].as_str()?.to_owned())
    }

    fn roots(&self) -> Option<String> {
        let roots = self.under("client_roots")?["roots"].as_array()?;
        let uris: Option<Vec<&str>> = roots.iter().map(|root| root["uri"].as_str()).collect();
        Some(format!("The roots are {}.", uris?.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_known_again_by_its_own_tool_alone() {
        let state = sealed("a", 2);
        assert_eq!(round_of("a", Some(&state)).unwrap(), Some(2));
        assert_eq!(round_of("a", None).unwrap(), None);
        for (tool, state) in
            [("b", state.clone()), ("a", format!("{state}x")), ("a", state.replacen('2', "3", 1))]
        {
            assert!(round_of(tool, Some(&state)).is_err(), "{tool} {state}");
        }
    }
}
