//! One server at the other end of a link: where it stands, what it did not take yet, what it said.
//! A value: who has the stream writes what [`Peer::unsent`] holds and feeds what it reads. Nothing is queued for a peer that
//! does not keep up: it holds one frame or one batch at most, and gets the rest from the journal.

use axiom_proto::command::Command;
use axiom_proto::frame::{HEADER_BYTES, Seq};
use axiom_proto::link::{self, Control, Hello, LinkError, Message, Splitter};
use bytes::{Bytes, BytesMut};

/// What a peer said that concerns others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It asks for something; the bytes are what is to be typed.
    Command(Command, Bytes),
    /// It leaves.
    Goodbye,
}

/// One peer.
#[derive(Debug)]
pub struct Peer {
    splitter: Splitter,
    /// What it did not take yet, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// The next frame it is to get; none before it said so.
    next: Option<Seq>,
    /// What is unsent are whole frames that wait for more: nothing is to be written yet.
    holds: bool,
}

impl Peer {
    /// A peer that is about to be greeted.
    #[must_use]
    pub fn greet(hello: Hello) -> Self {
        let out = link::encode(&Control::Hello(Box::new(hello)), b"");
        Self { splitter: Splitter::default(), out, sent: 0, next: None, holds: false }
    }

    /// True while it has not got everything before `head`, and is not held back either.
    #[must_use]
    pub fn is_owed(&self, head: Seq) -> bool {
        if self.holds {
            return false;
        }
        !self.unsent().is_empty() || self.next.is_some_and(|next| next < head)
    }

    /// True if the frame `seq` is the one that it waits for: write it, and say by [`Self::shown`] how much of it was taken.
    #[must_use]
    pub fn waits_for(&self, seq: Seq) -> bool {
        self.next == Some(seq) && self.unsent().is_empty()
    }

    /// The frame that it waited for was written, up to `taken` bytes of header and payload; the rest is kept.
    pub fn shown(
        &mut self,
        (header, payload): (&[u8; HEADER_BYTES], &[u8]),
        seq: Seq,
        taken: usize,
    ) {
        if taken < HEADER_BYTES {
            self.out.extend_from_slice(&header[taken..]);
        }
        self.out.extend_from_slice(&payload[taken.saturating_sub(HEADER_BYTES)..]);
        self.next = Some(seq.next());
    }

    /// A frame was appended that is to be shown with the next ones. A peer that is behind gets it from the journal.
    pub fn hold(&mut self, (header, payload): (&[u8; HEADER_BYTES], &[u8]), seq: Seq) {
        if self.holds || self.waits_for(seq) {
            self.holds = true;
            self.shown((header, payload), seq, 0);
        }
    }

    /// What was held is to be written now. False where nothing was.
    pub fn release(&mut self) -> bool {
        std::mem::take(&mut self.holds)
    }

    /// Says what the journal cannot say.
    pub fn say(&mut self, control: &Control) {
        self.holds = false;
        self.out.extend_from_slice(&link::encode(control, b""));
    }

    /// What is to be written.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// So many bytes of it were.
    pub fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
    }

    /// The first frame that it lacks, if it is to be read from the journal: it is behind, and has taken all it was given.
    #[must_use]
    pub fn lacks(&self, head: Seq) -> Option<Seq> {
        self.next.filter(|next| *next < head && self.unsent().is_empty())
    }

    /// Gives whole frames of the journal; `next` is the one after them.
    pub fn feed(&mut self, frames: &[u8], next: Seq) {
        self.out.extend_from_slice(frames);
        self.next = Some(next);
    }

    /// Where bytes that were read are put.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.splitter.buffer()
    }

    /// The next thing that it said, if it has come whole. What is not for us, or from a newer version, is passed over.
    ///
    /// # Errors
    /// What it sent cannot be a message: nothing after it can be understood.
    pub fn said(&mut self) -> Result<Option<Said>, LinkError> {
        while let Some(message) = self.splitter.message()? {
            match message {
                Message::Control(Control::Resume(resume), _) => self.next = Some(resume.from),
                Message::Control(Control::Command(command), bytes) => {
                    return Ok(Some(Said::Command(command, bytes)));
                }
                Message::Control(Control::Goodbye { .. }, _) => return Ok(Some(Said::Goodbye)),
                Message::Control(
                    Control::Hello(_) | Control::Paused { .. } | Control::Unknown,
                    _,
                )
                | Message::Frame(..) => {}
            }
        }
        Ok(None)
    }
}
