//! A WebSocket byte by byte: a client that keeps to the protocol, and the frames of one that does not.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::wire::{Address, Answer, Wire};

/// One message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(Value),
    Binary(Vec<u8>),
    /// A close, or the end of the connection.
    Closed,
}

/// An upgraded connection.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(crate) wire: Box<dyn Wire>,
    /// Code and reason of the server's close.
    pub(crate) closed_with: Option<(u16, String)>,
}

/// The head of an upgrade.
pub(crate) fn upgrade(host: &str, headers: &str) -> String {
    format!(
        "GET /api/v1/live HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// One frame with its first byte as given: final or not, and the kind. Masked, as a client must.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64, true);
    let mask = [0x11, 0x22, 0x33, 0x44];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The head of a frame that announces so many bytes.
pub(crate) fn head(first: u8, bytes: u64, masked: bool) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut head = vec![first];
    match bytes {
        0..126 => head.push(bit | u8::try_from(bytes).unwrap()),
        126..0x1_0000 => {
            head.push(bit | 126);
            head.extend(u16::try_from(bytes).unwrap().to_be_bytes());
        }
        _more => {
            head.push(bit | 127);
            head.extend(bytes.to_be_bytes());
        }
    }
    head
}

/// A whole text message.
pub(crate) const TEXT: u8 = 0x81;

impl WebSocket {
    /// Upgrades by the home's socket.
    pub(crate) fn open(lab: &Lab) -> Self {
        Self::dial(&lab.by_socket(), &upgrade("localhost", ""))
    }

    /// Upgrades by the network, with the token as a browser shows it.
    pub(crate) fn open_by_network(lab: &Lab) -> Self {
        let host = format!("127.0.0.1:{}", lab.port().unwrap());
        let protocols =
            format!("Sec-WebSocket-Protocol: axiom.v1, axiom.bearer.{}\r\n", lab.token());
        Self::dial(&lab.by_network(), &upgrade(&host, &protocols))
    }

    pub(crate) fn dial(address: &Address, request: &str) -> Self {
        let mut wire = address.dial();
        wire.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            wire.read_exact(&mut byte).unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&head))
            });
            head.push(byte[0]);
        }
        let answer = Answer::parse(&head);
        assert_eq!(answer.status, 101, "{answer:?}");
        Self { wire, closed_with: None }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.wire.write_all(&frame(TEXT, message.to_string().as_bytes())).unwrap();
    }

    pub(crate) fn subscribe(&mut self, subscription: u32, task: &str, start: &Value) {
        self.say(&json!({
            "type": "subscribe", "subscription": subscription, "task": task, "start": start
        }));
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Heard {
        match self.hear_bytes() {
            Some((1, payload)) => Heard::Text(serde_json::from_slice(&payload).unwrap()),
            Some((2, payload)) => Heard::Binary(payload),
            Some((other, _)) => panic!("a message of kind {other}"),
            None => Heard::Closed,
        }
    }

    /// The next message's kind, 1 for text and 2 for bytes, and what is in it. Nothing after the end.
    pub(crate) fn hear_bytes(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        if self.wire.read_exact(&mut head).is_err() {
            return None;
        }
        assert_eq!(head[0] & 0x70, 0, "no extension was agreed on");
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let bytes = match head[1] {
            126 => {
                let mut bytes = [0; 2];
                self.wire.read_exact(&mut bytes).unwrap();
                usize::from(u16::from_be_bytes(bytes))
            }
            127 => {
                let mut bytes = [0; 8];
                self.wire.read_exact(&mut bytes).unwrap();
                usize::try_from(u64::from_be_bytes(bytes)).unwrap()
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; bytes];
        self.wire.read_exact(&mut payload).unwrap();
        let kind = head[0] & 0x0f;
        if kind == 8 {
            self.closed_with = payload.split_first_chunk().map(|(code, reason)| {
                (u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap())
            });
            return None;
        }
        Some((kind, payload))
    }

    /// The next text of this type; what comes before is dropped.
    pub(crate) fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            match self.hear() {
                Heard::Text(text) if text["type"] == kind => return text,
                Heard::Text(_) | Heard::Binary(_) => {}
                Heard::Closed => panic!("closed before {kind:?}"),
            }
        }
    }
}
