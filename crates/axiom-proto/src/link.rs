//! The link: what worker and server say to each other; docs/link.md has the walk.
//! Everything on a link has a frame's header. Frames of the session go as they lie in the journal;
//! control messages are frames of kind `Control` whose payload is JSON and bytes.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::Command;
use crate::frame::{FrameKind, HEADER_BYTES, Header, Micros, Offset, Seq};
use crate::id::SessionId;
use crate::mixed::{self, MixedError};
use crate::summary::Summary;

/// The link protocol that this build speaks.
pub const PROTOCOL: u16 = 1;

/// The oldest one it still understands.
pub const PROTOCOL_OLDEST: u16 = 1;

/// The largest message taken from a peer: a command with 1 MiB to type, and room.
pub const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a worker says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest protocol it speaks.
    pub protocol: u16,
    /// The oldest it understands.
    pub protocol_oldest: u16,
    /// Its version, for people.
    pub version: String,
    /// Its session.
    pub session: SessionId,
    /// Its epoch.
    pub epoch: u64,
    /// Its process.
    pub worker_pid: u32,
    /// The holder's process.
    pub holder_pid: u32,
    /// The session's start, Unix microseconds.
    pub started_unix_us: u64,
    /// All that the frames before `summary.next_seq` say.
    pub summary: Summary,
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The protocol that both speak.
    pub protocol: u16,
    /// The first frame it wants.
    pub from: Seq,
}

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// Worker to server, first.
    Hello(Box<Hello>),
    /// Server to worker, first.
    Resume(Resume),
    /// Server to worker; bytes to type follow.
    Command(Command),
    /// Worker to server, when even the journal cannot say it: why reading stands still, or that it goes on.
    Paused {
        /// Why; none when it goes on.
        reason: Option<String>,
    },
    /// Either way, before hanging up for a reason.
    Goodbye {
        /// Why.
        reason: String,
    },
    /// A message of a newer version.
    #[serde(other)]
    Unknown,
}

/// Why a link's bytes cannot be read.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The peer announced more than is taken.
    #[error("message of {bytes} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLarge {
        /// What was announced.
        bytes: usize,
    },
    /// A control message is broken.
    #[error("control message is broken")]
    Control(#[from] MixedError),
    /// A frame is not the one that must come next.
    #[error("frame {found} came where {expected} must come")]
    OutOfOrder {
        /// What must come.
        expected: Seq,
        /// What came.
        found: Seq,
    },
    /// The peers have no protocol in common.
    #[error(
        "worker speaks link protocol {oldest} to {newest}, this server {PROTOCOL_OLDEST} to {PROTOCOL}"
    )]
    Version {
        /// The peer's oldest.
        oldest: u16,
        /// The peer's newest.
        newest: u16,
    },
}

/// The newest protocol that both sides speak.
///
/// # Errors
/// [`LinkError::Version`] when there is none.
pub fn common_protocol(hello: &Hello) -> Result<u16, LinkError> {
    let newest = hello.protocol.min(PROTOCOL);
    if newest < hello.protocol_oldest.max(PROTOCOL_OLDEST) {
        return Err(LinkError::Version { oldest: hello.protocol_oldest, newest: hello.protocol });
    }
    Ok(newest)
}

/// A control message as it goes over the link.
#[must_use]
pub fn encode(control: &Control, bytes: &[u8]) -> Vec<u8> {
    let payload = mixed::encode(control, bytes);
    let header = Header::of(FrameKind::Control, Seq(0), Offset(0), Micros(0), &payload);
    let mut message = Vec::with_capacity(HEADER_BYTES + payload.len());
    message.extend_from_slice(&header.encode());
    message.extend_from_slice(&payload);
    message
}

/// One message taken off a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A frame of the session, whole, header included.
    Frame(Header, Bytes),
    /// A control message and its bytes.
    Control(Control, Bytes),
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: BytesMut,
}

impl Splitter {
    /// Where read bytes are appended.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole message. Call until it is `None`, then append more.
    ///
    /// # Errors
    /// [`LinkError`] when the peer does not keep to the protocol; the link must be closed then.
    pub fn message(&mut self) -> Result<Option<Message>, LinkError> {
        let Ok(header) = Header::decode(&self.buffer) else { return Ok(None) };
        let bytes = header.frame_bytes();
        if bytes > MESSAGE_BYTES_MAX {
            return Err(LinkError::TooLarge { bytes });
        }
        if self.buffer.len() < bytes {
            self.buffer.reserve(bytes - self.buffer.len());
            return Ok(None);
        }
        let frame = self.buffer.split_to(bytes).freeze();
        if header.kind != FrameKind::Control {
            return Ok(Some(Message::Frame(header, frame)));
        }
        let payload = frame.slice(HEADER_BYTES..);
        let (control, rest) = mixed::decode::<Control>(&payload)?;
        let rest = payload.slice_ref(rest);
        Ok(Some(Message::Control(control, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_the_same_at_any_border() {
        let resume = Control::Resume(Resume { protocol: 1, from: Seq(4) });
        let goodbye = Control::Goodbye { reason: "handover".into() };
        let payload = b"out";
        let header = Header::of(FrameKind::Output, Seq(4), Offset(0), Micros(1), payload);
        let mut stream = encode(&resume, b"");
        stream.extend_from_slice(&header.encode());
        stream.extend_from_slice(payload);
        stream.extend_from_slice(&encode(&goodbye, b"xyz"));
        for cut in 0..=stream.len() {
            let mut splitter = Splitter::default();
            let mut seen = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                splitter.buffer().extend_from_slice(part);
                while let Some(message) = splitter.message().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen.len(), 3, "cut at {cut}");
            assert_eq!(seen[0], Message::Control(resume.clone(), Bytes::new()));
            assert!(matches!(&seen[1], Message::Frame(found, _) if *found == header));
            assert_eq!(seen[2], Message::Control(goodbye.clone(), Bytes::from_static(b"xyz")));
        }
    }

    #[test]
    fn an_announced_flood_is_refused_before_it_is_buffered() {
        let mut header = Header::of(FrameKind::Control, Seq(0), Offset(0), Micros(0), b"");
        header.len = u32::try_from(MESSAGE_BYTES_MAX).unwrap();
        let mut splitter = Splitter::default();
        splitter.buffer().extend_from_slice(&header.encode());
        assert!(matches!(splitter.message(), Err(LinkError::TooLarge { .. })));
    }

    #[test]
    fn a_message_of_a_newer_version_is_not_an_error() {
        let payload = mixed::encode(&serde_json::json!({"type": "sing"}), b"");
        let header = Header::of(FrameKind::Control, Seq(0), Offset(0), Micros(0), &payload);
        let mut splitter = Splitter::default();
        splitter.buffer().extend_from_slice(&header.encode());
        splitter.buffer().extend_from_slice(&payload);
        let message = splitter.message().unwrap().unwrap();
        assert!(matches!(message, Message::Control(Control::Unknown, _)));
    }
}
