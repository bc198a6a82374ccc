//! What one seed draws before anything happens: which faults there are and how often, how much is done, which bug is planted.

use crate::sim::random::Random;

/// A bug planted where a driver acts, to show that it would be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The worker shows a frame to its links before it is in the journal.
    AppendAfterShow,
    /// The server goes on with its readers after a frame that does not continue the newest one.
    AcceptOffsetGap,
    /// A subscriber reads the journal up to a head, and joins the ring later, wherever its head is then.
    SubscribeAfterHead,
    /// The holder takes a kill for a death, and grants the next epoch while the last worker lives.
    GrantWithoutKilling,
    /// The server takes a broken link for a lost session, and closes its journal.
    CloseLiveJournal,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AppendAfterShow,
        Self::AcceptOffsetGap,
        Self::SubscribeAfterHead,
        Self::GrantWithoutKilling,
        Self::CloseLiveJournal,
    ];
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillWorker,
    /// Stopped by a signal: a holder that wants it gone continues it first.
    StopWorker,
    /// Stuck in the kernel: neither signal nor kill reaches it before it comes back.
    StickWorker,
    ReplaceWorker,
    KillServer,
    KillHolder,
    KillBoth,
    CutLink,
    LoseMessage,
    FillDisk,
    FreezeReader,
    RefuseStart,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::KillWorker,
        Self::StopWorker,
        Self::StickWorker,
        Self::ReplaceWorker,
        Self::KillServer,
        Self::KillHolder,
        Self::KillBoth,
        Self::CutLink,
        Self::LoseMessage,
        Self::FillDisk,
        Self::FreezeReader,
        Self::RefuseStart,
    ];
}

/// One seed's drawing.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sessions: usize,
    pub(crate) readers: usize,
    pub(crate) commands: u64,
    /// The faults of this seed; a few kinds each time find more than all kinds always.
    pub(crate) faults: Vec<Fault>,
    /// The longest time between two of them.
    pub(crate) fault_gap: u64,
    /// When faults end and everything is healed.
    pub(crate) heal_at: u64,
    /// The longest way of a message.
    pub(crate) delay: u64,
    /// Bytes that a link holds before its writer has to wait.
    pub(crate) link_bytes: usize,
    /// Bytes that a ring keeps.
    pub(crate) ring_bytes: usize,
    pub(crate) flaw: Option<Flaw>,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random, flaw: Option<Flaw>) -> Self {
        let faults = Fault::ALL.into_iter().filter(|_| random.percent(45)).collect();
        Self {
            sessions: 1 + random.index(4),
            readers: 2 + random.index(6),
            commands: random.below(20),
            faults,
            fault_gap: [20_000, 100_000, 400_000][random.index(3)],
            heal_at: random.between(1_000_000, 9_000_000),
            delay: [20, 500, 20_000][random.index(3)],
            link_bytes: [512, 4096, 65_536][random.index(3)],
            ring_bytes: [600, 6000, 1 << 20][random.index(3)],
            flaw,
        }
    }
}
