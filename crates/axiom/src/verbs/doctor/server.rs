//! The server: whether one runs, answers, is of this version, and can be reached on its port.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axiom_client::{ClientError, Connection, DialError, StartError};
use axiom_proto::api::{ServerNote, ServerStatus};
use tokio::time::timeout;

use super::Finding;
use crate::here::Here;
use crate::verbs::server_pid;

/// How long a server may take to say how it stands: it has that at hand.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long its port may take to take a connection, on this machine.
const PORT_WAIT_MAX: Duration = Duration::from_secs(1);

const WHAT: &str = "server";

/// What there is to say of the server, and what it says itself.
pub(super) async fn look(here: &Here) -> (Vec<Finding>, Option<ServerStatus>) {
    let mut connection = match Connection::open(here.place_to_look_at()).await {
        Ok(connection) => connection,
        Err(ClientError::Start(StartError::Dial(DialError::NoServer { .. }))) => {
            let text = "none runs; the next command starts one";
            return (vec![Finding::good(WHAT, text)], None);
        }
        Err(error) => return (vec![fault(&error)], None),
    };
    match timeout(ANSWER_WAIT_MAX, connection.status()).await {
        Ok(Ok(status)) => (vec![version(&status), port(here)], Some(status)),
        Ok(Err(error)) => (vec![fault(&error)], None),
        Err(_) => (vec![silent(here)], None),
    }
}

fn version(status: &ServerStatus) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if status.version != ours {
        let text = format!("version {}, and this is {ours}", status.version);
        let remedy = "axiom shutdown: tasks run on, and the next command starts the new one";
        return Finding::note(WHAT, text, remedy);
    }
    Finding::good(WHAT, format!("version {}, pid {}", status.version, status.pid))
}

fn silent(here: &Here) -> Finding {
    let seconds = ANSWER_WAIT_MAX.as_secs();
    match server_pid(&here.home) {
        Some(pid) => Finding::problem(
            WHAT,
            format!("process {pid} listens and has not answered within {seconds} s"),
            format!("kill -9 {pid}: it harms no task, and the next command starts another"),
        ),
        None => Finding::problem(
            WHAT,
            format!(
                "somebody listens, has not answered within {seconds} s, and has written down no pid"
            ),
            "find it with `ps` (axiom serve) and kill it: it harms no task",
        ),
    }
}

fn fault(error: &ClientError) -> Finding {
    let fault = error.to_fault();
    Finding::problem(WHAT, fault.message, fault.hint)
}

/// The port that browsers and other programs use.
fn port(here: &Here) -> Finding {
    const WHAT: &str = "port";
    let note = std::fs::read(here.home.run().join("server.json")).ok();
    let note = note.and_then(|bytes| serde_json::from_slice::<ServerNote>(&bytes).ok());
    let Some(url) = note.and_then(|note| note.url) else {
        return Finding::note(WHAT, "none is open: AXIOM_NETWORK_PORT is off, or it was taken", "");
    };
    let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(address) = address.and_then(|address| address.parse::<SocketAddr>().ok()) else {
        return Finding::note(WHAT, format!("{url} is not looked at"), "");
    };
    match TcpStream::connect_timeout(&address, PORT_WAIT_MAX) {
        Ok(_) => Finding::good(WHAT, url),
        Err(error) => Finding::problem(
            WHAT,
            format!("{url}: {error}"),
            "axiom shutdown, then any command; a firewall on the loopback interface would be odd",
        ),
    }
}
