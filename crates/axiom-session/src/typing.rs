//! Input to the child: one send at a time, in the order of their coming, each with its own outcome.
//! A send that the child does not take within [`TYPE_WAIT`] is answered with what was taken.

use std::collections::VecDeque;

use axiom_proto::command::Command;
use axiom_proto::frame::{Micros, Offset};
use axiom_proto::id::CommandId;

/// How long a send waits for a child that does not read.
pub const TYPE_WAIT: u64 = 800_000;

/// Bytes that may wait to be typed; beyond it sends are refused as `busy`.
pub const INPUT_QUEUE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Answers of the terminal that may wait to be typed: beyond it a program that asks and does not read gets none. As much as
/// the terminal's model holds.
pub(crate) const ANSWERS_WAITING_MAX: usize = 16 * 1024;

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

/// Whose input it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Somebody asked for it, and waits for the outcome. Typed on behalf of another command, it has an input frame of its
    /// own; its outcome is the other's.
    Command {
        id: CommandId,
        asker: Asker,
        /// Close the child's pipe afterwards.
        close: bool,
    },
    /// The terminal answers what was asked before this place. Nobody waits.
    Terminal { until: Offset },
}

/// One send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) source: Source,
    pub(crate) bytes: Vec<u8>,
    pub(crate) taken: usize,
    /// It is being typed.
    pub(crate) begun: bool,
    /// When it is given up.
    pub(crate) deadline: Option<Micros>,
}

impl Send {
    pub(crate) fn new(id: CommandId, asker: Asker, bytes: Vec<u8>) -> Self {
        Self::from(Source::Command { id, asker, close: false }, bytes)
    }

    pub(crate) fn close(id: CommandId, asker: Asker) -> Self {
        Self::from(Source::Command { id, asker, close: true }, Vec::new())
    }

    fn from(source: Source, bytes: Vec<u8>) -> Self {
        Self { source, bytes, taken: 0, begun: false, deadline: None }
    }

    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    fn is_the_terminals(&self) -> bool {
        match self.source {
            Source::Command { .. } => false,
            Source::Terminal { .. } => true,
        }
    }

    fn is_of(&self, command: CommandId) -> bool {
        match self.source {
            Source::Command { id, .. } => id == command,
            Source::Terminal { .. } => false,
        }
    }
}

/// The sends that wait. The first is being typed once it is begun.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    sends: VecDeque<Send>,
    /// Of commands.
    bytes: usize,
    /// Of the terminal's answers: a bound of their own, so that neither crowds the other out.
    answer_bytes: usize,
}

impl Queue {
    /// True if there is no room for so many bytes more.
    pub(crate) fn is_full_for(&self, bytes: usize) -> bool {
        self.bytes + bytes > INPUT_QUEUE_BYTES_MAX
    }

    pub(crate) fn contains(&self, id: CommandId) -> bool {
        self.sends.iter().any(|send| send.is_of(id))
    }

    /// Behind answers that the child does not take, a send's time runs from its coming: it waits no longer than without them.
    pub(crate) fn push(&mut self, send: Send, now: Micros) {
        self.bytes += send.bytes.len();
        let is_next = self.sends.iter().all(Send::is_the_terminals);
        let deadline = is_next.then(|| now.plus(TYPE_WAIT));
        self.sends.push_back(Send { deadline, ..send });
    }

    /// Puts answers behind all that waits, whole; without a word not at all, if the child leaves too many waiting.
    pub(crate) fn push_answers(&mut self, until: Offset, bytes: Vec<u8>, now: Micros) {
        if self.answer_bytes + bytes.len() > ANSWERS_WAITING_MAX {
            return;
        }
        self.answer_bytes += bytes.len();
        let last = self.sends.back_mut().filter(|last| !last.begun && last.is_the_terminals());
        if let Some(last) = last {
            last.source = Source::Terminal { until };
            last.bytes.extend(bytes);
            return;
        }
        let deadline = Some(now.plus(TYPE_WAIT));
        self.sends.push_back(Send { deadline, ..Send::from(Source::Terminal { until }, bytes) });
    }

    /// True while answers wait whose frame is not written yet.
    pub(crate) fn has_new_answers(&self) -> bool {
        self.sends.iter().any(|send| !send.begun && send.is_the_terminals())
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
        self.remove(0)
    }

    /// The next time at which [`Self::take_expired`] has something.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.timed().filter_map(|at| self.sends[at].deadline).min()
    }

    /// A send whose time is up. Answers of which the child took a part are no such thing: the rest of them would be read
    /// as part of what comes next.
    pub(crate) fn take_expired(&mut self, now: Micros) -> Option<Send> {
        for at in self.timed().collect::<Vec<_>>() {
            let send = &mut self.sends[at];
            if send.deadline.is_none_or(|deadline| now < deadline) {
                continue;
            }
            if send.is_the_terminals() && send.taken > 0 {
                send.deadline = None;
                continue;
            }
            return self.remove(at);
        }
        None
    }

    /// The sends whose time runs: answers at the front, and the command behind them.
    fn timed(&self) -> impl Iterator<Item = usize> {
        let command = self.sends.iter().position(|send| !send.is_the_terminals());
        0..command.map_or(self.sends.len(), |at| at + 1)
    }

    fn remove(&mut self, at: usize) -> Option<Send> {
        let send = self.sends.remove(at)?;
        if send.is_the_terminals() {
            self.answer_bytes -= send.bytes.len();
        } else {
            self.bytes -= send.bytes.len();
        }
        Some(send)
    }
}

/// True if some line of `bytes` is longer than a terminal in line mode keeps.
pub(crate) fn has_overlong_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| line.len() > LINE_BYTES_MAX)
}
