//! axiom_spawn: what was asked as specs, one for each command; and what came of each. A wrong command spoils only itself.

use std::collections::BTreeMap;

use axiom_proto::api::{COUNT_MAX, StopRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::task::{Limits, TaskSpec, TaskView};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answers::{arguments, facts, json, wrong};
use crate::call::Call;
use crate::here::Here;

/// What axiom_spawn takes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpawnArguments {
    command: Option<Vec<String>>,
    shell: Option<String>,
    commands: Option<Vec<Value>>,
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    name: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    count: Option<u32>,
    parent: Option<String>,
    replace: Option<String>,
    timeout_ms: Option<u64>,
    idempotency_key: Option<String>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
struct Plan {
    /// In order; one that is wrong stands among the others.
    specs: Vec<Result<TaskSpec, Fault>>,
    /// True if they were given as a list: then each has a result of its own.
    is_list: bool,
}

pub(crate) async fn spawn(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let mut asked: SpawnArguments = arguments(given)?;
    let parent = match asked.parent.take() {
        Some(parent) => Some(call.look(&parent).await?.id),
        None => None,
    };
    let replace = asked.replace.take();
    let mut plan = plan(asked, &call.here, parent)?;
    let replaced = match replace {
        Some(id) => Some(stop_first(call, &id, &mut plan).await?),
        None => None,
    };
    let mut results = Vec::new();
    let mut replayed = false;
    for (index, spec) in plan.specs.into_iter().enumerate() {
        let answer = match spec {
            Ok(spec) => call.operations.spawn(&call.caller, spec).await,
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(answer) => {
                replayed |= answer.replayed;
                results.extend(answer.tasks.iter().map(json));
            }
            Err(fault) if plan.is_list => results.push(json!({"index": index, "error": fault})),
            Err(fault) => return Err(fault),
        }
    }
    let mut answer = json!({"tasks": results});
    if replayed {
        answer["replayed"] = json!(true);
    }
    if let Some(view) = replaced {
        answer["replaced"] = json!({"id": view.id, "status": view.status});
    }
    Ok(facts(answer))
}

/// Ends the task that is to be replaced. What takes its place has its name, tags and folder where none are given.
async fn stop_first(call: &Call, id: &str, plan: &mut Plan) -> Result<TaskView, Fault> {
    let old = call.look(id).await?;
    // A name could mean the new task, when the call is repeated.
    if !old.id.to_string().starts_with(id) {
        return Err(wrong(format!("replace: {id:?} is a name"), "give the task's id"));
    }
    if let Some(fault) = plan.specs.iter().find_map(|spec| spec.as_ref().err()) {
        return Err(fault.clone());
    }
    for spec in plan.specs.iter_mut().flatten() {
        spec.name = spec.name.take().or_else(|| old.name.clone());
        spec.cwd = spec.cwd.take().or_else(|| old.cwd.clone());
        if spec.tags.is_empty() {
            spec.tags.clone_from(&old.tags);
        }
    }
    let cause = "replaced by another task".to_owned();
    let request = StopRequest { cause, ..StopRequest::default() };
    match call.operations.stop(&call.caller, &old.id.to_string(), request).await {
        Ok(answer) => Ok(answer.task),
        Err(fault) if fault.code == ErrorCode::TaskEnded => Ok(old),
        Err(fault) => Err(fault),
    }
}

/// What was asked, as specs. Pure.
fn plan(asked: SpawnArguments, here: &Here, parent: Option<TaskId>) -> Result<Plan, Fault> {
    let SpawnArguments {
        command,
        shell,
        commands,
        cwd,
        env,
        name,
        tags,
        count,
        timeout_ms,
        idempotency_key,
        ..
    } = asked;
    let base = here.spec(env);
    let base = TaskSpec {
        cwd: cwd.map(|path| here.folder(&path)).or_else(|| base.cwd.clone()),
        parent: parent.or(base.parent),
        name,
        tags,
        count,
        limits: Limits { timeout_ms, ..Limits::default() },
        idempotency_key,
        ..base
    };
    match (command, shell, commands) {
        (Some(command), None, None) => {
            let spec = TaskSpec { command: words(command), ..base };
            Ok(Plan { specs: vec![Ok(spec)], is_list: false })
        }
        (None, Some(line), None) => {
            let spec = TaskSpec { shell: Some(line), ..base };
            Ok(Plan { specs: vec![Ok(spec)], is_list: false })
        }
        (None, None, Some(commands)) => several(commands, &base),
        (None, None, None) => Err(wrong("nothing to run", "give one of command, shell, commands")),
        (_, _, _) => Err(wrong("more than one of command, shell, commands", "give one of them")),
    }
}

fn several(commands: Vec<Value>, base: &TaskSpec) -> Result<Plan, Fault> {
    if base.count.is_some() {
        return Err(wrong("count stands beside commands", "give count with command or shell"));
    }
    if commands.is_empty() || commands.len() > COUNT_MAX as usize {
        return Err(wrong(format!("commands: between 1 and {COUNT_MAX}"), "split the list"));
    }
    let specs = commands.into_iter().enumerate().map(|(index, command)| {
        let idempotency_key = base.idempotency_key.as_ref().map(|key| format!("{key}/{index}"));
        let base = TaskSpec { idempotency_key, ..base.clone() };
        match command {
            Value::String(line) => Ok(TaskSpec { shell: Some(line), ..base }),
            Value::Array(parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    Value::String(word) => Ok(word),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => {
                        Err(wrong(format!("commands[{index}]: {part} is no text"), "give texts"))
                    }
                });
                let parts = parts.collect::<Result<Vec<String>, Fault>>()?;
                Ok(TaskSpec { command: words(parts), ..base })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                let message = format!("commands[{index}]: neither a shell line nor a list");
                Err(wrong(message, "give a text, or a list of texts"))
            }
        }
    });
    Ok(Plan { specs: specs.collect(), is_list: true })
}

fn words(command: Vec<String>) -> Vec<axiom_proto::bytestring::ByteString> {
    command.into_iter().map(|word| word.into_bytes().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(given: Value) -> Result<Plan, String> {
        let Value::Object(given) = given else { panic!("an object") };
        let asked = arguments(Some(given)).map_err(|fault| fault.message)?;
        plan(asked, &Here::default(), None).map_err(|fault| fault.message)
    }

    #[test]
    fn exactly_one_way_to_say_what_runs() {
        assert!(planned(json!({})).unwrap_err().contains("nothing to run"));
        assert!(
            planned(json!({"shell": "a", "command": ["b"]})).unwrap_err().contains("more than one")
        );
        assert!(
            planned(json!({"shell": "a", "commands": ["b"]}))
                .unwrap_err()
                .contains("more than one")
        );
        assert!(planned(json!({"shell": "a", "colour": "b"})).unwrap_err().contains("colour"));
        assert!(planned(json!({"command": "make"})).unwrap_err().contains("sequence"));
        let plan = planned(json!({"command": ["make", "-j4"], "count": 3})).unwrap();
        let spec = plan.specs[0].as_ref().unwrap();
        assert_eq!((spec.command.len(), spec.count, plan.is_list), (2, Some(3), false));
    }

    #[test]
    fn each_of_a_list_has_its_own_spec_key_and_fault() {
        let plan = planned(json!({
            "commands": ["make", ["ls", "-l"], 3, ["a", 1]], "idempotency_key": "k", "name": "n"
        }))
        .unwrap();
        assert!(plan.is_list);
        let spec = |at: usize| plan.specs[at].as_ref();
        assert_eq!(spec(0).unwrap().shell.as_deref(), Some("make"));
        assert_eq!(spec(0).unwrap().idempotency_key.as_deref(), Some("k/0"));
        assert_eq!(spec(1).unwrap().command, ["ls".into(), "-l".into()]);
        assert_eq!(spec(1).unwrap().name.as_deref(), Some("n"));
        assert!(spec(2).unwrap_err().message.contains("commands[2]"));
        assert!(spec(3).unwrap_err().message.contains("commands[3]: 1 is no text"));
        assert!(planned(json!({"commands": []})).is_err());
        assert!(planned(json!({"commands": ["a"], "count": 2})).is_err());
    }
}
