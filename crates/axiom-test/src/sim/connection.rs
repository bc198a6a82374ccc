//! A socket between server and worker: two streams of bytes, in order, of bounded room; it may be cut anywhere.

use std::collections::VecDeque;

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    bytes: VecDeque<u8>,
    closed: bool,
}

impl Stream {
    /// Takes what there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8], room: usize) -> usize {
        let taken = bytes.len().min(room.saturating_sub(self.bytes.len()));
        if !self.closed {
            self.bytes.extend(&bytes[..taken]);
        }
        taken
    }

    pub(crate) fn read(&mut self, most: usize) -> Vec<u8> {
        let len = most.min(self.bytes.len());
        self.bytes.drain(..len).collect()
    }

    pub(crate) fn has_room(&self, room: usize) -> bool {
        self.bytes.len() < room
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.closed || !self.bytes.is_empty()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.closed && self.bytes.is_empty()
    }

    /// What is on its way still arrives.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Only `keep` bytes of what is on its way arrive.
    pub(crate) fn cut(&mut self, keep: usize) {
        self.bytes.truncate(keep);
        self.closed = true;
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

/// A dialled link. It waits in the listener's backlog until a worker takes it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) taken_by: Option<u32>,
    pub(crate) to_server: Stream,
    pub(crate) to_worker: Stream,
}

impl Connection {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, taken_by: None, to_server: Stream::default(), to_worker: Stream::default() }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.to_server.is_closed() && self.to_worker.is_closed() && self.to_server.len() == 0
    }
}
