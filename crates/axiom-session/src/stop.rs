//! The stop ladder: interrupt, terminate, kill, each after its grace, to every process of the task.
//! It is over only when the kernel confirms that the tree is empty and the child's end is known.

use axiom_proto::frame::Micros;
use axiom_proto::id::CommandId;

/// Grace after SIGINT.
pub const STOP_GRACE_INTERRUPT: u64 = 2_000_000;

/// Grace after SIGTERM.
pub const STOP_GRACE_TERMINATE: u64 = 3_000_000;

/// Where the ladder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rung {
    Interrupt,
    Terminate,
    Kill,
}

/// A stop under way.
#[derive(Debug)]
pub(crate) struct Ladder {
    pub(crate) rung: Rung,
    /// When the next rung is taken; none at the last.
    pub(crate) next_at: Option<Micros>,
    /// When the tree is looked at again, once the child is dead.
    pub(crate) look_at: Option<Micros>,
    /// Grace of each rung, where the asker chose one.
    grace: Option<u64>,
    /// Commands that are answered when it is over.
    pub(crate) askers: Vec<CommandId>,
    /// True once a list of the tree came back empty, or a kill left nothing.
    pub(crate) tree_is_empty: bool,
}

impl Ladder {
    pub(crate) fn begin(grace_ms: Option<u64>) -> Self {
        let grace = grace_ms.map(|ms| ms.saturating_mul(1000));
        let rung = if grace == Some(0) { Rung::Kill } else { Rung::Interrupt };
        Self { rung, next_at: None, look_at: None, grace, askers: Vec::new(), tree_is_empty: false }
    }

    /// A ladder that another worker began: it goes on from the middle.
    pub(crate) fn taken_over() -> Self {
        Self { rung: Rung::Terminate, ..Self::begin(None) }
    }

    /// A second stop may be more urgent than the first.
    pub(crate) fn hasten(&mut self, grace_ms: Option<u64>, now: Micros) {
        let Some(grace_ms) = grace_ms else { return };
        let grace = grace_ms.saturating_mul(1000);
        self.grace = Some(grace);
        if grace == 0 && self.rung == Rung::Interrupt {
            // The kill comes next.
            self.rung = Rung::Terminate;
        }
        if let Some(next_at) = &mut self.next_at {
            *next_at = (*next_at).min(now.plus(grace));
        }
    }

    /// The grace of the rung it stands on.
    pub(crate) fn grace(&self) -> Option<u64> {
        match self.rung {
            Rung::Interrupt => Some(self.grace.unwrap_or(STOP_GRACE_INTERRUPT)),
            Rung::Terminate => Some(self.grace.unwrap_or(STOP_GRACE_TERMINATE)),
            Rung::Kill => None,
        }
    }

    pub(crate) fn climb(&mut self) {
        self.rung = match self.rung {
            Rung::Interrupt => Rung::Terminate,
            Rung::Terminate | Rung::Kill => Rung::Kill,
        };
    }
}
