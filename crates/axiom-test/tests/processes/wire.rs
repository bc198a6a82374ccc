//! HTTP byte by byte: requests as a test spells them, by the home's socket or by the loopback port.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::lab::{EVENT_WAIT, Lab};

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// Where a server is asked.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Socket(PathBuf),
    Network(u16),
}

/// An open connection.
pub(crate) trait Wire: Read + Write + Send + Debug {}

impl<T: Read + Write + Send + Debug> Wire for T {}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 where there was none.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Takes an answer apart.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let head = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, head, body: end.map_or_else(Vec::new, |end| bytes[end + 4..].to_vec()) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The error's code; empty where there is none.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Address {
    pub(crate) fn dial(&self) -> Box<dyn Wire> {
        self.dial_patiently(EVENT_WAIT)
    }

    /// Dials; a read may take so long.
    pub(crate) fn dial_patiently(&self, patience: Duration) -> Box<dyn Wire> {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(patience)).unwrap();
                Box::new(stream)
            }
            Self::Network(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).unwrap();
                stream.set_read_timeout(Some(patience)).unwrap();
                Box::new(stream)
            }
        }
    }

    /// Sends a request as it is, and takes all that comes until the connection ends.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        let mut stream = self.dial();
        let _may_be_closed_early = stream.write_all(request);
        let mut answer = Vec::new();
        let _closed_or_reset = stream.read_to_end(&mut answer);
        Answer::parse(&answer)
    }
}

impl Lab {
    pub(crate) fn by_socket(&self) -> Address {
        Address::Socket(self.home().join("run/axiom.sock"))
    }

    /// The loopback port that the server's note names.
    pub(crate) fn port(&self) -> Option<u16> {
        let note = std::fs::read(self.home().join("run/server.json")).unwrap();
        let note: Value = serde_json::from_slice(&note).unwrap();
        let url = note["url"].as_str()?;
        Some(url.strip_prefix("http://127.0.0.1:").unwrap().parse().unwrap())
    }

    pub(crate) fn by_network(&self) -> Address {
        Address::Network(self.port().expect("the note names a url"))
    }

    pub(crate) fn token(&self) -> String {
        let token = std::fs::read_to_string(self.home().join("token")).unwrap();
        token.trim_end().to_owned()
    }

    /// Bytes of the server that are in memory.
    pub(crate) fn server_memory(&self) -> u64 {
        let pid = self.server_pid().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// The headers of whoever has the token.
    pub(crate) fn credentials(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token())
    }

    /// A request by the network with the token and the right host.
    pub(crate) fn asked(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let port = self.port().unwrap();
        let content = if body.is_empty() { "" } else { JSON };
        let headers = format!("{}{content}", self.credentials());
        let request = request_to(&format!("127.0.0.1:{port}"), (method, path), &headers, body);
        self.by_network().ask(&request)
    }
}

/// A request to `localhost`, after which the connection ends.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    request_to("localhost", (method, path), headers, body)
}

/// A request to any host; none is named where it is empty.
pub(crate) fn request_to(
    host: &str,
    (method, path): (&str, &str),
    headers: &str,
    body: &[u8],
) -> Vec<u8> {
    let length = body.len();
    let host = if host.is_empty() { String::new() } else { format!("Host: {host}\r\n") };
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}
