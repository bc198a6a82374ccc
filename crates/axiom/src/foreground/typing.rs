//! What is typed, on its way to the task: one piece under way at a time, so that nothing overtakes anything.
//! What the task did not take yet is sent again; what nobody knows about is not. Pure.

use axiom_proto::fault::ErrorCode;
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Verdict};
use bytes::Bytes;

/// The largest piece, and as much as may wait behind it: then the keyboard, or the pipe, waits.
pub(crate) const PIECE_BYTES_MAX: usize = 64 * 1024;

/// As much as is read from a keyboard whose task reads nothing: more than anybody pastes before trying to interrupt.
const STUCK_BYTES_MAX: usize = 1024 * 1024;

/// The piece after one of which nothing was taken: each try is journaled, so tries are kept small until the task reads again.
const PROBE_BYTES: usize = 512;

/// What Ctrl-C types.
const CTRL_C: u8 = 0x03;

/// What is to be asked next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Type this.
    Type(Bytes),
    /// There will be no more.
    Close,
    /// Interrupt: Ctrl-C was typed to a task that does not read.
    Interrupt,
}

/// Why something that was typed may not have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The worker died with it: nobody knows.
    Unknown,
    /// It was refused.
    Refused(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// Nothing is under way.
    Free,
    /// This is under way.
    Typing { id: CommandId, piece: Bytes },
    /// The end is under way.
    Closing { id: CommandId },
    /// Nothing will ever be sent again.
    Shut,
}

/// How a piece may be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// Keys: Ctrl-C goes past what a task does not read, as on any terminal.
    Keyboard,
    /// Bytes, all alike.
    Pipe,
}

/// Everything that was typed and is not taken yet.
#[derive(Debug)]
pub(crate) struct Typing {
    device: Device,
    waiting: Vec<u8>,
    way: Way,
    ended: bool,
    interrupt: bool,
    /// Nothing was taken of the last piece.
    stuck: bool,
}

impl Typing {
    pub(crate) fn new(device: Device) -> Self {
        let (waiting, way) = (Vec::new(), Way::Free);
        Self { device, waiting, way, ended: false, interrupt: false, stuck: false }
    }

    /// True if more may be read.
    pub(crate) fn has_room(&self) -> bool {
        // A Ctrl-C, or the detach key, may stand behind a large paste that the task does not read.
        let most = match (self.device, self.stuck) {
            (Device::Keyboard, true) => STUCK_BYTES_MAX,
            (Device::Keyboard, false) | (Device::Pipe, _) => PIECE_BYTES_MAX,
        };
        self.waiting.len() < most && !self.ended && self.way != Way::Shut
    }

    /// More was typed.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Nothing more will be typed.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// What to ask now, under this id; `None` while something is under way or there is nothing.
    pub(crate) fn next(&mut self, id: CommandId) -> Option<Wish> {
        if std::mem::take(&mut self.interrupt) {
            return Some(Wish::Interrupt);
        }
        if self.way != Way::Free {
            return None;
        }
        if !self.waiting.is_empty() {
            let len_max = if self.stuck { PROBE_BYTES } else { PIECE_BYTES_MAX };
            let len = self.waiting.len().min(len_max);
            let piece: Bytes = self.waiting.drain(..len).collect();
            self.way = Way::Typing { id, piece: piece.clone() };
            return Some(Wish::Type(piece));
        }
        if self.ended {
            self.way = Way::Closing { id };
            return Some(Wish::Close);
        }
        None
    }

    /// True if this command is ours.
    pub(crate) fn is_under_way(&self, command: CommandId) -> bool {
        match &self.way {
            Way::Typing { id, .. } | Way::Closing { id } => *id == command,
            Way::Free | Way::Shut => false,
        }
    }

    /// What became of the piece under way. Tells what may be lost.
    pub(crate) fn answered(&mut self, outcome: &Outcome) -> Option<Loss> {
        match std::mem::replace(&mut self.way, Way::Free) {
            Way::Typing { id, piece } if id == outcome.id => self.typed(&piece, outcome),
            Way::Closing { id } if id == outcome.id => {
                self.way = Way::Shut;
                None
            }
            other @ (Way::Free | Way::Typing { .. } | Way::Closing { .. } | Way::Shut) => {
                self.way = other;
                None
            }
        }
    }

    /// The task takes nothing more.
    pub(crate) fn shut(&mut self) {
        self.way = Way::Shut;
        self.waiting.clear();
    }

    fn typed(&mut self, piece: &Bytes, outcome: &Outcome) -> Option<Loss> {
        match outcome.verdict {
            Verdict::Applied => {
                let taken = outcome.accepted.map_or(piece.len(), |taken| {
                    usize::try_from(taken).map_or(piece.len(), |taken| taken.min(piece.len()))
                });
                self.stuck = taken == 0;
                self.put_back(&piece[taken..]);
                None
            }
            Verdict::Refused if outcome.code == Some(ErrorCode::TaskEnded) => {
                self.shut();
                None
            }
            // It does not read at the moment. A pipe waits, and so do we.
            Verdict::Refused if outcome.code == Some(ErrorCode::Busy) => {
                self.stuck = true;
                self.put_back(piece);
                None
            }
            Verdict::Refused => Some(Loss::Refused(outcome.detail.clone())),
            Verdict::Unknown => Some(Loss::Unknown),
        }
    }

    /// What was not taken comes first again, unless Ctrl-C was typed behind it.
    fn put_back(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            return;
        }
        self.waiting.splice(..0, rest.iter().copied());
        if self.device == Device::Keyboard
            && let Some(place) = self.waiting.iter().rposition(|byte| *byte == CTRL_C)
        {
            self.waiting.drain(..=place);
            self.interrupt = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> CommandId {
        CommandId::from_random([number; 10])
    }

    fn taken(number: u8, bytes: u64) -> Outcome {
        Outcome { accepted: Some(bytes), ..Outcome::applied(id(number)) }
    }

    fn piece(bytes: &'static [u8]) -> Option<Wish> {
        Some(Wish::Type(Bytes::from_static(bytes)))
    }

    #[test]
    fn one_piece_is_under_way_and_the_rest_waits_in_order() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(b"ab");
        assert_eq!(typing.next(id(1)), piece(b"ab"));
        typing.push(b"cd");
        assert_eq!(typing.next(id(2)), None);
        assert_eq!(typing.answered(&taken(1, 1)), None);
        assert_eq!(typing.next(id(3)), piece(b"bcd"));
        assert_eq!(typing.answered(&taken(3, 3)), None);
        typing.end();
        assert_eq!(typing.next(id(4)), Some(Wish::Close));
        assert_eq!(typing.next(id(5)), None);
        assert_eq!(typing.answered(&Outcome::applied(id(4))), None);
        assert_eq!((typing.next(id(6)), typing.has_room()), (None, false));
    }

    #[test]
    fn however_little_is_taken_at_a_time_every_byte_arrives_once() {
        for step in 0..4 {
            let mut typing = Typing::new(Device::Pipe);
            let (mut arrived, mut tries) = (Vec::new(), 0);
            typing.push(b"0123456789");
            while let Some(Wish::Type(bytes)) = typing.next(id(1)) {
                // A task that takes nothing at first takes something later.
                let count = if tries < 3 { step } else { step + 1 }.min(bytes.len());
                arrived.extend_from_slice(&bytes[..count]);
                assert_eq!(typing.answered(&taken(1, count as u64)), None);
                tries += 1;
            }
            assert_eq!(arrived, b"0123456789");
        }
    }

    #[test]
    fn a_task_that_takes_nothing_is_asked_with_little() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(&[b'x'; 2000]);
        let mut sizes = Vec::new();
        for (number, accepted) in [(1, 0), (2, 0), (3, 1), (4, 0)] {
            let Some(Wish::Type(piece)) = typing.next(id(number)) else { panic!("no piece") };
            sizes.push(piece.len());
            typing.answered(&taken(number, accepted));
        }
        assert_eq!(sizes, [2000, PROBE_BYTES, PROBE_BYTES, 1999]);
    }

    #[test]
    fn ctrl_c_goes_past_what_a_task_does_not_read_but_only_from_a_keyboard() {
        let mut typing = Typing::new(Device::Keyboard);
        typing.push(b"stuck");
        assert_eq!(typing.next(id(1)), piece(b"stuck"));
        typing.push(b"more\x03after");
        assert_eq!(typing.answered(&taken(1, 2)), None);
        assert_eq!(typing.next(id(2)), Some(Wish::Interrupt));
        assert_eq!(typing.next(id(3)), piece(b"after"));
        let mut typing = Typing::new(Device::Pipe);
        typing.push(b"stuck");
        typing.next(id(1));
        typing.push(b"\x03");
        typing.answered(&taken(1, 2));
        assert_eq!(typing.next(id(2)), piece(b"uck\x03"));
    }

    #[test]
    fn ctrl_c_is_found_behind_a_large_paste_that_is_not_read() {
        let mut typing = Typing::new(Device::Keyboard);
        typing.push(&vec![b'x'; 2 * PIECE_BYTES_MAX]);
        assert!(typing.next(id(1)).is_some());
        assert!(!typing.has_room());
        typing.answered(&Outcome::refused(id(1), ErrorCode::Busy, ""));
        assert!(typing.has_room());
        assert!(typing.next(id(2)).is_some());
        typing.push(b"\x03");
        typing.answered(&Outcome::refused(id(2), ErrorCode::Busy, ""));
        assert_eq!((typing.next(id(3)), typing.next(id(4))), (Some(Wish::Interrupt), None));
    }

    #[test]
    fn ctrl_c_to_a_task_that_reads_is_typed_like_any_key() {
        let mut typing = Typing::new(Device::Keyboard);
        typing.push(b"x\x03");
        assert_eq!(typing.next(id(1)), piece(b"x\x03"));
        typing.answered(&taken(1, 2));
        assert_eq!(typing.next(id(2)), None);
    }

    #[test]
    fn what_nobody_knows_about_is_told_and_not_typed_again() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(b"ab");
        typing.next(id(1));
        assert_eq!(typing.answered(&Outcome::unknown(id(1))), Some(Loss::Unknown));
        assert_eq!(typing.next(id(2)), None);
        typing.push(b"cd");
        assert_eq!(typing.next(id(3)), piece(b"cd"));
        let refused = Outcome::refused(id(3), ErrorCode::InputConflict, "no");
        assert_eq!(typing.answered(&refused), Some(Loss::Refused("no".to_owned())));
    }

    #[test]
    fn a_task_that_is_busy_for_long_loses_nothing() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(b"abc");
        for number in 1..9 {
            assert_eq!(typing.next(id(number)), piece(b"abc"));
            let busy = Outcome::refused(id(number), ErrorCode::Busy, "it reads no more");
            assert_eq!(typing.answered(&Outcome { accepted: Some(0), ..busy }), None);
        }
        assert_eq!(typing.next(id(9)), piece(b"abc"));
    }

    #[test]
    fn an_ended_task_shuts_it() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(b"ab");
        typing.next(id(1));
        assert_eq!(typing.answered(&Outcome::refused(id(1), ErrorCode::TaskEnded, "")), None);
        typing.push(b"cd");
        typing.end();
        assert_eq!(typing.next(id(2)), None);
    }

    #[test]
    fn a_large_input_goes_in_pieces_and_answers_of_others_change_nothing() {
        let mut typing = Typing::new(Device::Pipe);
        typing.push(&vec![b'x'; PIECE_BYTES_MAX + 1]);
        assert!(!typing.has_room());
        let Some(Wish::Type(first)) = typing.next(id(1)) else { panic!("nothing to type") };
        assert_eq!(first.len(), PIECE_BYTES_MAX);
        assert_eq!(typing.answered(&taken(9, 1)), None);
        assert!(typing.is_under_way(id(1)));
        typing.answered(&Outcome::applied(id(1)));
        assert_eq!(typing.next(id(2)), piece(b"x"));
    }
}
