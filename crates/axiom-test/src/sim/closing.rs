//! The server closes the journal of a session whose holder and worker are dead: under the writer's lock, with the next
//! epoch, one append a turn; a server that dies in the middle leaves the rest to the next one.

use std::collections::VecDeque;

use axiom_hub::Place;
use axiom_journal::Head;
use axiom_proto::frame::{Frame, FrameKind, Header, Micros};
use axiom_proto::record::{After, Closing as Reason, Outcome, OutputEnd, Record, WriterRole};
use axiom_proto::summary::Summary;
use axiom_proto::task::Status;

use crate::sim::disk::{Entry, Owner};
use crate::sim::site::Site;
use crate::sim::stage::Stage;
use crate::sim::witness::GAP_BYTES_MAX;

#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) summary: Summary,
    head: Head,
    todo: VecDeque<Record>,
}

impl Closing {
    /// Takes the lock and recovers. Nothing if a writer lives; unless `blindly`.
    pub(crate) fn begin(
        site: &mut Site,
        life: u64,
        blindly: bool,
        stage: &mut Stage,
    ) -> Option<Self> {
        if site.disk.lock.is_some() && !blindly {
            return None;
        }
        let (index, lives) = (site.index, !site.workers.is_empty());
        if lives {
            stage.fail("one writer at a time", || {
                format!("session {index}: the server closes the journal while its worker lives")
            });
        }
        site.disk.lock = Some(Owner::Server(life));
        let (head, summary) = site.disk.recover();
        stage.note("closing", index, head.seq.0, head.offset.0);
        let mut todo = VecDeque::new();
        if !summary.closed {
            site.child.kill(index, stage);
            todo.extend(Self::records(&summary, site));
        }
        Some(Self { summary, head, todo })
    }

    fn records(summary: &Summary, site: &Site) -> Vec<Record> {
        let (epoch, version) = (summary.epoch + 1, "1".to_owned());
        let (role, pid, after) = (WriterRole::Server, 1, After::Crash);
        let mut records = vec![Record::Opened { epoch, role, pid, version, after }];
        let open = summary.output_end.is_none();
        if open {
            records.push(Record::Gap { bytes_max: GAP_BYTES_MAX, certain: false });
        }
        records.extend(summary.open.iter().map(|id| Record::Outcome(Outcome::unknown(*id))));
        let ended = summary.exit.is_some() || summary.failure.is_some();
        if !ended && summary.status != Status::Lost {
            let lost = || Record::Lost { reason: "holder and worker are dead".to_owned() };
            records.push(site.exit_note.map_or_else(lost, |exit| Record::Exited { exit }));
        }
        if !summary.tree_emptied {
            records.push(Record::TreeEmptied);
        }
        if open {
            let (reason, held_by) = (OutputEnd::Lost, Vec::new());
            records.push(Record::OutputEnded { reason, held_by });
        }
        records.push(Record::Closed { reason: Reason::Ended });
        records
    }

    /// The next append; true once there is none left. A full disk is waited for.
    pub(crate) fn step(&mut self, site: &mut Site, stage: &mut Stage) -> bool {
        if let Some((header, payload)) = self.write_under_way(site, Micros(stage.now)) {
            self.todo.pop_front();
            site.disk.write(&header, &payload);
            self.head = self.head.after(&header);
            self.summary.fold(&Frame { header, payload: &payload });
            stage.note("append by server", site.index, header.seq.0, u64::from(header.len));
            site.witness.observe(&site.disk, site.index, stage);
        }
        if self.todo.is_empty() {
            site.disk.lock = None;
        }
        self.todo.is_empty()
    }

    /// The append that comes next, and that a kill would tear.
    pub(crate) fn write_under_way(&self, site: &Site, now: Micros) -> Option<(Header, Vec<u8>)> {
        let record = self.todo.front().filter(|_| !site.disk.full)?;
        let (kind, payload) = (FrameKind::Record, record.encode());
        let entry = Entry { kind, time: now, payload, printed_at: None };
        Some((entry.header(self.head), entry.payload))
    }

    pub(crate) fn place(&self) -> Place {
        Place { seq: self.head.seq, offset: self.head.offset }
    }
}
