//! Input to the child: one send at a time, in the order of their coming, each with its own outcome.
//! A send that the child does not take within [`TYPE_WAIT`] is answered with what was taken.

use std::collections::VecDeque;

use axiom_proto::command::Command;
use axiom_proto::frame::Micros;
use axiom_proto::id::CommandId;

/// How long a send waits for a child that does not read.
pub const TYPE_WAIT: u64 = 800_000;

/// Bytes that may wait to be typed; beyond it sends are refused as `busy`.
pub const INPUT_QUEUE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The longest line that a terminal in line mode keeps; the kernel drops the rest silently.
pub const LINE_BYTES_MAX: usize = 4095;

/// Who types, and by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) author: String,
    pub(crate) request_id: String,
}

impl Asker {
    pub(crate) fn of(command: &Command) -> Self {
        Self { author: command.author.clone(), request_id: command.request_id.clone() }
    }
}

/// One send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) id: CommandId,
    pub(crate) asker: Asker,
    pub(crate) bytes: Vec<u8>,
    /// Close the child's pipe afterwards.
    pub(crate) close: bool,
    /// Typed on behalf of another command: it has an input frame of its own, its outcome is the other's.
    pub(crate) taken: usize,
    pub(crate) deadline: Option<Micros>,
}

impl Send {
    pub(crate) fn new(id: CommandId, asker: Asker, bytes: Vec<u8>) -> Self {
        Self { id, asker, bytes, close: false, taken: 0, deadline: None }
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.deadline.is_some()
    }

    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }
}

/// The sends that wait. The first is being typed once it is begun.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    sends: VecDeque<Send>,
    bytes: usize,
}

impl Queue {
    /// True if there is no room for so many bytes more.
    pub(crate) fn is_full_for(&self, bytes: usize) -> bool {
        self.bytes + bytes > INPUT_QUEUE_BYTES_MAX
    }

    pub(crate) fn contains(&self, id: CommandId) -> bool {
        self.sends.iter().any(|send| send.id == id)
    }

    pub(crate) fn push(&mut self, send: Send) {
        self.bytes += send.bytes.len();
        self.sends.push_back(send);
    }

    pub(crate) fn first(&mut self) -> Option<&mut Send> {
        self.sends.front_mut()
    }

    pub(crate) fn peek(&self) -> Option<&Send> {
        self.sends.front()
    }

    /// The last byte that waits to be typed.
    pub(crate) fn last_byte(&self) -> Option<u8> {
        self.sends.back().and_then(|send| send.bytes.last().copied())
    }

    pub(crate) fn pop(&mut self) -> Option<Send> {
        let send = self.sends.pop_front()?;
        self.bytes -= send.bytes.len();
        Some(send)
    }
}

/// True if some line of `bytes` is longer than a terminal in line mode keeps.
pub(crate) fn has_overlong_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| line.len() > LINE_BYTES_MAX)
}
