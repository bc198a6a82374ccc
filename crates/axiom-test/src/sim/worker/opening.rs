//! How a simulated worker takes a session over: the lock, the torn tail, the fold; what it says then is the product's.

use axiom_proto::frame::Micros;
use axiom_proto::task::Mode;
use axiom_session::{Input, Session, Writer, first_inputs, first_records};

use crate::sim::disk::{Entry, Owner};
use crate::sim::site::Site;
use crate::sim::stage::Stage;

use super::{Op, Worker};

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
        self.output_is_closed = summary.output_end.is_some() || site.failure.is_some();
        // Only a terminal's end is kept open by its worker.
        self.released = site.mode == Mode::Pipes || summary.exit.is_some();
        let (epoch, version) = (self.granted.epoch, "1".to_owned());
        let writer = Writer { epoch, pid: self.pid, version, orderly: self.granted.orderly };
        let launched = match &site.failure {
            None => Input::Started { pid: site.child.pid(), mode: site.mode, size: None },
            Some(failure) => Input::StartFailed(failure.clone()),
        };
        let now = Micros(stage.now);
        let records = first_records(&summary, writer);
        let inputs = first_inputs(&summary, launched, self.granted.exit);
        self.session = Session::new(site.options.clone(), summary);
        self.todo.extend(records.iter().map(|record| Op::Append(Entry::of(record, now))));
        self.todo.extend(inputs.into_iter().map(Op::Input));
        self.todo.push_back(Op::Ready);
        None
    }
}
