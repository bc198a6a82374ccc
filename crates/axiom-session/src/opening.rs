//! How a worker begins: what it says of its predecessor before anything else, and what it tells the session.
//! Values: it reads no journal and writes none.

use axiom_proto::record::{After, Exit, Record, WriterRole};
use axiom_proto::summary::Summary;

use crate::input::Input;

/// The largest read, and so the most that a worker's death can cost. A terminal gives no more at once anyway.
pub const READ_BYTES_MAX: usize = 4096;

/// Who begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The epoch of its grant.
    pub epoch: u64,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Its predecessor left in order.
    pub orderly: bool,
}

/// The records that come first, given what the journal said so far. None after the end.
#[must_use]
pub fn first_records(summary: &Summary, writer: Writer) -> Vec<Record> {
    if summary.closed {
        // Nothing may follow the end; this worker only tells the holder.
        return Vec::new();
    }
    let Writer { epoch, pid, version, orderly } = writer;
    let after = match (is_fresh(summary), orderly) {
        (true, _) => After::Start,
        (false, true) => After::Handover,
        (false, false) => After::Crash,
    };
    let mut records = vec![Record::Opened { epoch, role: WriterRole::Worker, pid, version, after }];
    if after == After::Crash && summary.output_end.is_none() {
        // One read may have been between the terminal and the journal. Nobody can know.
        records.push(Record::Gap { bytes_max: READ_BYTES_MAX as u64, certain: false });
    }
    records
}

/// What the session is told then, in this order. `launched`: how the child began; `exit`: how it ended, if it has.
#[must_use]
pub fn first_inputs(summary: &Summary, launched: Input, exit: Option<Exit>) -> Vec<Input> {
    let recovered = (!is_fresh(summary)).then_some(Input::Recovered);
    let begun = summary.started.is_some() || summary.failure.is_some();
    let launched = (!begun).then_some(launched);
    let exited = exit.filter(|_| summary.exit.is_none()).map(Input::Exited);
    recovered.into_iter().chain(launched).chain(exited).collect()
}

fn is_fresh(summary: &Summary) -> bool {
    summary.next_seq.0 == 0
}
