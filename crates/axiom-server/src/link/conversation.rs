//! One connection to a worker, from its hello to the end. A single loop reads and writes, so that neither can hold up the
//! other; what is read goes into the session at once, and nothing is queued for readers.

use std::io;

use axiom_hub::PushError;
use axiom_proto::frame::{Frame, FrameError};
use axiom_proto::link;
use axiom_proto::link::{Control, Hello, LinkError, Message, Resume, Splitter, common_protocol};
use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::changes::Weight;
use crate::clock::now_ms;
use crate::metrics::Metrics;
use crate::session::{Problem, Session};
use crate::task::Task;

/// Room for one read: as much as a worker's largest write, so that a flood takes few system calls.
const READ_BYTES: usize = 64 * 1024;

/// New room is made when less than this is left. What was read lies in rings for a while, and a block lives as long as any
/// frame in it: a new one for each read would keep 64 KiB for every 4 KiB.
const READ_BYTES_MIN: usize = 16 * 1024;

/// Commands that wait in the outgoing buffer are taken up only while it is smaller than this; the rest stays pending.
const OUTGOING_BYTES_MAX: usize = 64 * 1024;

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The session is closed, and every frame has come.
    Over,
    /// The worker left or died after its hello.
    AfterHello,
    /// Nobody said hello.
    BeforeHello,
    /// There was no protocol in common.
    Mute,
}

/// Why we hung up.
#[derive(Debug, Error)]
pub(crate) enum ConversationError {
    #[error("the link broke: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error("the worker of session {found} answered")]
    OtherSession { found: axiom_proto::id::SessionId },
    #[error("the worker said something before its hello")]
    NoHello,
}

/// Where a conversation stands.
enum Stage {
    Waiting,
    Linked,
    /// No protocol in common: we only wait for its end.
    Mute,
}

struct Conversation<'a> {
    task: &'a Task,
    metrics: &'a Metrics,
    stage: Stage,
    splitter: Splitter,
    outgoing: BytesMut,
}

/// Talks until the connection ends. The task's link state is right afterwards, however it ended.
pub(crate) async fn converse(
    task: &Task,
    metrics: &Metrics,
    stream: UnixStream,
) -> Result<Hangup, ConversationError> {
    let (splitter, outgoing) = (Splitter::default(), BytesMut::new());
    let mut conversation =
        Conversation { task, metrics, stage: Stage::Waiting, splitter, outgoing };
    let ended = conversation.run(stream).await;
    task.change_live(|session| {
        session.unlinked(now_ms());
        ((), Some(Weight::Status))
    });
    ended.map(|()| conversation.hangup())
}

impl Conversation<'_> {
    async fn run(&mut self, stream: UnixStream) -> Result<(), ConversationError> {
        let (mut reader, mut writer) = stream.into_split();
        loop {
            let buffer = self.splitter.buffer();
            if buffer.capacity() - buffer.len() < READ_BYTES_MIN {
                buffer.reserve(READ_BYTES);
            }
            tokio::select! {
                read = reader.read_buf(self.splitter.buffer()) => {
                    if is_end(read)? {
                        return Ok(());
                    }
                    self.take_messages()?;
                }
                written = writer.write(&self.outgoing), if !self.outgoing.is_empty() => {
                    match written {
                        Ok(written) => self.outgoing.advance(written),
                        // The other direction tells the end, after the frames that are still on the way.
                        Err(error) if is_broken(&error) => self.outgoing.clear(),
                        Err(error) => return Err(error.into()),
                    }
                }
                () = self.task.asked.notified() => {}
            }
            self.take_commands();
        }
    }

    fn hangup(&self) -> Hangup {
        let closed = self.task.look_live(|session| session.summary.closed).unwrap_or(true);
        match self.stage {
            Stage::Linked if closed => Hangup::Over,
            Stage::Linked => Hangup::AfterHello,
            Stage::Mute => Hangup::Mute,
            Stage::Waiting => Hangup::BeforeHello,
        }
    }

    /// Everything that one read brought: frames go in as one batch, so that readers are woken once.
    fn take_messages(&mut self) -> Result<(), ConversationError> {
        let mut frames = Vec::new();
        let taken = self.split(&mut frames);
        // What came before a broken message is good.
        self.take_frames(&frames)?;
        taken
    }

    fn split(&mut self, frames: &mut Vec<Bytes>) -> Result<(), ConversationError> {
        while let Some(message) = self.splitter.message()? {
            match (message, &self.stage) {
                (_, Stage::Mute) => {}
                (Message::Frame(_, frame), Stage::Linked) => frames.push(frame),
                (Message::Control(Control::Hello(hello), _), Stage::Waiting) => {
                    self.hello(*hello)?
                }
                (Message::Control(control, _), Stage::Linked) => self.control(control),
                (_, Stage::Waiting) => return Err(ConversationError::NoHello),
            }
        }
        Ok(())
    }

    fn hello(&mut self, hello: Hello) -> Result<(), ConversationError> {
        if hello.session != self.task.session() {
            return Err(ConversationError::OtherSession { found: hello.session });
        }
        let protocol = match common_protocol(&hello) {
            Ok(protocol) => protocol,
            Err(mismatch) => {
                self.stage = Stage::Mute;
                self.refuse_version(&hello, &mismatch);
                return Ok(());
            }
        };
        let (epoch, worker) = (hello.epoch, hello.worker_pid);
        let linked = self.task.change_live(|session| {
            let is_next = session.ring.is_some() && epoch > session.summary.epoch;
            ((session.linked(hello), is_next), Some(Weight::Status))
        });
        let Some((from, is_next)) = linked else { return Ok(()) };
        if is_next {
            self.metrics.worker_restarted();
        }
        tracing::debug!(epoch, worker, %from, "linked");
        let resume = Control::Resume(Resume { protocol, from });
        self.outgoing.extend_from_slice(&link::encode(&resume, b""));
        self.stage = Stage::Linked;
        Ok(())
    }

    fn refuse_version(&self, hello: &Hello, mismatch: &LinkError) {
        let text = format!(
            "{mismatch}: stop the task with axiom {}, or run a server of that version",
            hello.version
        );
        tracing::error!(problem = text, "a worker cannot be linked");
        self.task.change_live(|session| {
            session.problem = Some(Problem::Version(text));
            ((), Some(Weight::Status))
        });
    }

    fn control(&self, control: Control) {
        match control {
            Control::Paused { reason } => {
                self.task.change_live(|session| {
                    session.paused = reason;
                    ((), Some(Weight::Status))
                });
            }
            Control::Goodbye { reason } => tracing::debug!(reason, "the worker leaves"),
            // A second hello, or a server's word: not ours to answer.
            Control::Hello(_) | Control::Resume(_) | Control::Command(_) | Control::Unknown => {}
        }
    }

    fn take_frames(&self, frames: &[Bytes]) -> Result<(), ConversationError> {
        if frames.is_empty() {
            return Ok(());
        }
        let taken = self.task.change_live(|session| {
            let (mut weight, before) = (None, session.head().unwrap_or_default());
            let taken = take_all(session, frames, &mut weight);
            session.answer();
            ((taken, before, session.head().unwrap_or_default()), weight)
        });
        let Some((taken, before, after)) = taken else { return Ok(()) };
        self.metrics.came(before, after);
        taken
    }

    /// Moves pending commands into the outgoing buffer, while there is room.
    fn take_commands(&mut self) {
        let Stage::Linked = self.stage else { return };
        while self.outgoing.len() < OUTGOING_BYTES_MAX {
            let next = self.task.change_live(|session| (session.pending.next_to_send(), None));
            let Some((command, bytes)) = next.flatten() else { return };
            tracing::debug!(command = %command.id, word = command.action.word(), "sent");
            self.outgoing.extend_from_slice(&link::encode(&Control::Command(command), &bytes));
        }
    }
}

fn take_all(
    session: &mut Session,
    frames: &[Bytes],
    weight: &mut Option<Weight>,
) -> Result<(), ConversationError> {
    for bytes in frames {
        let frame = Frame::decode(bytes)?;
        *weight = (*weight).max(session.take(&frame, bytes.clone())?);
    }
    Ok(())
}

fn is_end(read: io::Result<usize>) -> Result<bool, ConversationError> {
    match read {
        Ok(bytes) => Ok(bytes == 0),
        Err(error) if is_broken(&error) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// The peer died: the same as an end.
fn is_broken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests;
