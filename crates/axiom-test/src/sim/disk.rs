//! A session's journal on a simulated disk: real bytes, recovered by the product's own scan.
//! Appends are whole, torn by a kill, or refused for want of room. One lock, released by its owner's death.

use axiom_journal::{Head, SEGMENT_HEADER_BYTES, SegmentHeader, frames, scan};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Offset, Seq};
use axiom_proto::id::SessionId;
use axiom_proto::summary::Summary;

/// Who holds the writer's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Worker(u32),
    Server(u64),
}

/// A frame that is to be appended.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: FrameKind,
    pub(crate) time: Micros,
    pub(crate) payload: Vec<u8>,
    /// Where the child's output begins in what it printed; none for everything else.
    pub(crate) printed_at: Option<u64>,
}

impl Entry {
    pub(crate) fn header(&self, head: Head) -> Header {
        Header::of(self.kind, head.seq, head.offset, self.time.max(head.time), &self.payload)
    }
}

#[derive(Debug)]
pub(crate) struct Disk {
    header: SegmentHeader,
    /// Frames, without the segment's header.
    bytes: Vec<u8>,
    pub(crate) lock: Option<Owner>,
    pub(crate) full: bool,
}

impl Disk {
    pub(crate) fn new(session: SessionId) -> Self {
        let header = SegmentHeader {
            session,
            segment: 1,
            first_seq: Seq(0),
            first_offset: Offset(0),
            started_unix_us: 1,
        };
        Self { header, bytes: Vec::new(), lock: None, full: false }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn write(&mut self, header: &Header, payload: &[u8]) {
        self.bytes.extend_from_slice(&header.encode());
        self.bytes.extend_from_slice(payload);
    }

    /// What a kill in the middle of a write leaves.
    pub(crate) fn write_torn(&mut self, header: &Header, payload: &[u8], keep: usize) {
        let whole = Frame { header: *header, payload }.to_vec();
        self.bytes.extend_from_slice(&whole[..keep.min(whole.len())]);
    }

    /// What a writer does first: reads the segment as it lies there, cuts its torn tail, folds the rest.
    pub(crate) fn recover(&mut self) -> (Head, Summary) {
        let segment = [&self.header.encode()[..], &self.bytes].concat();
        let header = SegmentHeader::decode(&segment).expect("the header was encoded here");
        let found = scan(&segment[SEGMENT_HEADER_BYTES..], Head::at_start_of(&header));
        self.bytes.truncate(found.good_end);
        (found.head, self.folded())
    }

    /// All that the whole frames say, read without touching them.
    pub(crate) fn folded(&self) -> Summary {
        let good = scan(&self.bytes, Head::at_start_of(&self.header)).good_end;
        let mut summary = Summary::default();
        frames(&self.bytes[..good]).for_each(|frame| summary.fold(&frame));
        summary
    }
}
