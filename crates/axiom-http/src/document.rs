//! What is said of the interface as a whole: who may ask, what every answer carries, and how anything can fail.
//! Each route says what is its own; here is added what follows from its form.

use axiom_proto::api::View;
use axiom_proto::event::{Event, Reset};
use axiom_proto::fault::FaultBody;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, License, Object, OpenApi, PathItem, Ref, RefOr, Required,
    Response, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::gate::HEALTH_PATH;

/// `GET /`.
pub(crate) const FRONT: &str = "\
This is Axiom: many commands at once, and every byte of them kept.

  /openapi.json           the API, as an OpenAPI 3.1 document
  /events.schema.json     the JSON Schema of its events
  /api/v1/tasks           the tasks
  /api/v1/live            a WebSocket that follows many of them
  /api/v1/events          what happens, as server-sent events
  /mcp                    the Model Context Protocol; /mcp/ws is the same over a WebSocket
  /metrics                figures, as Prometheus reads them
  /healthz                whether the server is well; the one path that needs no token

Everything else wants `Authorization: Bearer` with the content of the file `token`
in the home. docs/http.md has an example for each.
";

const SUMMARY: &str = "Runs many commands at once and keeps them in hand. Every path but /healthz wants the home's token.";

/// The documents as they are sent.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    pub(crate) openapi: Bytes,
    pub(crate) event_schema: Bytes,
}

impl Documents {
    pub(crate) fn new(document: &OpenApi) -> Self {
        let openapi = serde_json::to_vec(document).expect("a document is always JSON");
        let schema = serde_json::to_vec(&event_schema()).expect("a schema is always JSON");
        Self { openapi: openapi.into(), event_schema: schema.into() }
    }
}

/// How an answer can say that something failed.
struct Failure {
    status: &'static str,
    when: &'static str,
}

const fn failure(status: &'static str, when: &'static str) -> Failure {
    Failure { status, when }
}

/// Every request.
const ALWAYS: [Failure; 3] = [
    failure("403", "The host is not this server's, or a page of another origin asks."),
    failure("429", "Too many requests; or a limit of the server is reached."),
    failure("500", "A bug, or a broken machine."),
];
const WITH_TOKEN: [Failure; 1] = [failure("401", "No token, or a wrong one.")];
const WITH_QUERY: [Failure; 1] = [failure("400", "A parameter is wrong.")];
const WITH_BODY: [Failure; 3] = [
    failure("400", "The body is wrong."),
    failure("408", "The body did not come in time, or the task's worker gave no answer in time."),
    failure("413", "The body is too large."),
];
const OF_TASK: [Failure; 3] = [
    failure("400", "The request is wrong."),
    failure("404", "No task has this id or name."),
    failure("409", "Several tasks have ids that begin so; or the task is not in a state for this."),
];
const OF_SPAWN: [Failure; 4] = [
    failure("404", "The parent is no task."),
    failure("409", "The idempotency key was used for something else."),
    failure("503", "The server is leaving."),
    failure("507", "The disk is full."),
];
const OF_STEERING: [Failure; 3] = [
    failure("501", "This machine or this worker cannot do it."),
    failure("503", "The task's worker cannot be reached now, or has too much to do."),
    failure("507", "The disk is full."),
];
const OF_WAITING: [Failure; 1] = [failure("503", "The server leaves.")];
const OF_READING: [Failure; 1] = [failure("503", "The task's journal cannot be read now.")];
const LATER: [Failure; 1] = [failure("501", "Not built yet.")];

/// Adds to the routes' own words what holds for all of them.
pub(crate) fn complete(document: &mut OpenApi) {
    document.info.title = "Axiom".to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some(SUMMARY.to_owned());
    document.info.license = Some(License::new("MIT OR Apache-2.0"));
    let components = document.components.get_or_insert_default();
    let known = std::mem::take(components);
    let mut schemas = Vec::new();
    FaultBody::schemas(&mut schemas);
    Event::schemas(&mut schemas);
    Reset::schemas(&mut schemas);
    let named = [
        (FaultBody::name(), FaultBody::schema()),
        (View::name(), View::schema()),
        (Event::name(), Event::schema()),
        (Reset::name(), Reset::schema()),
    ];
    let schemas = schemas.into_iter().chain(named.map(|(name, schema)| (name.into(), schema)));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    *components = ComponentsBuilder::from(known)
        .schemas_from_iter(schemas)
        .security_scheme("bearer", bearer)
        .build();
    document.security = Some(vec![SecurityRequirement::new::<_, _, &str>("bearer", [])]);
    for (path, item) in &mut document.paths.paths {
        for operation in operations_of(item) {
            complete_operation(path, operation);
        }
    }
}

/// The operations of a path.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().filter_map(Option::as_mut)
}

fn complete_operation(path: &str, operation: &mut Operation) {
    let of_task = path.contains("{id}");
    let later = tagged(operation, "later");
    let with_query = operation.parameters.iter().flatten().any(|one| match one {
        RefOr::T(one) => one.parameter_in != ParameterIn::Path,
        RefOr::Ref(_) => false,
    });
    let rows: [(bool, &[Failure]); 9] = [
        (true, &ALWAYS),
        (path != HEALTH_PATH, &WITH_TOKEN),
        (of_task && !later, &OF_TASK),
        (with_query, &WITH_QUERY),
        (operation.request_body.is_some(), &WITH_BODY),
        (operation.operation_id.as_deref() == Some("spawn"), &OF_SPAWN),
        (operation.operation_id.as_deref() == Some("wait"), &OF_WAITING),
        (tagged(operation, "steering"), &OF_STEERING),
        (tagged(operation, "output"), &OF_READING),
    ];
    let rows = rows.into_iter().chain([(later, &LATER[..])]);
    for failure in rows.filter(|(holds, _)| *holds).flat_map(|(_, failures)| failures) {
        let known = operation.responses.responses.entry(failure.status.to_owned());
        known.or_insert_with(|| refusal(failure).into());
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(Required::False);
        body.description = Some("No body stands for `{}`.".to_owned());
    }
    if path == HEALTH_PATH {
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let id =
                HeaderBuilder::new().schema(Some(text())).description(Some("The request's id."));
            response.headers.insert("x-request-id".to_owned(), RefOr::T(id.build()));
        }
    }
    let id = ParameterBuilder::new()
        .name("x-request-id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "An id of the caller's own, for logs: 1 to 64 of letters, digits, `.`, `_` and `-`; any other is ignored.",
        ))
        .schema(Some(text()));
    operation.parameters.get_or_insert_default().push(RefOr::T(id.build()));
}

fn tagged(operation: &Operation, tag: &str) -> bool {
    operation.tags.iter().flatten().any(|found| found == tag)
}

fn text() -> Object {
    Object::with_type(Type::String)
}

fn refusal(failure: &Failure) -> Response {
    let schema = Ref::from_schema_name(FaultBody::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response =
        ResponseBuilder::new().description(failure.when).content("application/json", content);
    let header = match failure.status {
        "401" => Some(("www-authenticate", "How to show the token.")),
        "429" => Some(("retry-after", "Seconds; where it is the rate.")),
        _other => None,
    };
    if let Some((name, description)) = header {
        let header = HeaderBuilder::new().schema(Some(text())).description(Some(description));
        response = response.header(name, header.build());
    }
    response.build()
}

/// One schema that stands alone, of the newest JSON Schema.
fn event_schema() -> Value {
    let mut known = vec![(Event::name().into_owned(), Event::schema())];
    Event::schemas(&mut known);
    let mut definitions = Map::new();
    for (name, schema) in known {
        let mut schema = serde_json::to_value(schema).expect("a schema is always JSON");
        point_at_definitions(&mut schema);
        definitions.insert(name, schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of Axiom",
        "$ref": "#/$defs/Event",
        "$defs": definitions,
    })
}

/// `#/components/schemas/X` is `#/$defs/X` here.
fn point_at_definitions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Value::String(target)) = (name == "$ref", &mut *field) {
                    *target = target.replace("#/components/schemas/", "#/$defs/");
                }
                point_at_definitions(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(point_at_definitions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
