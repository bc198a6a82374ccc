//! A worker's appends: write, fold, show, in this order but for the planted bug. What the disk has no room for is owed.

use axiom_proto::frame::{Frame, FrameKind, Header, Micros};
use axiom_proto::record::Record;
use axiom_session::{Effect, Input};

use crate::sim::disk::{Entry, Owner};
use crate::sim::plan::Flaw;
use crate::sim::site::Site;
use crate::sim::stage::Stage;

use super::{ASK_AGAIN, Op, Worker};

impl Worker {
    /// The append that a kill at this moment would tear.
    pub(crate) fn write_under_way(&self, site: &Site) -> Option<(Header, Vec<u8>)> {
        let holds = site.disk.lock == Some(Owner::Worker(self.pid));
        let entry = match self.todo.front() {
            Some(Op::Append(entry) | Op::Write(entry)) => entry,
            Some(Op::Effect(Effect::Append(record))) => {
                let entry = Entry::of(record, self.head.time);
                let torn = holds && self.owed.is_empty() && !site.disk.full;
                return torn.then(|| (entry.header(self.head), entry.payload));
            }
            Some(
                Op::Open
                | Op::Ready
                | Op::Effect(_)
                | Op::Input(_)
                | Op::Show(..)
                | Op::AfterOutput
                | Op::Retry,
            )
            | None => return None,
        };
        let torn = holds && self.owed.is_empty() && !site.disk.full;
        torn.then(|| (entry.header(self.head), entry.payload.clone()))
    }

    pub(super) fn append(&mut self, entry: Entry, site: &mut Site, stage: &mut Stage) {
        if self.is_owing() || site.disk.full {
            self.is_short = true;
            self.owed.push_back(entry);
        } else if stage.has(Flaw::AppendAfterShow) {
            let header = entry.header(self.head);
            self.show(&header, &entry.payload, site, stage);
            self.todo.push_front(Op::Write(entry));
        } else {
            let (header, payload) = self.write_down(&entry, site, stage);
            self.todo.push_front(Op::Show(header, payload));
        }
    }

    pub(super) fn write(&mut self, entry: Entry, site: &mut Site, stage: &mut Stage) {
        if site.disk.full {
            self.is_short = true;
            self.owed.push_front(entry);
        } else {
            self.write_down(&entry, site, stage);
        }
    }

    fn write_down(
        &mut self,
        entry: &Entry,
        site: &mut Site,
        stage: &mut Stage,
    ) -> (Header, Vec<u8>) {
        let header = entry.header(self.head);
        if site.disk.lock != Some(Owner::Worker(self.pid)) {
            stage.fail("one writer at a time", || format!("worker {} has no lock", self.pid));
        }
        site.disk.write(&header, &entry.payload);
        stage.note("append", site.index, header.seq.0, u64::from(header.len));
        self.head = self.head.after(&header);
        self.session.appended(&Frame { header, payload: &entry.payload });
        site.witness.observe(&site.disk, site.index, stage);
        if let Some(from) = entry.printed_at {
            let read = (from, &entry.payload[..]);
            site.witness.output(read, site.child.printed(), site.index, stage);
        }
        (header, entry.payload.clone())
    }

    pub(super) fn retry(&mut self, site: &mut Site, stage: &mut Stage) {
        if site.disk.full {
            self.retry_at = stage.now + ASK_AGAIN;
            return;
        }
        if let Some(entry) = self.owed.pop_front() {
            let (header, payload) = self.write_down(&entry, site, stage);
            self.todo.push_front(Op::Retry);
            self.todo.push_front(Op::Show(header, payload));
            return;
        }
        self.is_short = false;
        if self.paused {
            self.paused = false;
            self.todo.push_back(Op::Input(Input::Unpaused));
        }
    }

    pub(super) fn show(
        &mut self,
        header: &Header,
        payload: &[u8],
        site: &mut Site,
        stage: &mut Stage,
    ) {
        let lost = std::mem::take(&mut site.loses_message);
        for link in &mut self.links {
            link.show((header, payload), lost, site, stage);
        }
    }
}

impl Entry {
    pub(super) fn of(record: &Record, time: Micros) -> Self {
        let (kind, payload) = (FrameKind::Record, record.encode());
        Self { kind, time, payload, printed_at: None }
    }
}
