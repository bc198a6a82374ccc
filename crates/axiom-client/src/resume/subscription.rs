//! One subscription: where it was asked to start, and the one frame that may come next.
//! Refuses a frame before it and a frame after it alike.

use axiom_proto::cursor::{Cursor, Gone};
use axiom_proto::frame::{Header, Offset, Seq};
use axiom_proto::id::TaskId;
use axiom_proto::live::{Ask, StartAt};
use thiserror::Error;

/// What is wrong with the place of what came.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// Another frame came.
    #[error("frame {found} came where {expected} must come")]
    Frame {
        /// What must come.
        expected: Seq,
        /// What came.
        found: Seq,
    },
    /// The frame is of another place in the output.
    #[error("frame {seq} is at offset {found}, not {expected}")]
    Offset {
        /// The frame.
        seq: Seq,
        /// Where it must be.
        expected: Offset,
        /// Where it says it is.
        found: Offset,
    },
    /// The server went on elsewhere than where it was asked to.
    #[error("the server goes on at {found} instead of {expected}")]
    Cursor {
        /// Where it must go on.
        expected: Cursor,
        /// Where it does.
        found: Cursor,
    },
    /// The server named another task.
    #[error("the server sends task {found} instead")]
    Task {
        /// Whose frames it sends.
        found: TaskId,
    },
    /// Frames came before the server said where it starts.
    #[error("frame {found} came before the subscription began")]
    Early {
        /// What came.
        found: Seq,
    },
}

/// A task whose frames are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    task: TaskId,
    from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// Nothing has come yet.
    Asked(StartAt),
    /// The next frame is the one at this place.
    At(Cursor),
}

impl Subscription {
    pub(super) fn new(task: TaskId, start: StartAt) -> Self {
        Self { task, from: From::Asked(start) }
    }

    pub(super) fn task(&self) -> TaskId {
        self.task
    }

    /// The message that asks for all that is still to come.
    pub(super) fn ask(&self, subscription: u32) -> Ask {
        let start = match self.from {
            From::Asked(start) => start,
            From::At(cursor) => StartAt::Cursor(cursor),
        };
        Ask::Subscribe { subscription, task: self.task, start }
    }

    /// The server says where it begins: anywhere at first, afterwards only where it was left; or later, where it says what is
    /// gone by that.
    pub(super) fn begin(
        &mut self,
        task: TaskId,
        found: Cursor,
        gone: Option<Gone>,
    ) -> Result<(), PlaceError> {
        if task != self.task {
            return Err(PlaceError::Task { found: task });
        }
        if let From::At(expected) = self.from
            && !is_same_place(expected, found)
            && !gone.is_some_and(|gone| skips(gone, expected, found))
        {
            return Err(PlaceError::Cursor { expected, found });
        }
        self.from = From::At(found);
        Ok(())
    }

    /// Takes one frame.
    pub(super) fn advance(&mut self, header: &Header) -> Result<(), PlaceError> {
        let From::At(cursor) = &mut self.from else {
            return Err(PlaceError::Early { found: header.seq });
        };
        // A cursor without a seq is completed by the first frame.
        let expected = cursor.seq.unwrap_or(header.seq);
        if header.seq != expected {
            return Err(PlaceError::Frame { expected, found: header.seq });
        }
        if cursor.seq.is_some() && header.offset != cursor.offset {
            let (expected, found) = (cursor.offset, header.offset);
            return Err(PlaceError::Offset { seq: header.seq, expected, found });
        }
        cursor.seq = Some(header.seq.next());
        cursor.offset = header.offset_after();
        Ok(())
    }
}

/// True if what is gone leads from one place to the other.
fn skips(gone: Gone, from: Cursor, to: Cursor) -> bool {
    let forward = from.seq.zip(to.seq).is_none_or(|(from, to)| from < to);
    from.session == to.session && gone.from == from.offset && gone.to == to.offset && forward
}

fn is_same_place(one: Cursor, other: Cursor) -> bool {
    let same_seq = match (one.seq, other.seq) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    };
    one.session == other.session && one.offset == other.offset && same_seq
}
