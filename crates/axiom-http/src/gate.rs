//! Who may ask: decided from a request's head alone, before its body is read and before a connection is upgraded.
//! Refuses names and pages of strangers first, then whoever shows no token; says no more than that.

use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_server::Token;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::refusal::Refusal;

/// The one path that needs no token: whoever started the server asks there whether it is well.
pub(crate) const HEALTH_PATH: &str = "/healthz";

/// Where clients of MCP that are refused learn how to be let in. It says nothing that is not in this file.
pub(crate) const METADATA_PATHS: [&str; 2] =
    ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"];

/// Before the token in a WebSocket's offered protocols: the only place where a browser can put one.
const BEARER_PROTOCOL: &str = "axiom.bearer.";

/// The names of this machine. Any other that leads here belongs to somebody who wants to reach us through a browser.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// What is asked at a door.
#[derive(Debug)]
pub(crate) enum Lock {
    /// The home's socket: the kernel has said who it is.
    Owner,
    /// The loopback port: anybody on the machine, and any page in a browser on it.
    Token {
        /// The port that a host must name.
        port: u16,
        /// What must be shown.
        token: Token,
    },
}

/// Who got in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// Whoever it is: only the health is told.
    Anyone,
    /// The home's owner, or who has the token.
    Known,
    /// Who shows a task's token, by whichever door.
    InTask(TaskId),
}

/// Decides about one request. `task_of` knows the tokens of tasks.
pub(crate) fn admit(
    lock: &Lock,
    head: &Parts,
    task_of: impl Fn(&[u8]) -> Option<TaskId>,
) -> Result<Admitted, Refusal> {
    let host = check_host(lock, head)?;
    check_origin(lock, head, &host)?;
    match lock {
        // The kernel has said who it is. A task's token narrows that; any other says nothing here: a program may talk to two homes.
        Lock::Owner => match shown(&head.headers) {
            Ok(Some(shown)) => Ok(task_of(shown).map_or(Admitted::Known, Admitted::InTask)),
            Ok(None) | Err(_) => Ok(Admitted::Known),
        },
        Lock::Token { .. } if is_open(head.uri.path()) => Ok(Admitted::Anyone),
        Lock::Token { token, .. } => match shown(&head.headers)? {
            Some(shown) if token.is(shown) => Ok(Admitted::Known),
            Some(shown) => match task_of(shown) {
                Some(task) => Ok(Admitted::InTask(task)),
                None => Err(unauthorized("this is not the token of this home")),
            },
            None => Err(unauthorized("this needs the home's token")),
        },
    }
}

/// What is told to anybody.
fn is_open(path: &str) -> bool {
    path == HEALTH_PATH || METADATA_PATHS.contains(&path)
}

/// The host that is asked, in lower case: a name of this machine, and on the network our port.
fn check_host(lock: &Lock, head: &Parts) -> Result<String, Refusal> {
    let said = single(&head.headers, &HOST)?.unwrap_or_default().to_ascii_lowercase();
    // Where the request line names a host as well, it must be the same.
    let in_line = head.uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    if in_line.is_some_and(|in_line| in_line != said) {
        return Err(denied("the request names two hosts", "send one Host"));
    }
    let known = LOOPBACK_NAMES.into_iter().any(|name| {
        let rest = said.strip_prefix(name);
        rest.is_some_and(|rest| match lock {
            Lock::Token { port, .. } => is_port(rest, *port),
            Lock::Owner => rest.is_empty() || rest.strip_prefix(':').is_some_and(is_number),
        })
    });
    if known {
        return Ok(said);
    }
    Err(denied("this host is not this server", "use the url in run/server.json"))
}

/// `:80` may be left out, as browsers do.
fn is_port(rest: &str, port: u16) -> bool {
    match rest.strip_prefix(':') {
        Some(digits) => is_number(digits) && digits == port.to_string(),
        None => rest.is_empty() && port == 80,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// No page asks through the socket; on the network only our own, whose origin is the host it was asked by.
fn check_origin(lock: &Lock, head: &Parts, host: &str) -> Result<(), Refusal> {
    let Some(origin) = single(&head.headers, &ORIGIN)? else { return Ok(()) };
    let ours = match lock {
        Lock::Owner => false,
        Lock::Token { .. } => origin.strip_prefix("http://") == Some(host),
    };
    if ours {
        return Ok(());
    }
    Err(denied(
        "pages of other origins may not ask this server",
        "ask from a program, without Origin",
    ))
}

/// What is shown as token, if anything is.
fn shown(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    if let Some(value) = single(headers, &AUTHORIZATION)? {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(unauthorized("the scheme of the authorization is Bearer"));
        }
        return Ok(Some(token.trim_matches(' ').as_bytes()));
    }
    if !headers.contains_key(UPGRADE) {
        return Ok(None);
    }
    Ok(offered_protocols(headers)
        .find_map(|name| name.strip_prefix(BEARER_PROTOCOL))
        .map(str::as_bytes))
}

/// The protocols that a WebSocket offers, in order.
pub(crate) fn offered_protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// A header that may come once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        (Ok(_) | Err(_), _) => {
            Err(denied(&format!("{name} is not one plain value"), "send it once"))
        }
    }
}

fn unauthorized(message: &str) -> Refusal {
    let hint = "send `Authorization: Bearer` with the content of the file `token` in the home";
    Fault::new(ErrorCode::Unauthorized, message, hint).into()
}

fn denied(message: &str, hint: &str) -> Refusal {
    Fault::new(ErrorCode::Denied, message, hint).into()
}

#[cfg(test)]
mod tests;
