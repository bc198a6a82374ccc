//! How a worker takes a session over: the lock, the torn tail, the fold, and what it says of its predecessor.

use axiom_proto::frame::Micros;
use axiom_proto::record::{After, Record, WriterRole};
use axiom_proto::task::Mode;
use axiom_session::{Input, Session};

use crate::sim::disk::{Entry, Owner};
use crate::sim::holder::News;
use crate::sim::site::Site;
use crate::sim::stage::Stage;

use super::{Op, READ_BYTES_MAX, Worker};

impl Worker {
    pub(super) fn open(&mut self, site: &mut Site, stage: &mut Stage) -> Option<i32> {
        if site.disk.lock.is_some() {
            stage.note("journal is locked", site.index, u64::from(self.pid), 0);
            return Some(1);
        }
        site.disk.lock = Some(Owner::Worker(self.pid));
        let (head, summary) = site.disk.recover();
        stage.note("recovered", site.index, head.seq.0, head.offset.0);
        self.head = head;
        let fresh = summary.next_seq.0 == 0;
        let (ended, closed) = (summary.output_end.is_some(), summary.closed);
        self.output_is_closed = ended || site.failure.is_some();
        // Only a terminal's end is kept open by its worker.
        self.released = site.mode == Mode::Pipes || summary.exit.is_some();
        self.session = Session::new(site.options.clone(), summary);
        let now = Micros(stage.now);
        if !closed {
            let after = match (fresh, self.granted.orderly) {
                (true, _) => After::Start,
                (false, true) => After::Handover,
                (false, false) => After::Crash,
            };
            let (epoch, version) = (self.granted.epoch, "1".to_owned());
            let (role, pid) = (WriterRole::Worker, self.pid);
            let opened = Record::Opened { epoch, role, pid, version, after };
            self.todo.push_back(Op::Append(Entry::of(&opened, now)));
            if after == After::Crash && !ended {
                let gap = Record::Gap { bytes_max: READ_BYTES_MAX, certain: false };
                self.todo.push_back(Op::Append(Entry::of(&gap, now)));
            }
        }
        if !fresh {
            self.todo.push_back(Op::Input(Input::Recovered));
        }
        self.todo.push_back(Op::Begin);
        None
    }

    pub(super) fn begin(&mut self, site: &mut Site, stage: &mut Stage) {
        let summary = self.session.summary();
        if summary.started.is_none() && summary.failure.is_none() {
            self.todo.push_back(Op::Input(match &site.failure {
                None => Input::Started { pid: site.child.pid(), mode: site.mode, size: None },
                Some(failure) => Input::StartFailed(failure.clone()),
            }));
        }
        if let Some(exit) = self.granted.exit.filter(|_| summary.exit.is_none()) {
            self.todo.push_back(Op::Input(Input::Exited(exit)));
        }
        site.tell_holder(News::Ready { pid: self.pid }, stage);
    }
}
